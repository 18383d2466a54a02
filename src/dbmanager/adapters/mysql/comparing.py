"""Runs statements for comparison on MySQL: one session writes and rolls back, another looks at what is not committed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from dbmanager.adapters.facets.comparing import MOST_ROWS, BagRead
from dbmanager.adapters.mysql.errors import mapped
from dbmanager.adapters.mysql.query import MysqlQuery, bound
from dbmanager.adapters.mysql.session import OWN_SECONDS, Sessions
from dbmanager.adapters.mysql.wire import DriverError, Wire
from dbmanager.adapters.sql.comparing import Digesting, comparable_row
from dbmanager.model.queries import ResultColumn
from dbmanager.model.rewrites import Answer, Digest

BATCH_ROWS = 1_000
_DIRTY = "SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED, READ ONLY"


class MysqlBench:
    """The `Bench` of two sessions: the one that asks can't write, and sees what the other has not committed."""

    def __init__(self, writer: Wire, reader: Wire) -> None:
        self._writer = writer
        self._reader = reader

    async def answers(self, load: Sequence[str], queries: Sequence[str]) -> tuple[Answer, ...] | str:
        """Write rows, ask, roll back."""
        await self._writer.run("START TRANSACTION")
        try:
            for statement in load:
                await self._writer.run(statement)
            return tuple([await self._asked(query) for query in queries])
        except DriverError as problem:
            return mapped(problem, connection="scratch").message
        finally:
            await self._writer.run("ROLLBACK")

    async def _asked(self, query: str) -> Answer:
        try:
            columns = tuple(ResultColumn(name, kind) for name, kind in await self._reader.begin_stream(query))
            types, rows = [column.type for column in columns], []
            while (row := await self._reader.next_row()) is not None:
                rows.append(comparable_row(row, types))
        except DriverError as problem:
            return Answer((), (), mapped(problem, connection="scratch").message)
        return Answer(columns, tuple(rows))


class MysqlComparison:
    """The `Comparison` facet."""

    def __init__(self, sessions: Sessions, query: MysqlQuery) -> None:
        self._sessions = sessions
        self._query = query

    @asynccontextmanager
    async def bench(self, *, timeout_seconds: float) -> AsyncIterator[MysqlBench]:
        """Yield a bench; it takes two of the pool's connections."""
        async with (
            self._sessions.writing(timeout_seconds=OWN_SECONDS, lock_seconds=5) as writer,
            self._sessions.reading(timeout_seconds=timeout_seconds, lock_seconds=5, most_rows=MOST_ROWS) as reader,
        ):
            await reader.run("ROLLBACK")
            await reader.run(_DIRTY)
            yield MysqlBench(writer, reader)

    async def digests(self, reads: Sequence[BagRead], *, most_rows: int) -> tuple[Digest, ...]:
        """Digest all of them in one snapshot."""
        checked = [await self._query.checked(read.request.statement) for read in reads]
        limits = reads[0].request.limits
        async with (
            self._sessions.bounded(limits.timeout_seconds * len(reads)),
            self._sessions.reading(
                timeout_seconds=limits.timeout_seconds, lock_seconds=limits.lock_timeout_seconds,
                most_rows=most_rows + 1,
            ) as raw,
        ):  # fmt: skip
            return tuple([await _digest(raw, read, sql, most_rows) for read, sql in zip(reads, checked, strict=True)])


async def _digest(raw: Wire, read: BagRead, statement: str, most_rows: int) -> Digest:
    sql = await bound(raw, statement, read.request.parameters)
    columns = [ResultColumn(name, kind) for name, kind in await raw.begin_stream(sql)]
    types, taken = [column.type for column in columns], Digesting(read, most_rows)
    while (row := await raw.next_row()) is not None:
        taken.feed((row,), types)
    return taken.digest(columns)
