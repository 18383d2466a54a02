"""What a tool's annotations promise is seen on the database: one marked read-only leaves no trace of a write."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dbmanager_server.app  # noqa: F401 - registers every tool
import pytest
from dbmanager_tools.house import REGISTRY
from mcp import Client

from tests.engines.mysql_family import MySqlServer
from tests.engines.postgresql import PostgresServer
from tests.server.processes import call, client_in, stop_workers

pytestmark = pytest.mark.anyio
CONFIGURATION = (
    '[store]\ndata_dir = "state"\n'
    '[connections.shop]\nurl = "{url}"\naccess = "admin"\n{password}'
    '[connections.copy]\nurl = "sqlite:///copy.db"\naccess = "read_write"\n'
)
TABLES = """
CREATE TABLE customers (id INTEGER PRIMARY KEY, email VARCHAR(80) NOT NULL, city VARCHAR(40));
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers(id), total DECIMAL(10,2));
CREATE TABLE written (what VARCHAR(80));
"""
NUMBERS = "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 900) SELECT n FROM s"
ROWS = (
    f"INSERT INTO customers SELECT n, 'someone@example.org', 'Leeds' FROM ({NUMBERS}) AS q;"
    f"INSERT INTO orders SELECT n, n % 300 + 1, n * 1.5 FROM ({NUMBERS}) AS q;"
)
EVENTS = [(event, table) for table in ("customers", "orders") for event in ("INSERT", "UPDATE", "DELETE")]
STEPS = [{"sql": "UPDATE customers SET city = 'York' WHERE id = 7"}]
SCRATCH = frozenset(("propose_change", "plan_schema", "run_drill", "advise_indexes", "verify_rewrite"))
"""Tools that may make a throw-away database on the same server, so its counters move; traces are looked for all the same."""


@dataclass(frozen=True)
class Witness:
    """An engine that tells on its clients: what `traces` returns changes with any write to the shop, and the `counters`
    with any on the whole server."""

    url: str
    password: str
    traces: Callable[[], object]
    counters: Callable[[], object]


@pytest.fixture
def sqlite(tmp_path: Path) -> Witness:
    file = tmp_path / "shop.db"
    with closing(sqlite3.connect(file)) as raw:
        raw.executescript(TABLES + ROWS)
        for event, table in EVENTS:
            raw.execute(
                f"CREATE TRIGGER tell_{event}_{table} AFTER {event} ON {table} BEGIN INSERT INTO written VALUES ('{event}'); END"
            )
        raw.commit()

    def traces() -> object:
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in tmp_path.glob("shop.db*")}

    return Witness("sqlite:///shop.db", "", traces, traces)


@pytest.fixture
def postgresql(pg_server: PostgresServer, pg_database: str) -> Iterator[Witness]:
    """Any write, of rows or of the catalog, draws a transaction number of the whole server; nothing else does here."""
    telling = "".join(
        f"CREATE TRIGGER tell_{event} AFTER {event} ON {table} FOR EACH ROW EXECUTE FUNCTION tell();"
        for event, table in EVENTS
    )
    pg_server.run_sql(
        pg_database,
        TABLES + ROWS + "CREATE EXTENSION hypopg;"
        "CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO written VALUES (TG_OP); RETURN NULL; END $$;"
        "CREATE FUNCTION tell_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO written VALUES (TG_TAG); END $$;"
        f"{telling} CREATE EVENT TRIGGER tell_ddl ON ddl_command_end EXECUTE FUNCTION tell_ddl(); ANALYZE;",
    )
    pg_server.run_sql("postgres", "ALTER SYSTEM SET autovacuum = off")
    pg_server.run_sql("postgres", "SELECT pg_reload_conf()")

    def traces() -> object:
        return pg_server.run_sql(pg_database, "SELECT count(*), (SELECT count(*) FROM pg_class) FROM written")

    def counters() -> object:
        return pg_server.run_sql("postgres", "SELECT pg_snapshot_xmax(pg_current_snapshot())")

    yield Witness(pg_server.url(pg_database), 'password = { env = "SHOP_PASSWORD" }\n', traces, counters)
    pg_server.run_sql("postgres", "ALTER SYSTEM RESET autovacuum")
    pg_server.run_sql("postgres", "SELECT pg_reload_conf()")


@pytest.fixture
def mariadb(mariadb_server: MySqlServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Witness]:
    telling = "".join(
        f"CREATE TRIGGER tell_{event}_{table} AFTER {event} ON {table} FOR EACH ROW INSERT INTO written VALUES ('{event}');"
        for event, table in EVENTS
    )
    name = mariadb_server.create_database(TABLES + ROWS + telling)
    monkeypatch.setenv("PATH", f"{mariadb_server.programs}{os.pathsep}{os.environ['PATH']}")
    words = "insert insert_select update delete replace load truncate create_table drop_table alter_table create_index create_db drop_db create_user grant set_password"  # fmt: skip
    writes = ", ".join(f"'Com_{word}'" for word in words.split())

    def traces() -> object:
        return mariadb_server.run_sql(
            name,
            f"SELECT count(*), (SELECT count(*) FROM information_schema.tables WHERE table_schema = '{name}') FROM written",
        )

    def counters() -> object:
        return mariadb_server.run_sql("mysql", f"SHOW GLOBAL STATUS WHERE Variable_name IN ({writes})")

    yield Witness(mariadb_server.url(name), 'password = { env = "SHOP_PASSWORD" }\n', traces, counters)
    mariadb_server.drop_database(name)


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def witness(request: pytest.FixtureRequest, tmp_path: Path) -> Witness:
    found: Witness = request.getfixturevalue(request.param)
    (tmp_path / "dbmanager.toml").write_text(CONFIGURATION.format(url=found.url, password=found.password))
    sqlite3.connect(tmp_path / "copy.db").close()
    return found


def _calls(project: str, change: str) -> dict[str, dict[str, Any]]:
    """Arguments that make each read-only tool do all that it can."""
    shop = {"connection": "shop", "project": project}
    lookup = "SELECT sum(total) FROM orders WHERE customer_id = 7"
    return {
        "list_connections": {"check": True},
        "describe_schema": {"connection": "shop", "detail": "full"},
        "run_query": {"connection": "shop", "sql": "SELECT * FROM customers", "max_rows": 900},
        "explain_query": {"connection": "shop", "sql": lookup, "analyze": True},
        "trace_lineage": {"connection": "shop", "sql": lookup},
        "update_project": {"goal": "look", "connections": ["shop"]},
        "project_status": {"project": project},
        "assess_database": shop,
        "check_database": {"pack": "health", **shop},
        "plan_tuning": {"propose": True, **shop},
        "classify_data": shop,
        "analyze_workload": {"statements": [lookup], **shop},
        "advise_indexes": {"queries": [lookup], "propose": True, **shop},
        "measure_queries": {"queries": [lookup], **shop},
        "verify_rewrite": {"original": lookup, "rewritten": lookup.replace("= 7", "IN (7)"), **shop},
        "propose_change": {"connection": "shop", "title": "an index", "reason": "measured", "project": project,
                           "steps": [{"sql": "CREATE INDEX ix_city ON customers (city)"}, *STEPS]},
        "review_change": {"change": change},
        "plan_schema": {"connection": "shop", "project": project, "design": ["CREATE TABLE planned (id INTEGER PRIMARY KEY)"]},
        "plan_migration": {"source": "shop", "target": "copy"},
        "verify_data": {"source": "shop", "target": "copy"},
        "run_backup": shop,
        "run_drill": shop,
        "verify_audit_log": {},
    }  # fmt: skip


LATER = frozenset(("get_job", "read_result"))
"""Read-only tools that need what another has made; they are called by their ids."""


async def test_no_tool_that_is_marked_read_only_writes(witness: Witness, tmp_path: Path) -> None:
    async with client_in(tmp_path) as client:
        marked = {tool.name: tool.annotations for tool in (await client.list_tools()).tools}
        reading = {name for name, notes in marked.items() if notes is not None and notes.read_only_hint}
        _, begun, _ = await call(client, "update_project", goal="look", connections=["shop"])
        _, planned, _ = await call(
            client, "propose_change", connection="shop", title="move", reason="moved", steps=STEPS
        )
        calls = _calls(begun["project"], planned["change"])
        assert set(calls) == reading - LATER
        before = witness.traces()
        long = ""
        for tool, arguments in calls.items():
            counted = witness.counters()
            text, _, failed = await call(client, tool, **arguments)
            assert not failed, (tool, text)
            assert witness.traces() == before, tool
            if tool not in SCRATCH:
                assert witness.counters() == counted, tool
            long = long or text.partition("result='")[2].partition("'")[0]
        await _job_and_result(client, begun["project"], long)
        assert witness.traces() == before
        await _a_write_is_seen(client, witness, planned["change"])
    stop_workers(tmp_path)


async def _job_and_result(client: Client, project: str, long: str) -> None:
    _, queued, _ = await call(client, "run_drill", connection="shop", project=project, background=True)
    text, _, failed = await call(client, "get_job", job=queued["job"], wait_seconds=50)
    assert not failed, text
    text, _, failed = await call(client, "read_result", result=long)
    assert not failed, text


async def _a_write_is_seen(client: Client, witness: Witness, change: str) -> None:
    """The witness is no bystander: the tool that is marked as writing is noticed by both of its means."""
    traces, counters = witness.traces(), witness.counters()
    text, _, _ = await call(client, "review_change", change=change)
    token = text.partition("confirm_token='")[2].partition("'")[0]
    text, facts, _ = await call(client, "apply_change", change=change, confirm_token=token)
    assert facts.get("state") == "verified", text
    assert witness.traces() != traces
    assert witness.counters() != counters


async def test_what_is_destructive_is_said_and_nothing_else() -> None:
    writing = {name for name, spec in REGISTRY.items() if not spec.annotations.read_only_hint}
    destructive = {name for name, spec in REGISTRY.items() if spec.annotations.destructive_hint}
    assert destructive == {"apply_change", "roll_back_change"}
    assert writing == destructive | {"cancel_job", "export_deliverables"}
