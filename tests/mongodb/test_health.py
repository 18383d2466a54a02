"""MongoDB's checks of health: made on the real engine where it answers, elsewhere judged by recorded replies."""

from __future__ import annotations

import re

import pytest

from dbmanager.adapters.mongodb.checks import CHECKS
from dbmanager.model.findings import Severity
from dbmanager.services.checking import run_checks
from tests.engines.mongodb import Client
from tests.mongodb.conftest import Open
from tests.mongodb.test_checks import Doc

pytestmark = pytest.mark.anyio
HEALTH = {check.id: check for check in CHECKS if check.pack == "health"}
GB = 1024**3


def _cache(used: float, dirty: float) -> Doc:
    return {
        "uptime": 90_000,
        "wiredTiger": {"cache": {
            "maximum bytes configured": GB, "bytes currently in the cache": int(used * GB),
            "tracked dirty bytes in the cache": int(dirty * GB), "pages evicted by application threads": 7,
        }},
    }  # fmt: skip


def _member(name: str, state: int, at: int) -> Doc:
    return {"name": name, "state": state, "stateStr": str(state), "optime": {"ts": {"$timestamp": {"t": at, "i": 1}}}}


def _operation(seconds: int) -> Doc:
    return {"opid": 7, "op": "query", "ns": "shop.orders", "secs_running": seconds, "planSummary": "COLLSCAN",
            "command": {"find": "orders", "filter": {"owner": "secret-4711"}}}  # fmt: skip


RECORDED: dict[str, tuple[Doc, Doc]] = {
    "MG-201": ({"connections": {"current": 900, "available": 100}}, {"connections": {"current": 9, "available": 991}}),
    "MG-202": (_cache(0.97, 0.01), _cache(0.8, 0.05)),
    "MG-203": ({"globalLock": {"currentQueue": {"total": 30, "readers": 10, "writers": 20}}},
               {"globalLock": {"currentQueue": {"total": 0, "readers": 0, "writers": 0}}}),
    "MG-204": ({"members": [_member("a:1", 1, 1_000), _member("b:1", 2, 900)]}, {"members": [_member("a:1", 1, 1_000), _member("b:1", 2, 999)]}),
    "MG-205": ({"hours": 3.0}, {"hours": 50.0}),
    "MG-206": ({"inprog": [_operation(300)]}, {"inprog": [_operation(3)]}),
    "MG-207": ({"metrics": {"cursor": {"open": {"noTimeout": 40, "total": 41}}}}, {"metrics": {"cursor": {"open": {"noTimeout": 0, "total": 1}}}}),
    "MG-210": ({"uptime": 50}, {"uptime": 90_000}),
}  # fmt: skip
"""Replies as MongoDB's manual shows them: recorded, not made; the engine of the tests answers none of these commands."""
MADE = {"MG-208", "MG-209"}


@pytest.mark.parametrize("id_", sorted(RECORDED))
def test_a_recorded_fault_of_health_is_found_and_a_clean_reply_passes(id_: str) -> None:
    faulty, clean = RECORDED[id_]
    found = HEALTH[id_].findings((faulty,))
    assert found
    assert all(one.fix is not None and one.threshold and one.caveat for one in found)
    assert "secret-4711" not in str([dict(one.evidence) for one in found])
    assert HEALTH[id_].findings((clean,)) == []


async def test_faults_that_the_engine_can_show_are_found_on_it(mongo: Client, database: str, open_mongo: Open) -> None:
    clean = await run_checks(open_mongo().security, engine="mongodb", pack="health")
    assert not [f for f in clean.findings if f.id in MADE]
    mongo[database].command(
        {"createIndexes": "many {0} 100%", "indexes": [{"key": {f"f{n}": 1}, "name": f"i{n}"} for n in range(21)]}
    )
    mongo[database].command({"insert": "large", "documents": [{"t": "x" * (9 * 1024 * 1024)}]})
    report = await run_checks(open_mongo().security, engine="mongodb", pack="health")
    found = {f.id: f.object_name for f in report.findings}
    assert found["MG-208"] == "many {0} 100%"
    assert found["MG-209"] == "large"


async def test_what_the_engine_does_not_tell_of_its_health_is_said_with_the_reason(
    database: str, open_mongo: Open
) -> None:
    report = await run_checks(open_mongo().security, engine="mongodb", pack="health")
    assert {*report.checked, *report.not_run} == set(HEALTH)
    assert set(report.checked) >= MADE
    assert {"MG-201", "MG-202", "MG-204", "MG-205"} <= set(report.not_run)
    assert all(re.search(r"\w+ \w+", reason) for reason in report.not_run.values())
    assert [f for f in report.findings if f.severity.order < Severity.LOW.order] == []


def test_every_health_check_of_mongodb_has_its_case() -> None:
    assert set(RECORDED) | MADE == set(HEALTH)
