"""Writes on PostgreSQL, for the change executor and scratch places only."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import asyncpg

from dbmanager.adapters.facets import CapturedRows, ExecutionResult, Statement
from dbmanager.adapters.postgresql.bulk import write_rows
from dbmanager.adapters.postgresql.session import Sessions
from dbmanager.adapters.postgresql.storage import written
from dbmanager.adapters.sql.before_images import key_of, refuse_more
from dbmanager.adapters.sql.names import quote
from dbmanager.model.schema import Table

BATCH_ROWS = 1_000


def _changed(status: str) -> int:
    """Return the row count at the end of a command tag such as `UPDATE 3`; -1 when it has none."""
    last = status.rpartition(" ")[2]
    return int(last) if last.isdigit() else -1


class PostgresExecute:
    """The `Execute` facet."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def execute(
        self, statements: Sequence[Statement], *, atomic: bool, lock_timeout_seconds: float, timeout_seconds: float
    ) -> ExecutionResult:
        """Run the statements, in one transaction when `atomic`."""
        started = time.perf_counter()
        async with self._sessions.writing(
            timeout_seconds=timeout_seconds, lock_seconds=lock_timeout_seconds, atomic=atomic
        ) as raw:
            changed = await self._each(raw, statements)
        return ExecutionResult(changed, time.perf_counter() - started)

    async def _each(self, raw: asyncpg.Connection[Any], statements: Sequence[Statement]) -> int:
        return sum([max(_changed(await raw.execute(s.text, *s.parameters)), 0) for s in statements])

    async def capture_and_execute(
        self,
        capture: str,
        statement: Statement,
        keep: Callable[[CapturedRows], Awaitable[None]],
        *,
        max_rows: int,
        lock_timeout_seconds: float,
        timeout_seconds: float,
    ) -> ExecutionResult:
        """Lock and keep the rows as they are, then change them, all in one transaction."""
        started = time.perf_counter()
        async with self._sessions.writing(timeout_seconds=timeout_seconds, lock_seconds=lock_timeout_seconds) as raw:
            columns = tuple(a.name for a in (await raw.prepare(capture, name="")).get_attributes())
            exact = ", ".join(f"{quote(name)}::text" for name in columns)
            kept = await raw.prepare(f"SELECT {exact} FROM ({capture}) AS captured", name="")  # noqa: S608 - quoted, our capture
            cursor = await kept.cursor()
            records = await cursor.fetch(max_rows + 1)
            refuse_more(len(records), max_rows)
            await keep((columns, tuple(tuple(r.values()) for r in records)))
            changed = _changed(await raw.execute(statement.text, *statement.parameters))
        return ExecutionResult(changed, time.perf_counter() - started)

    async def restore_rows(self, table: Table, rows: CapturedRows) -> ExecutionResult:
        """Put rows back by primary key."""
        key = key_of(table)
        started = time.perf_counter()
        columns, values = rows
        async with self._sessions.writing(timeout_seconds=600, lock_seconds=5) as raw:
            await write_rows(raw, table, columns, key, values, typed=written)
        return ExecutionResult(len(values), time.perf_counter() - started)

    async def count_changed(self, table: Table, rows: CapturedRows) -> int:
        """Compare the captured rows with those of the same key, batch by batch, as PostgreSQL's own texts."""
        columns, values = rows
        key = key_of(table)
        marks = {name: f"c{number}" for number, name in enumerate(columns)}
        same_key = " AND ".join(f"now.{quote(n)} = {written('kept.' + marks[n], table.column(n).type)}" for n in key)
        differs = " OR ".join(f"now.{quote(n)}::text IS DISTINCT FROM kept.{mark}" for n, mark in marks.items())
        arrays = ", ".join(f"${number + 1}::text[]" for number in range(len(columns)))
        sql = (
            f"SELECT count(*) FROM unnest({arrays}) AS kept({', '.join(marks.values())}) "  # noqa: S608 - quoted names
            f"LEFT JOIN {quote(table.schema, table.name)} AS now ON {same_key} WHERE now.{quote(key[0])} IS NULL OR {differs}"
        )
        changed = 0
        async with self._sessions.writing(timeout_seconds=600, lock_seconds=5) as raw:
            for start in range(0, len(values), BATCH_ROWS):
                batch = values[start : start + BATCH_ROWS]
                changed += int(await raw.fetchval(sql, *([row[n] for row in batch] for n in range(len(columns)))))
        return changed
