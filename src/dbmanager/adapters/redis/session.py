"""Redis sessions: at most four, reads run inside a read-only script so that the server itself refuses writes."""

from __future__ import annotations

import math
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import anyio
from redis import exceptions as driver
from redis.asyncio.connection import Connection, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from dbmanager.adapters.redis.errors import connect_error, mapped
from dbmanager.errors import AccessDenied, ConnectionFailed, DbManagerError, PermissionDenied, QueryTimeout
from dbmanager.model.configuration import ConnectionSettings, ResolvedUrl

MAX_CONNECTIONS = 4
CONNECT_SECONDS = 10.0
OWN_SECONDS = 600.0
APPLICATION = "dbmanager"
READ_ONLY_SCRIPT = b"return redis.pcall(unpack(ARGV))"
"""Run by EVAL_RO: the server refuses every command that writes, may replicate or is barred from scripts."""
_DENIED_IN_SCRIPT = ("ACL failure in script", "The user executing the script can't")
"""How Redis 7 says inside a script what it says with the code word NOPERM outside; there it has no word of its own."""
KILL_SECONDS = 0.8
Reply = Any
Arguments = Sequence[str | bytes | int]


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What answers: `product` is redis or valkey; `confines` tells whether reads can run inside EVAL_RO."""

    product: str
    version: tuple[int, ...]
    user: str
    confines: bool

    @property
    def number(self) -> int:
        """The version as one number, 70015 for 7.0.15."""
        major, minor, patch = (*self.version, 0, 0)[:3]
        return major * 10_000 + minor * 100 + patch


class Wire:
    """One connection; speaks RESP2, raises our errors, never reconnects behind a transaction's back."""

    def __init__(self, raw: Connection, name: str) -> None:
        self.raw = raw
        self.name = name
        self.id = 0

    async def call(self, *arguments: str | bytes | int) -> Reply:
        """Send one command and return its reply."""
        reply = (await self.many([arguments]))[0]
        if isinstance(reply, driver.RedisError):
            raise mapped(reply, connection=self.name, command=_word(arguments))
        return reply

    async def many(self, commands: Sequence[Arguments]) -> list[Reply]:
        """Send commands together and return one reply each; error replies are returned, not raised."""
        if not self.raw.is_connected:
            raise ConnectionFailed("the session was closed", object_name=self.name, hint="Try again.")
        await self.raw.send_packed_command(self.raw.pack_commands(commands), check_health=False)
        return [await self._reply() for _ in commands]

    async def _reply(self) -> Reply:
        try:
            return await self.raw.read_response(timeout=math.inf)
        except driver.ConnectionError as gone:
            if self.raw.is_connected:
                return gone
            raise
        except driver.ResponseError as refused:
            return refused

    async def confined(self, arguments: Sequence[bytes]) -> Reply:
        """Run a command inside the read-only script."""
        reply = (await self.many([(b"EVAL_RO", READ_ONLY_SCRIPT, b"0", *arguments)]))[0]
        if isinstance(reply, driver.RedisError):
            if str(reply).startswith(_DENIED_IN_SCRIPT):
                raise PermissionDenied("the user's ACL does not allow the command or the key", object_name=self.name)
            raise mapped(reply, connection=self.name, command=_word(arguments))
        return reply


class Sessions:
    """A small pool. A connection that was cancelled, timed out or broke is closed and killed, never given back."""

    def __init__(self, name: str, url: ResolvedUrl, settings: ConnectionSettings, socket: str | None = None) -> None:
        self.name = name
        self.url = url
        self.settings = settings
        self._socket = socket
        self._idle: list[Wire] = []
        self._busy: set[Wire] = set()
        self._slots = anyio.Semaphore(MAX_CONNECTIONS - 1)
        self._killing = anyio.Semaphore(1)
        self._facts: ServerFacts | None = None
        self._commands: list[Reply] | None = None

    @property
    def database(self) -> int:
        """The number of the logical database."""
        return int(self.url.database) if self.url.database.isdigit() else 0

    async def server(self) -> ServerFacts:
        """Return what answers, asked once."""
        if self._facts is None:
            async with self.reading(timeout_seconds=30) as wire:
                info = await self.info(wire, "server")
                product = info.get("server_name", "redis")
                version = info.get("valkey_version") or info.get("redis_version", "0")
                user = (await wire.many([("ACL", "WHOAMI")]))[0]
                probe = (await wire.many([("EVAL_RO", READ_ONLY_SCRIPT, "0", "PING")]))[0]
                self._facts = ServerFacts(
                    product, tuple(int(part) for part in version.split(".") if part.isdigit()),
                    user.decode() if isinstance(user, bytes) else (self.url.user or "default"),
                    not isinstance(probe, driver.RedisError),
                )  # fmt: skip
        return self._facts

    async def commands(self) -> list[Reply]:
        """Return the server's command table, asked once."""
        if self._commands is None:
            async with self.reading(timeout_seconds=30) as wire:
                self._commands = list(await wire.call("COMMAND"))
        return self._commands

    async def info(self, wire: Wire, section: str) -> dict[str, str]:
        """Return a section of INFO; empty when the user may not ask."""
        reply = (await wire.many([("INFO", section)]))[0]
        if not isinstance(reply, bytes):
            return {}
        lines = [line.partition(":") for line in reply.decode("utf-8", "replace").splitlines() if ":" in line]
        return {name: value for name, _, value in lines}

    @asynccontextmanager
    async def reading(self, *, timeout_seconds: float) -> AsyncIterator[Wire]:
        """Yield a connection for reads; after the time limit it is closed and killed.

        Raises: QueryTimeout.
        """
        try:
            async with self._slots:
                with anyio.fail_after(timeout_seconds):
                    async with self._borrowed() as wire:
                        yield wire
        except TimeoutError:
            raise QueryTimeout(
                "the command was stopped at its time limit", object_name=self.name, hint="Ask for less at a time."
            ) from None

    @asynccontextmanager
    async def writing(self, *, timeout_seconds: float) -> AsyncIterator[Wire]:
        """Yield a connection that may write.

        Raises: AccessDenied when the connection is configured read-only.
        """
        if self.settings.access == "read_only":
            raise AccessDenied(
                f"connection {self.name!r} is configured read_only", object_name=self.name,
                hint='A person may set access = "read_write" for it.',
            )  # fmt: skip
        async with self.reading(timeout_seconds=timeout_seconds) as wire:
            yield wire

    async def close(self) -> None:
        """Close what is idle; kill what still runs."""
        idle, self._idle = self._idle, []
        for wire in idle:
            await _closed(wire)
        for wire in list(self._busy):
            await self._kill(wire)

    @asynccontextmanager
    async def _borrowed(self) -> AsyncIterator[Wire]:
        wire = await self._wire()
        self._busy.add(wire)
        sound = False
        try:
            yield wire
            sound = True
        except DbManagerError:
            sound = wire.raw.is_connected
            raise
        except (driver.ConnectionError, driver.TimeoutError):
            raise ConnectionFailed("the server ended the session", object_name=self.name, hint="Try again.") from None
        except driver.RedisError as problem:
            sound = wire.raw.is_connected
            raise mapped(problem, connection=self.name) from None
        finally:
            self._busy.discard(wire)
            if sound and wire.raw.is_connected:
                self._idle.append(wire)
            else:
                with anyio.CancelScope(shield=True):
                    await self._kill(wire)

    async def _wire(self) -> Wire:
        while self._idle:
            wire = self._idle.pop()
            if wire.raw.is_connected and not await wire.raw.can_read():
                return wire
            await _closed(wire)
        return await self._connected()

    async def _kill(self, wire: Wire) -> None:
        """Close our end and have the server drop its own, with whatever waits there, from another connection."""
        await _closed(wire)
        if not wire.id:
            return
        with anyio.move_on_after(KILL_SECONDS, shield=True):
            async with self._killing:
                try:
                    other = await self._connected()
                except DbManagerError:
                    return
                try:
                    await other.many([("CLIENT", "KILL", "ID", wire.id)])
                except (driver.RedisError, OSError):
                    pass
                finally:
                    await _closed(other)

    async def _connected(self) -> Wire:
        raw = self._raw()
        wire = Wire(raw, self.name)
        try:
            with anyio.fail_after(CONNECT_SECONDS):
                await raw.connect()  # type: ignore[no-untyped-call]
                named = await wire.many(
                    [("CLIENT", "SETNAME", APPLICATION), ("CLIENT", "ID"), ("CLIENT", "NO-TOUCH", "ON")]
                )
        except (driver.RedisError, OSError, TimeoutError, ssl.SSLError) as problem:
            await _closed(wire)
            raise connect_error(problem, connection=self.name, address=self.address) from None
        except BaseException:  # cancelled half way: nobody else knows of this connection
            await _closed(wire)
            raise
        wire.id = named[1] if isinstance(named[1], int) else 0
        return wire

    @property
    def tls(self) -> dict[str, Any] | None:
        """The driver's TLS options, None without TLS."""
        return None if self._socket else tls_options(self.url, self.settings)

    @property
    def address(self) -> str:
        """Where the server is, without credentials."""
        return self._socket or f"{self.url.host or 'localhost'}:{self.url.port or 6379}"

    def _raw(self) -> Connection:
        password = self.url.password.get_secret_value() if self.url.password else None
        shared: dict[str, Any] = {
            "db": self.database, "username": self.url.user or None, "password": password, "protocol": 2,
            "socket_timeout": None, "socket_connect_timeout": CONNECT_SECONDS, "retry": Retry(NoBackoff(), 0),
            "driver_info": None,
        }  # fmt: skip
        if self._socket:
            return UnixDomainSocketConnection(path=self._socket, **shared)  # type: ignore[return-value]
        shared |= {"host": self.url.host or "localhost", "port": self.url.port or 6379}
        return Connection(**shared) if self.tls is None else SSLConnection(**self.tls, **shared)


def tls_options(url: ResolvedUrl, settings: ConnectionSettings) -> dict[str, Any] | None:
    """Return the driver's TLS options: as configured; on loopback only for `rediss`; elsewhere always verified."""
    if settings.tls is None:
        local = url.host in (None, "localhost", "127.0.0.1", "::1")
        return None if local and not url.scheme.endswith("ss") and url.scheme != "valkeys" else {}
    if settings.tls.mode == "disable":
        return None
    options: dict[str, Any] = {"ssl_ca_certs": str(settings.tls.ca_file)} if settings.tls.ca_file else {}
    if settings.tls.mode == "require":
        return {"ssl_cert_reqs": "none", "ssl_check_hostname": False}
    if settings.tls.mode == "verify-ca":
        options["ssl_check_hostname"] = False
    return options


def _word(arguments: Sequence[str | bytes | int]) -> str:
    """Return the command word for messages, only when it is a plain word."""
    word = arguments[0]
    text = word.decode("ascii", "replace") if isinstance(word, bytes) else str(word)
    return text.upper() if text.replace("_", "").isalpha() and len(text) < 24 else ""


async def _closed(wire: Wire) -> None:
    with anyio.move_on_after(1.0, shield=True), suppress(driver.RedisError, OSError):
        await wire.raw.disconnect(nowait=True)
