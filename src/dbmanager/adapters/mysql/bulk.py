"""Moves rows in and out of MySQL: paging on the key's index, multi-row upserts, one transaction a chunk."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from dbmanager.adapters.facets import Chunk
from dbmanager.adapters.mysql.execute import BATCH_ROWS, write_rows
from dbmanager.adapters.mysql.session import OWN_SECONDS, Sessions
from dbmanager.adapters.mysql.storage import after_key, decoded, from_canonical, keyed, readable
from dbmanager.adapters.mysql.tables import name_of
from dbmanager.adapters.sql.counting import stored_columns
from dbmanager.model.queries import Row
from dbmanager.model.schema import Column, Table


class MysqlBulk:
    """The `Bulk` facet."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def columns(self, table: Table) -> tuple[Column, ...]:
        """Return the stored columns."""
        return stored_columns(table)

    async def empty(self, table: Table) -> None:
        """Delete every row."""
        async with self._sessions.writing(timeout_seconds=OWN_SECONDS, lock_seconds=5) as raw:
            await raw.run(f"DELETE FROM {name_of(table.name)}")  # noqa: S608 - quoted

    async def count(self, table: Table) -> int:
        """Return the exact number of rows."""
        async with self._sessions.reading(timeout_seconds=OWN_SECONDS, lock_seconds=5) as raw:
            return int((await raw.fetch(f"SELECT COUNT(*) FROM {name_of(table.name)}"))[0][0])  # noqa: S608 - quoted

    async def read_chunk(
        self, table: Table, columns: Sequence[str], key: Sequence[str], after: Row | None, rows: int
    ) -> Chunk:
        """Return the next rows after a key, in the order of the key's index."""
        described = [table.column(name) for name in columns]
        order = ", ".join(f"{name_of(table.name)}.{name_of(name)}" for name in key)
        async with self._sessions.reading(timeout_seconds=OWN_SECONDS, lock_seconds=5) as raw:
            where = f" WHERE {after_key(raw, table, key, after)}" if after is not None else ""
            found = await raw.fetch(
                f"SELECT {', '.join(map(readable, described))} FROM {name_of(table.name)}{where} "  # noqa: S608
                f"ORDER BY {order} LIMIT {int(rows)}"
            )
        data = tuple(decoded(row, described) for row in found)
        positions = [list(columns).index(name) for name in key]
        return Chunk(tuple(columns), data, tuple(data[-1][p] for p in positions) if data else None)

    async def read_keys(
        self, table: Table, columns: Sequence[str], key: Sequence[str], keys: Sequence[Row]
    ) -> tuple[Row, ...]:
        """Look the keys up by the key's index, some hundreds at a time."""
        described = [table.column(name) for name in columns]
        source = f"SELECT {', '.join(map(readable, described))} FROM {name_of(table.name)} WHERE "  # noqa: S608 - quoted
        found: list[Row] = []
        async with self._sessions.reading(timeout_seconds=OWN_SECONDS, lock_seconds=5) as raw:
            for start in range(0, len(keys), BATCH_ROWS):
                part = keys[start : start + BATCH_ROWS]
                rows = await raw.fetch(source + keyed(raw, table, key, part, from_canonical))
                found += (decoded(row, described) for row in rows)
        return tuple(found)

    async def scan(
        self, table: Table, columns: Sequence[str], *, batch_rows: int = 5_000
    ) -> AsyncIterator[tuple[Row, ...]]:
        """Yield every row from one snapshot."""
        described = [table.column(name) for name in columns]
        async with self._sessions.reading(timeout_seconds=OWN_SECONDS, lock_seconds=5) as raw:
            await raw.begin_stream(
                f"SELECT {', '.join(map(readable, described))} FROM {name_of(table.name)}"  # noqa: S608 - quoted
            )
            batch: list[Row] = []
            while (row := await raw.next_row()) is not None:
                batch.append(decoded(row, described))
                if len(batch) >= batch_rows:
                    yield tuple(batch)
                    batch = []
            if batch:
                yield tuple(batch)

    async def write_chunk(self, table: Table, columns: Sequence[str], key: Sequence[str], rows: Sequence[Row]) -> int:
        """Insert or replace the rows in one transaction."""
        async with self._sessions.writing(timeout_seconds=OWN_SECONDS, lock_seconds=5, exact=True) as raw:
            await raw.run("START TRANSACTION")
            await write_rows(raw, table, columns, key, rows, from_canonical)
            await raw.run("COMMIT")
        return len(rows)
