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
from dbmanager.phases.optimization.advise import Bounds, FirstAnswer, advise

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


LINES = """
CREATE TABLE lines (ordered INTEGER, line INTEGER, part INTEGER, day TEXT, price NUMERIC(15, 2), note TEXT,
  PRIMARY KEY (ordered, line));
INSERT INTO lines SELECT value / 4 * 8, value % 4, value * 7919 % 3000, date(2458850 + value * 31 % 900),
  value % 977 + 0.25, 'note ' || value % 50
  FROM (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 400000) SELECT value FROM n);
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER, day TEXT, state TEXT);
INSERT INTO orders SELECT ordered, ordered / 8 * 17 % 1500, min(day), CASE WHEN ordered % 3 THEN 'O' ELSE 'F' END
  FROM lines GROUP BY ordered;
ANALYZE;
"""
JOINS = [
    "SELECT sum(price) FROM orders, lines WHERE id = ordered AND customer = 7",
    "SELECT ordered, sum(price) FROM lines, orders WHERE id = ordered AND orders.day > '2021-01-01' GROUP BY ordered",
    "SELECT count(*) FROM lines WHERE part = 5 AND lines.day < '2020-06-01'",
    "SELECT customer FROM orders WHERE EXISTS (SELECT * FROM lines WHERE ordered = id AND price > 900) AND state = 'F'",
]


async def test_plans_on_the_clone_are_those_of_the_indexes_when_they_are_made(
    sqlite_file: Callable[..., Path], open_sqlite: Callable[..., SqliteAdapter]
) -> None:
    """Four lines of one order stand together, and three of four order numbers are free: a plain sample misjudges both."""
    file = sqlite_file(LINES)
    adapter = open_sqlite(file)
    schema = await adapter.catalog.read_schema()
    lines, orders = schema.table("lines"), schema.table("orders")
    pairs = [
        (lines, Index("by_order", (IndexKey("ordered"), IndexKey("price")))),
        (lines, Index("by_part", (IndexKey("part"), IndexKey("day")))),
        (orders, Index("by_customer_and_day", (IndexKey("customer"), IndexKey("day")))),
        (orders, Index("by_day", (IndexKey("day"),))),
        (orders, Index("by_state", (IndexKey("state"),), where="customer > 100")),
    ]
    async with adapter.what_if.planner() as planner:
        assert not isinstance(planner, Unsupported)
        promised = [(await planner.plan(sql, pairs)).plan.text for sql in JOINS]
    with closing(sqlite3.connect(file)) as raw:
        for pair in pairs:
            raw.execute(adapter.emit.create_index(*pair).statements[0])
        raw.execute("ANALYZE")
        raw.commit()
        real = ["\n".join(row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {sql}")) for sql in JOINS]
    assert promised == real
    assert "by_order" in real[0]


async def test_an_index_takes_the_bytes_that_were_promised(
    sqlite_file: Callable[..., Path], open_sqlite: Callable[..., SqliteAdapter]
) -> None:
    file = sqlite_file(LINES + "CREATE TABLE pairs (a TEXT, b INTEGER, PRIMARY KEY (a, b)) WITHOUT ROWID;"
                       "INSERT INTO pairs SELECT DISTINCT note, part FROM lines;")  # fmt: skip
    adapter = open_sqlite(file)
    schema = await adapter.catalog.read_schema()
    shapes = [
        ("lines", ["day"], None), ("lines", ["part"], None), ("lines", ["part", "price", "note"], None),
        ("lines", ["note"], "part > 1000"), ("orders", ["customer", "day"], None), ("orders", ["state"], None),
        ("pairs", ["b"], None),
    ]  # fmt: skip
    pairs = [
        (schema.table(table), Index(f"i{number}", tuple(map(IndexKey, keys)), where=where))
        for number, (table, keys, where) in enumerate(shapes)
    ]
    async with adapter.what_if.planner() as planner:
        assert not isinstance(planner, Unsupported)
        promised = await planner.sizes(pairs)
    built = []
    with closing(sqlite3.connect(file)) as raw:
        for pair in pairs:
            before = raw.execute("PRAGMA page_count").fetchone()[0]
            raw.execute(adapter.emit.create_index(*pair).statements[0])
            raw.commit()
            built.append((raw.execute("PRAGMA page_count").fetchone()[0] - before) * 4096)
    assert [promise for promise in promised if promise] == pytest.approx(built, rel=0.05)


async def test_rules_answer_before_anything_is_sampled(
    sqlite_file: Callable[..., Path], open_sqlite: Callable[..., SqliteAdapter]
) -> None:
    rows = "WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n WHERE v < 20000) SELECT v, v % 900 FROM n"
    adapter = open_sqlite(sqlite_file(f"CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER); INSERT INTO t {rows};"))
    answers: list[FirstAnswer] = []

    async def told(answer: FirstAnswer) -> None:
        answers.append(answer)

    report = await advise(adapter, ["SELECT id FROM t WHERE a = 5"], told=told, measured=False)
    assert (answers[0].indexes, answers[0].cost_ratio) == (1, None)
    assert answers[-1].cost_ratio is not None
    assert [one.index.column_names for one in report.create] == [("a",)]
