"""Throw-away PostgreSQL databases: beside the source, or in a private instance of the local binaries."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import anyio.to_thread

from dbmanager.adapters.facets import ScratchPlace, Unsupported
from dbmanager.adapters.facets.scratch import FORBIDDEN, SchemaPart, database_place, folder_place, require_ours
from dbmanager.adapters.postgresql.programs import find_program, run_client
from dbmanager.adapters.postgresql.session import OWN_SECONDS, Sessions
from dbmanager.adapters.private_server import (
    PrivateServers,
    make_folder,
    prepared,
    remove_folder,
    unprivileged,
)
from dbmanager.adapters.sql.confined import beyond
from dbmanager.adapters.sql.names import quote
from dbmanager.errors import DbManagerError
from dbmanager.model.configuration import ConnectionSettings, ResolvedUrl
from dbmanager.model.schema import Table

if TYPE_CHECKING:
    from dbmanager.adapters.postgresql.adapter import PostgresAdapter

OWNER = "dbmanager"
_SECTIONS: dict[SchemaPart, tuple[str, ...]] = {
    "all": (), "before_rows": ("--section=pre-data",), "after_rows": ("--section=post-data",),
}  # fmt: skip
_OPTIONS = {
    "listen_addresses": "", "fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "wal_level": "minimal",
    "max_wal_senders": "0", "max_connections": "20", "shared_buffers": "64MB", "autovacuum": "off",
}  # fmt: skip
"""What is there is thrown away, so nothing of it need survive a crash."""


class PostgresScratch:
    """The `Scratch` facet."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._servers = PrivateServers(ending="QUIT")

    async def places(self, name: str) -> tuple[ScratchPlace, ...] | Unsupported:
        """Return a database beside the source where that is allowed, and a private instance where one can be started."""
        mode = self._sessions.settings.scratch_mode
        if mode == "none":
            return Unsupported(FORBIDDEN)
        private = await self._private(name)
        if mode == "server":
            return (database_place(name), *(() if isinstance(private, Unsupported) else (private,)))
        return private if isinstance(private, Unsupported) else (private,)

    async def _private(self, name: str) -> ScratchPlace | Unsupported:
        major = await self._major()
        if os.name != "posix" or await self._program("postgres") is None or await self._program("initdb") is None:
            return Unsupported(
                f"no initdb and postgres of version {major} or newer are installed here for a private instance, and a "
                'database beside the source is not allowed (scratch = "server" allows it)'
            )
        return folder_place(name, "instance")

    async def _major(self) -> int:
        return (await self._sessions.role()).version // 10_000

    async def _program(self, name: str) -> Path | None:
        return await anyio.to_thread.run_sync(find_program, name, await self._major())

    async def create(self, place: ScratchPlace) -> None:
        """Make the database; or the instance, which listens on a socket in its own folder alone."""
        require_ours(place)
        if place.kind == "database":
            async with self._sessions.administering() as raw:
                await raw.execute(f"CREATE DATABASE {quote(place.name)} TEMPLATE template0")
            return
        server, initdb = await self._program("postgres"), await self._program("initdb")
        assert server is not None
        assert initdb is not None
        account, data = unprivileged("postgres"), place.path / "data"
        await anyio.to_thread.run_sync(make_folder, place.path, account)
        made = [str(initdb), "-D", str(data), "-U", OWNER, "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"]
        await prepared(made, place.path, account)
        options = [f"-c{name}={value}" for name, value in _OPTIONS.items()]
        command = [str(server), "-D", str(data), f"-cunix_socket_directories={place.path}", *options]
        probe = self._adapter(place, "postgres")
        try:
            await self._servers.start(place.name, command, place.path, lambda: probe.query.fetch("SELECT 1"), account)
            await _run(probe, f"CREATE DATABASE {quote(place.name)} TEMPLATE template0")
        finally:
            await probe.close()

    def open(self, place: ScratchPlace) -> PostgresAdapter:
        """Return a writable adapter."""
        require_ours(place)
        return self._adapter(place, place.name)

    async def size_bytes(self, place: ScratchPlace) -> int:
        """Return the database's size on disk."""
        adapter = self.open(place)
        try:
            return int(str((await adapter.query.fetch("SELECT pg_database_size(current_database())"))[0][0]))
        finally:
            await adapter.close()

    async def drop(self, place: ScratchPlace) -> None:
        """Drop the database, whoever is in it; or stop the instance and remove its folder."""
        require_ours(place)
        if place.kind == "database":
            async with self._sessions.administering() as raw:
                await raw.execute(f"DROP DATABASE IF EXISTS {quote(place.name)} WITH (FORCE)")
            return
        await self._servers.stop(place.name)
        await remove_folder(place.path)

    async def copy_schema(self, place: ScratchPlace, part: SchemaPart) -> tuple[str, ...] | Unsupported:
        """Copy by pg_dump and pg_restore without rows, types, functions and views included; owners and rights are not."""
        dump, restore = await self._program("pg_dump"), await self._program("pg_restore")
        if dump is None or restore is None:
            return Unsupported(f"no pg_dump and pg_restore of version {await self._major()} or newer are installed")
        source, name = self._sessions.url, self._sessions.name
        plain = ("--no-owner", "--no-privileges", "--no-publications", "--no-subscriptions")
        with tempfile.TemporaryFile() as file:  # has no name: nothing of it can be left behind
            try:
                await run_client(
                    dump, source, source.database,
                    ["--schema-only", "--format=custom", "--no-tablespaces", *_SECTIONS[part], *plain], name, stdout=file,
                )  # fmt: skip
            except DbManagerError as problem:
                return Unsupported(problem.message)
            file.seek(0)
            url, options = self._url(place, place.name), [*plain, "--no-tablespaces"]
            failed = await run_client(restore, url, place.name, options, name, lenient=True, stdin=file)
        return (f"{failed} objects that the scratch database refused (an extension or a role may be missing)",) * bool(
            failed
        )

    def beyond(self, statement: str) -> str | None:
        """Judge by the statement's parsed form."""
        return beyond(statement, "postgres")

    async def gather_statistics(self, place: ScratchPlace, tables: Sequence[Table]) -> None:
        """Run VACUUM ANALYZE: without a visibility map index-only scans would look as bad as no others do."""
        adapter = self.open(place)
        try:
            await _run(adapter, "VACUUM ANALYZE " + ", ".join(quote(table.schema, table.name) for table in tables))
        finally:
            await adapter.close()

    def _url(self, place: ScratchPlace, database: str) -> ResolvedUrl:
        if place.kind == "database":
            return self._sessions.url.model_copy(update={"database": database})
        return ResolvedUrl(engine="postgresql", host=str(place.path), port=5432, user=OWNER, database=database)

    def _adapter(self, place: ScratchPlace, database: str) -> PostgresAdapter:
        from dbmanager.adapters.postgresql.adapter import PostgresAdapter

        settings = self._sessions.settings.model_copy(update={"access": "read_write"})
        if place.kind == "instance":
            kept = {"url": "postgresql:///scratch", "access": "read_write", "schemas": settings.schemas}
            settings = ConnectionSettings.model_validate(kept)
        return PostgresAdapter("scratch", self._url(place, database), settings)


async def _run(adapter: PostgresAdapter, statement: str) -> None:
    async with adapter.sessions.writing(timeout_seconds=OWN_SECONDS, lock_seconds=30, atomic=False) as raw:
        await raw.execute(statement)
