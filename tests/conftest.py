"""Fixtures that every test may use: the event loop, and SQLite files made of plain SQL."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from dbmanager.adapters.postgresql.adapter import PostgresAdapter
from dbmanager.adapters.sqlite.adapter import SqliteAdapter
from dbmanager.model.configuration import Access, ConnectionSettings, ResolvedUrl
from tests.engines import mariadb, mongodb, mysql, postgresql, redis
from tests.engines.instance import EngineMissing
from tests.engines.mysql_family import MySqlServer

MakeFile = Callable[..., Path]


def pytest_configure(config: pytest.Config) -> None:
    """Give each of several test processes a temporary folder of its own: what is left behind is then left by its tests."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker is not None:
        folder = tempfile.mkdtemp(prefix=f"{worker}-")
        Path(folder).chmod(0o755)
        os.environ["TMPDIR"] = tempfile.tempdir = folder
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def sqlite_file(tmp_path: Path) -> MakeFile:
    """Return a maker of SQLite files: `sqlite_file("CREATE TABLE ...")`."""

    def make(script: str = "", name: str = "test.db") -> Path:
        path = tmp_path / name
        raw = sqlite3.connect(path)
        raw.executescript(script or "PRAGMA user_version = 1;")
        raw.close()
        path.chmod(0o600)
        return path

    return make


@pytest.fixture
async def open_sqlite() -> AsyncIterator[Callable[..., SqliteAdapter]]:
    """Return an opener of adapters that are closed after the test."""
    opened: list[SqliteAdapter] = []

    def open_(path: Path, *, read_only: bool = False) -> SqliteAdapter:
        opened.append(SqliteAdapter("test", path, read_only=read_only))
        return opened[-1]

    yield open_
    for adapter in opened:
        await adapter.close()


@contextlib.contextmanager
def needed() -> Iterator[None]:
    """Skip where an engine is missing; in CI a missing one is a failure."""
    try:
        yield
    except EngineMissing as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def pg_server() -> Iterator[postgresql.PostgresServer]:
    """Return a private PostgreSQL instance for the whole run."""
    with needed(), postgresql.running() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[MySqlServer]:
    """Return a private MariaDB instance for the whole run."""
    with needed(), mariadb.running() as server:
        yield server


@pytest.fixture(scope="session")
def mysql_server() -> Iterator[MySqlServer]:
    """Return a private MySQL instance for the whole run."""
    with needed(), mysql.running() as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[redis.RedisServer]:
    """Return a private Redis instance for the whole run."""
    with needed(), redis.running() as server:
        yield server


@pytest.fixture(scope="session")
def mongodb_server() -> Iterator[mongodb.MongoServer]:
    """Return MongoDB's wire on a real engine for the whole run."""
    with needed(), mongodb.running() as server:
        yield server


@pytest.fixture
def pg_database(pg_server: postgresql.PostgresServer) -> Iterator[str]:
    """Return the name of a fresh database."""
    name = pg_server.create_database()
    yield name
    pg_server.drop_database(name)


@pytest.fixture
async def open_postgres(pg_server: postgresql.PostgresServer) -> AsyncIterator[Callable[..., PostgresAdapter]]:
    """Return an opener of adapters that are closed after the test."""
    opened: list[PostgresAdapter] = []

    def open_(
        database: str,
        *,
        user: str = postgresql.SUPERUSER,
        password: str = postgresql.PASSWORD,
        access: Access = "read_write",
    ) -> PostgresAdapter:
        url = ResolvedUrl(
            engine="postgresql",
            host=pg_server.host,
            port=pg_server.port,
            user=user,
            password=SecretStr(password),
            database=database,
        )
        settings = ConnectionSettings(url=pg_server.url(database, user), access=access)
        opened.append(PostgresAdapter("test", url, settings))
        return opened[-1]

    yield open_
    for adapter in opened:
        await adapter.close()
