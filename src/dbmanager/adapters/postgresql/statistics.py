"""Sizes, use, samples and profiles of PostgreSQL tables."""

from __future__ import annotations

from collections.abc import Sequence

from dbmanager.adapters.facets import Query, Unsupported
from dbmanager.adapters.postgresql.catalog import PACKAGE
from dbmanager.adapters.postgresql.session import OWN_SECONDS, Sessions
from dbmanager.adapters.postgresql.storage import decoded, readable
from dbmanager.adapters.sql.blocks import blocks
from dbmanager.adapters.sql.counting import SqlCounting
from dbmanager.adapters.sql.names import quote
from dbmanager.adapters.sql.values import canonical
from dbmanager.model.schema import Table, TableKind
from dbmanager.model.statistics import ColumnProfile, IndexUsage, Sample, TableStatistics

BIG_TABLE_ROWS = 20_000
SAMPLED_PAGES_ROWS = 30
"""Of so many rows on the sampled pages one is taken, so that a sample comes from many places."""


class PostgresStatistics(SqlCounting):
    """The `Statistics` facet."""

    def __init__(self, sessions: Sessions, query: Query) -> None:
        super().__init__(query, quote)
        self._sessions = sessions

    async def tables(self, *, exact_up_to_rows: int = 0) -> tuple[TableStatistics, ...]:
        """Return sizes and counters; rows counted where the estimate is within the bound or was never made.

        A table that the role can't read keeps its estimate, or none.
        """
        found = []
        async with self._sessions.reading(timeout_seconds=OWN_SECONDS, lock_seconds=5, confined=False) as raw:
            for row in await raw.fetch(blocks(PACKAGE)["table_statistics"].sql):
                rows, exact = None if row["never_analyzed"] else row["estimate"], False
                if row["is_readable"] and (rows is None or rows <= exact_up_to_rows):
                    query = f"SELECT count(*) FROM {quote(row['schema'], row['name'])}"  # noqa: S608 - quoted
                    rows, exact = await raw.fetchval(query), True
                found.append(
                    TableStatistics(
                        row["schema"],
                        row["name"],
                        rows,
                        exact,
                        row["table_bytes"],
                        row["index_bytes"],
                        row["sequential_scans"],
                        row["index_scans"],
                        row["modifications"],
                    )
                )
        return tuple(found)

    async def index_usage(self) -> tuple[IndexUsage, ...] | Unsupported:
        """Return scans and size of every index, since the counters were reset."""
        async with self._sessions.reading(timeout_seconds=OWN_SECONDS, lock_seconds=5, confined=False) as raw:
            return tuple(IndexUsage(*row.values()) for row in await raw.fetch(blocks(PACKAGE)["index_usage"].sql))

    async def sample(self, table: Table, *, rows: int = 200) -> Sample:
        """Return rows from random pages of a big table, or the first rows of a small one."""
        columns = list(table.columns)
        source = quote(table.schema, table.name)
        estimate = table.row_estimate or 0
        part = ""
        if estimate > BIG_TABLE_ROWS and table.kind in (TableKind.TABLE, TableKind.PARTITIONED):
            percent = min(100.0, max(0.01, 100.0 * rows * SAMPLED_PAGES_ROWS / estimate))
            chance = min(1.0, 1.2 * rows / (estimate * percent / 100))  # of the rows on the pages that are read
            part = f" TABLESAMPLE SYSTEM ({percent}) REPEATABLE (1) WHERE random() < {chance}"
        sql = f"SELECT {', '.join(map(readable, columns))} FROM {source}{part} LIMIT {int(rows) * 4}"  # noqa: S608
        async with self._sessions.reading(timeout_seconds=OWN_SECONDS, lock_seconds=5, confined=False) as raw:
            found = await raw.fetch(sql)
        found = found[:: max(1, len(found) // rows)][:rows]
        cells = tuple(
            tuple(decoded(canonical(v), c.type) for v, c in zip(record.values(), columns, strict=True))
            for record in found
        )
        return Sample(tuple(column.name for column in columns), cells)

    async def profile(
        self, table: Table, columns: Sequence[str], *, max_rows: int = 100_000
    ) -> tuple[ColumnProfile, ...]:
        """Return null ratio and distinct count over the first `max_rows` rows, in one scan."""
        parts = ", ".join(f"count({quote(c)}), count(DISTINCT {quote(c)}::text)" for c in columns)
        inner = f"SELECT {', '.join(quote(c) for c in columns)} FROM {quote(table.schema, table.name)} LIMIT {int(max_rows)}"  # noqa: S608
        async with self._sessions.reading(timeout_seconds=OWN_SECONDS, lock_seconds=5, confined=False) as raw:
            row = tuple(await raw.fetchrow(f"SELECT count(*), {parts} FROM ({inner}) AS s"))  # noqa: S608 - quoted
        seen = row[0]
        return tuple(
            ColumnProfile(c, seen, 1 - row[1 + 2 * i] / seen if seen else 0.0, row[2 + 2 * i], exact=seen < max_rows)
            for i, c in enumerate(columns)
        )

    def count_query(self, table: Table) -> str:
        """Return the counting statement."""
        return f"SELECT count(*) FROM {quote(table.schema, table.name)}"  # noqa: S608 - quoted
