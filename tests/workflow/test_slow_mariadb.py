"""Worked example 2 on MariaDB: a database made slow in ten ways is diagnosed, mended by a change set, and measured."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client

from tests.checks.test_health_mysql import Place
from tests.conftest import needed
from tests.engines import mariadb
from tests.engines.mysql_family import MySqlServer
from tests.server.processes import call, client_in

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
CAUSES = frozenset((
    "missing index", "useless index", "one query for each row", "lock chain", "undersized buffers", "bloat",
    "missing cache", "text beside number", "offset pagination", "chatty connections",
))  # fmt: skip


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
        (folder / "dbmanager.toml").write_text(
            f'[store]\ndata_dir = "state"\n[connections.shop]\nurl = "{server.url(database)}"\naccess = "admin"\n'
            'password = { env = "SHOP_PASSWORD" }\n'
        )
        yield place, await stack.enter_async_context(client_in(folder))
    server.drop_database(database)


async def _told(client: Client, tool: str, **arguments: Any) -> str:
    text, _, failed = await call(client, tool, connection="shop", **arguments)
    assert not failed, text
    return text


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


async def _diagnosed(client: Client, project: str, *asked: str) -> set[str]:
    """Return the causes that the tools tell of, as their evidence names them."""
    found = set()
    workload = await _told(client, "analyze_workload", project=project)
    found |= {"one query for each row"} if "WL-001" in workload else set()
    found |= {"chatty connections"} if "WL-002" in workload else set()
    health = await _told(client, "check_database", pack="health", project=project)
    found |= {"lock chain"} if "MY-203" in health else set()
    found |= {"bloat"} if "MY-217" in health and "carts" in health else set()
    advice = await _told(client, "advise_indexes", project=project, seconds=8, drop_unused=True)
    found |= {"missing index"} if "orders(customer" in advice else set()
    found |= {"useless index"} if "orders.orders_note" in advice else set()
    tuning = await _told(client, "plan_tuning", memory_bytes=4 * 1024**3, project=project)
    found |= {"undersized buffers"} if "**innodb_buffer_pool_size**" in tuning else set()
    caching = await _told(client, "plan_tuning", kind="caching", staleness_seconds=600, project=project)
    found |= {"missing cache"} if "FROM `visits`" in caching.partition("Not worth it")[0] else set()
    for statement in asked:
        plan = await _told(client, "explain_query", sql=statement)
        found |= {"text beside number"} if "SQL-006" in plan else set()
        found |= {"offset pagination"} if "SQL-003" in plan else set()
    return found


@pytest.mark.promise("E2", "P3.2", "P3.3", "P3.4", "Q2")
async def test_a_slow_database_is_diagnosed_mended_and_measured(strained: MySqlServer, tmp_path: Path) -> None:
    async with _shop(strained, tmp_path, SHOP + FLAWS) as (place, client):
        _, begun, _ = await call(client, "update_project", goal="respond faster", connections=["shop"])
        project = begun["project"]
        await _told(client, "analyze_workload", project=project)
        for _ in range(260):
            place.run("SELECT 1")
        place.run(";".join([*[REPORT] * 150, *[ORDER_PAGE] * 2, *[SCAN] * 8, CAST, OFFSET]))
        place.run(";".join(LOOK_UP.format(n % 3000 + 1) for n in range(400)))
        place.run(";".join([BY_CUSTOMER] * 40))
        await anyio.sleep(1.2)  # rates want some time between two snapshots
        async with _waiting(place):
            found = await _diagnosed(client, project, CAST, OFFSET)
        assert found == CAUSES
        text, advice, failed = await call(
            client, "advise_indexes", connection="shop", queries=[BY_CUSTOMER], propose=True, project=project, seconds=5
        )
        assert not failed, text
        token = text.partition("confirm_token='")[2].partition("'")[0]
        text, applied, failed = await call(client, "apply_change", change=advice["change"], confirm_token=token)
        assert not failed, text
        assert applied["state"] == "verified"
        text, measured, _ = await call(
            client, "measure_queries", connection="shop", queries=[BY_CUSTOMER], project=project
        )
        assert measured["work_after"] < measured["work_before"] / 10
        assert not (await call(client, "export_deliverables", project=project))[2]


@pytest.mark.promise("E2")
async def test_a_sound_database_gives_no_alarm(sound: MySqlServer, tmp_path: Path) -> None:
    async with _shop(sound, tmp_path, SHOP + MENDED) as (place, client):
        _, begun, _ = await call(client, "update_project", goal="stay fast", connections=["shop"])
        await _told(client, "analyze_workload")
        place.run(";".join([*[BY_CUSTOMER] * 40, *[ORDER_PAGE] * 2, *[PAGE] * 40, *[CODE] * 40]))
        await anyio.sleep(1.2)
        assert await _diagnosed(client, begun["project"], PAGE, CODE) == set()
