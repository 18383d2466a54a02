"""Runs statements for comparison on SQLite: small databases in transactions that are rolled back."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import anyio.to_thread

from dbmanager.adapters.facets.comparing import MOST_ROWS, BagRead
from dbmanager.adapters.sql.comparing import Digesting, comparable_row
from dbmanager.adapters.sqlite.errors import mapped
from dbmanager.adapters.sqlite.query import SqliteQuery
from dbmanager.adapters.sqlite.session import Handle, Sessions
from dbmanager.model.queries import ResultColumn
from dbmanager.model.rewrites import Answer, Digest

BATCH_ROWS = 1_000
_HELD = "SELECT s.name FROM sqlite_schema AS s, (SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3)"
"""While this is being read, the file's snapshot is held: the authorizer lets no transaction begin."""


class SqliteBench:
    """The `Bench` of one handle, guarded like any reader while statements are asked."""

    def __init__(self, sessions: Sessions, handle: Handle, timeout_seconds: float) -> None:
        self._sessions = sessions
        self._handle = handle
        self._timeout_seconds = timeout_seconds

    async def answers(self, load: Sequence[str], queries: Sequence[str]) -> tuple[Answer, ...] | str:
        """Write rows, ask, roll back; one hop into a thread."""
        return await anyio.to_thread.run_sync(self._answers, load, queries)

    def _answers(self, load: Sequence[str], queries: Sequence[str]) -> tuple[Answer, ...] | str:
        raw = self._handle.raw
        self._handle.deadline = time.monotonic() + self._timeout_seconds
        raw.execute("BEGIN IMMEDIATE")
        try:
            for statement in load:
                raw.execute(statement)
            self._sessions.guard(self._handle)
            return tuple(self._asked(query) for query in queries)
        except sqlite3.Error as problem:
            return mapped(problem, connection="scratch").message
        finally:
            raw.set_authorizer(None)
            raw.rollback()

    def _asked(self, query: str) -> Answer:
        self._handle.deadline = time.monotonic() + self._timeout_seconds
        try:
            cursor = self._handle.raw.execute(query)
            columns = tuple(ResultColumn(item[0]) for item in cursor.description or ())
            rows = tuple(comparable_row(row, ()) for row in cursor.fetchmany(MOST_ROWS))
            cursor.close()
        except sqlite3.Error as problem:
            return Answer((), (), mapped(problem, connection="scratch").message)
        return Answer(columns, rows)


class SqliteComparison:
    """The `Comparison` facet."""

    def __init__(self, sessions: Sessions, query: SqliteQuery) -> None:
        self._sessions = sessions
        self._query = query

    @asynccontextmanager
    async def bench(self, *, timeout_seconds: float) -> AsyncIterator[SqliteBench]:
        """Yield a bench on a handle of its own."""
        handle = Handle(await anyio.to_thread.run_sync(self._sessions.separate_writer))
        handle.deadline = time.monotonic() + timeout_seconds
        handle.raw.set_progress_handler(handle.watch, 1_000)
        try:
            yield SqliteBench(self._sessions, handle, timeout_seconds)
        finally:
            handle.raw.close()

    async def digests(self, reads: Sequence[BagRead], *, most_rows: int) -> tuple[Digest, ...]:
        """Digest all of them in one snapshot."""
        for read in reads:
            await self._query.check(read.request.statement)
        limits = reads[0].request.limits

        def work(handle: Handle) -> tuple[Digest, ...]:
            held = handle.raw.execute(_HELD)
            held.fetchone()
            found = tuple(_digest(handle, read, most_rows) for read in reads)
            held.close()
            return found

        return await self._sessions.read(
            work, timeout_seconds=limits.timeout_seconds * len(reads), lock_seconds=limits.lock_timeout_seconds
        )


def _digest(handle: Handle, read: BagRead, most_rows: int) -> Digest:
    cursor = handle.raw.execute(read.request.statement, read.request.parameters)
    columns = [ResultColumn(item[0]) for item in cursor.description or ()]
    taken = Digesting(read, most_rows)
    while (batch := cursor.fetchmany(BATCH_ROWS)) and taken.feed(batch, ()):
        pass
    cursor.close()
    return taken.digest(columns)
