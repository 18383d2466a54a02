"""Sizes, samples and profiles of SQLite tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from dbmanager.adapters.facets import Query, Unsupported
from dbmanager.adapters.sql.blocks import blocks
from dbmanager.adapters.sql.counting import SqlCounting
from dbmanager.adapters.sql.names import quote
from dbmanager.adapters.sqlite.catalog import PACKAGE, SqliteCatalog
from dbmanager.adapters.sqlite.emit import SqliteEmit
from dbmanager.adapters.sqlite.session import Handle, Sessions
from dbmanager.adapters.sqlite.storage import to_canonical
from dbmanager.model.schema import Table
from dbmanager.model.statistics import ColumnProfile, IndexUsage, Sample, TableStatistics

LOOK_SECONDS = 120.0


class SqliteStatistics(SqlCounting):
    """The `Statistics` facet."""

    def __init__(self, sessions: Sessions, catalog: SqliteCatalog, query: Query, emit: SqliteEmit) -> None:
        super().__init__(query, emit.quote)
        self._sessions = sessions
        self._catalog = catalog

    async def tables(self, *, exact_up_to_rows: int = 0) -> tuple[TableStatistics, ...]:
        """Return sizes (where the dbstat module is compiled in) and rows: exact up to the bound, else estimated."""
        schema = await self._catalog.read_schema()

        def look(handle: Handle) -> tuple[TableStatistics, ...]:
            sizes = _sizes(handle)
            found = []
            for table in schema.base_tables():
                estimate = _estimate(handle, table)
                exact = estimate is None or estimate <= exact_up_to_rows
                rows = handle.raw.execute(self.count_query(table)).fetchone()[0] if exact else estimate
                indexes = [sizes[index.name] for index in table.indexes if index.name in sizes]
                found.append(
                    TableStatistics(
                        None, table.name, rows, exact, sizes.get(table.name), sum(indexes) if sizes else None
                    )
                )
            return tuple(found)

        return await self._sessions.read(look, timeout_seconds=LOOK_SECONDS)

    async def index_usage(self) -> tuple[IndexUsage, ...] | Unsupported:
        """Say that SQLite keeps no counters."""
        return Unsupported("SQLite does not count how often an index is used; advise_indexes judges by your queries")

    async def sample(self, table: Table, *, rows: int = 200) -> Sample:
        """Return rows from evenly spread places of the table: one short range scan at each."""
        columns = [column.name for column in table.columns]
        names = ", ".join(quote(name) for name in columns)
        source = quote(table.name)
        kinds = [column.type for column in table.columns]

        def look(handle: Handle) -> Sample:
            raw: list[tuple[object, ...]] = []
            span = None if "without_rowid" in table.options else _rowid_span(handle, table)
            if span is None or span[1] - span[0] < 4 * rows:
                raw = handle.raw.execute(f"SELECT {names} FROM {source} LIMIT {int(rows) * 4}").fetchall()  # noqa: S608
                raw = raw[:: max(1, len(raw) // rows)][:rows]
            else:
                places = max(1, rows // 10)
                step = (span[1] - span[0]) // places
                after = span[0] - 1
                for number in range(places):
                    begin = max(span[0] + number * step, after + 1)
                    part = handle.raw.execute(
                        f"SELECT rowid, {names} FROM {source} WHERE rowid >= ? ORDER BY rowid LIMIT 10",  # noqa: S608
                        (begin,),
                    ).fetchall()
                    if not part:
                        break
                    after = part[-1][0]
                    raw += [row[1:] for row in part]
            cells = tuple(tuple(to_canonical(v, k) for v, k in zip(row, kinds, strict=True)) for row in raw[:rows])
            return Sample(tuple(columns), cells)

        return await self._sessions.read(look, timeout_seconds=LOOK_SECONDS)

    async def profile(
        self, table: Table, columns: Sequence[str], *, max_rows: int = 100_000
    ) -> tuple[ColumnProfile, ...]:
        """Return null ratio and distinct count over the first `max_rows` rows, in one scan."""
        parts = ", ".join(f"count({quote(c)}), count(DISTINCT {quote(c)})" for c in columns)
        inner = f"SELECT {', '.join(quote(c) for c in columns)} FROM {quote(table.name)} LIMIT {int(max_rows)}"  # noqa: S608
        query = f"SELECT count(*), {parts} FROM ({inner})"  # noqa: S608 - quoted names

        def look(handle: Handle) -> tuple[ColumnProfile, ...]:
            row = handle.raw.execute(query).fetchone()
            seen = row[0]
            return tuple(
                ColumnProfile(
                    column,
                    seen,
                    1 - row[1 + 2 * i] / seen if seen else 0.0,
                    row[2 + 2 * i],
                    exact=seen < max_rows,
                )
                for i, column in enumerate(columns)
            )

        return await self._sessions.read(look, timeout_seconds=LOOK_SECONDS)

    def count_query(self, table: Table) -> str:
        """Return the counting statement."""
        return f"SELECT count(*) FROM {quote(table.name)}"  # noqa: S608 - quoted name


def _sizes(handle: Handle) -> dict[str, int]:
    try:
        return dict(handle.raw.execute(blocks(PACKAGE)["sizes"].sql).fetchall())
    except sqlite3.OperationalError:
        return {}


def _rowid_span(handle: Handle, table: Table) -> tuple[int, int] | None:
    low, high = handle.raw.execute(
        f"SELECT (SELECT min(rowid) FROM {quote(table.name)}), (SELECT max(rowid) FROM {quote(table.name)})"  # noqa: S608
    ).fetchone()
    return None if low is None else (low, high)


def _estimate(handle: Handle, table: Table) -> int | None:
    """Return an upper estimate from the row numbers; None where there are none."""
    if "without_rowid" in table.options:
        return None
    span = _rowid_span(handle, table)
    return 0 if span is None else span[1] - span[0] + 1
