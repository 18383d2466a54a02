"""The outsider's corpus: every statement is seen to work ungated, then refused with advice and without a trace."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import asyncpg
import pytest

from dbmanager.adapters.postgresql.adapter import PostgresAdapter
from dbmanager.adapters.sqlite.adapter import SqliteAdapter
from dbmanager.errors import DbManagerError, StatementRefused
from dbmanager.model.queries import QueryLimits, QueryRequest
from tests.conftest import MakeFile, needed
from tests.engines import postgresql
from tests.engines.postgresql import PASSWORD, SUPERUSER, PostgresServer
from tests.gate.outsider import POSTGRESQL_HOSTILE, POSTGRESQL_SETUP, SCHEMA, SQLITE_HOSTILE, SQLITE_SETUP

pytestmark = pytest.mark.anyio
LIMITS = QueryLimits(timeout_seconds=2.0)
EFFECT_SECONDS = 10.0


HARMLESS = {"cast_implicit", "bomb_regex"}
"""Pass the gate, change nothing in the confined session and end within the bounds."""
NEEDS_ANOTHER_SERVER = {
    "multi_nonstandard_strings", "dblink", "dblink_exec", "dblink_connect", "lo_import_read_back", "set_config_named",
    "pg_terminate_backend_other", "pg_rotate_logfile", "brin_desummarize", "cast_implicit",
}  # fmt: skip
"""Their effect was seen by their author on a server with passwordless logins, a log collector or autovacuum; not here."""


async def _outcome(adapter: PostgresAdapter, case: tuple[str, str, str]) -> str:
    try:
        result = await adapter.query.run(QueryRequest(case[1], limits=LIMITS))
    except StatementRefused as refused:
        return "refused" if refused.hint else "refused without advice"
    except DbManagerError:
        return "stopped"
    assert result.size_bytes < 200_000
    return "bounded"


async def _takes_long(raw: asyncpg.Connection[Any], statement: str) -> None:
    try:
        await raw.fetch(statement, timeout=1)
    except TimeoutError:
        return


@pytest.fixture(scope="module")
def pg_server() -> Iterator[PostgresServer]:
    """Return a server of this corpus's own: roles and settings that its statements leave behind go with it."""
    with needed(), postgresql.running() as server:
        yield server


@pytest.fixture(scope="module")
def template(pg_server: PostgresServer) -> Iterator[str]:
    name = pg_server.create_database()
    pg_server.run_sql(name, ";".join(SCHEMA))
    for statement in POSTGRESQL_SETUP:
        pg_server.run_sql(name, statement + ";")
    yield name
    pg_server.drop_database(name)


@pytest.fixture
def database(pg_server: PostgresServer, template: str) -> Iterator[str]:
    name = pg_server.create_database(template)
    yield name
    pg_server.drop_database(name)


def _asked(server: PostgresServer, database: str, probe: str) -> str:
    return server.run_sql(database, probe) if probe else ""


@pytest.mark.parametrize("case", POSTGRESQL_HOSTILE, ids=lambda case: case[0])
async def test_on_postgresql(
    case: tuple[str, str, str], pg_server: PostgresServer, database: str, open_postgres: Callable[..., PostgresAdapter]
) -> None:
    _, statement, probe = case
    adapter = open_postgres(database, access="read_only")
    await adapter.query.fetch("SELECT 1")
    before = _asked(pg_server, database, probe)
    outcome = await _outcome(adapter, case)
    assert outcome in ("refused", "stopped") or case[0] in HARMLESS
    assert _asked(pg_server, database, probe) == before
    assert await adapter.query.fetch("SELECT current_user = session_user") == [(True,)]
    raw = await asyncpg.connect(
        host=pg_server.host, port=pg_server.port, user=SUPERUSER, password=PASSWORD, database=database
    )
    try:
        first = await _probed(raw, probe)
        if probe:
            with contextlib.suppress(TimeoutError, asyncpg.PostgresError):
                await raw.execute(statement, timeout=2)
            assert case[0] in NEEDS_ANOTHER_SERVER or await _moves(raw, probe, first)
        elif case[0].startswith(("bomb_", "pg_sleep")):
            with contextlib.suppress(asyncpg.PostgresError):
                await _takes_long(raw, statement)
        else:
            with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, ConnectionError):
                await raw.fetch(statement, timeout=5)
    finally:
        await raw.close(timeout=5)


async def _moves(raw: asyncpg.Connection[Any], probe: str, first: object) -> bool:
    """Whether the probe comes to say something else; some effects, such as a reload, take the server a moment."""
    deadline = anyio.current_time() + EFFECT_SECONDS
    while anyio.current_time() < deadline:
        if await _probed(raw, probe) != first:
            return True
        await anyio.sleep(0.05)
    return False


async def _probed(raw: asyncpg.Connection[Any], probe: str) -> object:
    return str(await raw.fetchval(probe)) if probe else ""


def _shape(path: Path) -> tuple[str, tuple[str, ...]]:
    raw = sqlite3.connect(path)
    try:
        return "\n".join(raw.iterdump()), tuple(sorted(p.name for p in path.parent.iterdir()))
    finally:
        raw.close()


@pytest.mark.parametrize("layer", ["gate and engine", "engine alone"])
@pytest.mark.parametrize("case", SQLITE_HOSTILE, ids=lambda case: case[0])
async def test_on_sqlite(
    case: tuple[str, str, str],
    layer: str,
    sqlite_file: MakeFile,
    open_sqlite: Callable[..., SqliteAdapter],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    path = sqlite_file(";".join((*SCHEMA, *SQLITE_SETUP)) + ";")
    before = _shape(path)
    adapter = open_sqlite(path, read_only=True)
    await adapter.query.fetch("SELECT 1")
    run = adapter.query.run if layer == "gate and engine" else adapter.query._run_ungated
    bounded = True
    try:
        result = await run(QueryRequest(case[1], limits=LIMITS))
        bounded = result.size_bytes < 200_000
        assert layer == "engine alone" or not case[2], "it passed the gate and can change something"
    except DbManagerError as stopped:
        bounded = layer == "engine alone" or bool(stopped.hint)
    assert bounded
    await adapter.close()
    assert _shape(path) == before
    shutil.rmtree(tmp_path, ignore_errors=True)


def test_the_corpora_are_large_enough() -> None:
    assert len(POSTGRESQL_HOSTILE) - len(NEEDS_ANOTHER_SERVER | HARMLESS) >= 200
    assert len(SQLITE_HOSTILE) >= 100
