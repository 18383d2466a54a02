"""Index advice for a workload: a set chosen under a budget of bytes, tried on the engine, with what it does for whom."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from dbmanager.adapters.facets import Adapter, Planned, Planner, Unsupported
from dbmanager.analyzers.indexing.candidates import candidates
from dbmanager.analyzers.indexing.reasons import reason
from dbmanager.analyzers.indexing.search import Choice, Search, Task
from dbmanager.analyzers.indexing.special import special_searches
from dbmanager.analyzers.indexing.usage import ColumnUse, column_uses
from dbmanager.errors import DbManagerError, UnsupportedCapability
from dbmanager.model.indexing import PLAIN, rough_index_bytes
from dbmanager.model.queries import QueryRequest
from dbmanager.model.schema import DatabaseSchema, Index, Table
from dbmanager.model.workload import Workload
from dbmanager.phases.optimization.measure import MEASURE_LIMITS, Measurement, measure
from dbmanager.phases.optimization.pool import Pool, is_large
from dbmanager.services.index_trials import IndexTrials

USUAL_SECONDS = 15.0
USUAL_SHARE, LEAST_BUDGET = 0.25, 32_000_000
"""Without a budget: indexes up to a quarter of the tables' bytes, and never less than this."""
USUAL_GAIN = 0.005


@dataclass(frozen=True, slots=True)
class Asked:
    """One query of the workload: a statement with real values, how often it ran, and its measured time."""

    statement: str
    calls: int = 1
    mean_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Bounds:
    """What advice may cost.

    Attributes:
        budget_bytes: of all advised indexes together, as they will be on the disk; None for the usual share.
        seconds: of searching; the best set so far is the answer.
        least_gain_ratio: of the workload's cost; an index that saves less is not advised.
    """

    budget_bytes: int | None = None
    seconds: float = USUAL_SECONDS
    least_gain_ratio: float = USUAL_GAIN


@dataclass(frozen=True, slots=True)
class Advice:
    """One index to make, and what the engine says it would do for which queries (by number, from 1).

    Attributes:
        needless: names of indexes that are there and serve nothing which this one does not.
    """

    table: Table
    index: Index
    queries: tuple[int, ...]
    size_bytes: int | None
    why: str = ""
    rows_written: float = 0.0
    needless: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Effect:
    """What the whole set does to one query, by the planner."""

    number: int
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class AdviceReport:
    """Indexes to make, indexes that none of the queries used, and how the queries run today.

    Attributes:
        effects: by query, the planner's cost without and with the set; empty where rules alone decided.
        budget_bytes: what the set had to keep to.
        calls: how often the planner was asked.
        by_rule: indexes of kinds that nothing can cost before they are built; not in `create`.
        least_bytes: of the smallest candidate, where the budget is too small for any; else None.
    """

    create: tuple[Advice, ...]
    unused: tuple[tuple[Table, Index], ...]
    before: tuple[Measurement, ...]
    method: str
    effects: tuple[Effect, ...] = ()
    budget_bytes: int = 0
    size_bytes: int = 0
    calls: int = 0
    by_rule: tuple[Advice, ...] = ()
    least_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class FirstAnswer:
    """An answer on the way: how many indexes, and the share of the workload's cost that is left."""

    indexes: int
    cost_ratio: float
    size_bytes: int


Told = Callable[[FirstAnswer], Awaitable[None]]


def asked_of(workload: Workload, dialect: str) -> list[Asked]:
    """Return what a collected workload asks, the costliest first: reads with a real sample.

    PostgreSQL plans a whole statement without its values as well, for any of them.
    """
    found = []
    for statement in workload.statements:
        text = statement.samples[0] if statement.samples else statement.text if dialect == "postgres" else ""
        if statement.kind == "read" and text:
            found.append(Asked(text, statement.calls, statement.mean_ms))
    return found


async def advise(
    adapter: Adapter,
    queries: Sequence[str | Asked],
    trials: IndexTrials | None = None,
    *,
    bounds: Bounds = Bounds(),
    rows_written: Mapping[tuple[str | None, str], float] | None = None,
    told: Told | None = None,
    measured: bool = True,
) -> AdviceReport:
    """Return index advice for a workload of read-only queries; the database is only read.

    A set is chosen for all queries together, by what the engine's planner says. Where the engine has no hypothetical
    indexes they are made on a copy, and where there is none either, rules decide. Queries that can't be planned
    are told in `before` and left out.
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
    before = await measure(adapter, [one.statement for one in asked], run.problems) if measured else ()
    unused = run.unused()
    size = sum(advice.size_bytes or 0 for advice in create)
    return AdviceReport(
        tuple(create), unused, before, run.method, effects, run.budget, size, run.calls, run.special(), run.least_bytes
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
        self._used_now: set[str] = set()
        self._ends = time.monotonic() + bounds.seconds
        self.problems: dict[int, str] = {}
        self.method, self.calls, self.budget = "", 0, 0
        self.least_bytes: int | None = None

    async def planner(self, stack: AsyncExitStack, trials: IndexTrials | None) -> Planner | None:
        """Return what can be asked: the engine's own means, a copy, or nothing; `method` says which."""
        lacking = ""
        if isinstance(self._adapter.what_if, Unsupported):
            lacking = self._adapter.what_if.reason
        else:
            found = await stack.enter_async_context(self._adapter.what_if.planner())
            if not isinstance(found, Unsupported):
                self.method = found.method
                return found
            lacking = found.reason
        await self._look()
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
                plan = await self._adapter.query.explain(QueryRequest(asked.statement, limits=MEASURE_LIMITS))
            except UnsupportedCapability:
                raise
            except DbManagerError as problem:
                self.problems[number] = problem.sentence()
                continue
            self._used_now |= {node.index for node in plan.nodes() if node.index}

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

    def special(self) -> tuple[Advice, ...]:
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
                    found[index.name] = Advice(one.table, index, (*known, number), None, one.why)
        return tuple(found.values())

    def unused(self) -> tuple[tuple[Table, Index], ...]:
        """Return the indexes that no query's plan reads today and no constraint needs."""
        return tuple(
            (table, index)
            for table in self._schema.base_tables()
            for index in table.indexes
            if index.name not in self._used_now and not index.unique and not index.backs_constraint
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
            self._used_now |= {node.index for node in planned.plan.nodes() if node.index}
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


def needless_beside(table: Table, index: Index) -> tuple[str, ...]:
    """Return the existing indexes whose keys begin a new one that holds all that they hold: they can go after it is made."""
    held = {key.name for key in index.keys} | set(index.include)
    return tuple(
        known.name
        for known in table.indexes
        if not known.unique
        and not known.backs_constraint
        and (known.method, known.where) == (index.method, index.where)
        and index.keys[: len(known.keys)] == known.keys
        and set(known.include) <= held
    )


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
