"""Checks: each finds its fault where it was put and nothing where there is none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from bson import json_util

from dbmanager.adapters.mongodb.checks import CHECKS
from dbmanager.model.findings import CheckReport, FactRows
from dbmanager.services.checking import run_checks
from tests.engines.mongodb import PASSWORD, Client
from tests.mongodb.conftest import Open

pytestmark = pytest.mark.anyio
BY_ID = {check.id: check for check in CHECKS}
Doc = dict[str, Any]


async def _report(open_mongo: Open, pack: Any, user: str | None = None) -> CheckReport:
    adapter = open_mongo(user=user) if user else open_mongo()
    return await run_checks(adapter.security, engine="mongodb", pack=pack)


def _found(report: CheckReport, id_: str) -> list[str]:
    return sorted(finding.object_name for finding in report.findings if finding.id == id_)


CLEAN: Doc = {
    "parsed": {
        "security": {"authorization": "enabled", "keyFile": "/k", "javascriptEnabled": False, "redactClientLogData": True},
        "replication": {"replSetName": "r"}, "net": {"port": 27_117, "bindIp": "127.0.0.1", "tls": {"mode": "requireTLS"}},
        "auditLog": {"destination": "file"}, "systemLog": {"quiet": False},
    }
}  # fmt: skip
OPEN: Doc = {
    "parsed": {
        "replication": {"replSetName": "r"}, "systemLog": {"quiet": True},
        "net": {"bindIp": "127.0.0.1,0.0.0.0", "tls": {"mode": "allowTLS", "allowInvalidCertificates": True}},
    }
}  # fmt: skip
SUPER, PLAIN = [{"role": "root", "db": "admin"}], [{"role": "read", "db": "shop"}]
RECORDED: dict[str, tuple[list[Doc], list[Doc]]] = {
    **{id_: ([OPEN], [CLEAN]) for id_ in
       ("MG-001", "MG-004", "MG-011", "MG-013", "MG-016", "MG-017", "MG-018", "MG-020", "MG-021", "MG-022")},
    "MG-003": ([{"enableLocalhostAuthBypass": True}], [{"enableLocalhostAuthBypass": False}]),
    "MG-005": ([{"authenticationMechanisms": ["SCRAM-SHA-1", "SCRAM-SHA-256"]}], [{"authenticationMechanisms": ["SCRAM-SHA-256"]}]),
    "MG-023": ([{"versionArray": [4, 4, 0, 0]}], [{"versionArray": [8, 0, 0, 0]}]),
    "MG-026": ([{"setName": None}], [{"setName": "r"}]),
    "MG-027": ([{"enableTestCommands": True}], [{"enableTestCommands": False}]),
    "MG-031": ([{"was": 2}], [{"was": 0}]),
    "MG-002": ([{"authInfo": {"authenticatedUsers": []}}], [{"authInfo": {"authenticatedUsers": [{"user": "u", "db": "admin"}]}}]),
    "MG-006": ([{"user": "u", "db": "admin", "roles": SUPER}], [{"user": "u", "db": "admin", "roles": PLAIN}]),
    "MG-007": ([{"user": f"u{n}", "db": "admin", "roles": SUPER} for n in range(3)], [{"user": "u", "db": "admin", "roles": SUPER}]),
    "MG-008": ([{"user": "u", "db": "admin"}], [{"user": "u", "db": "admin", "authenticationRestrictions": [{"clientSource": ["10.0.0.1"]}]}]),
    "MG-009": ([{"role": "r", "db": "admin", "privileges": [{"resource": {"anyResource": True}, "actions": ["anyAction"]}]}],
               [{"role": "r", "db": "admin", "privileges": [{"resource": {"db": "shop", "collection": ""}, "actions": ["find"]}]}]),
    "MG-029": ([{"user": "u", "db": "admin", "mechanisms": ["SCRAM-SHA-1"]}], [{"user": "u", "db": "admin", "mechanisms": ["SCRAM-SHA-256"]}]),
    "MG-030": ([{"authInfo": {"authenticatedUserRoles": SUPER}}], [{"authInfo": {"authenticatedUserRoles": PLAIN}}]),
    "MG-032": ([{"user": "u", "db": "admin", "roles": [{"role": "readAnyDatabase", "db": "admin"}]}], [{"user": "u", "db": "admin", "roles": PLAIN}]),
    "MG-033": ([{"user": "u", "db": "shop", "roles": [{"role": "dbOwner", "db": "shop"}]}], [{"user": "u", "db": "shop", "roles": PLAIN}]),
}  # fmt: skip
"""Replies as MongoDB's manual shows them, proven_on: recorded; the real engine answers few of these commands."""


@pytest.mark.parametrize("id_", sorted(RECORDED))
def test_a_recorded_fault_is_found_and_a_clean_reply_passes(id_: str) -> None:
    faulty, clean = RECORDED[id_]
    found = BY_ID[id_].findings(tuple(faulty))
    assert found
    assert all(finding.fix is not None and finding.evidence_query for finding in found)
    assert BY_ID[id_].findings(tuple(clean)) == []


def test_every_security_check_has_a_case() -> None:
    assert {check.id for check in CHECKS if check.pack == "security"} == set(RECORDED)


async def test_what_the_engine_cannot_answer_is_told_with_the_reason(database: str, open_mongo: Open) -> None:
    report = await _report(open_mongo, "security")
    assert set(report.checked) | set(report.not_run) == set(RECORDED)
    assert {"MG-002", "MG-006", "MG-007", "MG-023", "MG-026", "MG-030", "MG-032", "MG-033"} <= set(report.checked)
    assert all(reason for reason in report.not_run.values())


@pytest.fixture
def reader(mongo: Client) -> Iterator[str]:
    mongo.admin.command("createUser", "narrow", pwd=PASSWORD, roles=[{"role": "readAnyDatabase", "db": "admin"}])
    yield "narrow"
    mongo.admin.command("dropUser", "narrow")


async def test_wide_users_are_found_on_the_engine(mongo: Client, reader: str, open_mongo: Open) -> None:
    report = await _report(open_mongo, "security")
    assert f"{reader}@admin" in _found(report, "MG-032")
    assert f"{reader}@admin" not in _found(report, "MG-006")
    assert _found(report, "MG-006")
    assert _found(report, "MG-030") == ["this connection's user"]
    assert _found(report, "MG-002") == []
    mongo.admin.command("createUser", "wide", pwd=PASSWORD, roles=[
        {"role": "readWriteAnyDatabase", "db": "admin"}, {"role": "clusterAdmin", "db": "admin"}])  # fmt: skip
    try:
        before = _found(report, "MG-006")
        report = await _report(open_mongo, "security")
        assert set(_found(report, "MG-006")) == {*before, "wide@admin"}
    finally:
        mongo.admin.command("dropUser", "wide")


DESIGN: dict[str, tuple[list[Doc], list[Doc], str]] = {
    "MG-024": ([{"create": "k"}], [{"create": "k", "validator": {"a": {"$gt": 0}}}], "k"),
    "MG-025": ([{"create": "k", "validator": {"a": 1}, "validationAction": "warn"}], [{"create": "k", "validator": {"a": 1}}], "k"),
    "MG-040": ([{"insert": "k", "documents": [{"a": n if n % 2 else str(n)} for n in range(30)]}],
               [{"insert": "k", "documents": [{"a": n if n % 2 else n + 0.5} for n in range(30)]}], "k.a"),
    "MG-041": ([{"insert": "k", "documents": [{"a": list(range(1_500))}]}], [{"insert": "k", "documents": [{"a": list(range(50))}]}], "k.a"),
    "MG-042": ([{"create": "customers"}, {"insert": "k", "documents": [{"customer_id": 1}]}],
               [{"create": "customers"}, {"insert": "k", "documents": [{"customer_id": 1}]},
                {"createIndexes": "k", "indexes": [{"key": {"customer_id": 1}, "name": "c"}]}], "k.customer_id"),
    "MG-043": ([{"createIndexes": "k", "indexes": [{"key": {"a": 1}, "name": "a"}, {"key": {"a": 1, "b": 1}, "name": "ab"}]}],
               [{"createIndexes": "k", "indexes": [{"key": {"a": -1}, "name": "a"}, {"key": {"a": 1, "b": 1}, "name": "ab"}]}], "k.a"),
    "MG-044": ([{"insert": "k", "documents": [{"price": f"{n}.50"} for n in range(30)]}],
               [{"insert": "k", "documents": [{"price": f"{n} EUR", "phone": str(n)} for n in range(30)]}], "k.price"),
    "MG-045": ([{"insert": "k", "documents": [{"when": f"2024-01-{n:02d}T10:00:00Z"} for n in range(1, 29)]}],
               [{"insert": "k", "documents": [{"when": f"day {n}"} for n in range(1, 29)]}], "k.when"),
}  # fmt: skip


@pytest.mark.parametrize("id_", sorted(DESIGN))
async def test_a_seeded_flaw_of_design_is_found(id_: str, mongo: Client, database: str, open_mongo: Open) -> None:
    for command in DESIGN[id_][0]:
        mongo[database].command(command)
    report = await _report(open_mongo, "schema")
    assert _found(report, id_) == [DESIGN[id_][2]]
    fix = next(finding.fix for finding in report.findings if finding.id == id_)
    assert fix is not None
    for statement in fix.statements:
        mongo[database].command(json_util.loads(statement))
    if fix.statements:
        assert _found(await _report(open_mongo, "schema"), id_) == []
        for statement in fix.inverse:
            mongo[database].command(json_util.loads(statement))
        assert _found(await _report(open_mongo, "schema"), id_) == [DESIGN[id_][2]]


@pytest.mark.parametrize("id_", sorted(DESIGN))
async def test_a_clean_design_has_no_finding(id_: str, mongo: Client, database: str, open_mongo: Open) -> None:
    for command in DESIGN[id_][1]:
        mongo[database].command(command)
    assert _found(await _report(open_mongo, "schema"), id_) == []


def test_no_finding_shows_a_value() -> None:
    facts: FactRows = ({"object": "k.a", "values": 30},)
    assert "30" in json.dumps(dict(BY_ID["MG-044"].findings(facts)[0].evidence))
