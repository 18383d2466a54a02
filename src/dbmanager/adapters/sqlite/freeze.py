"""Holds writes on SQLite by an immediate transaction on a handle of its own."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import anyio
import anyio.to_thread

from dbmanager.adapters.facets.freezing import WAIT_SECONDS
from dbmanager.adapters.sql.holding import at_most
from dbmanager.adapters.sqlite.errors import mapped
from dbmanager.adapters.sqlite.session import Sessions
from dbmanager.model.schema import Table


class SqliteFreeze:
    """The `Freeze` facet. The whole file is held: SQLite locks nothing smaller. The lock dies with the process."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    @asynccontextmanager
    async def held(self, tables: Sequence[Table], *, seconds: float) -> AsyncIterator[None]:
        """Hold writes to the file."""
        raw = await anyio.to_thread.run_sync(self._begin)
        try:
            async with at_most(seconds, self._sessions.name):
                yield
        finally:
            raw.close()

    def _begin(self) -> sqlite3.Connection:
        raw = self._sessions.separate_writer()
        try:
            raw.execute(f"PRAGMA busy_timeout = {int(WAIT_SECONDS * 1000)}")
            raw.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as problem:
            raw.close()
            raise mapped(problem, connection=self._sessions.name) from None
        return raw
