"""Tries indexes where the engine has no hypothetical ones: they are really made, on a sampled copy of the tables."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from dbmanager.adapters.facets import Adapter, Statement, WhatIfResult, need
from dbmanager.adapters.sql.confined import names_its_database
from dbmanager.errors import UnsupportedCapability
from dbmanager.model.queries import QueryLimits, QueryRequest
from dbmanager.model.schema import DatabaseSchema, Index, Table
from dbmanager.services.scratch import Budget, ScratchDatabase, Scratches

SAMPLE_ROWS = 20_000
BUDGET = Budget(rows=400_000, bytes=200_000_000, seconds=120.0)
_LIMITS = QueryLimits(timeout_seconds=30.0)
_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Trial:
    """A sampled copy on which candidates are tried one query after another."""

    copy: ScratchDatabase
    described: str
    """What it was tried on, for people: the rows of each table, and of how many."""

    async def try_indexes(self, sql: str, candidates: Sequence[tuple[Table, Index]]) -> WhatIfResult:
        """Plan the statement without and with the candidates, which are dropped again.

        Raises: what the engine says of the statement or of a candidate.
        """
        if self.copy.adapter.dialect == "mysql" and names_its_database(sql):
            raise UnsupportedCapability("the query names its database, which the copy does not bear")
        adapter, emit = self.copy.adapter, need(self.copy.adapter.emit, "scratch")
        request = QueryRequest(sql, limits=_LIMITS)
        before = await adapter.query.explain(request)
        made = [emit.create_index(table, index) for table, index in candidates]
        try:
            await self._run([text for emission in made for text in emission.statements])
            await self.copy.facet.gather_statistics(self.copy.place, _tables(candidates))
            after = await adapter.query.explain(request)
        finally:
            await self._run([text for emission in made for text in emission.inverse])
        names = {index.name for _, index in candidates}
        used = tuple(dict.fromkeys(node.index for node in after.nodes() if node.index in names and node.index))
        return WhatIfResult(before, after, used)

    async def _run(self, statements: Sequence[str]) -> None:
        await self.copy.adapter.execute.execute(
            [Statement(text) for text in statements], atomic=False, lock_timeout_seconds=30, timeout_seconds=_SECONDS
        )


@dataclass(frozen=True, slots=True)
class IndexTrials:
    """Makes sampled copies of a connection's tables."""

    scratches: Scratches
    connection: str
    adapter: Adapter

    @asynccontextmanager
    async def on(self, schema: DatabaseSchema, tables: Sequence[Table]) -> AsyncIterator[Trial]:
        """Yield a trial on a sample of these tables.

        Raises: UnsupportedCapability, PermissionDenied, ResourceExhausted: no copy could be made; the sentence says why.
        """
        names = list(dict.fromkeys(schema.display_name(table) for table in tables))
        async with self.scratches.made(
            self.connection, self.adapter, "sample", names, sample_rows=SAMPLE_ROWS, budget=BUDGET
        ) as copy:
            await copy.facet.gather_statistics(copy.place, list(tables))
            yield Trial(copy, _described(schema, copy, names))


def _described(schema: DatabaseSchema, copy: ScratchDatabase, names: Sequence[str]) -> str:
    parts = []
    for name in names:
        estimate = schema.table(name).row_estimate
        of = f" of about {estimate:,}" if estimate is not None else ""
        parts.append(f"{name} {copy.rows.get(name, 0):,}{of} rows")
    return ", ".join(parts)


def _tables(candidates: Sequence[tuple[Table, Index]]) -> list[Table]:
    return list({(table.schema, table.name): table for table, _ in candidates}.values())
