"""The main job on Redis, over stdio: what it has of the six phases, and a sentence for what it has not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from tests.engines.redis import RedisServer
from tests.server.processes import call, client_in

pytestmark = pytest.mark.anyio
PERSON = "quiet.person"


@pytest.fixture
def folder(redis_server: RedisServer, tmp_path: Path) -> Path:
    """Return a folder whose configuration names a shop on Redis."""
    database = redis_server.create_database()
    for n in range(40):
        redis_server.run("HSET", f"user:{n}", "email", f"{PERSON}{n}@example.org", "city", "Leeds", database=database)
        redis_server.run("SET", f"cache:page:{n}", "x", database=database)
    redis_server.run("ZADD", "board", "1", "a", "2", "b", database=database)
    (tmp_path / "dbmanager.toml").write_text(
        f'[store]\ndata_dir = "state"\n[connections.shop]\nurl = "{redis_server.url(database)}"\n'
        'password = { env = "SHOP_PASSWORD" }\naccess = "read_write"\n'
    )
    return tmp_path


async def _done(client: Client, tool: str, **arguments: Any) -> tuple[str, dict[str, Any]]:
    text, facts, failed = await call(client, tool, **arguments)
    assert not failed, text
    assert PERSON not in text
    return text, facts


@pytest.mark.promise("P1.1", "P5.1", "P6.2", "P6.4", "X5")
async def test_the_phases_that_redis_has(folder: Path) -> None:
    async with client_in(folder) as client:
        _, begun = await _done(client, "update_project", goal="a good cache", connections=["shop"])
        at = {"connection": "shop", "project": begun["project"]}
        text, _ = await _done(client, "list_connections", check=True)
        assert "EVAL_RO" in text
        text, _ = await _done(client, "describe_schema", connection="shop", detail="full")
        assert "user:*" in text
        text, _ = await _done(client, "assess_database", **at)
        assert "user:*" in text
        assert "RD-102" in text
        text, _ = await _done(client, "check_database", **at)
        assert "cache:page:*" in text
        text, _ = await _done(client, "check_database", pack="security", **at)
        assert "RD-008" in text
        text, _ = await _done(client, "classify_data", **at)
        assert "email" in text
        text, _ = await _done(client, "run_query", connection="shop", command=["HGETALL", "user:1"])
        assert "[email:" in text
        text, _ = await _done(client, "run_query", connection="shop", command=["HMGET", "user:1", "city"])
        assert "Leeds" in text
        _, traced = await _done(client, "trace_lineage", connection="shop", command=["HMGET", "user:1", "city"])
        assert "user:*.city" in str(traced["columns"])
        await _changed_and_back(client)
        await _done(client, "run_backup", **at)
        _, drilled = await _done(client, "run_drill", **at)
        assert drilled["passed"] is True
        await _done(client, "verify_audit_log", project=begun["project"])
        await _done(client, "export_deliverables", project=begun["project"])
    texts = {str(f.relative_to(folder)): f.read_text() for f in (folder / "database-system").rglob("*") if f.is_file()}
    assert "user:*" in texts["database-system/architecture/schemas/shop.md"]
    assert "redis-cli" in texts["database-system/backup-recovery/backup-scripts/shop.sh"]
    assert not [path for path, text in texts.items() if PERSON in text]


PASSED = {"1", "5", "6"}
LACKING: dict[str, dict[str, tuple[dict[str, Any], str]]] = {
    "2": {"advise_indexes": ({"connection": "shop", "queries": [["GET", "user:1"]]}, "Redis has no query planner")},
    "3": {"measure_queries": ({"connection": "shop", "queries": [["GET", "user:1"]]}, "Redis has no query planner")},
    "4": {"plan_migration": ({"source": "shop", "target": "copy"}, "Redis declares no tables")},
}
"""The gates that a project on Redis alone does not pass: the tool that would make what is missing, and what it says."""


@pytest.mark.promise("X5")
async def test_each_gate_is_passed_or_says_what_it_lacks_and_why(folder: Path, redis_server: RedisServer) -> None:
    copy = redis_server.url(redis_server.create_database())
    with (folder / "dbmanager.toml").open("a") as file:
        file.write(
            f'[connections.copy]\nurl = "{copy}"\npassword = {{ env = "SHOP_PASSWORD" }}\naccess = "read_write"\n'
        )
    async with client_in(folder) as client:
        _, begun = await _done(client, "update_project", goal="a good cache", connections=["shop"])
        project = {"project": begun["project"]}
        at = {"connection": "shop", **project}
        for tool in ("assess_database", "classify_data", "check_database", "run_backup", "run_drill"):
            await _done(client, tool, **at)
        await _done(client, "check_database", pack="security", **at)
        await _done(client, "plan_tuning", kind="monitoring", **at)
        await _changed_and_back(client, **project)
        await _done(client, "verify_audit_log", **project)
        text, states = await _done(client, "project_status", **project)
        assert {phase for phase in "123456" if states[phase] == "passed"} == PASSED
        assert {phase for phase in "123456" if states[phase] != "passed"} == set(LACKING)
        told = _asked_for(text)
        assert {phase: tools for phase, tools in told.items() if tools} == {
            "2": ["advise_indexes"], "3": ["measure_queries"], "4": ["plan_migration", "verify_data", "plan_migration"],
        }  # fmt: skip
        for phase, tools in LACKING.items():
            for tool, (arguments, sentence) in tools.items():
                refused, _, failed = await call(client, tool, **arguments, **project)
                assert failed
                assert sentence in refused, (phase, tool)
        text, compared = await _done(client, "verify_data", source="shop", target="copy", **project)
        assert compared["equal"] is False, "two key spaces can be compared, however the second was filled"
        _, after = await _done(client, "project_status", **project)
        assert {phase: after[phase] for phase in LACKING} == {phase: states[phase] for phase in LACKING}


def _asked_for(status: str) -> dict[str, list[str]]:
    """Return the tools that each phase of a status still names."""
    found: dict[str, list[str]] = {}
    for line in status.splitlines():
        if line[:1].isdigit():
            phase = found.setdefault(line[0], [])
        elif "call `" in line:
            phase.append(line.partition("call `")[2].partition("`")[0])
    return found


async def _changed_and_back(client: Client, **project: str) -> None:
    steps = [{"command": ["EXPIRE", "cache:page:1", 600]}, {"command": ["HSET", "user:1", "city", "York"]}]
    text, planned = await _done(
        client, "propose_change", connection="shop", title="expiry", reason="RD-102", steps=steps, **project
    )
    token = text.partition("confirm_token='")[2].partition("'")[0]
    _, facts = await _done(client, "apply_change", change=planned["change"], confirm_token=token)
    assert facts["state"] == "verified"
    city = {"connection": "shop", "command": ["HMGET", "user:1", "city"]}
    assert "York" in (await _done(client, "run_query", **city))[0]
    await _done(client, "review_change", change=planned["change"])
    await _done(client, "roll_back_change", change=planned["change"])
    assert "Leeds" in (await _done(client, "run_query", **city))[0]


@pytest.mark.promise("X5")
@pytest.mark.parametrize(
    ("tool", "arguments", "sentence"),
    [
        ("explain_query", {"command": ["GET", "user:1"]}, "no query planner"),
        ("advise_indexes", {"queries": [["GET", "user:1"]]}, "no query planner"),
        ("measure_queries", {"queries": [["GET", "user:1"]]}, "no query planner"),
        ("plan_migration", {"source": "shop", "target": "shop"}, "Redis"),
        ("run_query", {"command": ["FLUSHALL"]}, "change set"),
        ("run_query", {"command": ["KEYS", "*"]}, "SCAN"),
        (
            "propose_change",
            {"title": "read", "reason": "none", "steps": [{"command": ["GET", "a"]}]},
            "not a command that a change",
        ),
    ],
)
async def test_what_redis_has_not_is_said_in_a_sentence(
    tool: str, arguments: dict[str, Any], sentence: str, folder: Path
) -> None:
    async with client_in(folder) as client:
        _, begun = await _done(client, "update_project", goal="a good cache", connections=["shop"])
        if tool == "measure_queries":
            arguments = {**arguments, "project": begun["project"]}
        if "source" not in arguments:
            arguments = {"connection": "shop", **arguments}
        text, _, failed = await call(client, tool, **arguments)
        assert failed
        assert sentence in text
