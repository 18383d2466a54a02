"""Moves rows in and out of PostgreSQL: row-comparison paging, COPY into a temporary table, one transaction a chunk."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import asyncpg

from dbmanager.adapters.facets import Chunk
from dbmanager.adapters.postgresql.session import OWN_SECONDS, Sessions
from dbmanager.adapters.postgresql.storage import decoded, encoded, readable, typed
from dbmanager.adapters.sql.counting import stored_columns
from dbmanager.adapters.sql.names import quote
from dbmanager.adapters.sql.values import canonical
from dbmanager.model.queries import Row
from dbmanager.model.schema import Column, DataType, Table

TEMPORARY = "dbmanager_chunk"
KEYS_AT_ONCE = 500
_STEADY = "SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO'; SET LOCAL intervalstyle = 'iso_8601'; SET LOCAL extra_float_digits = 1"


async def write_rows(
    raw: asyncpg.Connection[Any],
    table: Table,
    columns: Sequence[str],
    key: Sequence[str],
    rows: Sequence[Row],
    typed: Callable[[str, DataType], str] = typed,
) -> None:
    """Insert the rows in one transaction, replacing those with equal keys; `typed` says how text becomes a value."""
    marks = [f"c{number}" for number in range(len(columns))]
    names = ", ".join(quote(name) for name in columns)
    values = ", ".join(typed(mark, table.column(name).type) for mark, name in zip(marks, columns, strict=True))
    rest = [name for name in columns if name not in key]
    action = "DO NOTHING"
    if rest:
        action = "DO UPDATE SET " + ", ".join(f"{quote(name)} = excluded.{quote(name)}" for name in rest)
    conflict = f" ON CONFLICT ({', '.join(quote(name) for name in key)}) {action}" if key else ""
    async with raw.transaction():
        await raw.execute(
            f"CREATE TEMPORARY TABLE {TEMPORARY} ({', '.join(f'{mark} text' for mark in marks)}) ON COMMIT DROP"
        )
        await raw.copy_records_to_table(
            TEMPORARY, records=[tuple(encoded(value) for value in row) for row in rows], columns=marks
        )
        await raw.execute(
            f"INSERT INTO {quote(table.schema, table.name)} ({names}) OVERRIDING SYSTEM VALUE "  # noqa: S608 - quoted
            f"SELECT {values} FROM {TEMPORARY}{conflict}"
        )


class PostgresBulk:
    """The `Bulk` facet."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def columns(self, table: Table) -> tuple[Column, ...]:
        """Return the stored columns."""
        return stored_columns(table)

    async def empty(self, table: Table) -> None:
        """Delete every row."""
        async with self._sessions.writing(timeout_seconds=OWN_SECONDS, lock_seconds=5) as raw:
            await raw.execute(f"DELETE FROM {quote(table.schema, table.name)}")  # noqa: S608 - quoted

    async def count(self, table: Table) -> int:
        """Return the exact number of rows."""
        async with self._reading() as raw:
            return int(await raw.fetchval(f"SELECT count(*) FROM {quote(table.schema, table.name)}"))  # noqa: S608

    async def read_chunk(
        self, table: Table, columns: Sequence[str], key: Sequence[str], after: Row | None, rows: int
    ) -> Chunk:
        """Return the next rows after a key, by row comparison on the key's index."""
        order = ", ".join(quote(name) for name in key)
        where, bound = "", []
        if after is not None:
            kinds = [table.column(name).type for name in key]
            given = ", ".join(typed(f"${number}::text", kind) for number, kind in enumerate(kinds, 1))
            where, bound = f" WHERE ({order}) > ({given})", [encoded(value) for value in after]
        described = [table.column(name) for name in columns]
        async with self._reading() as raw:
            await raw.execute(_STEADY)
            found = await raw.fetch(
                f"SELECT {', '.join(map(readable, described))} FROM {quote(table.schema, table.name)}{where} "  # noqa: S608
                f"ORDER BY {', '.join(f'{quote(table.name)}.{quote(name)}' for name in key)} LIMIT {int(rows)}",
                *bound,
            )
        data = tuple(
            tuple(decoded(canonical(v), c.type) for v, c in zip(record.values(), described, strict=True))
            for record in found
        )
        positions = [list(columns).index(name) for name in key]
        return Chunk(tuple(columns), data, tuple(data[-1][p] for p in positions) if data else None)

    async def read_keys(
        self, table: Table, columns: Sequence[str], key: Sequence[str], keys: Sequence[Row]
    ) -> tuple[Row, ...]:
        """Look the keys up by the key's index, some hundreds at a time."""
        described, kinds = [table.column(name) for name in columns], [table.column(name).type for name in key]
        order = ", ".join(f"{quote(table.name)}.{quote(name)}" for name in key)
        source = f"SELECT {', '.join(map(readable, described))} FROM {quote(table.schema, table.name)}"  # noqa: S608
        found: list[Row] = []
        async with self._reading() as raw:
            await raw.execute(_STEADY)
            for start in range(0, len(keys), KEYS_AT_ONCE):
                part = keys[start : start + KEYS_AT_ONCE]
                marks = (
                    ", ".join(typed(f"${place * len(key) + at}::text", kind) for at, kind in enumerate(kinds, 1))
                    for place in range(len(part))
                )
                sql = f"{source} WHERE ({order}) IN ({', '.join(f'({mark})' for mark in marks)})"
                records = await raw.fetch(sql, *(encoded(value) for one in part for value in one))
                found += (
                    tuple(decoded(canonical(v), c.type) for v, c in zip(record.values(), described, strict=True))
                    for record in records
                )
        return tuple(found)

    async def scan(
        self, table: Table, columns: Sequence[str], *, batch_rows: int = 5_000
    ) -> AsyncIterator[tuple[Row, ...]]:
        """Yield every row from one snapshot."""
        described = [table.column(name) for name in columns]
        async with self._reading() as raw:
            await raw.execute(_STEADY)
            select = f"SELECT {', '.join(map(readable, described))} FROM {quote(table.schema, table.name)}"  # noqa: S608
            cursor = await (await raw.prepare(select, name="")).cursor()
            while found := await cursor.fetch(batch_rows):
                yield tuple(
                    tuple(decoded(canonical(v), c.type) for v, c in zip(record.values(), described, strict=True))
                    for record in found
                )

    async def write_chunk(self, table: Table, columns: Sequence[str], key: Sequence[str], rows: Sequence[Row]) -> int:
        """Insert or replace the rows in one transaction."""
        async with self._sessions.writing(timeout_seconds=OWN_SECONDS, lock_seconds=5) as raw:
            await write_rows(raw, table, columns, key, rows)
        return len(rows)

    def _reading(self) -> Any:
        return self._sessions.reading(timeout_seconds=OWN_SECONDS, lock_seconds=5, confined=False)
