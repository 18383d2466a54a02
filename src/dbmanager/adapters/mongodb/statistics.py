"""Sizes, use of indexes, samples and exact counts of collections."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from dbmanager.adapters.facets import DependencyCount, LargestValue, OrphanCount, Unsupported
from dbmanager.adapters.mongodb.catalog import MongoCatalog, in_parallel
from dbmanager.adapters.mongodb.errors import NoSuchCollection
from dbmanager.adapters.mongodb.fields import values_at
from dbmanager.adapters.mongodb.query import MongoQuery
from dbmanager.adapters.mongodb.session import OWN_SECONDS, Document, Sessions
from dbmanager.adapters.mongodb.values import cell, short_text
from dbmanager.errors import PermissionDenied, StatementFailed, UnsupportedCapability
from dbmanager.model.queries import Cell
from dbmanager.model.schema import Table
from dbmanager.model.statistics import ColumnProfile, IndexUsage, Sample, TableStatistics

ITEMS_OF_ARRAYS = 5
"""Items of a document's arrays that a sample shows, each in a row of its own."""

MAX_MISSING = 60


class MongoStatistics:
    """The `Statistics` facet."""

    def __init__(self, sessions: Sessions, query: MongoQuery, catalog: MongoCatalog) -> None:
        self._sessions = sessions
        self._query = query
        self._catalog = catalog

    async def tables(self, *, exact_up_to_rows: int = 0) -> tuple[TableStatistics, ...]:
        """Return size and number of documents of every collection, counted where the estimate is within the bound."""
        tables = list((await self._catalog.read_schema()).base_tables())
        found: dict[str, TableStatistics] = {}

        async def one(table: Table) -> None:
            sizes = await self._sizes(table)
            rows, exact = sizes.get("count"), False
            if rows is None or rows <= exact_up_to_rows:
                rows, exact = await self._count(table), True
            found[table.name] = TableStatistics(
                None, table.name, rows, exact, _whole(sizes.get("storageSize")), _whole(sizes.get("totalIndexSize"))
            )

        await in_parallel(tables, one)
        return tuple(found[table.name] for table in tables)

    async def _sizes(self, table: Table) -> Document:
        try:
            return await self._sessions.command({"collStats": table.name}, seconds=OWN_SECONDS)
        except (StatementFailed, UnsupportedCapability, NoSuchCollection, PermissionDenied):
            return {}

    async def _count(self, table: Table) -> int:
        command = {"aggregate": table.name, "pipeline": [{"$match": {}}, {"$group": {"_id": None, "n": {"$sum": 1}}}]}
        return sum([int(row["n"]) async for row in self._query.each(command)])

    async def index_usage(self) -> tuple[IndexUsage, ...] | Unsupported:
        """Return how often each index was used since the server started, and its size."""
        tables = list((await self._catalog.read_schema()).base_tables())
        found: dict[str, list[IndexUsage]] = {}

        async def one(table: Table) -> None:
            sizes = (await self._sizes(table)).get("indexSizes", {})
            command = {"aggregate": table.name, "pipeline": [{"$indexStats": {}}]}
            found[table.name] = [
                IndexUsage(
                    None, table.name, row["name"], _whole(row["accesses"]["ops"]), _whole(sizes.get(row["name"]))
                )
                async for row in self._query.each(command)
            ]

        try:
            await in_parallel(tables, one)
        except UnsupportedCapability:
            return Unsupported("the server does not count the use of indexes ($indexStats)")
        except PermissionDenied:
            return Unsupported("the user may not see the use of indexes (role clusterMonitor)")
        return tuple(usage for table in tables for usage in found[table.name])

    async def sample(self, table: Table, *, rows: int = 200) -> Sample:
        """Return sampled documents as rows over the dotted paths; items of arrays stand in rows of their own.

        Fields that the sample happens to lack are looked for, so that none is judged by its name alone.
        """
        documents = await self._catalog.documents(table.name, count=rows, stored=table.is_base)
        paths = [column.name for column in table.columns]
        missing = [path for path in paths if "*" not in path and not any(values_at(d, path) for d in documents)]
        for path in missing[:MAX_MISSING] if documents else ():
            if not any(values_at(document, path) for document in documents):
                documents += await self._catalog.having(table.name, path)
        found = [row for document in documents for row in _rows(document, paths)]
        return Sample(tuple(paths), tuple(found))

    async def profile(
        self, table: Table, columns: Sequence[str], *, max_rows: int = 100_000
    ) -> tuple[ColumnProfile, ...]:
        """Return the share of documents without a value, and how many values there are, by one group per field."""
        return tuple([await self._profile(table, column, max_rows) for column in columns])

    async def _profile(self, table: Table, column: str, max_rows: int) -> ColumnProfile:
        is_empty = {"$eq": [{"$ifNull": ["$_id", None]}, None]}
        pipeline: list[Document] = [
            {"$limit": max_rows},
            {"$group": {"_id": "$" + column, "n": {"$sum": 1}}},
            {
                "$group": {
                    "_id": None, "rows": {"$sum": "$n"},
                    "empty": {"$sum": {"$cond": [is_empty, "$n", 0]}}, "values": {"$sum": {"$cond": [is_empty, 0, 1]}},
                }
            },
        ]  # fmt: skip
        async for row in self._query.each({"aggregate": table.name, "pipeline": pipeline}):
            seen = int(row["rows"])
            return ColumnProfile(column, seen, int(row["empty"]) / seen, int(row["values"]), exact=seen < max_rows)
        return ColumnProfile(column, 0, 0.0, 0, exact=True)

    def count_query(self, table: Table) -> str:
        """Return the counting command."""
        return json.dumps({"count": table.name}, ensure_ascii=False)

    async def count_orphans(self, child: Table, column: str, parent: Table, parent_column: str) -> OrphanCount:
        """Count the values of a field, and those that no document of the parent has; looks each one up."""
        pipeline: list[Document] = [
            {"$match": {column: {"$exists": True, "$ne": None}}},
            {"$lookup": {"from": parent.name, "localField": column, "foreignField": parent_column, "as": "parent"}},
            {
                "$group": {
                    "_id": None, "rows": {"$sum": 1},
                    "orphans": {"$sum": {"$cond": [{"$eq": [{"$size": "$parent"}, 0]}, 1, 0]}},
                }
            },
            {"$project": {"_id": 0, "rows": 1, "orphans": 1}},
        ]  # fmt: skip
        command = {"aggregate": child.name, "pipeline": pipeline}
        found = [row async for row in self._query.each(command)]
        counts = found[0] if found else {"rows": 0, "orphans": 0}
        return OrphanCount(int(counts["rows"]), int(counts["orphans"]), short_text(command))

    async def count_dependency(self, table: Table, determinant: str, dependent: str) -> DependencyCount | Unsupported:
        """Documents repeat on purpose what is read together."""
        return Unsupported("documents repeat what is read together; a dependency between fields is no defect")

    async def largest(self, table: Table, column: str) -> LargestValue | Unsupported:
        """Numbers have no declared width that could run out."""
        return Unsupported("numbers have no declared width in MongoDB")


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


def _rows(document: Document, paths: Sequence[str]) -> list[tuple[Cell, ...]]:
    values = [values_at(document, path)[:ITEMS_OF_ARRAYS] for path in paths]
    height = max((len(found) for found in values), default=0)
    return [tuple(cell(found[n]) if n < len(found) else None for found in values) for n in range(height)]
