"""MySQL sessions: read-only transactions, known modes, a pool that leaks nothing, and a second connection that kills."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio
import anyio.to_thread

from dbmanager.adapters.mysql.errors import connect_error, mapped
from dbmanager.adapters.mysql.facts import ASKED, MEANS, VARIABLES, ServerFacts, server_facts
from dbmanager.adapters.mysql.guard import Guard
from dbmanager.adapters.mysql.tls import context
from dbmanager.adapters.mysql.wire import DriverError, Wire
from dbmanager.errors import AccessDenied, QueryTimeout
from dbmanager.model.configuration import ConnectionSettings, ResolvedUrl

MAX_WORKING = 3
"""With the one that kills these are four connections."""
CONNECT_SECONDS = 10.0
OWN_SECONDS = 600.0
GRACE_SECONDS = 0.5
"""How much later than the server's own limit we stop a statement ourselves."""
EXACT_MODES = "NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES"
"""For writing back what was stored: zero keys, zero and impossible dates included."""


class Sessions:
    """A pool of at most three connections; every call begins in a fresh session."""

    def __init__(self, name: str, url: ResolvedUrl, settings: ConnectionSettings) -> None:
        self.name = name
        self.url = url
        self.settings = settings
        self._slots = anyio.Semaphore(MAX_WORKING)
        self._idle: list[Wire] = []
        self._out: set[Wire] = set()
        self._killing = anyio.Lock()
        self._starting = anyio.Lock()
        self._tls = context(url, settings)
        self._facts: ServerFacts | None = None
        self._guard = Guard(self._login_for_child())
        self._closed = False

    @property
    def known_facts(self) -> ServerFacts | None:
        """What the server can do, None before it was asked."""
        return self._facts

    async def facts(self) -> ServerFacts:
        """Return what the server can do, asked once."""
        if self._facts is None:
            async with self._acquired() as raw:
                await raw.run("SET NAMES utf8mb4")
                variables = {str(row[0]): str(row[1]) for row in await raw.fetch(VARIABLES)}
                self._facts = server_facts((await raw.fetch(ASKED))[0], await raw.fetch(MEANS), variables)
        return self._facts

    @asynccontextmanager
    async def reading(
        self, *, timeout_seconds: float, lock_seconds: float, most_rows: int | None = None
    ) -> AsyncIterator[Wire]:
        """Yield a connection in a read-only transaction with its snapshot taken; it is always rolled back.

        The session stays read-only after that transaction too, so that what commits it can't write either.

        Args:
            timeout_seconds: the server stops a SELECT then.
            lock_seconds: waiting for a lock is given up then.
            most_rows: the server ends a SELECT without its own LIMIT there.
        """
        facts = await self.facts()
        limit = f", SESSION sql_select_limit = {most_rows}" if most_rows is not None else ""
        async with self._acquired() as raw:
            await raw.run(_settings(facts, facts.sql_mode, timeout_seconds, lock_seconds) + limit)
            await raw.run("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            await raw.run("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
            yield raw

    @asynccontextmanager
    async def writing(self, *, timeout_seconds: float, lock_seconds: float, exact: bool = False) -> AsyncIterator[Wire]:
        """Yield a connection that may write, outside a transaction; what runs past the time limit is killed.

        Args:
            timeout_seconds: the whole block is stopped then.
            lock_seconds: waiting for a lock is given up then, rounded up to whole seconds.
            exact: take values exactly as they are, zero keys and impossible dates included.

        Raises: AccessDenied when the connection is configured read-only.
        """
        if self.settings.access == "read_only":
            raise AccessDenied(
                f"connection {self.name!r} is configured read_only",
                object_name=self.name,
                hint='A person may set access = "read_write" for it.',
            )
        facts = await self.facts()
        mode = f"STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,{EXACT_MODES}" if exact else facts.sql_mode
        async with self.bounded(timeout_seconds), self._acquired() as raw:
            await raw.run(_settings(facts, mode, timeout_seconds, lock_seconds))
            yield raw

    @asynccontextmanager
    async def administering(self) -> AsyncIterator[Wire]:
        """Yield a connection for making and dropping scratch databases, whatever access is configured."""
        async with self._acquired() as raw:
            await raw.run("SET NAMES utf8mb4")
            yield raw

    @asynccontextmanager
    async def bounded(self, seconds: float) -> AsyncIterator[None]:
        """Stop what runs inside after the time, by our own clock; the server's limits do not cover everything."""
        with anyio.move_on_after(seconds + GRACE_SECONDS) as scope:
            yield
        if scope.cancelled_caught:
            raise QueryTimeout(
                "the statement was stopped at its time limit", object_name=self.name, hint="Narrow it, or explain it."
            )

    def pool_use(self) -> tuple[int, int]:
        """Return busy and idle connections."""
        return len(self._out), len(self._idle)

    async def close(self) -> None:
        """Close every connection; statements that still run are killed."""
        self._closed = True
        with anyio.CancelScope(shield=True):
            for raw in [*self._idle, *self._out]:
                await self._discard(raw, kill=raw in self._out)
            self._idle.clear()
            await anyio.to_thread.run_sync(self._guard.close)

    @asynccontextmanager
    async def _acquired(self) -> AsyncIterator[Wire]:
        async with self._slots:
            raw = await self._taken()
            try:
                yield raw
            except DriverError as problem:
                raise mapped(problem, connection=self.name) from None
            finally:
                with anyio.CancelScope(shield=True):
                    await self._release(raw)

    async def _taken(self) -> Wire:
        while self._idle:
            raw = self._idle.pop()
            if not raw.gone:
                self._out.add(raw)
                return raw
            await self._discard(raw, kill=False)
        async with self._starting:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(self._guard.start)
        raw = await self._connected()
        self._guard.opened(raw.thread)
        self._out.add(raw)
        return raw

    async def _connected(self) -> Wire:
        url = self.url
        password = url.password.get_secret_value() if url.password else ""
        raw = Wire(
            host=url.host or "localhost", port=url.port or 3306, user=url.user or "",
            password=password.encode().decode("latin-1"),  # the driver encodes Latin-1, servers are told UTF-8
            db=url.database, connect_timeout=CONNECT_SECONDS, ssl=self._tls, program_name="dbmanager",
        )  # fmt: skip
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return await raw.open()
        except (DriverError, OSError, TimeoutError) as problem:
            raise connect_error(
                problem, connection=self.name, host=url.host, port=url.port, encrypted=self._tls is not None
            ) from None

    async def _release(self, raw: Wire) -> None:
        """Give a clean connection back; kill and drop one whose statement has not ended."""
        self._out.discard(raw)
        if not raw.closed and not raw.busy and not self._closed:
            try:
                async with asyncio.timeout(2):
                    await raw.reset()
                self._idle.append(raw)
                return
            except (DriverError, OSError, TimeoutError):
                pass
        elif not raw.closed and not self._closed:
            raw.close()
        await self._discard(raw, kill=True)

    async def _discard(self, raw: Wire, *, kill: bool) -> None:
        """Close a connection, and see to it that the server has ended it when `kill`."""
        thread = raw.thread
        raw.close()
        if kill:
            with suppress(Exception):
                async with asyncio.timeout(CONNECT_SECONDS):
                    await self._kill(thread)
        self._guard.closed(thread)
        await asyncio.sleep(0)

    async def _kill(self, thread: int) -> None:
        """End a connection on the server, and wait until its statement is gone."""
        async with self._killing:
            killer = await self._connected()
            try:
                with suppress(DriverError):
                    await killer.run(f"KILL {thread}")
                gone = f"SELECT 1 FROM information_schema.PROCESSLIST WHERE ID = {thread}"  # noqa: S608 - a number
                while await killer.fetch(gone):  # noqa: ASYNC110 - the server has no event to wait for
                    await asyncio.sleep(0.005)
            finally:
                killer.close()

    def _login_for_child(self) -> dict[str, Any]:
        url, tls = self.url, self._tls
        authority = self.settings.tls.ca_file if self.settings.tls else None
        return {
            "host": url.host or "localhost",
            "port": url.port or 3306,
            "user": url.user or "",
            "password": (url.password.get_secret_value() if url.password else "").encode().decode("latin-1"),
            "tls": None if tls is None else {
                "ca_file": str(authority) if authority else None,
                "check_hostname": tls.check_hostname,
                "verify_mode": int(tls.verify_mode),
            },
        }  # fmt: skip


def _settings(facts: ServerFacts, mode: str, timeout_seconds: float, lock_seconds: float) -> str:
    """Return the one SET that every session begins with."""
    lock = max(1, math.ceil(lock_seconds))
    found = [
        "NAMES utf8mb4", f"SESSION sql_mode = '{mode}'", "SESSION time_zone = '+00:00'", "SESSION autocommit = 1",
        f"SESSION lock_wait_timeout = {lock}", f"SESSION innodb_lock_wait_timeout = {lock}",
        "SESSION net_write_timeout = 600", "SESSION group_concat_max_len = 1048576",
    ]  # fmt: skip
    if "max_statement_time" in facts.has:
        found.append(f"SESSION max_statement_time = {timeout_seconds}")
    if "max_execution_time" in facts.has:
        found.append(f"SESSION max_execution_time = {max(1, int(timeout_seconds * 1000))}")
    if "explain_json_format_version" in facts.has:
        found.append("SESSION explain_json_format_version = 2")
    return "SET " + ", ".join(found)
