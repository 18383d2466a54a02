"""Through PgBouncer in transaction mode: everything that stays in a transaction works, nothing is left in a session."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import anyio
import anyio.lowlevel
import pytest
from pydantic import SecretStr

from dbmanager.adapters.facets import Statement
from dbmanager.adapters.postgresql.adapter import PostgresAdapter
from dbmanager.errors import UnsupportedCapability
from dbmanager.model.configuration import ConnectionSettings, ResolvedUrl
from dbmanager.model.queries import QueryLimits, QueryRequest
from dbmanager.services.checksums import table_digest
from tests.engines.pgbouncer import CONNECTIONS, pooling
from tests.engines.postgresql import PASSWORD, SUPERUSER, PostgresServer

pytestmark = pytest.mark.anyio
LIMITS = {"lock_timeout_seconds": 5.0, "timeout_seconds": 17.0}
TABLE = (
    "CREATE TABLE parts (id integer PRIMARY KEY, label text NOT NULL, made timestamptz);"
    "INSERT INTO parts SELECT g, 'part ' || g, '2026-01-02 03:04:05+00' FROM generate_series(1, 3000) AS g;"
)


@pytest.fixture(scope="module")
def port(pg_server: PostgresServer) -> Iterator[int]:
    with pooling(pg_server) as port:
        yield port


@pytest.fixture
async def adapters(port: int, pg_server: PostgresServer, pg_database: str) -> AsyncIterator[list[PostgresAdapter]]:
    pg_server.run_sql(pg_database, TABLE)
    url = ResolvedUrl(
        engine="postgresql", host="127.0.0.1", port=port, user=SUPERUSER, password=SecretStr(PASSWORD), database=pg_database
    )  # fmt: skip
    settings = ConnectionSettings(url=f"postgresql://127.0.0.1:{port}/{pg_database}", access="read_write")
    opened = [PostgresAdapter("pooled", url, settings) for _ in range(CONNECTIONS)]
    yield opened
    for adapter in opened:
        await adapter.close()


async def test_the_pooler_is_noticed_and_a_direct_connection_is_not_taken_for_one(
    adapters: list[PostgresAdapter], open_postgres: object, pg_database: str
) -> None:
    assert any("pooler" in warning for warning in (await adapters[0].catalog.server_info()).warnings)
    direct = open_postgres(pg_database)  # type: ignore[operator] # a maker of adapters
    assert not any("pooler" in warning for warning in (await direct.catalog.server_info()).warnings)


async def test_many_clients_read_at_once_over_few_server_connections(adapters: list[PostgresAdapter]) -> None:
    seen: list[int] = []

    async def read(adapter: PostgresAdapter, turn: int) -> None:
        sql = f"SELECT id, label, made FROM parts WHERE id % {turn + 2} = 0 ORDER BY id"
        page = await adapter.query.run(QueryRequest(sql, limits=QueryLimits(max_rows=5_000)))
        seen.append(len(page.rows))
        assert (await adapter.catalog.read_schema()).table("parts").primary_key is not None

    for turn in range(5):
        async with anyio.create_task_group() as group:
            for adapter in adapters:
                for _ in range(4):
                    group.start_soon(read, adapter, turn)
    assert len(seen) == 5 * 4 * len(adapters)
    assert set(seen) == {1500, 1000, 750, 600, 500}


async def test_writes_are_made_and_undone_and_leave_no_setting_behind(
    adapters: list[PostgresAdapter], pg_server: PostgresServer, pg_database: str
) -> None:
    adapter = adapters[0]
    before = await table_digest(adapter, (await adapter.catalog.read_schema()).table("parts"))
    kept = []

    async def keep(rows: object) -> None:
        kept.append(rows)

    await adapter.execute.capture_and_execute(
        "SELECT id, label, made FROM parts WHERE id <= 50 FOR UPDATE",
        Statement("UPDATE parts SET label = upper(label), made = now() WHERE id <= 50"), keep, max_rows=100, **LIMITS,
    )  # fmt: skip
    table = (await adapter.catalog.read_schema()).table("parts")
    assert await adapter.execute.count_changed(table, kept[0]) == 50  # type: ignore[arg-type] # captured rows
    await adapter.execute.restore_rows(table, kept[0])  # type: ignore[arg-type] # captured rows
    assert await table_digest(adapter, table) == before
    await adapter.execute.execute(
        [Statement("CREATE INDEX made_in_a_transaction ON parts (label)")], atomic=True, **LIMITS
    )
    held = [str((await a.query.fetch("SELECT current_setting('timezone')"))[0][0]) for a in adapters]
    plain = pg_server.run_sql(pg_database, "SHOW timezone")
    assert set(held) == {plain}


async def test_what_takes_no_transaction_is_refused_with_the_way_out(adapters: list[PostgresAdapter]) -> None:
    with pytest.raises(UnsupportedCapability, match="transaction pooler") as refused:
        await adapters[0].execute.execute(
            [Statement("CREATE INDEX CONCURRENTLY not_here ON parts (label)")], atomic=False, **LIMITS
        )
    assert "url" in (refused.value.hint or "")


async def test_a_cancelled_statement_stops_on_the_server(
    adapters: list[PostgresAdapter], pg_server: PostgresServer, pg_database: str
) -> None:
    computing = "SELECT count(*) FROM generate_series(1, 100000000001) AS g"
    running = (
        "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%100000000001%' "
        "AND pid <> pg_backend_pid()"
    )
    async with anyio.create_task_group() as group:
        group.start_soon(adapters[0].query.run, QueryRequest(computing))
        with anyio.fail_after(10):
            while pg_server.run_sql(pg_database, running) == "0":
                await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()
    with anyio.fail_after(1):
        while pg_server.run_sql(pg_database, running) != "0":
            await anyio.lowlevel.checkpoint()
