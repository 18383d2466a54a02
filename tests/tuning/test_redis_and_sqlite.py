"""Settings of Redis and of SQLite files: proposed by what is measured, silent without; applied, verified, undone."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dbmanager.adapters.redis.tuning import RULES as REDIS_RULES
from dbmanager.adapters.sqlite.adapter import SqliteAdapter
from dbmanager.adapters.sqlite.tuning import RULES as SQLITE_RULES
from dbmanager.model.tuning import GB, TuningReport
from tests.checks.test_health_redis import RESET, Place, _evicted, _used
from tests.conftest import needed
from tests.engines.redis import PASSWORD, RedisServer, running
from tests.redis.conftest import adapter_on
from tests.tuning.conftest import MakeServices, apply_verify_and_roll_back, of, told

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with needed(), running(None, hash_max_listpack_entries="16") as found:
        yield found


async def _report(server: RedisServer, **options: object) -> TuningReport:
    adapter = adapter_on(server, 0, access="read_only")
    try:
        return await told(adapter, **options)
    finally:
        await adapter.close()


def _expiring(place: Place) -> None:
    place.run(
        "EVAL", "for i = 1, 3000 do redis.call('SET', KEYS[1] .. i, string.rep('x', 500), 'EX', 5000) end", "1", "s:"
    )
    place.run("CONFIG", "SET", "maxmemory", str(int(_used(place) * 1.05)))


def _unpacked(place: Place) -> None:
    place.run(
        "EVAL", "for i = 1, 30 do for f = 1, 100 do redis.call('HSET', KEYS[1] .. i, 'f' .. f, f) end end", "1", "h:"
    )


REDIS_SEEDED: dict[str, Callable[[Place], None]] = {
    "maxmemory": _evicted, "maxmemory-policy": _expiring, "hash-max-listpack-entries": _unpacked,
}  # fmt: skip


@pytest.mark.parametrize("setting", sorted(REDIS_SEEDED))
async def test_a_setting_of_redis_is_proposed_by_its_counter_and_not_without(setting: str, server: RedisServer) -> None:
    assert of(await _report(server), setting) == []
    try:
        with contextlib.ExitStack() as stack:
            REDIS_SEEDED[setting](Place(server, stack))
            (found,) = of(await _report(server), setting)
            assert found.evidence
            assert found.proposed.value != found.proposed.current
            asked = await _report(server, memory_bytes=None)
            assert asked.machine.source == "asked from the server"
    finally:
        for command in RESET:
            server.run(*command)
    assert of(await _report(server), setting) == []


async def test_settings_of_redis_are_kept_in_its_file_and_rolled_back(
    server: RedisServer, open_services: MakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PW", PASSWORD)
    services = open_services(url=server.url(0), password={"env": "PW"})
    file = Path(
        next(line for line in server.run("INFO", "server").splitlines() if line.startswith("config_file")).partition(
            ":"
        )[2]
    )
    try:
        with contextlib.ExitStack() as stack:
            _unpacked(Place(server, stack))

            def look() -> str:
                kept = [
                    line
                    for line in file.read_text().splitlines()
                    if "listpack-entries" in line or "ziplist-entries" in line
                ]
                return server.run("CONFIG", "GET", "hash-max-listpack-entries").splitlines()[1] + str(
                    [k for k in kept if "hash" in k]
                )

            before, applied, after = await apply_verify_and_roll_back(services, look, "hash-max-listpack-entries")
            assert before.startswith("16")
            assert applied.startswith("512")
            assert "16" not in applied
            assert after == before
    finally:
        for command in RESET:
            server.run(*command)


def test_every_rule_of_redis_and_sqlite_has_its_counter_seeded() -> None:
    assert {rule.setting for rule in REDIS_RULES} == set(REDIS_SEEDED)
    assert {rule.setting for rule in SQLITE_RULES} == {"journal_mode", "cache_size", "mmap_size", "synchronous"}


GROWN = (
    "CREATE TABLE t (a TEXT) STRICT; INSERT INTO t WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n WHERE v < {rows}) "
    "SELECT hex(zeroblob(1500)) FROM n;"
)


def _file(folder: Path, script: str, name: str = "data.db") -> Path:
    path = folder / name
    raw = sqlite3.connect(path)
    raw.executescript(script)
    raw.close()
    path.chmod(0o600)
    return path


async def test_a_files_settings_are_proposed_by_its_pages_and_not_for_a_small_one(
    tmp_path: Path, open_sqlite: Callable[..., SqliteAdapter]
) -> None:
    small = await told(open_sqlite(_file(tmp_path, "CREATE TABLE t (a)", "small.db"), read_only=True))
    assert small.recommendations == ()
    large = await told(open_sqlite(_file(tmp_path, GROWN.format(rows=4_000), "large.db"), read_only=True))
    assert {one.rule.setting for one in large.recommendations} == {"journal_mode", "cache_size", "mmap_size"}
    assert [step.title for step in large.steps] == ["journal_mode: DELETE becomes WAL"]
    assert any(
        line.endswith(f"PRAGMA cache_size = {of(large, 'cache_size')[0].proposed.value}") for line in large.by_hand
    )
    little = await told(open_sqlite(tmp_path / "large.db", read_only=True), memory_bytes=GB // 32)
    assert int(of(little, "cache_size")[0].proposed.value) > int(of(large, "cache_size")[0].proposed.value)
    logged = await told(
        open_sqlite(_file(tmp_path, "PRAGMA journal_mode = WAL;" + GROWN.format(rows=400), "wal.db"), read_only=True)
    )
    assert [one.rule.setting for one in logged.recommendations] == ["synchronous"]


async def test_a_files_journal_is_switched_verified_and_rolled_back(
    tmp_path: Path, open_services: MakeServices
) -> None:
    path = _file(tmp_path, GROWN.format(rows=400))

    def look() -> str:
        raw = sqlite3.connect(path)
        try:
            return str(raw.execute("PRAGMA journal_mode").fetchone()[0])
        finally:
            raw.close()

    assert await apply_verify_and_roll_back(open_services(), look, "journal_mode") == ("delete", "wal", "delete")
