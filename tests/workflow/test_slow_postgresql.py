"""Worked example 2 on PostgreSQL: a database made slow in eleven ways is diagnosed, mended by change sets, and measured."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from tests.checks.test_health_postgresql import Place
from tests.conftest import needed
from tests.engines import postgresql
from tests.engines.postgresql import PostgresServer
from tests.server.processes import call, client_in
from tests.workflow.diagnosis import Signs, changed, configure, diagnosed, index_mended, is_told, measured_report, told

pytestmark = pytest.mark.anyio

ORDERS = """
CREATE EXTENSION pg_stat_statements; CREATE EXTENSION hypopg;
CREATE TABLE products (id int PRIMARY KEY, title text NOT NULL);
INSERT INTO products SELECT i, 'product ' || i FROM generate_series(1, 3000) AS i;
CREATE TABLE orders (id bigint PRIMARY KEY, customer int NOT NULL, product int NOT NULL, note text, total int NOT NULL);
INSERT INTO orders SELECT i, abs(hashint4(i)) % 5000, i % 3000 + 1, md5(i::text), i % 500 FROM generate_series(1, 60000) AS i;
CREATE INDEX orders_product ON orders (product);
CREATE TABLE events (id bigint PRIMARY KEY, code text NOT NULL);
INSERT INTO events SELECT i, i::text FROM generate_series(1, 30000) AS i;
CREATE INDEX events_code ON events (code);
CREATE TABLE visits (id int PRIMARY KEY, page int NOT NULL);
INSERT INTO visits SELECT i, i % 7 FROM generate_series(1, 20000) AS i;
CREATE TABLE carts (id int PRIMARY KEY, owner int NOT NULL, filling text NOT NULL);
INSERT INTO carts SELECT i, i, repeat('x', 500) FROM generate_series(1, 6000) AS i;
VACUUM ANALYZE;
"""
FLAWS = """
CREATE INDEX orders_note ON orders (note);
UPDATE carts SET filling = repeat('y', 500); UPDATE carts SET filling = repeat('z', 500);
INSERT INTO visits SELECT i, 900 FROM generate_series(20001, 60000) AS i;
"""
MENDED = "CREATE INDEX orders_customer ON orders (customer) INCLUDE (total); VACUUM ANALYZE;"
BY_CUSTOMER = "SELECT sum(total) FROM orders WHERE customer = 1234"
ORDER_PAGE = "SELECT product FROM orders WHERE product < 60 LIMIT 200"
LOOK_UP = "SELECT title FROM products WHERE id = {}"
REPORT = "SELECT page, count(*) FROM visits GROUP BY page"
CAST = "SELECT id FROM events WHERE upper(code) = '17'"
OFFSET = "SELECT id FROM orders ORDER BY id LIMIT 20 OFFSET 50000"
PAGE = "SELECT id FROM orders WHERE id > 50000 ORDER BY id LIMIT 20"
CODE = "SELECT id FROM events WHERE code = '17'"
SIGNS: Signs = {
    "missing index": ("indexes", ("orders(customer)",)),
    "useless index": ("indexes", ("orders.orders_note",)),
    "stale statistics": ("health", ("PG-210", "visits")),
    "one query for each row": ("workload", ("WL-001",)),
    "lock chain": ("health", ("PG-204",)),
    "undersized buffers": ("settings", ("**shared_buffers**",)),
    "bloat": ("health", ("PG-207", "carts")),
    "missing cache": ("caching", ("FROM visits",)),
    "wrapped column": ("plans", ("SQL-004",)),
    "offset pagination": ("plans", ("SQL-003",)),
    "chatty connections": ("workload", ("WL-002",)),
}


@pytest.fixture(scope="module")
def strained() -> Iterator[PostgresServer]:
    with needed(), postgresql.running(shared_buffers="1MB", autovacuum="off") as server:
        yield server


@pytest.fixture(scope="module")
def sound() -> Iterator[PostgresServer]:
    with needed(), postgresql.running(autovacuum="on") as server:
        yield server


@contextlib.asynccontextmanager
async def _shop(server: PostgresServer, folder: Path, made: str, then: str) -> AsyncIterator[tuple[Place, Client]]:
    """Yield a database with the tables, a role that asks, and a client of our server on it."""
    database = server.create_database()
    async with contextlib.AsyncExitStack() as stack:
        place = Place(server, database, stack)
        place.run(made)
        place.run(
            "DO $$ BEGIN CREATE ROLE app; EXCEPTION WHEN duplicate_object THEN NULL; END $$; "
            "GRANT SELECT, UPDATE ON ALL TABLES IN SCHEMA public TO app; SELECT pg_stat_statements_reset(); SELECT pg_stat_reset()"
        )
        place.run(then)
        configure(folder, server.url(database))
        yield place, await stack.enter_async_context(client_in(folder))
    server.drop_database(database)


def _asks(place: Place, *statements: str) -> None:
    """Ask as the application does, in one connection."""
    place.run("SET ROLE app; " + "; ".join(statements))


@contextlib.asynccontextmanager
async def _waiting(place: Place) -> AsyncIterator[None]:
    """Leave two sessions waiting for a third."""
    holder, first, second = [await place.connect() for _ in range(3)]
    await holder.execute("BEGIN; UPDATE products SET title = title WHERE id = 1")
    async with asyncio.TaskGroup() as waiting:
        for session in (first, second):
            waiting.create_task(session.execute("UPDATE products SET title = title WHERE id = 1"))
        await place.until("SELECT count(*) = 2 FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        yield
        await holder.execute("ROLLBACK")


@pytest.mark.promise("E2", "P3.2", "P3.3", "P3.4", "Q2")
async def test_a_slow_database_is_diagnosed_mended_and_measured(strained: PostgresServer, tmp_path: Path) -> None:
    async with _shop(strained, tmp_path, ORDERS, FLAWS) as (place, client):
        _, begun, _ = await call(client, "update_project", goal="respond faster", connections=["shop"])
        project = begun["project"]
        await told(client, "analyze_workload", project=project)
        _asks(place, *[BY_CUSTOMER] * 40, *[REPORT] * 150, *[ORDER_PAGE] * 2, CAST, OFFSET)
        _asks(place, *[LOOK_UP.format(n % 3000 + 1) for n in range(400)])
        for _ in range(260):
            strained.run_sql(place.database, "SET ROLE app; SELECT 1")
        async with _waiting(place):
            place.run("SELECT pg_sleep(1.2)")
            found = await diagnosed(client, project, SIGNS, CAST, OFFSET, seconds=3)
        assert found == set(SIGNS)
        await index_mended(client, project, BY_CUSTOMER, seconds=3)
        assert "work before" in measured_report(tmp_path)
        await _others_mended(client, project)
    assert "upper(code)" in measured_report(tmp_path)


async def _others_mended(client: Client, project: str) -> None:
    """Have what else a change set can mend be mended, and see that it is told no more."""
    at: dict[str, Any] = {"connection": "shop", "project": project, "queries": [CAST]}
    await call(client, "measure_queries", **at)
    for cause in ("stale statistics", "bloat"):
        assert await is_told(client, project, cause, SIGNS)
    steps = (
        "ANALYZE visits",
        "VACUUM (FULL, ANALYZE) carts",
        "CREATE INDEX events_upper ON events (upper(code))",
        "ANALYZE events",
    )
    await changed(client, "propose_change", project=project, title="statistics, room, and an index of what is asked",
                  reason="PG-210, PG-207, SQL-004", steps=[{"sql": sql} for sql in steps])  # fmt: skip
    for cause in ("stale statistics", "bloat"):
        assert not await is_told(client, project, cause, SIGNS)
    await changed(client, "advise_indexes", project=project, propose=True, drop_unused=True, seconds=3)
    assert "orders_note" not in await told(client, "describe_schema", detail="full")
    _, measured, _ = await call(client, "measure_queries", **at)
    assert measured["work_after"] < measured["work_before"] / 10
    assert not (await call(client, "export_deliverables", project=project))[2]


@pytest.mark.promise("E2")
async def test_a_sound_database_gives_no_alarm(sound: PostgresServer, tmp_path: Path) -> None:
    async with _shop(sound, tmp_path, ORDERS, MENDED) as (place, client):
        _, begun, _ = await call(client, "update_project", goal="stay fast", connections=["shop"])
        await told(client, "analyze_workload")
        _asks(place, *[BY_CUSTOMER] * 40, *[ORDER_PAGE] * 2, *[PAGE] * 40, *[CODE] * 40)
        place.run("SELECT pg_sleep(1.2)")
        assert await diagnosed(client, begun["project"], SIGNS, PAGE, CODE, seconds=3) == set()
