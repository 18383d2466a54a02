"""Private Redis or Valkey servers as scratch places, reached by a socket in a folder of ours alone."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from dbmanager.adapters.facets import ScratchBook, ScratchPlace, Unsupported
from dbmanager.adapters.facets.scratch import FORBIDDEN, SchemaPart, folder_place, fresh_name
from dbmanager.adapters.private_server import PrivateServers, make_folder, remove_folder
from dbmanager.adapters.redis.session import Sessions
from dbmanager.errors import StatementFailed, ToolMissing
from dbmanager.model.configuration import ConnectionSettings, ResolvedUrl
from dbmanager.model.schema import Table

if TYPE_CHECKING:
    from dbmanager.adapters.redis.adapter import RedisAdapter

SERVERS = ("redis-server", "valkey-server", "redis-check-rdb", "valkey-check-rdb")
"""The last two are the same program, which is the server when it is called so; some packages install only them."""
_MISSING = "no redis-server or valkey-server is on PATH to start privately"


class RedisScratch:
    """The `Scratch` facet. Never a numbered database of the source: FLUSHALL and CONFIG would reach the others."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._servers = PrivateServers()

    async def places(self, name: str) -> tuple[ScratchPlace, ...] | Unsupported:
        """Return a private server of this machine."""
        if self._sessions.settings.scratch_mode == "none":
            return Unsupported(FORBIDDEN)
        if await anyio.to_thread.run_sync(find_server, "redis") is None:
            return Unsupported(_MISSING)
        return (folder_place(name, "instance"),)

    async def create(self, place: ScratchPlace) -> None:
        """Start an empty server.

        Raises: ToolMissing when there is no server program.
        """
        await self.start(place, None)

    async def start(self, place: ScratchPlace, rdb: Path | None) -> None:
        """Start the server of a place on an RDB file, or empty.

        Raises: StatementFailed when it can't load the file, as an older server can't load a newer one's.
        """
        program = await anyio.to_thread.run_sync(needed_server, (await self._sessions.server()).product)
        await started(self._servers, place, program, rdb, self._sessions.database)

    def open(self, place: ScratchPlace) -> RedisAdapter:
        """Return a writable adapter on the logical database of the same number."""
        return _adapter(place.path / "socket", self._sessions.database)

    async def size_bytes(self, place: ScratchPlace) -> int:
        """Return the memory that the server has in use."""
        adapter = self.open(place)
        try:
            async with adapter.sessions.reading(timeout_seconds=30) as wire:
                return int((await adapter.sessions.info(wire, "memory")).get("used_memory", 0))
        finally:
            await adapter.close()

    async def drop(self, place: ScratchPlace) -> None:
        """Stop the server and remove its folder."""
        folder = place.path
        await self._servers.stop(place.name)
        await remove_folder(folder)

    async def copy_schema(self, place: ScratchPlace, part: SchemaPart) -> tuple[str, ...] | Unsupported:
        """Redis declares nothing."""
        return ()

    def beyond(self, statement: str) -> str | None:
        """Redis has no design to try."""
        return "Redis declares nothing"

    async def gather_statistics(self, place: ScratchPlace, tables: Sequence[Table]) -> None:
        """Redis plans nothing."""


async def started(servers: PrivateServers, place: ScratchPlace, program: Path, rdb: Path | None, database: int) -> None:
    """Start a server in the place's folder and wait until it has loaded the file.

    Raises: StatementFailed.
    """
    configuration = await anyio.to_thread.run_sync(_prepared, program, place.path, rdb, database)
    adapter = _adapter(place.path / "socket", database)
    try:
        await servers.start(
            place.name, [str(place.path / "redis-server"), str(configuration)], place.path,
            lambda: adapter.query.fetch('["DBSIZE"]'),
        )  # fmt: skip
    except StatementFailed:
        if rdb is None:
            raise
        raise StatementFailed(
            "the scratch server could not load the backup", object_name="scratch",
            hint="Install a server at least as new as the one that was backed up.",
        ) from None  # fmt: skip
    finally:
        await adapter.close()


@asynccontextmanager
async def private_server(
    program: Path, rdb: Path | None, database: int, book: ScratchBook | None = None
) -> AsyncIterator[RedisAdapter]:
    """Start a server of that program, yield an adapter on it; stop and remove it. The book knows its folder before."""
    servers, place = PrivateServers(), folder_place(fresh_name(), "instance")
    if book is not None:
        await book.add(place)
    try:
        await started(servers, place, program, rdb, database)
        adapter = _adapter(place.path / "socket", database)
        try:
            yield adapter
        finally:
            await adapter.close()
    finally:
        with anyio.CancelScope(shield=True):
            await servers.stop(place.name)
            await remove_folder(place.path)
            if book is not None:
                await book.remove(place)


def find_server(product: str) -> Path | None:
    """Return a server program on PATH, one of the product first; None where there is none (or no POSIX)."""
    if os.name != "posix":
        return None
    names = sorted(SERVERS, key=lambda name: not name.startswith(product))
    return next((Path(found) for name in names if (found := shutil.which(name))), None)


def needed_server(product: str) -> Path:
    """Return a server program.

    Raises: ToolMissing.
    """
    found = find_server(product)
    if found is None:
        raise ToolMissing(_MISSING, hint="Install one; it is started privately.")
    return found


def _prepared(program: Path, folder: Path, rdb: Path | None, database: int) -> Path:
    make_folder(folder)
    if rdb is not None:
        shutil.copyfile(rdb, folder / "dump.rdb")
    (folder / "redis-server").symlink_to(program)
    file = folder / "redis.conf"
    file.write_text(
        f'port 0\nunixsocket {folder}/socket\nunixsocketperm 700\ndir {folder}\ndbfilename dump.rdb\nsave ""\n'
        f"appendonly no\ndatabases {max(database + 1, 16)}\nlogfile {folder}/log\n"
    )
    return file


def _adapter(socket: Path, database: int) -> RedisAdapter:
    from dbmanager.adapters.redis.adapter import RedisAdapter

    url = ResolvedUrl(engine="redis", host="localhost", database=str(database))
    settings = ConnectionSettings.model_validate({"url": "redis://localhost/0", "access": "read_write"})
    return RedisAdapter("scratch", url, settings, socket=str(socket))
