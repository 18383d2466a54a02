"""Tries indexes through hypopg, where the database has it; nothing is built."""

from __future__ import annotations

from collections.abc import Sequence

from dbmanager.adapters.facets import Unsupported, WhatIfResult
from dbmanager.adapters.postgresql.emit import PostgresEmit
from dbmanager.adapters.postgresql.query import PostgresQuery, explained
from dbmanager.adapters.postgresql.session import Sessions
from dbmanager.model.schema import Index, Table


class PostgresWhatIf:
    """The `WhatIf` facet."""

    def __init__(self, sessions: Sessions, query: PostgresQuery) -> None:
        self._sessions = sessions
        self._query = query

    async def try_indexes(self, sql: str, candidates: Sequence[tuple[Table, Index]]) -> WhatIfResult | Unsupported:
        """Plan the statement with the indexes there are, and with the candidates as well."""
        await self._query.check(sql)
        async with self._sessions.reading(timeout_seconds=60, lock_seconds=5, confined=False) as raw:
            if not await raw.fetchval("SELECT count(*) FROM pg_extension WHERE extname = 'hypopg'"):
                return Unsupported("the extension hypopg is not created in this database")
            before = await explained(raw, sql, (), "FORMAT JSON", False)
            try:
                names: dict[str, str] = {}
                sizes = []
                for table, index in candidates:
                    statement = PostgresEmit().create_index(table, index).statements[0]
                    made = await raw.fetchrow("SELECT indexrelid, indexname FROM hypopg_create_index($1)", statement)
                    names[made["indexname"]] = index.name
                    sizes.append(
                        (index.name, await raw.fetchval("SELECT hypopg_relation_size($1)", made["indexrelid"]))
                    )
                after = await explained(raw, sql, (), "FORMAT JSON", False)
            finally:
                await raw.execute("SELECT hypopg_reset()")
        used = tuple(dict.fromkeys(names[node.index] for node in after.nodes() if node.index in names and node.index))
        return WhatIfResult(before, after, used, tuple(sizes))
