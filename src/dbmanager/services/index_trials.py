"""Plans statements where the engine has no hypothetical indexes: they are really made, on a copy of the tables or a sample."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from dbmanager.adapters.facets import Adapter, Hiding, Planned, Statement, Unsupported, need
from dbmanager.adapters.sql.confined import names_its_database
from dbmanager.errors import InvalidStatement, ResourceExhausted, StatementFailed, UnsupportedCapability
from dbmanager.model.placeholders import colons
from dbmanager.model.queries import QueryLimits, QueryPlan, QueryRequest
from dbmanager.model.schema import DatabaseSchema, Index, Table
from dbmanager.services.scratch import Budget, Contents, ScratchDatabase, Scratches

ROWS, BYTES = 200_000, 64_000_000
"""Of all tables together: what is no larger is copied whole. Of the rest each table gives the same share of its rows, so that
the planner sees the tables in the proportions that they have."""
FEWEST_ROWS = 1_000
SAMPLE_ROWS = 20_000
"""Of each table, where nobody knows how many there are."""
BUDGET = Budget(rows=400_000, bytes=200_000_000, seconds=180.0)
MOST_HIDDEN = 30
"""Of one table: hidden indexes count among those that a table may have, 64 on MySQL."""
_LIMITS = QueryLimits(timeout_seconds=30.0)
_SECONDS = 120.0
_SURE = 0.8
"""Estimates are rough: a copy of all rows is begun only where they take this share of what is allowed."""


async def explained(adapter: Adapter, statement: str, limits: QueryLimits) -> QueryPlan:
    """Return the plan of a read; on PostgreSQL one with `$1` in place of values is planned for any of them."""
    if adapter.dialect == "postgres" and colons(statement, adapter.dialect) != statement:
        return need(await need(adapter.workload, "scratch").plan(statement), "scratch")
    return await adapter.query.explain(QueryRequest(statement, limits=limits))


@dataclass(slots=True)
class Trial:
    """A `Planner` on a copy. Indexes are made when they are first offered, and hidden or dropped when they are not."""

    copy: ScratchDatabase
    method: str
    is_comparable: bool = True
    is_ready: bool = False
    _live: dict[str, tuple[Table, Index]] = field(default_factory=dict)
    _hidden: dict[str, tuple[Table, Index]] = field(default_factory=dict)
    _impossible: set[str] = field(default_factory=set)
    _left_out: dict[tuple[str | None, str, str], tuple[Table, Index]] = field(default_factory=dict)

    async def lacking(self) -> Unsupported | None:
        """Say that it can: the copy is ours."""
        return None

    async def plan(
        self,
        statement: str,
        indexes: Sequence[tuple[Table, Index]],
        without: Sequence[tuple[Table, Index]] = (),
    ) -> Planned:
        """Plan a gated read with just these indexes made beside those that the source has, and some of those dropped.

        Raises: what the engine says of the statement or of a candidate.
        """
        if self.copy.adapter.dialect == "mysql" and names_its_database(statement):
            raise UnsupportedCapability("the query names its database, which the copy does not bear")
        await self._offer(indexes)
        await self._leave_out(without)
        plan = await explained(self.copy.adapter, statement, _LIMITS)
        names = {index.name for _, index in indexes}
        used = tuple(dict.fromkeys(node.index for node in plan.nodes() if node.index in names and node.index))
        return Planned(plan, plan.cost if plan.cost is not None else plan.work, used)

    async def sizes(self, indexes: Sequence[tuple[Table, Index]]) -> tuple[int | None, ...]:
        """Return nothing: what an index of the copy takes says little of the source's."""
        return tuple(None for _ in indexes)

    async def _offer(self, indexes: Sequence[tuple[Table, Index]]) -> None:
        wanted = {index.name: (table, index) for table, index in indexes}
        await self._turn(
            [one for name, one in self._live.items() if name not in wanted],
            [one for name, one in wanted.items() if name in self._hidden],
        )
        made = []
        for name, one in wanted.items():
            if name in self._live or name in self._impossible:
                continue
            try:
                await self._run(need(self.copy.adapter.emit, "scratch").create_index(*one).statements)
            except (InvalidStatement, StatementFailed, UnsupportedCapability):  # too long, too many, no order
                self._impossible.add(name)
                continue
            self._live[name] = one
            made.append(one)
        if made:
            await self.copy.facet.gather_statistics(self.copy.place, _tables(made))

    async def _leave_out(self, without: Sequence[tuple[Table, Index]]) -> None:
        """Drop these indexes of the source's from the copy; make again those that were dropped before."""
        wanted = {(table.schema, table.name, index.name): (table, index) for table, index in without}
        emit = need(self.copy.adapter.emit, "scratch")
        back = [pair for key, pair in self._left_out.items() if key not in wanted]
        gone = [pair for key, pair in wanted.items() if key not in self._left_out]
        for pair in back:
            await self._run(emit.drop_index(*pair).inverse)
        for pair in gone:
            await self._run(emit.drop_index(*pair).statements)
        self._left_out = wanted
        if back:
            await self.copy.facet.gather_statistics(self.copy.place, _tables(back))

    async def _turn(self, unwanted: Sequence[tuple[Table, Index]], wanted: Sequence[tuple[Table, Index]]) -> None:
        """Hide indexes from plans, which takes no time, or drop them where that can't be done; show those hidden before."""
        emit = need(self.copy.adapter.emit, "scratch")
        altered: dict[str, list[str]] = {}
        dropped: list[str] = []
        for table, index in wanted:
            hiding = emit.hide_index(table, index)
            if isinstance(hiding, Hiding):
                altered.setdefault(hiding.head, []).append(hiding.inverse.removeprefix(hiding.head))
                self._live[index.name] = self._hidden.pop(index.name)
        for table, index in unwanted:
            hiding = emit.hide_index(table, index)
            one = self._live.pop(index.name)
            if isinstance(hiding, Hiding) and sum(other is table for other, _ in self._hidden.values()) < MOST_HIDDEN:
                altered.setdefault(hiding.head, []).append(hiding.statement.removeprefix(hiding.head))
                self._hidden[index.name] = one
            else:
                dropped += emit.create_index(table, index).inverse
        await self._run([head + ", ".join(parts) for head, parts in altered.items()] + dropped)

    async def _run(self, statements: Sequence[str]) -> None:
        if statements:
            await self.copy.adapter.execute.execute(
                [Statement(text) for text in statements],
                atomic=False,
                lock_timeout_seconds=30,
                timeout_seconds=_SECONDS,
            )


@dataclass(frozen=True, slots=True)
class IndexTrials:
    """Makes copies of a connection's tables, sampled where they have more rows than these together."""

    scratches: Scratches
    connection: str
    adapter: Adapter
    most_rows: int = ROWS

    @asynccontextmanager
    async def on(self, schema: DatabaseSchema, tables: Sequence[Table]) -> AsyncIterator[Trial]:
        """Yield a trial on these tables: whole where they are small, else on the same share of the rows of each.

        Raises: UnsupportedCapability, PermissionDenied, ResourceExhausted: no copy could be made; the sentence says why.
        """
        names = list(dict.fromkeys(schema.display_name(table) for table in tables))
        rows = await self._rows(schema, names)
        async with self.scratches.made(
            self.connection, self.adapter, "full" if rows is None else "sample", names, sample_rows=rows or {}, budget=BUDGET
        ) as copy:  # fmt: skip
            await copy.facet.gather_statistics(copy.place, list(tables))
            described = copy_text(schema, copy, names)
            if rows is None:
                yield Trial(copy, f"real indexes on a whole copy ({described})")
            else:
                yield Trial(copy, f"real indexes on a sampled copy ({described}; costs and choices are the sample's)")

    async def _rows(self, schema: DatabaseSchema, names: Sequence[str]) -> dict[str, int] | None:
        """Return how many rows to take of each table; None for all of them."""
        known = {(one.schema, one.table): one for one in await self.adapter.statistics.tables()}
        figures = {name: known.get((schema.table(name).schema, schema.table(name).name)) for name in names}
        counts = {name: one.row_count for name, one in figures.items() if one is not None and one.row_count is not None}
        if len(counts) < len(names):
            return {name: min(SAMPLE_ROWS, counts.get(name, SAMPLE_ROWS)) for name in names}
        size = sum(one.table_bytes or 0 for one in figures.values() if one is not None)
        share = min(self.most_rows / max(1, sum(counts.values())), BYTES / max(1, size))
        return None if share >= 1 else {name: max(FEWEST_ROWS, int(count * share)) for name, count in counts.items()}

    @asynccontextmanager
    async def copied(
        self, schema: DatabaseSchema, tables: Sequence[Table], budget: Budget, sample_rows: int
    ) -> AsyncIterator[tuple[ScratchDatabase, str]]:
        """Yield a copy with all rows of these tables where they should fit the budget, else a sample, and which it is.

        Raises: as `on`.
        """
        names = list(dict.fromkeys(schema.display_name(table) for table in tables))
        wanted = {(table.schema, table.name) for table in tables}
        counted = [one.row_count for one in await self.adapter.statistics.tables() if (one.schema, one.table) in wanted]
        is_sure = None not in counted and sum(one or 0 for one in counted) <= budget.rows * _SURE
        async with AsyncExitStack() as stack:
            order: tuple[Contents, ...] = ("full", "sample") if is_sure else ("sample",)
            for contents in order:
                made = self.scratches.made(
                    self.connection, self.adapter, contents, names, sample_rows=sample_rows, budget=budget
                )
                try:
                    copy = await stack.enter_async_context(made)
                except ResourceExhausted:
                    if contents == order[-1]:
                        raise
                    continue
                break
            await copy.facet.gather_statistics(copy.place, [schema.table(name) for name in names])
            told = "all rows" if contents == "full" else "a sample; figures and choices are the sample's"
            yield copy, f"a copy of {told}: {copy_text(schema, copy, names)}"


def copy_text(schema: DatabaseSchema, copy: ScratchDatabase, names: Sequence[str]) -> str:
    """Return how many rows of each table a copy holds."""
    parts = []
    for name in names:
        estimate = schema.table(name).row_estimate
        of = f" of about {estimate:,}" if estimate is not None else ""
        parts.append(f"{name} {copy.rows.get(name, 0):,}{of} rows")
    return ", ".join(parts)


def _tables(candidates: Sequence[tuple[Table, Index]]) -> list[Table]:
    return list({(table.schema, table.name): table for table, _ in candidates}.values())
