"""`$1,$2` is two parameters and no dollar quote: it is understood, and nothing hides behind it."""

from __future__ import annotations

import time
from collections.abc import Callable

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbmanager.adapters.postgresql.adapter import PostgresAdapter
from dbmanager.analyzers.indexing.candidates import candidates
from dbmanager.analyzers.indexing.usage import column_uses
from dbmanager.analyzers.lineage.statements import lineage_of
from dbmanager.errors import StatementRefused
from dbmanager.model.placeholders import colons, spaced
from dbmanager.model.queries import QueryRequest
from tests.engines.postgresql import PASSWORD, SUPERUSER, PostgresServer

pytestmark = pytest.mark.anyio
Open = Callable[..., PostgresAdapter]
HIDDEN = "SELECT $1,$2, pg_sleep(0.01), $1,$x$y$x$"


@pytest.mark.parametrize(
    ("sql", "row"),
    [("SELECT 1 WHERE 3 IN ($1::int,$2::int)", (1,)), ("SELECT greatest($1::int,$2::int)", (3,)), ("SELECT $1::int,$2::int ;", (3, 2)),
     ("SELECT $$a $1,$2$$,$1::int,$2::int", ("a $1,$2", 3, 2))],
)  # fmt: skip
async def test_parameters_without_spaces_are_understood(
    sql: str, row: tuple[object, ...], pg_database: str, open_postgres: Open
) -> None:
    result = await open_postgres(pg_database).query.run(QueryRequest(sql, (3, 2)))
    assert result.rows == (row,)


async def test_a_function_hidden_behind_a_false_quote_is_refused(
    pg_server: PostgresServer, pg_database: str, open_postgres: Open
) -> None:
    raw = await asyncpg.connect(
        host=pg_server.host, port=pg_server.port, user=SUPERUSER, password=PASSWORD, database=pg_database
    )
    shown = await raw.fetchrow(HIDDEN, "a", "b")
    assert shown is not None
    assert len(shown) == 5  # the server runs it: five columns, the third of which is the function's
    await raw.close()
    with pytest.raises(StatementRefused, match="pg_sleep"):
        await open_postgres(pg_database).query.run(QueryRequest(HIDDEN, ("a", "b")))


TRAP = """
CREATE FUNCTION "do $1"() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
CREATE TYPE price AS ENUM ('$5', '$7');
CREATE TABLE prices (id int, label price, "card $1" text);
"""


async def test_names_and_texts_that_look_like_parameters_are_read_as_they_are(
    pg_server: PostgresServer, pg_database: str, open_postgres: Open
) -> None:
    pg_server.run_sql(pg_database, TRAP)
    adapter = open_postgres(pg_database)
    with pytest.raises(StatementRefused, match="owner's rights"):
        await adapter.query.run(QueryRequest('SELECT "do $1"()'))
    schema = await adapter.catalog.read_schema()
    lineage = lineage_of('SELECT "card $1" FROM prices', "postgres", schema)
    assert lineage is not None
    assert [column.column for column in lineage.touched] == ["card $1"]
    uses = column_uses("SELECT id FROM prices WHERE label = '$5' AND id > 3", "postgres", schema)
    conditions = [index.where for _, index in candidates(uses, adapter.emit.index_means) if index.where]
    assert set(conditions) == {"label = '$5'"}


@pytest.mark.parametrize(
    ("sql", "expected"),
    [("SELECT '$1', \"$1\", $$ $1 $$, $x$ $1 $x$, a$1, $1::int", "SELECT '$1', \"$1\", $$ $1 $$, $x$ $1 $x$, a$1, $1 ::int"),
     ("SELECT E'\\'$1', '\\', $1", "SELECT E'\\'$1', '\\', $1 "), ("SELECT /* ' /* \" */ $1 ' */ $1,$2", "SELECT /* ' /* \" */ $1 ' */ $1 ,$2 "),
     ("SELECT 1 -- it's\n,$1", "SELECT 1 -- it's\n,$1 "), ("SELECT $é$ $1 $é$,$1", "SELECT $é$ $1 $é$,$1 "), ("SELECT '$1", "SELECT '$1")],
)  # fmt: skip
def test_only_parameters_are_spaced(sql: str, expected: str) -> None:
    assert spaced(sql, "postgres") == expected


def test_a_long_statement_is_spaced_in_a_second() -> None:
    began = time.process_time()
    for text in ("SELECT $1" + ", 'a', $2" * 7_000, "/*" * 30_000, "$a" * 30_000, "'" * 60_001, "$a$" + "$b$" * 20_000):
        spaced(text, "postgres")
    assert time.process_time() - began < 1


@given(st.text(st.sampled_from("$1a'\"é,😀_ "), max_size=12))
def test_positions_stay_and_nothing_but_the_sign_changes(sql: str) -> None:
    assert len(colons(sql, "postgres")) == len(sql)
    assert spaced(sql, "mysql") == colons(sql, "mysql") == sql
    assert spaced(sql, "postgres").replace(" ", "") == sql.replace(" ", "")
