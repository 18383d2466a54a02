"""Advice on SQLite whatever else the file holds."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from dbmanager.adapters.facets import Unsupported
from dbmanager.adapters.sqlite.adapter import SqliteAdapter
from dbmanager.model.schema import Index, IndexKey
from dbmanager.phases.optimization.advise import Bounds, advise

pytestmark = pytest.mark.anyio
ORDERS = """
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER, note TEXT);
INSERT INTO orders SELECT value, value % 500, 'x' FROM
  (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 5000) SELECT value FROM n);
CREATE VIRTUAL TABLE texts USING fts5(body);
INSERT INTO texts VALUES ('something');
"""


async def test_virtual_tables_and_functions_that_are_not_here_hinder_no_advice_on_other_tables(
    sqlite_file: Callable[..., Path], open_sqlite: Callable[..., SqliteAdapter]
) -> None:
    file = sqlite_file(ORDERS)
    with closing(sqlite3.connect(file)) as raw:
        raw.create_function("spelled", 1, str, deterministic=True)
        raw.execute("CREATE INDEX elsewhere ON orders (spelled(note))")
        raw.commit()
    asked = ["SELECT note FROM orders WHERE customer = 7", "SELECT * FROM texts WHERE texts MATCH 'something'"]
    report = await advise(open_sqlite(file, read_only=True), asked, bounds=Bounds(seconds=3))
    assert [[key.name for key in advice.index.keys] for advice in report.create] == [["customer"]]
    assert not report.before[0].problem


async def test_a_view_over_a_table_that_is_gone_hinders_nothing_else(
    sqlite_file: Callable[..., Path], open_sqlite: Callable[..., SqliteAdapter]
) -> None:
    file = sqlite_file(f"{ORDERS} CREATE VIEW broken AS SELECT * FROM gone;")
    adapter = open_sqlite(file, read_only=True)
    schema = await adapter.catalog.read_schema()
    assert [column.name for column in schema.table("orders").columns] == ["id", "customer", "note"]
    assert schema.table("broken").columns == ()
    report = await advise(adapter, ["SELECT note FROM orders WHERE customer = 7"], bounds=Bounds(seconds=3))
    assert len(report.create) == 1


async def test_columns_of_any_name_are_sampled_and_an_index_that_is_offered_no_more_is_gone(
    sqlite_file: Callable[..., Path], open_sqlite: Callable[..., SqliteAdapter]
) -> None:
    """The names are those that our own statements use."""
    file = sqlite_file(
        "CREATE TABLE visits (id INTEGER PRIMARY KEY, at TEXT, step INTEGER, t INTEGER, first INTEGER);"
        "INSERT INTO visits SELECT value, value % 7, value % 700, value, 1 FROM"
        " (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 9000) SELECT value FROM n)"
    )
    adapter = open_sqlite(file, read_only=True)
    table = (await adapter.catalog.read_schema()).table("visits")
    sql = "SELECT t FROM visits WHERE step = 5"
    narrow = (table, Index("narrow", (IndexKey("step"),)))
    wide = (table, Index("wide", (IndexKey("step"),), include=("t",)))
    async with adapter.what_if.planner() as planner:
        assert not isinstance(planner, Unsupported)
        today = await planner.plan(sql, [])
        both, one = await planner.plan(sql, [narrow, wide]), await planner.plan(sql, [narrow])
        assert (both.used, one.used) == (("wide",), ("narrow",))
        assert both.cost < one.cost < today.cost / 10
        again = await planner.plan(sql, [])
        assert (again.used, again.cost) == ((), today.cost)
