"""`$1,$2` is two parameters and no dollar quote: it is understood, and nothing hides behind it."""

from __future__ import annotations

from collections.abc import Callable

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbmanager.adapters.postgresql.adapter import PostgresAdapter
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


@given(st.text(st.sampled_from("$1a'\"é,😀_ "), max_size=12))
def test_positions_stay_and_nothing_but_the_sign_changes(sql: str) -> None:
    assert len(colons(sql, "postgres")) == len(sql)
    assert spaced(sql, "mysql") == colons(sql, "mysql") == sql
    assert spaced(sql, "postgres").replace(" ", "") == sql.replace(" ", "")
