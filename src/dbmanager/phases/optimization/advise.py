"""Index advice for a workload: a set chosen under a budget of bytes, tried on the engine, with what it does for whom."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack

from dbmanager.adapters.facets import Adapter, Planned, Planner, Unsupported
from dbmanager.analyzers.indexing.candidates import candidates
from dbmanager.analyzers.indexing.reasons import reason
from dbmanager.analyzers.indexing.search import Choice, Search, Task
from dbmanager.analyzers.indexing.special import special_searches
from dbmanager.analyzers.indexing.usage import ColumnUse, column_uses
from dbmanager.errors import DbManagerError, UnsupportedCapability
from dbmanager.model.indexing import PLAIN, rough_index_bytes
from dbmanager.model.schema import DatabaseSchema, Index, Table
from dbmanager.phases.optimization.advice import (
    USUAL,
    Advice,
    AdviceReport,
    Asked,
    Bounds,
    Effect,
    FirstAnswer,
    Told,
    asked_of,
)
from dbmanager.phases.optimization.dropping import DropTrial, needless_beside
from dbmanager.phases.optimization.measure import MEASURE_LIMITS, measure
from dbmanager.phases.optimization.pool import Pool, is_large
from dbmanager.services.index_trials import IndexTrials, Trial, explained

__all__ = ["Advice", "AdviceReport", "Asked", "Bounds", "Effect", "FirstAnswer", "advise", "asked_of"]

USUAL_SHARE, LEAST_BUDGET = 0.25, 32_000_000
"""Without a budget: indexes up to a quarter of the tables' bytes, and never less than this."""


async def advise(
    adapter: Adapter,
    queries: Sequence[str | Asked],
    trials: IndexTrials | None = None,
    *,
    bounds: Bounds = USUAL,
    rows_written: Mapping[tuple[str | None, str], float] | None = None,
    told: Told | None = None,
    measured: bool = True,
    drops: bool = False,
) -> AdviceReport:
    """Return index advice for a workload of read-only queries; the database is only read.

    A set is chosen for all queries together, by what the engine's planner says. Where the engine has no hypothetical
    indexes they are made on a copy, and where there is none either, rules decide. Queries that can't be planned
    are told in `before` and left out. With `drops`, what looks needless is tried as well.
    """
    asked = [one if isinstance(one, Asked) else Asked(one) for one in queries]
    schema = await adapter.catalog.read_schema()
    run = _Run(adapter, schema, asked, bounds, rows_written or {}, told)
    effects: tuple[Effect, ...] = ()
    async with AsyncExitStack() as stack:
        planner = await run.planner(stack, trials)
        if planner is None:
            create = run.by_rules()
        else:
            create, effects = await run.search(planner)
        tried = await run.drops(planner, create) if drops else None
    if tried is not None:
        await run.drops_on_copy(tried, trials)
    before = await measure(adapter, [one.statement for one in asked], run.problems) if measured else ()
    unused = run.unused()
    size = sum(advice.size_bytes or 0 for advice in create)
    return AdviceReport(
        tuple(create),
        unused,
        before,
        run.method,
        effects,
        run.budget,
        size,
        run.calls,
        await run.special(),
        run.least_bytes,
        tuple(tried.found) if tried is not None else (),
    )


class _Run:
    """One run of advice: what was found out on the way."""

    def __init__(
        self,
        adapter: Adapter,
        schema: DatabaseSchema,
        asked: Sequence[Asked],
        bounds: Bounds,
        rows_written: Mapping[tuple[str | None, str], float],
        told: Told | None,
    ) -> None:
        self._adapter, self._schema, self._asked, self._bounds = adapter, schema, asked, bounds
        self._written, self._told = rows_written, told
        self._means = PLAIN if isinstance(adapter.emit, Unsupported) else adapter.emit.index_means
        self._read_now: dict[int, set[str]] = {}
        self._ends = time.monotonic() + bounds.seconds
        self.problems: dict[int, str] = {}
        self.method, self.calls, self.budget = "", 0, 0
        self.least_bytes: int | None = None
        self._not_left_out = ""

    async def planner(self, stack: AsyncExitStack, trials: IndexTrials | None) -> Planner | None:
        """Return what can be asked: the engine's own means, a copy, or nothing; `method` says which."""
        lacking = ""
        if isinstance(self._adapter.what_if, Unsupported):
            lacking = self._adapter.what_if.reason
        else:
            found = await stack.enter_async_context(self._adapter.what_if.planner())
            if not isinstance(found, Unsupported):
                self.method = found.method
                if not found.is_ready:
                    await self._tell_rules()
                return found
            lacking = found.reason
        await self._look()
        await self._tell_rules()
        self.method = f"rules only: {lacking}"
        if trials is None or not self._candidates():
            return None
        tables = list({id(use.table): use.table for one in self._asked for use in self._uses(one)}.values())
        try:
            trial = await stack.enter_async_context(trials.on(self._schema, tables))
        except DbManagerError as refused:
            self.method += f" ({refused.sentence()})"
            return None
        self.method = trial.method
        self._ends = time.monotonic() + self._bounds.seconds
        return trial

    async def _tell_rules(self) -> None:
        """Tell what rules alone advise, at once: where indexes are really made, trying them takes its time."""
        if self._told is not None:
            found = self.by_rules()
            await self._told(FirstAnswer(len(found), None, sum(one.size_bytes or 0 for one in found)))

    async def search(self, planner: Planner) -> tuple[list[Advice], tuple[Effect, ...]]:
        """Choose a set with the planner's help."""
        numbers, first = await self._planned(planner)
        if not numbers:
            return [], ()
        statements = [self._asked[number].statement for number in numbers]
        weights, per_unit = self._weights(numbers, first, planner)
        pool = Pool(planner, self._schema, self._written, per_unit)
        await pool.fill(statements, self._adapter.dialect, self._means)
        self.budget = await self._budget(pool)
        if pool.sizes and min(pool.sizes) > self.budget:
            self.least_bytes = min(pool.sizes)

        async def oracle(query: int, offered: list[int]) -> tuple[float, list[int]]:
            if not offered:
                return first[query].cost, []
            planned = await planner.plan(statements[query], [pool.found[one] for one in offered])
            return planned.cost, [pool.number_of(name) for name in planned.used]

        search = Search(
            Task(weights, pool.relevant, pool.sizes, pool.writes, self.budget, pool.merge, pool.wide, pool.tables),
            oracle, lambda: self._ends - time.monotonic(), self._answer(weights, first),
            least_gain=self._bounds.least_gain_ratio,
        )  # fmt: skip
        choice = await search.run()
        self.calls = search.calls + len(self._asked)
        return self._advice(choice, search, pool, numbers), tuple(
            Effect(number + 1, before, after)
            for number, before, after in zip(numbers, search.base, choice.costs, strict=True)
        )

    async def _look(self) -> None:
        """See which indexes the queries use today, where there is no planner to be asked."""
        for number, asked in enumerate(self._asked):
            try:
                plan = await explained(self._adapter, asked.statement, MEASURE_LIMITS)
            except UnsupportedCapability:
                raise
            except DbManagerError as problem:
                self.problems[number] = problem.sentence()
                continue
            self._read_now[number] = {node.index for node in plan.nodes() if node.index}

    async def drops(self, planner: Planner | None, create: Sequence[Advice]) -> DropTrial:
        """Try to do without what looks needless, where the planner can leave indexes out."""
        statements = {number: self._asked[number].statement for number in self._read_now}
        tried = DropTrial(
            self._adapter, self._schema, statements, self._read_now, [(one.table, one.index) for one in create]
        )
        if planner is not None and not isinstance(planner, Trial) and tried.wanted():
            lacking = await planner.lacking()
            if lacking is None:
                await tried.by(planner)
            self._not_left_out = lacking.reason if lacking is not None else ""
        return tried

    async def drops_on_copy(self, tried: DropTrial, trials: IndexTrials | None) -> None:
        """Try on a copy of its own what the planner could not leave out: with all rows, where they fit."""
        if not tried.is_done:
            await tried.on_copy(trials, self._not_left_out or self.method)

    def by_rules(self) -> list[Advice]:
        """Advise the widest plain candidate of each query: equality, then a sort or a range."""
        chosen: dict[str, Advice] = {}
        for number, asked in enumerate(self._asked, 1):
            uses = self._uses(asked)
            plain = [pair for pair in candidates(uses) if is_large(pair[0])]
            if plain:
                table, index = plain[-1]
                known = chosen[index.name].queries if index.name in chosen else ()
                size = rough_index_bytes(table, index)
                chosen[index.name] = Advice(table, index, (*known, number), size, reason(index, uses))
        return _minimal(chosen.values())

    async def special(self) -> tuple[Advice, ...]:
        """Return the indexes of other kinds that queries may want, by rule."""
        found: dict[str, Advice] = {}
        emit = self._adapter.emit
        if isinstance(emit, Unsupported):
            return ()
        for number, asked in enumerate(self._asked, 1):
            if number - 1 in self.problems:
                continue
            for one in special_searches(asked.statement, self._adapter.dialect, self._schema):
                index = emit.special_index(one.table, one.column, one.kind, one.expression)
                if isinstance(index, Index) and is_large(one.table):
                    known = found[index.name].queries if index.name in found else ()
                    why = one.why if index.name not in found else found[index.name].why
                    if index.name not in found and (wanting := await self._wanting(index)) is not None:
                        why += f"; {wanting}"
                    found[index.name] = Advice(one.table, index, (*known, number), None, why)
        return tuple(found.values())

    async def _wanting(self, index: Index) -> str | None:
        what_if = self._adapter.what_if
        return None if isinstance(what_if, Unsupported) else await what_if.prerequisite(index)

    def unused(self) -> tuple[tuple[Table, Index], ...]:
        """Return the indexes that no query's plan reads today and no constraint needs."""
        used = {name for names in self._read_now.values() for name in names}
        return tuple(
            (table, index)
            for table in self._schema.base_tables()
            for index in table.indexes
            if index.name not in used and not index.unique and not index.backs_constraint
        )

    def _uses(self, asked: Asked) -> list[ColumnUse]:
        return column_uses(asked.statement, self._adapter.dialect, self._schema)

    def _candidates(self) -> list[tuple[Table, Index]]:
        uses = [use for one in self._asked for use in self._uses(one)]
        return [pair for pair in candidates(uses, self._means) if is_large(pair[0])]

    async def _planned(self, planner: Planner) -> tuple[list[int], list[Planned]]:
        """Plan every query as it is; those that can't be planned are kept as problems."""
        numbers, plans = [], []
        for number, asked in enumerate(self._asked):
            try:
                planned = await planner.plan(asked.statement, [])
            except DbManagerError as problem:
                self.problems[number] = problem.sentence()
                continue
            self._read_now[number] = {node.index for node in planned.plan.nodes() if node.index}
            numbers.append(number)
            plans.append(planned)
        return numbers, plans

    def _weights(self, numbers: Sequence[int], first: Sequence[Planned], planner: Planner) -> tuple[list[float], float]:
        """Return what each query's cost is multiplied with, and what a unit of the planner's cost is worth.

        With measured times the objective is time: calls times mean time, scaled by the planner's cost ratio.
        """
        asked = [self._asked[number] for number in numbers]
        costs = [max(planned.cost, 1e-9) for planned in first]
        times = [one.calls * one.mean_ms if one.mean_ms is not None else None for one in asked]
        if all(spent is not None for spent in times):
            weights = [max(spent or 0.0, 1e-9) / cost for spent, cost in zip(times, costs, strict=True)]
        elif planner.is_comparable and len({planned.plan.cost is None for planned in first}) == 1:
            return [float(one.calls) for one in asked], 1.0
        else:
            weights = [one.calls / cost for one, cost in zip(asked, costs, strict=True)]
        return weights, sum(weights) / sum(one.calls for one in asked)

    async def _budget(self, pool: Pool) -> int:
        if self._bounds.budget_bytes is not None:
            return self._bounds.budget_bytes
        involved = {(table.schema, table.name) for table, _ in pool.found}
        tables = await self._adapter.statistics.tables()
        held = sum(one.table_bytes or 0 for one in tables if (one.schema, one.table) in involved)
        return max(LEAST_BUDGET, int(held * USUAL_SHARE))

    def _answer(self, weights: Sequence[float], first: Sequence[Planned]) -> Callable[[Choice], Awaitable[None]]:
        whole = sum(weight * planned.cost for weight, planned in zip(weights, first, strict=True)) or 1.0

        async def better(choice: Choice) -> None:
            if self._told is not None:
                await self._told(FirstAnswer(len(choice.chosen), choice.total / whole, choice.size_bytes))

        return better

    def _advice(self, choice: Choice, search: Search, pool: Pool, numbers: Sequence[int]) -> list[Advice]:
        found = []
        for one in choice.chosen:
            table, index = pool.found[one]
            queries = tuple(numbers[query] + 1 for query in search.users(one))
            uses = [use for query in search.users(one) for use in pool.uses[query]]
            found.append(
                Advice(
                    table, index, queries, pool.sizes[one], reason(index, uses),
                    self._written.get((table.schema, table.name), 0.0), needless_beside(table, index),
                )
            )  # fmt: skip
        return sorted(found, key=lambda advice: (-len(advice.queries), advice.index.name))


def _minimal(advised: Iterable[Advice]) -> list[Advice]:
    """Drop advice whose keys are the first keys of another piece of advice."""
    every = list(advised)
    kept = [
        advice
        for advice in every
        if not any(
            other is not advice
            and other.table is advice.table
            and len(other.index.keys) > len(advice.index.keys)
            and other.index.keys[: len(advice.index.keys)] == advice.index.keys
            for other in every
        )
    ]
    return sorted(kept, key=lambda advice: (-len(advice.queries), advice.index.name))
