"""Kinds of index that can't be costed before they are built are named by rule, as that, and work when they are built."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dbmanager.adapters.postgresql.adapter import PostgresAdapter
from dbmanager.phases.optimization.advise import Bounds, advise
from tests.engines.postgresql import PostgresServer

pytestmark = pytest.mark.anyio
NOTES = """
CREATE EXTENSION hypopg; CREATE EXTENSION pg_trgm;
CREATE TABLE notes (id int PRIMARY KEY, body text, tags text[], doc jsonb, during int4range, "odd name" text);
INSERT INTO notes SELECT i, md5(i::text), ARRAY[(i % 900)::text], jsonb_build_object('k', i % 900),
    int4range(i, i + 3), md5((i * 7)::text) FROM generate_series(1, 30000) AS i;
VACUUM ANALYZE;
"""
WANTED = [
    ("SELECT id FROM notes WHERE body LIKE '%abc%'", "gin", "body"),
    ("SELECT id FROM notes AS n WHERE n.body ILIKE '%ABC%'", "gin", "body"),
    ("SELECT id FROM notes WHERE \"odd name\" LIKE '%abc%'", "gin", "odd name"),
    ("SELECT id FROM notes WHERE tags @> ARRAY['17']", "gin", "tags"),
    ("SELECT id FROM notes WHERE tags && ARRAY['17', '18']", "gin", "tags"),
    ("SELECT id FROM notes WHERE doc @> '{\"k\": 17}'", "gin", "doc"),
    ("SELECT id FROM notes WHERE during && int4range(17, 18)", "gist", "during"),
    ("SELECT id FROM notes WHERE to_tsvector('english', body) @@ plainto_tsquery('english', 'abc')", "gin", "body"),
]  # fmt: skip
PLAIN = ["SELECT id FROM notes WHERE body LIKE 'abc%'", "SELECT id FROM notes WHERE id = 5", "SELECT tags FROM notes"]


@pytest.mark.parametrize(("statement", "method", "column"), WANTED, ids=[one[0][26:60] for one in WANTED])
async def test_a_kind_is_named_by_rule_and_serves_the_query_once_built(
    statement: str, method: str, column: str, pg_server: PostgresServer, pg_database: str,
    open_postgres: Callable[..., PostgresAdapter],
) -> None:  # fmt: skip
    pg_server.run_sql(pg_database, NOTES)
    adapter = open_postgres(pg_database)
    report = await advise(adapter, [statement], bounds=Bounds(seconds=2), measured=False)
    (advice,) = report.by_rule
    assert (advice.index.method, advice.queries) == (method, (1,))
    assert column in advice.index.keys[0].name
    assert advice.index.name not in [one.index.name for one in report.create]
    made = adapter.emit.create_index(advice.table, advice.index).statements[0]
    pg_server.run_sql(pg_database, f"{made}; ANALYZE notes")
    plan = pg_server.run_sql(pg_database, f"SET enable_seqscan = off; EXPLAIN {statement}")
    assert advice.index.name in plan
    again = await advise(open_postgres(pg_database), [statement], bounds=Bounds(seconds=2), measured=False)
    assert again.by_rule == ()


async def test_other_queries_want_no_special_kind(
    pg_server: PostgresServer, pg_database: str, open_postgres: Callable[..., PostgresAdapter]
) -> None:
    pg_server.run_sql(pg_database, NOTES)
    report = await advise(open_postgres(pg_database), PLAIN, bounds=Bounds(seconds=2), measured=False)
    assert report.by_rule == ()


async def test_the_extension_that_a_pattern_needs_is_named_where_it_is_not_created(
    pg_server: PostgresServer, pg_database: str, open_postgres: Callable[..., PostgresAdapter]
) -> None:
    pg_server.run_sql(pg_database, NOTES.replace("CREATE EXTENSION pg_trgm;", ""))
    patterns = [WANTED[0][0], "SELECT tags FROM notes WHERE body LIKE '%xyz%'", WANTED[3][0]]
    pattern, contains = (
        await advise(open_postgres(pg_database), patterns, bounds=Bounds(seconds=2), measured=False)
    ).by_rule
    assert pattern.queries == (1, 2)
    assert pattern.why.endswith(
        "the extension pg_trgm is available here and not created: CREATE EXTENSION pg_trgm first"
    )
    assert "pg_trgm" not in contains.why
    pg_server.run_sql(pg_database, "CREATE EXTENSION pg_trgm")
    pattern, _ = (await advise(open_postgres(pg_database), patterns, bounds=Bounds(seconds=2), measured=False)).by_rule
    assert "pg_trgm" not in pattern.why
