"""Worked example 2 on MariaDB: a database made slow in ten ways is diagnosed, mended by a change set, and measured."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import anyio
import pytest
from mcp import Client

from tests.checks.test_health_mysql import Place
from tests.conftest import needed
from tests.engines import mariadb
from tests.engines.mysql_family import MySqlServer
from tests.server.processes import call, client_in
from tests.workflow.diagnosis import Signs, changed, configure, diagnosed, index_mended, is_told, measured_report, told

pytestmark = pytest.mark.anyio

COUNTING = {
    "performance_schema": "ON", "performance_schema_consumer_events_statements_current": "ON",
    "performance_schema_consumer_events_statements_history_long": "ON",
}  # fmt: skip
SHOP = """
CREATE TABLE products (id INT PRIMARY KEY, title VARCHAR(40) NOT NULL);
INSERT INTO products SELECT seq, CONCAT('product ', seq) FROM seq_1_to_3000;
CREATE TABLE orders (id INT PRIMARY KEY, customer INT NOT NULL, product INT NOT NULL, note CHAR(32), total INT NOT NULL,
  KEY orders_product (product));
INSERT INTO orders SELECT seq, (seq * 7919) % 4999, seq % 3000 + 1, MD5(seq), seq % 500 FROM seq_1_to_40000;
CREATE TABLE events (id INT PRIMARY KEY, code VARCHAR(20) NOT NULL, KEY events_code (code));
INSERT INTO events SELECT seq, seq FROM seq_1_to_20000;
CREATE TABLE visits (id INT PRIMARY KEY, page INT NOT NULL);
INSERT INTO visits SELECT seq, seq % 7 FROM seq_1_to_30000;
ANALYZE TABLE products, orders, events, visits;
"""
FLAWS = """
CREATE INDEX orders_note ON orders (note);
CREATE TABLE carts (id INT PRIMARY KEY, filling VARCHAR(900) NOT NULL);
INSERT INTO carts SELECT seq, REPEAT('x', 900) FROM seq_1_to_30000;
CREATE TABLE archive (id INT PRIMARY KEY, filling VARCHAR(900) NOT NULL) AS SELECT * FROM carts;
DELETE FROM carts WHERE id > 100;
"""
MENDED = "CREATE INDEX orders_customer ON orders (customer); ANALYZE TABLE orders;"
BY_CUSTOMER = "SELECT SUM(total) FROM orders WHERE customer = 1234"
ORDER_PAGE = "SELECT product FROM orders WHERE product < 60 LIMIT 200"
LOOK_UP = "SELECT title FROM products WHERE id = {}"
SCAN = "SELECT COUNT(filling) FROM archive"
REPORT = "SELECT page, COUNT(*) FROM visits GROUP BY page"
CAST = "SELECT id FROM events WHERE code = 17"
OFFSET = "SELECT id FROM orders ORDER BY id LIMIT 20 OFFSET 30000"
PAGE = "SELECT id FROM orders WHERE id > 30000 ORDER BY id LIMIT 20"
CODE = "SELECT id FROM events WHERE code = '17'"
SIGNS: Signs = {
    "missing index": ("indexes", ("orders(customer",)),
    "useless index": ("indexes", ("orders.orders_note",)),
    "one query for each row": ("workload", ("WL-001",)),
    "lock chain": ("health", ("MY-203",)),
    "undersized buffers": ("settings", ("**innodb_buffer_pool_size**",)),
    "bloat": ("health", ("MY-217", "carts")),
    "missing cache": ("caching", ("FROM `visits`",)),
    "text beside number": ("plans", ("SQL-006",)),
    "offset pagination": ("plans", ("SQL-003",)),
    "chatty connections": ("workload", ("WL-002",)),
}


@pytest.fixture(scope="module")
def strained() -> Iterator[MySqlServer]:
    with needed(), mariadb.running(
        innodb_buffer_pool_size="6M", innodb_read_ahead_threshold="0", **COUNTING
    ) as server:  # fmt: skip
        yield server


@pytest.fixture(scope="module")
def sound() -> Iterator[MySqlServer]:
    with needed(), mariadb.running(**COUNTING) as server:
        yield server


@contextlib.asynccontextmanager
async def _shop(server: MySqlServer, folder: Path, script: str) -> AsyncIterator[tuple[Place, Client]]:
    """Yield a database with the tables, and a client of our server on it."""
    database = server.create_database()
    async with contextlib.AsyncExitStack() as stack:
        place = Place(server, database, stack)
        place.run(script)
        configure(folder, server.url(database))
        yield place, await stack.enter_async_context(client_in(folder))
    server.drop_database(database)


@contextlib.asynccontextmanager
async def _waiting(place: Place) -> AsyncIterator[None]:
    """Leave two sessions waiting for a third."""
    holder, first, second = [await place.connect() for _ in range(3)]
    await holder.run("BEGIN")
    await holder.run("UPDATE products SET title = 'x' WHERE id = 1")
    async with asyncio.TaskGroup() as waiting:
        for session in (first, second):
            waiting.create_task(session.run("UPDATE products SET title = 'y' WHERE id = 1"))
        held_up = "SELECT COUNT(DISTINCT requesting_trx_id) FROM information_schema.INNODB_LOCK_WAITS"
        deadline = time.monotonic() + 20
        while await anyio.to_thread.run_sync(place.run, held_up) != "2":
            assert time.monotonic() < deadline
        yield
        await holder.run("ROLLBACK")


@pytest.mark.promise("E2", "P3.2", "P3.3", "P3.4", "Q2")
async def test_a_slow_database_is_diagnosed_mended_and_measured(strained: MySqlServer, tmp_path: Path) -> None:
    async with _shop(strained, tmp_path, SHOP + FLAWS) as (place, client):
        _, begun, _ = await call(client, "update_project", goal="respond faster", connections=["shop"])
        project = begun["project"]
        await told(client, "analyze_workload", project=project)
        for _ in range(260):
            place.run("SELECT 1")
        place.run(";".join([*[REPORT] * 150, *[ORDER_PAGE] * 2, *[SCAN] * 8, CAST, OFFSET]))
        place.run(";".join(LOOK_UP.format(n % 3000 + 1) for n in range(400)))
        place.run(";".join([BY_CUSTOMER] * 40))
        await anyio.sleep(1.2)  # rates want some time between two snapshots
        async with _waiting(place):
            found = await diagnosed(client, project, SIGNS, CAST, OFFSET, seconds=8)
        assert found == set(SIGNS)
        await index_mended(client, project, BY_CUSTOMER, seconds=8)
        assert "work before" in measured_report(tmp_path)
        await _others_mended(place, client, project)


async def _others_mended(place: Place, client: Client, project: str) -> None:
    """Have what else a change set can mend be mended, and see that it is told no more."""
    assert await is_told(client, project, "bloat", SIGNS)
    await changed(client, "propose_change", project=project, title="give the room back", reason="MY-217",
                  steps=[{"sql": "OPTIMIZE TABLE carts"}])  # fmt: skip
    assert not await is_told(client, project, "bloat", SIGNS)
    buffers = {"settings": ["innodb_buffer_pool_size"], "memory_bytes": 4 * 1024**3}
    before = place.run("SELECT @@innodb_buffer_pool_size")
    await changed(client, "plan_tuning", project=project, propose=True, **buffers)
    assert int(place.run("SELECT @@innodb_buffer_pool_size")) > int(before)
    await changed(client, "advise_indexes", project=project, propose=True, drop_unused=True, seconds=8)


@pytest.mark.promise("E2")
async def test_a_sound_database_gives_no_alarm(sound: MySqlServer, tmp_path: Path) -> None:
    async with _shop(sound, tmp_path, SHOP + MENDED) as (place, client):
        _, begun, _ = await call(client, "update_project", goal="stay fast", connections=["shop"])
        await told(client, "analyze_workload")
        place.run(";".join([*[BY_CUSTOMER] * 40, *[ORDER_PAGE] * 2, *[PAGE] * 40, *[CODE] * 40]))
        await anyio.sleep(1.2)
        assert await diagnosed(client, begun["project"], SIGNS, PAGE, CODE, seconds=8) == set()
