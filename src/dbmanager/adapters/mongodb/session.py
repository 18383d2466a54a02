"""The one place that knows MongoDB's driver: a client of few connections, commands, sessions, transactions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

import anyio
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.raw_bson import RawBSONDocument
from pymongo import AsyncMongoClient
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import InvalidURI, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from dbmanager.adapters.mongodb.errors import connect_error, mapped
from dbmanager.errors import AccessDenied
from dbmanager.model.configuration import ConnectionSettings, ResolvedUrl

MAX_POOLED = 3
"""With the driver's own monitoring connection that makes four."""
CONNECT_SECONDS = 10.0
OWN_SECONDS = 600.0
APPLICATION = "dbmanager"
Document = dict[str, Any]
Session = AsyncClientSession
EXACT: CodecOptions[Document] = CodecOptions(document_class=dict, datetime_conversion=DatetimeConversion.DATETIME_MS)
"""Dates as milliseconds: no year is out of range and nothing is rounded."""
RAW = CodecOptions(document_class=RawBSONDocument)


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What the server says of itself: decides about transactions and what to expect of it."""

    version: str
    version_number: int
    has_transactions: bool
    is_replica_set: bool


class Sessions:
    """A client of at most four connections, and commands on one database."""

    def __init__(self, name: str, url: ResolvedUrl, settings: ConnectionSettings) -> None:
        self.name = name
        self.url = url
        self.settings = settings
        self.database = url.database
        self._client: AsyncMongoClient[Document] | None = None
        self._facts: ServerFacts | None = None
        self._opening = anyio.Lock()

    async def command(
        self,
        document: Mapping[str, Any],
        *,
        database: str | None = None,
        session: Session | None = None,
        seconds: float | None = None,
        codec: CodecOptions[Any] = EXACT,
    ) -> Document:
        """Run one command and return its reply. Cancelling closes its socket, upon which the server stops it.

        After `seconds` the server stops it, for commands that take a `maxTimeMS`; `codec` says how values are decoded.

        Raises: what the server's error code stands for.
        """
        sent = dict(document)
        if seconds is not None:
            sent["maxTimeMS"] = max(1, int(seconds * 1000))
        client = await self._opened()
        try:
            found = await client[database or self.database].command(sent, session=session, codec_options=codec)
        except PyMongoError as problem:
            raise mapped(problem, connection=self.name, url=self.url) from None
        return dict(found) if codec is EXACT else cast(Document, found)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """Yield a session, which a cursor's batches and a transaction need."""
        client = await self._opened()
        async with client.start_session() as session:
            yield session

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session | None]:
        """Yield a session in a transaction: committed at the end, aborted on a failure; None where there are none."""
        if not (await self.facts()).has_transactions:
            yield None
            return
        async with self.session() as session:
            await session.start_transaction(ReadConcern("snapshot"), WriteConcern("majority"))
            try:
                yield session
            except BaseException:
                with anyio.CancelScope(shield=True), anyio.move_on_after(5):
                    await session.abort_transaction()
                raise
            try:
                await session.commit_transaction()
            except PyMongoError as problem:
                raise mapped(problem, connection=self.name, url=self.url) from None

    def require_write(self) -> None:
        """Raise `AccessDenied` when the connection is configured read-only."""
        if self.settings.access == "read_only":
            raise AccessDenied(
                f"connection {self.name!r} is configured read_only",
                object_name=self.name,
                hint='A person may set access = "read_write" for it.',
            )

    async def facts(self) -> ServerFacts:
        """Return what the server is, asked once."""
        if self._facts is None:
            hello = await self.command({"hello": 1}, database="admin")
            build = await self.command({"buildInfo": 1}, database="admin")
            numbers = [*(int(part) for part in build.get("versionArray", ())), 0, 0, 0][:3]
            self._facts = ServerFacts(
                version=str(build.get("version", "")),
                version_number=numbers[0] * 10_000 + numbers[1] * 100 + numbers[2],
                has_transactions="setName" in hello or hello.get("msg") == "isdbgrid",
                is_replica_set="setName" in hello,
            )
        return self._facts

    async def close(self) -> None:
        """Close every connection; statements that still run are stopped by that."""
        if self._client is not None:
            client, self._client = self._client, None
            with anyio.move_on_after(2, shield=True):
                await client.close()

    async def _opened(self) -> AsyncMongoClient[Document]:
        async with self._opening:
            if self._client is None:
                try:
                    self._client = AsyncMongoClient(_address(self.url), **_arguments(self.url, self.settings))
                except (PyMongoError, ValueError, OSError) as problem:
                    raise connect_error(problem, connection=self.name, url=self.url) from None
            return self._client


def _address(url: ResolvedUrl) -> str:
    """Return the URI with neither user nor password."""
    scheme = "mongodb+srv" if url.scheme == "mongodb+srv" else "mongodb"
    hosts = url.hosts or f"{url.host or 'localhost'}:{url.port or 27017}"
    query = "&".join(f"{option}={value}" for option, value in url.options.items())
    if not hosts:
        raise InvalidURI("no host")
    return f"{scheme}://{hosts}/?{query}"


def _arguments(url: ResolvedUrl, settings: ConnectionSettings) -> dict[str, Any]:
    found: dict[str, Any] = {
        "appname": APPLICATION, "maxPoolSize": MAX_POOLED, "minPoolSize": 0, "connectTimeoutMS": int(CONNECT_SECONDS * 1000),
        "serverSelectionTimeoutMS": int(CONNECT_SECONDS * 1000), "serverMonitoringMode": "poll", "tz_aware": True,
        "retryWrites": False, **_tls(url, settings),
    }  # fmt: skip
    if url.user is not None:
        found["username"] = url.user
        found["password"] = url.password.get_secret_value() if url.password else None
        if "authsource" not in {option.lower() for option in url.options}:
            found["authSource"] = url.database
    return found


def _is_local(host: str) -> bool:
    name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
    return name.strip("[]") in ("localhost", "127.0.0.1", "::1") or host.startswith("%2F")


def _tls(url: ResolvedUrl, settings: ConnectionSettings) -> dict[str, Any]:
    """Return the TLS demand: as configured; on loopback none; elsewhere a verified certificate."""
    if settings.tls is None:
        hosts = (url.hosts or url.host or "localhost").split(",")
        return {"tls": not all(_is_local(host) for host in hosts)}
    if settings.tls.mode == "disable":
        return {"tls": False}
    found: dict[str, Any] = {"tls": True}
    if settings.tls.ca_file is not None:
        found["tlsCAFile"] = str(settings.tls.ca_file)
    if settings.tls.mode == "require":
        found["tlsAllowInvalidCertificates"] = True
    elif settings.tls.mode == "verify-ca":
        found["tlsAllowInvalidHostnames"] = True
    return found
