"""Sizes, use, samples and profiles of MySQL tables."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

from dbmanager.adapters.facets import Query, Unsupported
from dbmanager.adapters.mysql.errors import DENIED
from dbmanager.adapters.mysql.reading import PACKAGE, chosen
from dbmanager.adapters.mysql.session import OWN_SECONDS, Sessions
from dbmanager.adapters.mysql.storage import decoded, readable
from dbmanager.adapters.mysql.tables import name_of
from dbmanager.adapters.mysql.wire import DriverError, Wire
from dbmanager.adapters.sql.blocks import blocks
from dbmanager.adapters.sql.counting import SqlCounting
from dbmanager.errors import PermissionDenied
from dbmanager.model.schema import Table, TypeKind
from dbmanager.model.statistics import ColumnProfile, IndexUsage, Sample, TableStatistics

_COUNT = "SELECT COUNT(*) FROM {} USE INDEX ()"
"""Else the server counts along its smallest index, and counts that as a use of it."""
PLACES = 20
"""From so many places of a big table rows are taken."""


class MysqlStatistics(SqlCounting):
    """The `Statistics` facet."""

    def __init__(self, sessions: Sessions, query: Query) -> None:
        super().__init__(query, name_of)
        self._sessions = sessions

    async def tables(self, *, exact_up_to_rows: int = 0) -> tuple[TableStatistics, ...]:
        """Return sizes and rows; rows counted where the estimate is within twice the bound, since it may be far off.

        Tables that the account may not read keep their estimate.
        """
        found = []
        async with self._reading() as raw:
            for name, estimate, data, index in await raw.fetch(blocks(PACKAGE)["table_statistics"].sql):
                rows, exact = None if estimate is None else int(estimate), False
                if rows is None or (exact_up_to_rows and rows <= exact_up_to_rows * 2):
                    counted = await _counted(raw, name)
                    rows, exact = (counted, True) if counted is not None else (rows, False)
                found.append(TableStatistics(None, name, rows, exact, _int(data), _int(index)))
        return tuple(found)

    async def index_usage(self) -> tuple[IndexUsage, ...] | Unsupported:
        """Return reads through every index, where the server counts them."""
        sql = chosen("index_usage", await self._sessions.facts())
        if sql is None:
            return Unsupported(
                "the server counts no use of indexes: performance_schema and userstat are both off (a start-up option)"
            )
        try:
            async with self._reading() as raw:
                return tuple(IndexUsage(None, t, i, int(scans), None) for t, i, scans in await raw.fetch(sql))
        except PermissionDenied as denied:
            return Unsupported(f"the account can't see it: {denied.message}")

    async def sample(self, table: Table, *, rows: int = 200) -> Sample:
        """Return rows from evenly spread places of the key, or the first rows where the key begins with no number."""
        columns = list(table.columns)
        names = ", ".join(map(readable, columns))
        source = name_of(table.name)
        key = _numeric_key(table)
        order = ", ".join(map(name_of, table.primary_key.columns)) if table.primary_key else ""
        async with self._reading() as raw:
            low, high = (
                (await raw.fetch(f"SELECT MIN({name_of(key)}), MAX({name_of(key)}) FROM {source}"))[0]  # noqa: S608
                if key
                else (None, None)
            )
            found: list[tuple[object, ...]] = []
            if key is None or low is None or int(high) - int(low) < 4 * rows:
                found = await raw.fetch(f"SELECT {names} FROM {source} LIMIT {int(rows) * 4}")  # noqa: S608 - quoted
                found = found[:: max(1, len(found) // rows)]
            else:
                each, step, after = max(1, rows // PLACES), (int(high) - int(low)) // PLACES, int(low) - 1
                for place in range(PLACES):
                    begin = max(int(low) + place * step, after + 1)
                    part = await raw.fetch(
                        f"SELECT {name_of(key)}, {names} FROM {source} WHERE {name_of(key)} >= {begin} "  # noqa: S608
                        f"ORDER BY {order} LIMIT {each}"
                    )
                    if not part:
                        break
                    after = int(part[-1][0])
                    found += [row[1:] for row in part]
        return Sample(tuple(c.name for c in columns), tuple(decoded(row, columns) for row in found[:rows]))

    async def profile(
        self, table: Table, columns: Sequence[str], *, max_rows: int = 100_000
    ) -> tuple[ColumnProfile, ...]:
        """Return null ratio and distinct count over the first `max_rows` rows, in one scan."""
        parts = ", ".join(f"COUNT({name_of(c)}), COUNT(DISTINCT {name_of(c)})" for c in columns)
        inner = f"SELECT {', '.join(name_of(c) for c in columns)} FROM {name_of(table.name)} LIMIT {int(max_rows)}"  # noqa: S608
        async with self._reading() as raw:
            row = [int(v) for v in (await raw.fetch(f"SELECT COUNT(*), {parts} FROM ({inner}) AS s"))[0]]  # noqa: S608
        seen = row[0]
        return tuple(
            ColumnProfile(c, seen, 1 - row[1 + 2 * i] / seen if seen else 0.0, row[2 + 2 * i], exact=seen < max_rows)
            for i, c in enumerate(columns)
        )

    def count_query(self, table: Table) -> str:
        """Return the counting statement."""
        return f"SELECT COUNT(*) FROM {name_of(table.name)}"  # noqa: S608 - quoted

    def _reading(self) -> AbstractAsyncContextManager[Wire]:
        return self._sessions.reading(timeout_seconds=OWN_SECONDS, lock_seconds=5)


async def _counted(raw: Wire, name: str) -> int | None:
    """Return the rows of a table, None where the account may not read it."""
    try:
        return int((await raw.fetch(_COUNT.format(name_of(name))))[0][0])
    except DriverError as problem:
        if problem.args[0] in DENIED:
            return None
        raise


def _numeric_key(table: Table) -> str | None:
    """Return the first column of the key where it is an integer."""
    key = table.primary_key.columns if table.primary_key else ()
    return key[0] if key and table.column(key[0]).type.kind is TypeKind.INTEGER else None


def _int(value: object) -> int | None:
    return None if value is None else int(str(value))
