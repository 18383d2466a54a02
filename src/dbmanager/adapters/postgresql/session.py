"""PostgreSQL sessions: reads that can't write even for a superuser, and a pool that leaks nothing from call to call."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import anyio
import asyncpg

from dbmanager.adapters.postgresql.errors import connect_error, mapped
from dbmanager.errors import AccessDenied, InvalidStatement, StatementFailed, UnsupportedCapability
from dbmanager.model.configuration import ConnectionSettings, ResolvedUrl

MAX_CONNECTIONS = 4
CONNECT_SECONDS = 10.0
OWN_SECONDS = 600.0
UNCOUNTED = "SET LOCAL pg_stat_statements.track = 'none'"
"""Keeps our own statements out of the workload; only a superuser may. Without the extension it sets nothing."""
READER_ROLE = "pg_read_all_data"
AS_GATED = "standard_conforming_strings"
"""On in every session: the gate reads texts so, and a database that has it off would read other statements."""


@dataclass(frozen=True, slots=True)
class RoleFacts:
    """What the connected role is, which decides how a read is confined, and how it is connected.

    `is_pooled` tells a pooler in transaction mode (PgBouncer): each transaction may meet another server process, so
    nothing of a session may be relied on or left behind.
    """

    version: int
    name: str
    is_superuser: bool
    database: str
    is_pooled: bool


class Sessions:
    """A pool of at most four connections. Whatever a call leaves behind is rolled back and reset on release."""

    def __init__(self, name: str, url: ResolvedUrl, settings: ConnectionSettings) -> None:
        self.name = name
        self.url = url
        self.settings = settings
        self._pool: asyncpg.Pool[Any] | None = None
        self._opening = anyio.Lock()
        self._facts: RoleFacts | None = None
        self._clean: set[int] = set()

    async def role(self) -> RoleFacts:
        """Return the role's facts, asked once."""
        if self._facts is None:
            async with self._acquired() as raw:
                row = await raw.fetchrow(
                    "SELECT current_setting('server_version_num')::int, current_user::text, "
                    "(SELECT rolsuper FROM pg_roles WHERE rolname = current_user), current_database()::text, "
                    "pg_backend_pid()"
                )
                is_pooled = row[4] != raw.get_server_pid()  # a pooler makes up the process it shows to its clients
                self._facts = RoleFacts(row[0], row[1], bool(row[2]), row[3], is_pooled)
        return self._facts

    @asynccontextmanager
    async def reading(
        self, *, timeout_seconds: float, lock_seconds: float, confined: bool
    ) -> AsyncIterator[asyncpg.Connection[Any]]:
        """Yield a connection in a read-only transaction with its snapshot taken; it is always rolled back.

        Args:
            timeout_seconds: the server stops each statement then.
            lock_seconds: waiting for a lock is given up then.
            confined: give up superuser rights for the transaction, as every statement of a model must.
        """
        facts = await self.role()
        begin = [
            "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",
            f"SET LOCAL statement_timeout = {int(timeout_seconds * 1000)}",
            f"SET LOCAL lock_timeout = {int(lock_seconds * 1000)}",
            "SET LOCAL idle_in_transaction_session_timeout = 60000",
            f"SET LOCAL {AS_GATED} = on",
        ]
        if facts.version >= 140000:
            begin.append("SET LOCAL client_connection_check_interval = 500")
        begin.append("SET LOCAL datestyle = 'ISO'; SET LOCAL intervalstyle = 'iso_8601'")
        if facts.is_superuser:
            begin.append(UNCOUNTED)
        begin.append("SELECT 1")
        if confined and facts.is_superuser and facts.version >= 140000:
            begin.append(f"SET LOCAL ROLE {READER_ROLE}")
        async with self._acquired() as raw:
            await raw.execute("; ".join(begin))
            yield raw

    @asynccontextmanager
    async def writing(
        self, *, timeout_seconds: float, lock_seconds: float, atomic: bool = True
    ) -> AsyncIterator[asyncpg.Connection[Any]]:
        """Yield a connection that may write: in a transaction that is committed at the end, or, not `atomic`, in none.

        Raises:
            AccessDenied: the connection is configured read-only.
            UnsupportedCapability: a statement that takes no transaction, through a pooler.
        """
        if self.settings.access == "read_only":
            raise AccessDenied(
                f"connection {self.name!r} is configured read_only",
                object_name=self.name,
                hint='A person may set access = "read_write" for it.',
            )
        if not atomic and (await self.role()).is_pooled:
            raise UnsupportedCapability(
                f"connection {self.name!r} goes through a transaction pooler, which takes no statement outside a transaction",
                object_name=self.name,
                hint="A person may name the server itself in the connection's url.",
            )
        settings: dict[str, object] = {
            "statement_timeout": int(timeout_seconds * 1000), "lock_timeout": int(lock_seconds * 1000),
            "timezone": "'UTC'", "datestyle": "'ISO'", "intervalstyle": "'iso_8601'", AS_GATED: "on",
        }  # fmt: skip
        if (await self.role()).is_superuser:
            settings["pg_stat_statements.track"] = "'none'"
        scope = "SET LOCAL" if atomic else "SET"
        async with self._acquired() as raw, raw.transaction() if atomic else nullcontext():
            await raw.execute("; ".join(f"{scope} {name} = {value}" for name, value in settings.items()))
            yield raw

    @asynccontextmanager
    async def administering(self) -> AsyncIterator[asyncpg.Connection[Any]]:
        """Yield a connection for making and dropping scratch databases, whatever access is configured."""
        async with self._acquired() as raw:
            yield raw

    def pool_use(self) -> tuple[int, int] | None:
        """Return busy and idle connections; None while there is no pool."""
        if self._pool is None:
            return None
        idle = self._pool.get_idle_size()
        return self._pool.get_size() - idle, idle

    async def close(self) -> None:
        """Close the pool; statements that still run are stopped."""
        if self._pool is not None:
            pool, self._pool = self._pool, None
            with anyio.move_on_after(1, shield=True):
                await pool.close()
            pool.terminate()

    @asynccontextmanager
    async def _acquired(self) -> AsyncIterator[asyncpg.Connection[Any]]:
        pool = await self._opened()
        try:
            raw = await pool.acquire()
        except (asyncpg.PostgresError, OSError, TimeoutError) as problem:
            raise connect_error(problem, connection=self.name, host=self.url.host, port=self.url.port) from None
        try:
            yield raw
        except asyncpg.PostgresError as problem:
            raise mapped(problem, connection=self.name) from None
        except asyncpg.InterfaceError as problem:
            raise self._interface(problem) from None
        except asyncpg.InternalClientError:
            raise InvalidStatement(
                "a column has a type that can't be read as it is (anyarray, for one)", object_name=self.name,
                hint="Cast it to text.",
            ) from None  # fmt: skip
        finally:
            with anyio.CancelScope(shield=True):
                await self._release(pool, raw)

    def _interface(self, problem: asyncpg.InterfaceError) -> Exception:
        text = str(problem)
        if "argument" in text and "expect" in text:
            return InvalidStatement(
                "the number of parameters does not fit the placeholders", object_name=self.name, hint="Pass one per $n."
            )
        if isinstance(problem, asyncpg.DataError):
            return InvalidStatement("a parameter has the wrong type for its placeholder", object_name=self.name)
        return StatementFailed("the statement could not be carried out by the driver", object_name=self.name)

    async def _release(self, pool: asyncpg.Pool[Any], raw: asyncpg.Connection[Any]) -> None:
        """Roll back, drop session state, give back; a connection that can't be cleaned is thrown away."""
        try:
            if not raw.is_closed() and raw.is_in_transaction():
                async with asyncio.timeout(2):
                    await self._roll_back(raw)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
            raw.terminate()
        number = raw.get_server_pid()
        try:
            await pool.release(raw, timeout=2)
        finally:
            self._clean.discard(number)

    async def _roll_back(self, raw: asyncpg.Connection[Any]) -> None:
        """Roll back, and drop what the session holds in the same round trip where that is to be dropped."""
        if self._facts is None or self._facts.is_pooled:
            await raw.execute("ROLLBACK")
            return
        await raw.execute(f"ROLLBACK; {raw.get_reset_query()}")
        self._clean.add(raw.get_server_pid())

    def _encoding(self) -> dict[str, str]:
        """Return how texts come: as UTF-8, unless the URL names what a database of SQL_ASCII really holds."""
        named = self.url.options.get("client_encoding")
        return {"client_encoding": named} if named else {}

    async def _reset(self, raw: asyncpg.Connection[Any]) -> None:
        """Drop what a session may hold; through a pooler it would be another one's."""
        if raw.get_server_pid() in self._clean:
            return
        if self._facts is None or not self._facts.is_pooled:
            await raw.execute(raw.get_reset_query())

    async def _opened(self) -> asyncpg.Pool[Any]:
        async with self._opening:
            if self._pool is None:
                try:
                    self._pool = await asyncpg.create_pool(
                        host=self.url.host,
                        port=self.url.port or 5432,
                        user=self.url.user,
                        password=self.url.password.get_secret_value() if self.url.password else None,
                        database=self.url.database,
                        min_size=0,
                        max_size=MAX_CONNECTIONS,
                        timeout=CONNECT_SECONDS,
                        ssl=_tls(self.url, self.settings),
                        server_settings={"application_name": "dbmanager", **self._encoding()},
                        statement_cache_size=0,  # a pooler may hand each transaction to another server process
                        init=_plain_times,
                        reset=self._reset,
                    )
                except (asyncpg.PostgresError, OSError, TimeoutError) as problem:
                    raise connect_error(problem, connection=self.name, host=self.url.host, port=self.url.port) from None
            return self._pool


async def _plain_times(raw: asyncpg.Connection[Any]) -> None:
    """Carry times as PostgreSQL writes them: Python's have no infinity, no years BC, no months, no 24:00."""
    for name in ("date", "time", "timetz", "timestamp", "timestamptz", "interval"):
        await raw.set_type_codec(name, schema="pg_catalog", encoder=str, decoder=str, format="text")


def _tls(url: ResolvedUrl, settings: ConnectionSettings) -> ssl.SSLContext | bool | str:
    """Return the TLS demand: as configured; on loopback none; elsewhere a verified certificate."""
    if settings.tls is None:
        local = url.host in (None, "localhost", "127.0.0.1", "::1") or str(url.host).startswith("/")
        return False if local else ssl.create_default_context()
    if settings.tls.mode == "disable":
        return False
    context = ssl.create_default_context(cafile=str(settings.tls.ca_file) if settings.tls.ca_file else None)
    if settings.tls.mode == "require":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif settings.tls.mode == "verify-ca":
        context.check_hostname = False
    return context
