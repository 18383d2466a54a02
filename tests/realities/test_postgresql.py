"""PostgreSQL as it is met outside: encodings, certificates, restricted roles, very wide tables."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import anyio
import pytest
from pydantic import SecretStr

from dbmanager.adapters.facets import Unsupported
from dbmanager.adapters.postgresql.adapter import PostgresAdapter
from dbmanager.errors import ConnectionFailed, PermissionDenied, StatementFailed
from dbmanager.model.configuration import ConnectionSettings, ResolvedUrl, TlsSettings
from dbmanager.model.queries import QueryLimits, QueryRequest
from dbmanager.services.checking import run_checks
from dbmanager.services.checksums import table_digest
from dbmanager.services.linting import lint_database
from tests.engines import postgresql
from tests.engines.certificates import write_certificate
from tests.engines.instance import give_away
from tests.engines.postgresql import PASSWORD, SUPERUSER, PostgresServer

pytestmark = pytest.mark.anyio
Open = Callable[..., PostgresAdapter]
ENCODED = {
    "LATIN1": ("chr(233) || 'x'", {}, "éx"),
    "LATIN9": ("chr(164)", {}, "€"),
    "EUC_JP": (r"convert_from('\xa4a2'::bytea, 'EUC_JP')", {}, "あ"),
    "WIN1251": (r"convert_from('\xdf'::bytea, 'WIN1251')", {}, "Я"),
    "SQL_ASCII": (r"E'\xe9x'", {"client_encoding": "latin1"}, "éx"),
}


@pytest.fixture
async def open_(pg_server: PostgresServer) -> AsyncIterator[Open]:
    opened: list[PostgresAdapter] = []

    def make(database: str, server: PostgresServer = pg_server, **more: object) -> PostgresAdapter:
        tls = more.pop("tls", None)
        given = {"host": server.host, "user": SUPERUSER, "password": SecretStr(PASSWORD), "options": {}, **more}
        url = ResolvedUrl.model_validate({"engine": "postgresql", "port": server.port, "database": database, **given})
        settings = ConnectionSettings.model_validate({"url": server.url(database), "access": "read_write", "tls": tls})
        opened.append(PostgresAdapter("real", url, settings))
        return opened[-1]

    yield make
    for adapter in opened:
        await adapter.close()


@pytest.mark.parametrize("encoding", ENCODED)
async def test_texts_of_any_encoding_come_and_go_as_they_are(
    encoding: str, open_: Open, pg_server: PostgresServer
) -> None:
    expression, options, expected = ENCODED[encoding]
    name = f"enc_{encoding.lower()}"
    pg_server.run_sql(
        "postgres", f"CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
    )
    try:
        pg_server.run_sql(name, f"CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, {expression})")
        adapter = open_(name, options=options)
        assert (await adapter.query.run(QueryRequest("SELECT v FROM t"))).rows == ((expected,),)
        table = (await adapter.catalog.read_schema()).table("t")
        before = await table_digest(adapter, table)
        chunk = await adapter.bulk.read_chunk(table, ["id", "v"], ["id"], None, 10)
        await adapter.bulk.write_chunk(table, ["id", "v"], ["id"], chunk.rows)
        assert await table_digest(adapter, table) == before
        if encoding == "SQL_ASCII":
            assert any("SQL_ASCII" in warning for warning in (await adapter.catalog.server_info()).warnings)
            with pytest.raises(StatementFailed, match="no character") as refused:
                await open_(name).query.run(QueryRequest("SELECT v FROM t"))
            assert "client_encoding" in (refused.value.hint or "")
        await adapter.close()
    finally:
        pg_server.drop_database(name)


@pytest.fixture(scope="module")
def encrypted() -> Iterator[tuple[PostgresServer, Path, Path]]:
    """A server that speaks TLS, its certificate, and one of another authority."""
    folder = Path(tempfile.mkdtemp(prefix="dbmanager-tls-"))
    try:
        (folder / "other").mkdir()
        other, _ = write_certificate(folder / "other")
        certificate, key = write_certificate(folder)
        give_away(folder, certificate, key)
        with postgresql.running(ssl="on", ssl_cert_file=str(certificate), ssl_key_file=str(key)) as server:
            yield server, certificate, other
    finally:
        shutil.rmtree(folder)


USED = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"


async def test_a_verified_connection_is_encrypted(encrypted: tuple[PostgresServer, Path, Path], open_: Open) -> None:
    server, certificate, _ = encrypted
    for mode in ("verify-full", "verify-ca"):
        adapter = open_("postgres", server, tls=TlsSettings(mode=mode, ca_file=certificate))
        assert await adapter.query.fetch(USED) == [(True,)]
    assert await open_("postgres", server, tls=TlsSettings(mode="require")).query.fetch(USED) == [(True,)]


async def test_a_certificate_that_does_not_fit_is_refused(
    encrypted: tuple[PostgresServer, Path, Path], open_: Open
) -> None:
    server, certificate, other = encrypted
    for tls, more in (
        (TlsSettings(mode="verify-full"), {}),
        (TlsSettings(mode="verify-full", ca_file=other), {}),
        (TlsSettings(mode="verify-ca", ca_file=other), {}),
        (TlsSettings(mode="verify-full", ca_file=certificate), {"host": "localhost"}),
    ):
        with pytest.raises(ConnectionFailed, match="TLS"):
            await open_("postgres", server, tls=tls, **more).query.fetch("SELECT 1")


async def test_a_server_without_encryption_is_refused_when_it_is_wanted(open_: Open, pg_database: str) -> None:
    with pytest.raises(ConnectionFailed, match="TLS"):
        await open_(pg_database, tls=TlsSettings(mode="require")).query.fetch("SELECT 1")


async def test_a_managed_role_is_told_what_it_could_not_see(
    open_: Open, pg_server: PostgresServer, pg_database: str
) -> None:
    """As on a managed service: owner of nothing much, no superuser, no files, no catalog of passwords."""
    pg_server.run_sql(
        pg_database,
        "CREATE ROLE managed LOGIN PASSWORD 'managed-secret' CREATEDB CREATEROLE; GRANT pg_monitor TO managed;"
        "CREATE TABLE mine (id int PRIMARY KEY, email text); INSERT INTO mine VALUES (1, 'a@example.org');"
        "CREATE TABLE closed (id int PRIMARY KEY, secret text); GRANT SELECT ON mine TO managed; GRANT CREATE ON SCHEMA public TO managed",
    )
    try:
        adapter = open_(pg_database, user="managed", password=SecretStr("managed-secret"))
        info = await adapter.catalog.server_info()
        assert not info.is_superuser
        assert (await adapter.query.run(QueryRequest("SELECT id FROM mine"))).rows == ((1,),)
        with pytest.raises(PermissionDenied, match="closed"):
            await adapter.query.run(QueryRequest("SELECT * FROM closed"))
        outcome = await lint_database(adapter)
        assert outcome.report.checked
        report = await run_checks(adapter.security, engine="postgresql")
        assert report.checked
        assert all(reason for reason in report.not_run.values())
        assert not isinstance(await adapter.statistics.index_usage(), Unsupported)
        await adapter.close()
    finally:
        pg_server.run_sql(pg_database, "DROP OWNED BY managed; DROP ROLE managed")


async def test_a_table_of_1600_columns_is_described_read_and_compared(
    open_: Open, pg_server: PostgresServer, pg_database: str
) -> None:
    columns = ", ".join(f"c{number} integer" for number in range(1, 1600))
    values = ", ".join(f"g + {number}" for number in range(1, 1600))
    pg_server.run_sql(
        pg_database,
        f"CREATE TABLE wide (id integer PRIMARY KEY, {columns}); INSERT INTO wide SELECT g, {values} FROM generate_series(1, 40) AS g;"
        f"CREATE TABLE wide_copy (LIKE wide INCLUDING ALL)",
    )
    adapter = open_(pg_database)
    schema = await adapter.catalog.read_schema()
    table, copy = schema.table("wide"), schema.table("wide_copy")
    assert len(table.columns) == 1600
    page = await adapter.query.run(QueryRequest("SELECT * FROM wide", limits=QueryLimits(max_bytes=60_000)))
    assert page.truncated_by == "bytes"
    names = [column.name for column in table.columns]
    chunk = await adapter.bulk.read_chunk(table, names, ["id"], None, 100)
    await adapter.bulk.write_chunk(copy, names, ["id"], chunk.rows)
    assert await table_digest(adapter, copy) == await table_digest(adapter, table)


async def test_at_most_four_connections_are_opened_however_many_calls_come(
    open_: Open, pg_server: PostgresServer, pg_database: str
) -> None:
    adapter = open_(pg_database)
    ours = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'dbmanager' AND datname = current_database()"
    most = 0

    async def read() -> None:
        nonlocal most
        most = max(most, int(str((await adapter.query.fetch(ours))[0][0])))

    async with anyio.create_task_group() as group:
        for _ in range(40):
            group.start_soon(read)
            group.start_soon(adapter.catalog.server_info)
    assert 2 <= most <= 4
