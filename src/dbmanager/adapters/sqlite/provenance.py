"""SQLite's own word on which columns a statement reads: its authorizer is asked for each of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from dbmanager.adapters.sqlite.catalog import SqliteCatalog
from dbmanager.adapters.sqlite.query import OWN_SECONDS, SqliteQuery
from dbmanager.adapters.sqlite.session import Handle, Sessions, authorize
from dbmanager.model.lineage import BaseColumn, EngineReading
from dbmanager.model.queries import Scalar


class SqliteProvenance:
    """The `Provenance` facet. The statement is prepared for EXPLAIN and never stepped through.

    Source: https://www.sqlite.org/c3ref/c_alter_table.html (SQLITE_READ).
    """

    def __init__(self, sessions: Sessions, catalog: SqliteCatalog, query: SqliteQuery) -> None:
        self._sessions = sessions
        self._catalog = catalog
        self._query = query

    async def reading(self, statement: str, parameters: Sequence[Scalar] = ()) -> EngineReading:
        """Return every base column that the statement reads, through views and subqueries too."""
        await self._query.check(statement)
        seen: set[tuple[str, str]] = set()

        def decide(
            action: int, first: str | None, second: str | None, database: str | None, trigger: str | None
        ) -> int:
            if action == sqlite3.SQLITE_READ and first and second:
                seen.add((first, second))
            return authorize(action, first, second, database, trigger)

        def work(handle: Handle) -> None:
            handle.raw.set_authorizer(decide)
            try:
                handle.raw.execute("EXPLAIN " + statement, tuple(parameters)).close()
            finally:
                self._sessions.guard(handle)

        await self._sessions.read(work, timeout_seconds=OWN_SECONDS)
        schema = await self._catalog.read_schema()
        base = {table.name: table for table in schema.base_tables()}
        found = set()
        for table, column in seen:
            if table in base:
                key = base[table].primary_key
                names = key.columns if column == "ROWID" and key is not None else (column,)
                found |= {BaseColumn("", table, name) for name in names if base[table].has_column(name)}
        return EngineReading(touched=frozenset(found))
