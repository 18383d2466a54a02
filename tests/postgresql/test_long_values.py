"""Long values are cut on the server, whatever their type and however the statement is written."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dbmanager.adapters.postgresql.adapter import PostgresAdapter
from dbmanager.model.queries import QueryRequest

pytestmark = pytest.mark.anyio
Open = Callable[..., PostgresAdapter]
HUGE = 50_000_000
LONG = {
    "text": f"SELECT repeat('x', {HUGE}) AS v",
    "bytea": f"SELECT decode(repeat('00', {HUGE // 2}), 'hex') AS v",
    "array": f"SELECT array_fill('xxxxxxxxxx'::text, ARRAY[{HUGE // 10}]) AS v",
    "json": f"SELECT to_json(repeat('x', {HUGE})) AS v",
    "jsonb": f"SELECT jsonb_build_array(repeat('x', {HUGE})) AS v",
    "record": f"SELECT ROW(1, repeat('x', {HUGE})) AS v",
    "xml": f"SELECT xmlelement(name a, repeat('x', {HUGE})) AS v",
    "domainless unknown": "SELECT 'short' AS v",
}


@pytest.mark.parametrize("sql", LONG.values(), ids=LONG)
async def test_a_value_of_any_type_is_cut_before_it_is_sent(sql: str, open_postgres: Open, pg_database: str) -> None:
    result = await open_postgres(pg_database).query.run(QueryRequest(sql))
    assert [column.name for column in result.columns] == ["v"]
    assert len(str(result.rows[0][0])) < 9_000
    assert result.clipped_cells == (0 if "short" in sql else 1)


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT 'a -- b' AS t; -- the end", [("a -- b",)]),
        ("SELECT 'a' AS t /* ; */ ;", [("a",)]),
        ("SELECT 'a' AS same, 'b' AS same, 1 AS same -- no end", [("a", "b", 1)]),
        ("VALUES ('x', 1), ('y', 2)", [("x", 1), ("y", 2)]),
        ("WITH c AS (SELECT g::text AS t FROM generate_series(1, 3) AS g) SELECT t FROM c ORDER BY t DESC", [("3",), ("2",), ("1",)]),
        ("SELECT r = r, r <> '' FROM (SELECT random()::text AS r) AS s", [(True, True)]),
        ("SELECT '{1,2}'::int[] AS a, '{\"k\": 1}'::jsonb AS j, NULL::text AS n", [([1, 2], '{"k": 1}', None)]),
        ("SELECT 'ü' || repeat('€', 2) AS t", [("ü€€",)]),
    ],
)  # fmt: skip
async def test_statements_of_every_shape_answer_as_they_did(
    sql: str, rows: list[tuple[object, ...]], open_postgres: Open, pg_database: str
) -> None:
    result = await open_postgres(pg_database).query.run(QueryRequest(sql))
    assert list(result.rows) == rows
    assert result.clipped_cells == 0
