"""A statement may be planned with another table first: it must stay the same statement."""

from __future__ import annotations

import pytest

from dbmanager.adapters.postgresql.turned import turned
from tests.engines.postgresql import PostgresServer


@pytest.mark.parametrize(
    ("statement", "table", "expected"),
    [
        ("SELECT 1 FROM a, b WHERE x = 1", "b", "SELECT 1 FROM b, a WHERE x = 1"),
        ("SELECT 1 FROM a AS x, s.b y, c WHERE 1 = 1", "b", "SELECT 1 FROM s.b y, a AS x, c WHERE 1 = 1"),
        ("SELECT 1 FROM a, b JOIN c ON b.i = c.i", "b", "SELECT 1 FROM b JOIN c ON b.i = c.i, a"),
        ("SELECT ',' FROM (SELECT 1 FROM p, q) AS d, b", "b", "SELECT ',' FROM b, (SELECT 1 FROM p, q) AS d"),
        ("WITH w AS (SELECT 1 FROM p, q) SELECT * FROM w, b", "b", "WITH w AS (SELECT 1 FROM p, q) SELECT * FROM b, w"),
        ("SELECT extract(year FROM d) FROM a, B ORDER BY 1", "b", "SELECT extract(year FROM d) FROM B, a ORDER BY 1"),
        ("SELECT 1 FROM a, \"B\"", "b", None),
        ("SELECT 1 FROM b, a", "b", None),
        ("SELECT 1 FROM a JOIN b USING (i)", "b", None),
        ("SELECT 1 FROM a, LATERAL (SELECT a.i) AS l, b", "b", None),
        ("SELECT 1 WHERE EXISTS (SELECT 1 FROM a, b)", "b", None),
    ],
)  # fmt: skip
def test_the_item_of_a_table_is_moved_to_the_front(statement: str, table: str, expected: str | None) -> None:
    assert turned(statement, table) == expected


def test_the_rows_are_the_same(pg_server: PostgresServer, pg_database: str) -> None:
    pg_server.run_sql(
        pg_database,
        "CREATE TABLE a AS SELECT i FROM generate_series(1, 9) AS i; CREATE TABLE b AS SELECT i * 2 AS j FROM a;",
    )
    statement = "SELECT i, j FROM a, b AS x WHERE i = j ORDER BY 1"
    moved = turned(statement, "b")
    assert moved is not None
    assert pg_server.run_sql(pg_database, moved) == pg_server.run_sql(pg_database, statement) != ""
