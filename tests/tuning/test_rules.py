"""Rules over settings: none without a counter, none for the buffers that grow without end, no guess at a machine."""

from __future__ import annotations

import dataclasses
import importlib
from pathlib import Path

import pytest

from dbmanager.adapters.mongodb.tuning import RULES as MONGODB
from dbmanager.adapters.mongodb.tuning.facet import figures
from dbmanager.adapters.registry import ENGINES
from dbmanager.model.tuning import GB, MB, Machine, Measured, TuningRule, rules
from dbmanager.services.machine import machine_of, this_machine

RULES: dict[str, tuple[TuningRule, ...]] = {
    engine: importlib.import_module(entry.module.removesuffix(".adapter") + ".tuning").RULES
    for engine, entry in ENGINES.items()
}
EVERY = [rule for found in RULES.values() for rule in found]


def test_a_rule_without_a_measured_counter_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="a measured counter"):
        dataclasses.replace(EVERY[0], counters=())
    with pytest.raises(ValueError, match="a measured counter"):
        dataclasses.replace(EVERY[0], counters=("",))
    with pytest.raises(ValueError, match="formula"):
        dataclasses.replace(EVERY[0], formula=" ")
    with pytest.raises(ValueError, match="duplicate"):
        rules(EVERY[0], EVERY[0])


def test_no_rule_is_about_a_buffer_that_stands_in_for_an_index() -> None:
    names = {rule.setting for rule in EVERY}
    assert not names & {
        "join_buffer_size",
        "sort_buffer_size",
        "read_buffer_size",
        "read_rnd_buffer_size",
        "query_cache_size",
    }
    assert not any("select_full_join" in rule.counters or "sort_merge_passes" in rule.counters for rule in EVERY)
    assert len({rule.id for rule in EVERY}) == len(EVERY)


@pytest.mark.parametrize("rule", EVERY, ids=lambda rule: rule.id)
def test_a_rule_that_measured_nothing_proposes_nothing(rule: TuningRule) -> None:
    assert rule.recommendations(Measured({}), Machine(8 * GB, 4.0, "told")) == []


def test_connections_are_not_raised_beyond_the_memory_that_they_would_take() -> None:
    (rule,) = [rule for rule in RULES["mysql"] if rule.setting == "max_connections"]
    busy = Measured({
        "max_used_connections": 190, "max_connections": 200, "innodb_buffer_pool_size": GB, "sort_buffer_size": 4 * MB,
        "join_buffer_size": 4 * MB, "thread_stack": MB,
    })  # fmt: skip
    assert rule.recommendations(busy, Machine(8 * GB, 4.0, "told"))[0].proposed.value == "300"
    (refused,) = rule.recommendations(busy, Machine(2 * GB, 4.0, "told"))
    assert refused.proposed.value == ""
    assert "more memory" in refused.proposed.needs


def _status(cached: int, evicted: int) -> dict[str, object]:
    return {"uptime": 5_000, "wiredTiger": {"cache": {
        "bytes currently in the cache": cached, "maximum bytes configured": GB, "pages evicted by application threads": evicted}}}  # fmt: skip


def test_mongodbs_cache_grows_by_what_serverstatus_recorded() -> None:
    (rule,) = MONGODB
    machine = Machine(16 * GB, 4.0, "told")
    (found,) = rule.recommendations(Measured(figures(_status(GB - MB, 5_000))), machine)
    assert found.proposed.value == "2048"
    assert found.evidence["evicted_by_application"] == 5_000
    assert rule.recommendations(Measured(figures(_status(GB // 2, 5_000))), machine) == []
    assert rule.recommendations(Measured(figures(_status(GB - MB, 5_000))), Machine())[0].proposed.needs


def _tree(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_a_containers_limit_goes_before_the_machines_memory(tmp_path: Path) -> None:
    meminfo = "MemTotal:       16384000 kB\nMemFree: 1 kB\n"
    second = _tree(
        tmp_path / "v2",
        proc__meminfo=meminfo,
        sys__fs__cgroup__memory_dot_max="2147483648\n",
        sys__fs__cgroup__cpu_dot_max="50000 100000\n",
    )
    assert this_machine(second).memory_bytes == 2 * GB
    assert this_machine(second).cores == 0.5
    first = _tree(
        tmp_path / "v1", proc__meminfo=meminfo, sys__fs__cgroup__memory__memory_dot_limit_in_bytes="1073741824\n"
    )
    assert this_machine(first).memory_bytes == GB
    free = _tree(tmp_path / "free", proc__meminfo=meminfo, sys__fs__cgroup__memory_dot_max="max\n")
    assert this_machine(free).memory_bytes == 16_384_000 * 1_024


def test_a_server_elsewhere_has_an_unknown_machine_until_somebody_tells() -> None:
    nothing = Measured({})
    unknown = machine_of(memory_bytes=None, cores=None, measured=nothing, local=False)
    assert (unknown.memory_bytes, unknown.cores) == (None, None)
    assert "unknown" in unknown.source
    assert machine_of(memory_bytes=5, cores=None, measured=nothing, local=True).memory_bytes == 5
    asked = Measured({"system_memory_bytes": 7})
    assert machine_of(memory_bytes=None, cores=None, measured=asked, local=True).memory_bytes == 7
    assert machine_of(memory_bytes=None, cores=None, measured=nothing, local=True).memory_bytes is not None
