"""Throw-away SQLite files, each in a folder of ours alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING

import anyio.to_thread

from dbmanager.adapters.facets import ScratchPlace, Unsupported
from dbmanager.adapters.facets.scratch import FORBIDDEN, SchemaPart, folder_place
from dbmanager.adapters.private_server import folder_bytes, make_folder, remove_folder
from dbmanager.adapters.sql.confined import beyond
from dbmanager.adapters.sqlite.session import Handle, Sessions
from dbmanager.model.schema import Table

if TYPE_CHECKING:
    from pathlib import Path

    from dbmanager.adapters.sqlite.adapter import SqliteAdapter

FILE = "scratch.db"
_DECLARED = (
    "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
    "ORDER BY type = 'trigger', type = 'view', type = 'index', rowid"
)


class SqliteScratch:
    """The `Scratch` facet."""

    def __init__(self, sessions: Sessions, *, allowed: bool = True) -> None:
        self._sessions = sessions
        self._allowed = allowed

    async def places(self, name: str) -> tuple[ScratchPlace, ...] | Unsupported:
        """Return a file of that name below the temporary folder."""
        return (folder_place(name, "file"),) if self._allowed else Unsupported(FORBIDDEN)

    async def create(self, place: ScratchPlace) -> None:
        """Make the folder and an empty file."""

        def make() -> None:
            make_folder(place.path)
            sqlite3.connect(place.path / FILE).close()
            (place.path / FILE).touch(mode=0o600)

        await anyio.to_thread.run_sync(make)

    def open(self, place: ScratchPlace) -> SqliteAdapter:
        """Return a writable adapter."""
        from dbmanager.adapters.sqlite.adapter import SqliteAdapter

        return SqliteAdapter("scratch", file_of(place), read_only=False)

    async def size_bytes(self, place: ScratchPlace) -> int:
        """Return the size of the file and of what stands beside it."""
        return await anyio.to_thread.run_sync(folder_bytes, place.path)

    async def drop(self, place: ScratchPlace) -> None:
        """Remove the folder."""
        await remove_folder(place.path)

    async def copy_schema(self, place: ScratchPlace, part: SchemaPart) -> tuple[str, ...] | Unsupported:
        """Run every statement that the source was declared with; virtual tables and what rests on them are left out."""
        if part != "all":
            return Unsupported("SQLite's statements are copied as a whole")

        def declared(handle: Handle) -> list[tuple[str, str, str]]:
            return handle.raw.execute(_DECLARED).fetchall()

        found = await self._sessions.read(declared, timeout_seconds=30)
        return await anyio.to_thread.run_sync(_declare, file_of(place), found)

    def beyond(self, statement: str) -> str | None:
        """Judge by the statement's parsed form."""
        return beyond(statement, "sqlite")

    async def gather_statistics(self, place: ScratchPlace, tables: Sequence[Table]) -> None:
        """Run ANALYZE over all of it."""

        def analyze() -> None:
            raw = sqlite3.connect(file_of(place))
            try:
                raw.execute("ANALYZE")
                raw.commit()
            finally:
                raw.close()

        await anyio.to_thread.run_sync(analyze)


def file_of(place: ScratchPlace) -> Path:
    """Return the database file of a place."""
    return place.path / FILE


def _declare(path: Path, objects: Sequence[tuple[str, str, str]]) -> tuple[str, ...]:
    left_out = []
    raw = sqlite3.connect(path, isolation_level=None)
    try:
        for kind, name, sql in objects:
            try:
                if sql.upper().startswith("CREATE VIRTUAL"):
                    raise sqlite3.Error
                raw.execute(sql)
            except sqlite3.Error:
                left_out.append(f"{kind} {name}: not copied")
    finally:
        raw.close()
    return tuple(left_out)
