"""The server's own state: one SQLAlchemy database, opened on first use, upgraded under a lock."""

from __future__ import annotations

import datetime as dt
import json
import os
import secrets
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import anyio.to_thread
from sqlalchemy import URL, Connection, event, inspect, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from dbmanager.errors import ConfigurationError, StoreError
from dbmanager.services.keys import key
from dbmanager.services.tables import HEAD

LOCK_NUMBER = 7_266_331
BUSY_SECONDS = 15


def now() -> str:
    """Return this moment, UTC, ISO 8601."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")


def new_id(prefix: str) -> str:
    """Return a fresh id such as `chg_x7Kq2mP9aB`."""
    return f"{prefix}_{secrets.token_hex(5)}"


def compact(value: object) -> str:
    """Return canonical JSON: keys sorted, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


class Store:
    """Reads and writes in short transactions. On SQLite every write transaction takes the write lock at once.

    A transaction is never cut by a cancellation: it ends first, so that what was done is also what is kept.
    """

    def __init__(self, data_dir: Path, url: str | URL | None = None, *, secret: bytes | None = None) -> None:
        self.data_dir = data_dir
        self._secret = secret
        self._file = None if url else data_dir / "store.db"
        self._url = url or f"sqlite+aiosqlite:///{self._file}"
        self._engine: AsyncEngine | None = None
        self._opening = anyio.Lock()

    @property
    def is_shared(self) -> bool:
        """Whether it stands on a server, where other machines may use it too."""
        return self._file is None

    def key(self, name: str) -> bytes:
        """Return one of this server's own keys: derived from the shared secret, or of a file beside the store."""
        return key(self.data_dir, name, self._secret)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Yield a connection in a transaction that is not committed."""
        with anyio.CancelScope(shield=True):
            engine = await self._opened()
            try:
                async with engine.connect() as connection:
                    yield connection
            except (SQLAlchemyError, OSError) as problem:
                raise _store_error(problem) from None

    @asynccontextmanager
    async def write(self, *, alone: bool = False) -> AsyncIterator[AsyncConnection]:
        """Yield a connection in a transaction that is committed at the end.

        `alone` lets no other such transaction run meanwhile; on SQLite none does anyway.
        """
        with anyio.CancelScope(shield=True):
            engine = await self._opened()
            try:
                async with engine.begin() as connection:
                    if connection.dialect.name == "sqlite":
                        await connection.exec_driver_sql("BEGIN IMMEDIATE")
                    elif alone:
                        await connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": LOCK_NUMBER + 1})
                    yield connection
            except (SQLAlchemyError, OSError) as problem:
                raise _store_error(problem) from None

    async def close(self) -> None:
        """Close the pool."""
        if self._engine is not None:
            await self._engine.dispose()
            self._engine = None

    async def _opened(self) -> AsyncEngine:
        async with self._opening:
            if self._engine is None:
                try:
                    engine = self._make_engine()
                except (ImportError, SQLAlchemyError):
                    raise ConfigurationError(
                        "store.url names a driver that is not there",
                        hint="Write postgresql+asyncpg://user@host/database.",
                    ) from None
                try:
                    await self._upgrade(engine)
                except (SQLAlchemyError, OSError) as problem:
                    await engine.dispose()
                    raise _store_error(problem) from None
                except BaseException:
                    await engine.dispose()
                    raise
                self._engine = engine
            return self._engine

    def _make_engine(self) -> AsyncEngine:
        if self._file is None:
            return create_async_engine(self._url, pool_size=2, max_overflow=0)
        if not self._file.exists():
            try:
                os.close(os.open(self._file, os.O_CREAT | os.O_RDWR, 0o600))
            except OSError as problem:
                raise StoreError(
                    f"the store {self._file} cannot be made: {problem.strerror}", hint="Set store.data_dir elsewhere."
                ) from None
        engine = create_async_engine(self._url, connect_args={"timeout": BUSY_SECONDS})

        @event.listens_for(engine.sync_engine, "connect")
        def _prepare(raw: sqlite3.Connection, _record: object) -> None:
            raw.isolation_level = None  # transactions are begun by `write`, with the lock it needs
            _write_ahead(raw)
            for pragma in ("synchronous = FULL", "foreign_keys = ON"):
                raw.execute(f"PRAGMA {pragma}")

        return engine

    async def _upgrade(self, engine: AsyncEngine) -> None:
        async with engine.connect() as connection:
            version = await connection.run_sync(_version)
        if version == HEAD:
            return
        if version is not None and version > HEAD:
            raise StoreError(
                f"the store is of version {version}, newer than this package knows ({HEAD})",
                hint="Upgrade the package, or point store.url at another store.",
            )
        if version is not None and self._file is not None:
            await anyio.to_thread.run_sync(_copy, self._file, self._file.with_suffix(f".{version}.bak"))
        async with engine.begin() as connection:
            if connection.dialect.name == "sqlite":
                await connection.exec_driver_sql("BEGIN IMMEDIATE")
            else:
                await connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": LOCK_NUMBER})
            if await connection.run_sync(_version) != HEAD:
                await connection.run_sync(_migrate)


def _write_ahead(raw: sqlite3.Connection) -> None:
    """Switch to the write-ahead log; SQLite does not wait for another process that does the same at this moment."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            raw.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return str(found) if found is not None else None


def _migrate(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _copy(source: Path, target: Path) -> None:
    origin, copy = sqlite3.connect(source), sqlite3.connect(target)
    try:
        origin.backup(copy)
    finally:
        origin.close()
        copy.close()
    target.chmod(0o600)


def _store_error(problem: SQLAlchemyError | OSError) -> StoreError:
    reason = str(getattr(problem, "orig", None) or type(problem).__name__).splitlines()[0]
    return StoreError(f"the store could not be used: {reason}", hint="Check its disk, permissions and store.url.")
