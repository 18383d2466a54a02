"""Statements whose plans are asked for never run as more than a reader, nor as more than one statement."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest

from dbmanager.adapters.facets import Unsupported
from dbmanager.adapters.postgresql.adapter import PostgresAdapter
from dbmanager.errors import DbManagerError
from dbmanager.model.schema import Index, IndexKey
from tests.engines.postgresql import PostgresServer

pytestmark = pytest.mark.anyio
Open = Callable[..., PostgresAdapter]

TRAP = """
CREATE EXTENSION hypopg;
CREATE TABLE sales (id int PRIMARY KEY, customer int);
INSERT INTO sales SELECT i, i % 100 FROM generate_series(1, 5000) AS i;
CREATE FUNCTION who_asks(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN RAISE EXCEPTION 'a superuser'; END IF;
    RETURN $1;
END $$;
ANALYZE;
"""


@pytest.mark.parametrize("condition", ["customer = who_asks(7)", "who_asks(customer) = 7 AND $1::int = 1"])
async def test_functions_of_a_planned_statement_run_with_a_readers_rights(
    condition: str, pg_server: PostgresServer, pg_database: str, open_postgres: Open
) -> None:
    pg_server.run_sql(pg_database, TRAP)
    adapter = open_postgres(pg_database, access="read_only")
    table = (await adapter.catalog.read_schema()).table("sales")
    expression = Index("by_expression", (IndexKey("who_asks(customer)", is_expression=True),))
    partial = Index("by_condition", (IndexKey("id"),), where="who_asks(customer) = 7")
    async with adapter.what_if.planner() as planner:
        assert not isinstance(planner, Unsupported)
        await planner.plan(f"SELECT id FROM sales WHERE {condition}", [])
        sizes = await planner.sizes([(table, expression), (table, partial)])
        tried = await planner.plan("SELECT id FROM sales WHERE who_asks(customer) = 7", [(table, expression)])
    assert all(sizes)
    assert tried.used == ("by_expression",)


@pytest.mark.parametrize("beginning", ["", "$1::int, "])
async def test_where_backslashes_escape_a_planned_statement_is_still_one(
    beginning: str, pg_server: PostgresServer, pg_database: str, open_postgres: Open
) -> None:
    pg_server.run_sql(pg_database, TRAP)
    pg_server.run_sql(pg_database, f'ALTER DATABASE "{pg_database}" SET standard_conforming_strings = off')
    hidden = f"SELECT {beginning}'\\''; COMMIT; DROP TABLE sales; --'"
    adapter = open_postgres(pg_database, access="read_only")
    async with adapter.what_if.planner() as planner:
        assert not isinstance(planner, Unsupported)
        with contextlib.suppress(DbManagerError):
            await planner.plan(hidden, [])
    assert pg_server.run_sql(pg_database, "SELECT count(*) FROM sales").strip() == "5000"
