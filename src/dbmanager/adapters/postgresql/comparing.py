"""Runs statements for comparison on PostgreSQL: small databases in transactions that are rolled back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from dbmanager.adapters.facets.comparing import MOST_ROWS, BagRead
from dbmanager.adapters.postgresql.errors import mapped
from dbmanager.adapters.postgresql.query import PostgresQuery
from dbmanager.adapters.postgresql.session import READER_ROLE, Sessions
from dbmanager.adapters.sql.comparing import Digesting, comparable_row
from dbmanager.model.queries import ResultColumn
from dbmanager.model.rewrites import Answer, Digest

BATCH_ROWS = 1_000


class PostgresBench:
    """The `Bench` of one session. A case takes a round trip to begin, and three for each statement."""

    def __init__(self, raw: asyncpg.Connection[Any], *, confine: str) -> None:
        self._raw = raw
        self._confine = confine
        self._prepared: dict[str, Any] = {}

    async def answers(self, load: Sequence[str], queries: Sequence[str]) -> tuple[Answer, ...] | str:
        """Write rows, ask, roll back."""
        found: list[Answer] = []
        is_open = False
        for query in queries:
            if not is_open:
                refused = await self._begun(load)
                if refused is not None:
                    return refused
                is_open = True
            answer = await self._asked(query)
            found.append(answer)
            if answer.problem:  # the transaction is aborted
                await self._raw.execute("ROLLBACK")
                is_open = False
        if is_open:
            await self._raw.execute("ROLLBACK")
        return tuple(found)

    async def _begun(self, load: Sequence[str]) -> str | None:
        """Begin, write the rows, then give up writing and all rights beyond reading."""
        try:
            await self._raw.execute("; ".join(["BEGIN", *load, "SET TRANSACTION READ ONLY", *self._confine.split(";")]))
        except asyncpg.PostgresError as problem:
            await self._raw.execute("ROLLBACK")
            return mapped(problem, connection="scratch").message
        return None

    async def _asked(self, query: str) -> Answer:
        try:
            statement = self._prepared.get(query) or await self._raw.prepare(query)
            self._prepared[query] = statement
            columns = tuple(ResultColumn(a.name, a.type.name) for a in statement.get_attributes())
            records = await (await statement.cursor()).fetch(MOST_ROWS)
        except asyncpg.PostgresError as problem:
            return Answer((), (), mapped(problem, connection="scratch").message)
        types = [column.type for column in columns]
        return Answer(columns, tuple(comparable_row(record.values(), types) for record in records))


class PostgresComparison:
    """The `Comparison` facet."""

    def __init__(self, sessions: Sessions, query: PostgresQuery) -> None:
        self._sessions = sessions
        self._query = query

    @asynccontextmanager
    async def bench(self, *, timeout_seconds: float) -> AsyncIterator[PostgresBench]:
        """Yield a bench; statements run with the rights of a reader alone where the role is a superuser."""
        facts = await self._sessions.role()
        limited = facts.is_superuser and facts.version >= 140000
        confine = f"SET LOCAL ROLE {READER_ROLE}" if limited else "SELECT 1"
        async with self._sessions.writing(timeout_seconds=timeout_seconds, lock_seconds=5, atomic=False) as raw:
            yield PostgresBench(raw, confine=confine)

    async def digests(self, reads: Sequence[BagRead], *, most_rows: int) -> tuple[Digest, ...]:
        """Digest all of them in one snapshot."""
        for read in reads:
            await self._query.check(read.request.statement)
        limits = reads[0].request.limits
        async with self._sessions.reading(
            timeout_seconds=limits.timeout_seconds, lock_seconds=limits.lock_timeout_seconds, confined=True
        ) as raw:
            return tuple([await self._digest(raw, read, most_rows) for read in reads])

    async def _digest(self, raw: asyncpg.Connection[Any], read: BagRead, most_rows: int) -> Digest:
        statement = await raw.prepare(read.request.statement, name="")
        columns = [ResultColumn(a.name, a.type.name) for a in statement.get_attributes()]
        types = [column.type for column in columns]
        taken = Digesting(read, most_rows)
        cursor = await statement.cursor(*read.request.parameters)
        while batch := await cursor.fetch(BATCH_ROWS):
            if not taken.feed((record.values() for record in batch), types):
                break
        return taken.digest(columns)
