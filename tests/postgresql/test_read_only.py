"""The read-only gate on PostgreSQL as superuser: seen to harm when nothing guards, then refused, with no effect."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import asyncpg
import pytest

from dbmanager.adapters.postgresql.adapter import PostgresAdapter
from dbmanager.errors import DbManagerError, StatementRefused
from dbmanager.model.queries import QueryLimits, QueryRequest
from tests.engines.postgresql import PASSWORD, SUPERUSER, PostgresServer
from tests.postgresql.corpora import BENIGN, HOSTILE, SCHEMA

pytestmark = pytest.mark.anyio
LIMITS = QueryLimits(timeout_seconds=1.0)
Open = Callable[..., PostgresAdapter]
_STATE = (
    "SELECT string_agg(md5(i::text), ',' ORDER BY id) FROM items i",
    "SELECT string_agg(md5(p::text), ',' ORDER BY id) FROM parts p",
    "SELECT last_value, is_called FROM seq",
    "SELECT string_agg(concat(oid, relname, relkind, relacl, relrowsecurity, reltuples >= 0), ',' ORDER BY oid) FROM pg_class WHERE oid >= 16384 AND relpersistence <> 't'",
    "SELECT string_agg(concat(oid, proname), ',' ORDER BY oid) FROM pg_proc WHERE oid >= 16384",
    "SELECT string_agg(concat(oid, nspname), ',' ORDER BY oid) FROM pg_namespace WHERE nspname NOT LIKE 'pg_%'",
    "SELECT string_agg(concat(attrelid, attname), ',' ORDER BY attrelid, attnum) FROM pg_attribute WHERE attrelid >= 16384",
    "SELECT (SELECT count(*) FROM pg_type WHERE oid >= 16384 AND typname NOT LIKE 'pg_t%'), (SELECT count(*) FROM pg_policy), (SELECT count(*) FROM pg_rewrite), (SELECT count(*) FROM pg_description WHERE objoid >= 16384)",
    "SELECT count(*) FROM pg_largeobject_metadata",
)


async def _bare(server: PostgresServer, database: str) -> asyncpg.Connection:
    return await asyncpg.connect(
        host=server.host, port=server.port, user=SUPERUSER, password=PASSWORD, database=database
    )


async def _state(server: PostgresServer, database: str) -> list[object]:
    raw = await _bare(server, database)
    try:
        return [await _fetched(raw, sql) for sql in _STATE]
    finally:
        await raw.close()


async def _fetched(raw: asyncpg.Connection, sql: str) -> object:
    try:
        return tuple(await raw.fetchrow(sql))
    except asyncpg.UndefinedTableError as gone:
        return str(gone)


async def _left(raw: asyncpg.Connection) -> dict[str, object]:
    """What stays on a connection."""
    found = await raw.fetchrow(
        "SELECT (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()) AS locks, "
        "(SELECT count(*) FROM pg_prepared_statements WHERE name = 'evil') AS prepared, current_user AS role, "
        "(SELECT count(*) FROM pg_cursors WHERE name = 'evil') AS cursors, current_setting('statement_timeout') AS timeout, "
        "(SELECT count(*) FROM pg_listening_channels()) AS channels, "
        "(SELECT count(*) FROM pg_class WHERE relpersistence = 't' AND pg_table_is_visible(oid)) AS temporary"
    )
    return {**dict(found), "transaction": raw.is_in_transaction()}


@pytest.fixture
def database(pg_server: PostgresServer, gate_template: str) -> Iterator[str]:
    name = pg_server.create_database(gate_template)
    yield name
    pg_server.drop_database(name)


@pytest.fixture(scope="module")
def gate_template(pg_server: PostgresServer) -> Iterator[str]:
    name = pg_server.create_database()
    pg_server.run_sql(name, SCHEMA)
    yield name
    pg_server.drop_database(name)


VISIBLE = [case for case in HOSTILE if case[2] != "none"]


@pytest.mark.parametrize("case", VISIBLE, ids=lambda case: case[0])
async def test_each_hostile_statement_has_its_effect_when_nothing_guards(
    case: tuple[str, str, str], pg_server: PostgresServer, database: str
) -> None:
    _, statement, effect = case
    before = await _state(pg_server, database)
    raw = await _bare(pg_server, database)
    try:
        clean = await _left(raw)
        rows: object = None
        if effect == "time":
            with pytest.raises(TimeoutError):
                await raw.execute(statement, timeout=0.5)
            return
        if effect in ("rows", "hidden"):
            rows = await raw.fetch(statement)
        else:
            await raw.execute("SET statement_timeout = 5000" if "timeout" not in statement.lower() else "SELECT 1")
            clean = await _left(raw)
            await raw.execute(statement)
        left = await _left(raw)
    finally:
        await raw.close()
    if effect == "state":
        assert await _state(pg_server, database) != before
    elif effect in ("rows", "hidden"):
        assert rows
    else:
        assert left != clean


@pytest.mark.parametrize("case", HOSTILE, ids=lambda case: case[0])
async def test_no_hostile_statement_passes_the_gate_or_has_an_effect(
    case: tuple[str, str, str], pg_server: PostgresServer, database: str, open_postgres: Open
) -> None:
    name, statement, _ = case
    before = await _state(pg_server, database)
    adapter = open_postgres(database)
    await adapter.query.run(QueryRequest("SELECT 1"))
    if name in LET_THROUGH:
        await adapter.query.run(QueryRequest(statement, limits=LIMITS))
    else:
        with pytest.raises(DbManagerError) as refused:
            await adapter.query.run(QueryRequest(statement, limits=LIMITS))
        if name not in ENGINE_REFUSES:
            assert isinstance(refused.value, StatementRefused)
        assert refused.value.hint
    async with adapter._sessions._acquired() as raw:
        left = await _left(raw)
    assert left == {"locks": 0, "prepared": 0, "role": SUPERUSER, "cursors": 0, "timeout": "0", "channels": 0,
                    "temporary": 0, "transaction": False}  # fmt: skip
    assert await _state(pg_server, database) == before


LET_THROUGH = frozenset(("advisory lock through a view",))
"""A view hides its functions from the text; the lock it takes is released before the connection is used again."""
ENGINE_REFUSES = frozenset(("volatile aggregate", "volatile operator"))
"""Functions behind an operator or aggregate are not in the text; the read-only transaction refuses their writes."""


@pytest.mark.parametrize("case", HOSTILE, ids=lambda case: case[0])
async def test_the_engine_alone_lets_no_write_and_no_file_through(
    case: tuple[str, str, str], pg_server: PostgresServer, database: str, open_postgres: Open
) -> None:
    _, statement, effect = case
    before = await _state(pg_server, database)
    adapter = open_postgres(database)
    try:
        result = await adapter.query._run_ungated(QueryRequest(statement, limits=LIMITS))
    except DbManagerError:
        result = None
    if effect == "rows":
        assert result is None
    assert await _state(pg_server, database) == before


@pytest.mark.parametrize("statement", BENIGN)
async def test_every_benign_statement_passes(statement: str, benign_adapter: PostgresAdapter) -> None:
    result = await benign_adapter.query.run(QueryRequest(statement, limits=QueryLimits(timeout_seconds=5)))
    assert result.columns


@pytest.fixture
async def benign_adapter(gate_template: str, open_postgres: Open) -> PostgresAdapter:
    return open_postgres(gate_template)


def test_the_corpora_are_large_enough() -> None:
    assert len(HOSTILE) >= 80
    assert len(BENIGN) >= 80
    assert len({re.sub(r"\s+", " ", case[1]) for case in HOSTILE}) == len(HOSTILE)
