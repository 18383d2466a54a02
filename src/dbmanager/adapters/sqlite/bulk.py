"""Moves rows in and out of SQLite by key-ordered chunks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from dbmanager.adapters.facets import Chunk
from dbmanager.adapters.sql.counting import stored_columns
from dbmanager.adapters.sql.names import quote
from dbmanager.adapters.sqlite.execute import upsert
from dbmanager.adapters.sqlite.session import Handle, Sessions
from dbmanager.adapters.sqlite.storage import SqliteValue, from_canonical, to_canonical
from dbmanager.errors import UnsupportedCapability
from dbmanager.model.queries import Cell, Row
from dbmanager.model.schema import Column, DataType, Table, TypeKind

CHUNK_SECONDS = 600.0
ROW_NUMBER = ("rowid", "_rowid_", "oid")
_INTEGERS = 2**63


class SqliteBulk:
    """The `Bulk` facet."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def columns(self, table: Table) -> tuple[Column, ...]:
        """Return the stored columns."""
        return stored_columns(table)

    async def empty(self, table: Table) -> None:
        """Delete every row."""

        def work(handle: Handle) -> None:
            handle.raw.execute(f"DELETE FROM {quote(table.name)}")  # noqa: S608 - quoted

        await self._sessions.write(work, timeout_seconds=CHUNK_SECONDS, lock_seconds=5)

    async def count(self, table: Table) -> int:
        """Return the exact number of rows."""

        def work(handle: Handle) -> int:
            return int(handle.raw.execute(f"SELECT count(*) FROM {quote(table.name)}").fetchone()[0])  # noqa: S608

        return await self._sessions.read(work, timeout_seconds=CHUNK_SECONDS)

    async def read_chunk(
        self, table: Table, columns: Sequence[str], key: Sequence[str], after: Row | None, rows: int
    ) -> Chunk:
        """Return the next rows after a key, by row comparison on the key's index.

        A declared key may hold NULL, which sorts first and has no next: rows after one are for `scan` to read.

        Raises: UnsupportedCapability when the last key holds NULL.
        """
        if after is not None and None in after:
            raise UnsupportedCapability(
                "rows whose key is NULL can't be read in chunks by that key", object_name=table.name,
                hint="Copy the table as a whole, or give these rows a key.",
            )  # fmt: skip
        names = ", ".join(quote(name) for name in columns)
        order = ", ".join(quote(name) for name in key)
        where = f" WHERE ({order}) > ({', '.join('?' * len(key))})" if after is not None else ""
        sql = f"SELECT {names} FROM {quote(table.name)}{where} ORDER BY {order} LIMIT {int(rows)}"  # noqa: S608
        kinds = [table.column(name).type for name in columns]
        bound = [from_canonical(v, table.column(n).type) for v, n in zip(after or (), key, strict=False)]

        def work(handle: Handle) -> Chunk:
            found = tuple(
                tuple(to_canonical(value, kind) for value, kind in zip(row, kinds, strict=True))
                for row in handle.raw.execute(sql, bound)
            )
            positions = [list(columns).index(name) for name in key]
            last = tuple(found[-1][p] for p in positions) if found else None
            return Chunk(tuple(columns), found, last)

        return await self._sessions.read(work, timeout_seconds=CHUNK_SECONDS)

    async def read_keys(
        self, table: Table, columns: Sequence[str], key: Sequence[str], keys: Sequence[Row]
    ) -> tuple[Row, ...]:
        """Look each key up by itself."""
        names = ", ".join(quote(name) for name in columns)
        where = " AND ".join(f"{quote(name)} = ?" for name in key)
        sql = f"SELECT {names} FROM {quote(table.name)} WHERE {where}"  # noqa: S608 - quoted
        kinds = [table.column(name).type for name in columns]
        types = [table.column(name).type for name in key]

        def work(handle: Handle) -> tuple[Row, ...]:
            bound = ([from_canonical(v, t) for v, t in zip(one, types, strict=True)] for one in keys)
            found = (row for one in bound for row in handle.raw.execute(sql, one))
            return tuple(tuple(to_canonical(v, k) for v, k in zip(row, kinds, strict=True)) for row in found)

        return await self._sessions.read(work, timeout_seconds=CHUNK_SECONDS)

    async def scan(
        self, table: Table, columns: Sequence[str], *, batch_rows: int = 5_000
    ) -> AsyncIterator[tuple[Row, ...]]:
        """Yield every row, by row number where the table has one, else by its key. A writer between batches is seen.

        Raises: UnsupportedCapability when columns hide the row number under all its names and a key may be NULL.
        """
        key = _scan_key(table)
        kinds = [table.column(name).type for name in columns]
        after: tuple[object, ...] | None = None
        while True:

            def work(handle: Handle, after: tuple[object, ...] | None = after) -> _Batch:
                return _batch(handle, table.name, columns, key, after, batch_rows)

            found, after = await self._sessions.read(work, timeout_seconds=CHUNK_SECONDS)
            if found:
                yield tuple(tuple(to_canonical(v, k) for v, k in zip(row, kinds, strict=True)) for row in found)
            if after is None:
                return

    async def write_chunk(self, table: Table, columns: Sequence[str], key: Sequence[str], rows: Sequence[Row]) -> int:
        """Insert or replace the rows in one transaction."""
        sql = upsert(table, columns, key)
        kinds = [(name, table.column(name).type) for name in columns]
        stored = [[_fitting(table, n, v, k) for v, (n, k) in zip(row, kinds, strict=True)] for row in rows]

        def work(handle: Handle) -> int:
            handle.raw.execute("PRAGMA foreign_keys = OFF")
            handle.raw.execute("BEGIN IMMEDIATE")
            handle.raw.executemany(sql, stored)
            handle.raw.execute("COMMIT")
            handle.raw.execute("PRAGMA foreign_keys = ON")
            return len(rows)

        return await self._sessions.write(work, timeout_seconds=CHUNK_SECONDS, lock_seconds=5)


def _fitting(table: Table, name: str, value: Cell, type_: DataType) -> SqliteValue:
    """Return what to store; an integer that an integer column would turn into a rounded number is refused."""
    if type_.kind is TypeKind.INTEGER and isinstance(value, int) and not -_INTEGERS <= value < _INTEGERS:
        raise UnsupportedCapability(
            f"{table.name}.{name} has an integer of more than 64 bits with sign, the most that SQLite keeps exactly",
            object_name=f"{table.name}.{name}", hint="Keep the column as text (DECIMAL_TEXT), outside of keys.",
        )  # fmt: skip
    return from_canonical(value, type_)


def _scan_key(table: Table) -> list[str]:
    """Return what pages a scan: a declared key may be NULL in several rows, the row number never is."""
    declared = table.primary_key.columns if table.primary_key else ()
    if "without_rowid" in table.options:
        return list(declared)
    taken = {column.name.lower() for column in table.columns}
    free = next((name for name in ROW_NUMBER if name not in taken), None)
    if free is not None:
        return [free]
    if not declared or any(table.column(name).nullable for name in declared):
        raise UnsupportedCapability(
            "columns hide the row number under all of its names, and no key tells every row", object_name=table.name,
            hint="Rename a column that is called rowid, _rowid_ or oid.",
        )  # fmt: skip
    return list(declared)


_Batch = tuple[list[tuple[object, ...]], tuple[object, ...] | None]
"""Rows, and the key that they end with when a full batch came."""


def _batch(
    handle: Handle, table: str, columns: Sequence[str], key: Sequence[str], after: tuple[object, ...] | None, rows: int
) -> _Batch:
    """Look for the batch's last key first: beside 2,000 columns, the most there can be, no key fits into a row."""
    order, marks = ", ".join(quote(name) for name in key), ", ".join("?" * len(key))
    source = f"FROM {quote(table)}" + (f" WHERE ({order}) > ({marks})" if after is not None else "")
    sql = f"SELECT {order} {source} ORDER BY {order} LIMIT 1 OFFSET {int(rows) - 1}"
    last: tuple[object, ...] | None = handle.raw.execute(sql, after or ()).fetchone()
    upto = f" {'AND' if after is not None else 'WHERE'} ({order}) <= ({marks})" if last is not None else ""
    names = ", ".join(quote(name) for name in columns)
    found = handle.raw.execute(f"SELECT {names} {source}{upto} ORDER BY {order}", (*(after or ()), *(last or ())))
    return found.fetchall(), last
