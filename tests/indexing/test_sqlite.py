"""Advice on SQLite whatever else the file holds."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from dbmanager.adapters.sqlite.adapter import SqliteAdapter
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
