"""Exact counts that every SQL engine does the same way, each with the statement that gave it."""

from __future__ import annotations

from collections.abc import Callable

from dbmanager.adapters.facets import DependencyCount, LargestValue, OrphanCount, Query
from dbmanager.model.schema import Column, Table


class SqlCounting:
    """The counting part of an SQL engine's `Statistics` facet."""

    def __init__(self, query: Query, quote: Callable[..., str]) -> None:
        self._query = query
        self._quote = quote

    async def count_orphans(self, child: Table, column: str, parent: Table, parent_column: str) -> OrphanCount:
        """Count a column's values, and those that the parent does not have."""
        quote, referring, key = self._quote, self._quote(column), self._quote(parent_column)
        sql = (
            f"SELECT count(c.{referring}), count(c.{referring}) - count(p.{key}) "  # noqa: S608 - quoted identifiers only
            f"FROM {quote(child.schema, child.name)} AS c "
            f"LEFT JOIN {quote(parent.schema, parent.name)} AS p ON p.{key} = c.{referring}"
        )
        row = (await self._query.fetch(sql))[0]
        return OrphanCount(int(str(row[0])), int(str(row[1])), sql)

    async def count_dependency(self, table: Table, determinant: str, dependent: str) -> DependencyCount:
        """Group the rows that have both values by the determinant."""
        left, right = self._quote(determinant), self._quote(dependent)
        sql = (
            f"SELECT count(*), coalesce(sum(n), 0), coalesce(max(d), 0) FROM (SELECT count(*) AS n, "  # noqa: S608 - quoted
            f"count(DISTINCT {right}) AS d FROM {self._quote(table.schema, table.name)} "
            f"WHERE {left} IS NOT NULL AND {right} IS NOT NULL GROUP BY {left}) AS g"
        )
        groups, members, most = (int(str(value)) for value in (await self._query.fetch(sql))[0])
        return DependencyCount(groups, members, most, sql)

    async def largest(self, table: Table, column: str) -> LargestValue:
        """Return the largest value of a column."""
        sql = f"SELECT max({self._quote(column)}) FROM {self._quote(table.schema, table.name)}"  # noqa: S608 - quoted
        value = (await self._query.fetch(sql))[0][0]
        return LargestValue(None if value is None else int(str(value)), sql)


def stored_columns(table: Table) -> tuple[Column, ...]:
    """Return the columns that make up a row: all but the generated ones."""
    return tuple(column for column in table.columns if column.generated is None)
