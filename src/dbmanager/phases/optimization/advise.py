"""Index advice for given queries: candidates tried on the engine, existing indexes that none of them uses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dbmanager.adapters.facets import Adapter, Emit, Unsupported, WhatIfResult, need
from dbmanager.analyzers.indexing.candidates import candidates
from dbmanager.analyzers.indexing.usage import column_uses
from dbmanager.analyzers.schema_lint.structure import SMALL_TABLE_ROWS
from dbmanager.errors import DbManagerError, UnsupportedCapability
from dbmanager.model.changes import ChangePlan, ChangeStep, Probe
from dbmanager.model.queries import QueryLimits, QueryPlan, QueryRequest
from dbmanager.model.schema import DatabaseSchema, Index, Table
from dbmanager.services.index_trials import IndexTrials, Trial

MEASURE_LIMITS = QueryLimits(timeout_seconds=30.0)
SINGLE_SCANS = ("full_scan",)


@dataclass(frozen=True, slots=True)
class Advice:
    """One index to make, and what the engine says it would do for which queries (by number, from 1)."""

    table: Table
    index: Index
    queries: tuple[int, ...]
    size_bytes: int | None


@dataclass(frozen=True, slots=True)
class Measurement:
    """One query as it ran: its work (planner cost, or thousands of VM steps on SQLite), time, and full scans."""

    query: str
    cost: float | None
    execution_ms: float | None
    full_scans: tuple[str, ...]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class AdviceReport:
    """Indexes to make, indexes that none of the queries used, and how the queries run today."""

    create: tuple[Advice, ...]
    unused: tuple[tuple[Table, Index], ...]
    before: tuple[Measurement, ...]
    method: str


async def advise(adapter: Adapter, queries: Sequence[str], trials: IndexTrials | None = None) -> AdviceReport:
    """Return index advice for a workload of read-only queries; the database is only read.

    A candidate is kept when the engine, shown it, uses it; among candidates the engine chooses. Where the engine has no
    hypothetical indexes they are made on a sampled copy, and where there is none either, rules decide.
    """
    schema = await adapter.catalog.read_schema()
    before = await measure(adapter, queries)
    work = _Work({}, "what-if on the engine's planner")
    used_now: set[str] = set()
    open_questions: list[_Question] = []
    for number, sql in enumerate(queries, 1):
        if before[number - 1].problem:
            continue
        plan = await adapter.query.explain(QueryRequest(sql, limits=MEASURE_LIMITS))
        used_now |= {node.index for node in plan.nodes() if node.index}
        tried = [
            (table, index)
            for table, index in candidates(column_uses(sql, adapter.dialect, schema))
            if (table.row_estimate is None or table.row_estimate >= SMALL_TABLE_ROWS)
        ]
        if tried:
            question = _Question(number, sql, tried)
            open_questions += [] if await _asked(adapter, question, work) else [question]
    if open_questions:
        await _tried(schema, open_questions, work, trials)
    return AdviceReport(tuple(_minimal(work.chosen)), _unused(schema.base_tables(), used_now), before, work.method)


@dataclass(frozen=True, slots=True)
class _Question:
    """A query, by number, and the indexes that may help it."""

    number: int
    sql: str
    tried: list[tuple[Table, Index]]


@dataclass(slots=True)
class _Work:
    """Advice so far, and what it rests on; `lacking` is why the engine can't be asked by itself."""

    chosen: dict[str, Advice]
    method: str
    lacking: str = ""


async def _asked(adapter: Adapter, question: _Question, work: _Work) -> bool:
    """Ask the engine's own means; False where it has none."""
    if isinstance(adapter.what_if, Unsupported):
        work.lacking = adapter.what_if.reason
        return False
    result = await adapter.what_if.try_indexes(question.sql, question.tried)
    if isinstance(result, Unsupported):
        work.lacking = result.reason
        return False
    _take(result, question, work)
    return True


async def _tried(
    schema: DatabaseSchema, questions: Sequence[_Question], work: _Work, trials: IndexTrials | None
) -> None:
    """Try the candidates on a sampled copy; rules decide where there is none, and where a query can't be tried."""
    left, missing = list(questions), ""
    work.method = f"rules only: {work.lacking}"
    if trials is not None:
        try:
            async with trials.on(schema, [table for question in questions for table, _ in question.tried]) as trial:
                work.method = f"real indexes on a sampled copy ({trial.described}; costs and choices are the sample's)"
                for question in questions:
                    problem = await _refusal(trial, question, work)
                    missing = problem or missing
                    left = left if problem else [one for one in left if one is not question]
        except DbManagerError as refused:
            missing = refused.sentence()
    if missing:
        work.method += f"; by rules for want of a trial: {', '.join(f'query {one.number}' for one in left)} ({missing})"
    for question in left:
        _keep(work.chosen, *question.tried[-1], question.number, None)  # the widest: equality, then sort or range


async def _refusal(trial: Trial, question: _Question, work: _Work) -> str:
    """Try one query's candidates; return why that was not possible, empty when it was."""
    try:
        _take(await trial.try_indexes(question.sql, question.tried), question, work)
    except DbManagerError as problem:
        return problem.sentence()
    return ""


def _take(result: WhatIfResult, question: _Question, work: _Work) -> None:
    sizes = dict(result.sizes_bytes)
    for table, index in question.tried:
        if index.name in result.used and _better(result.before, result.after):
            _keep(work.chosen, table, index, question.number, sizes.get(index.name))


def _keep(chosen: dict[str, Advice], table: Table, index: Index, number: int, size_bytes: int | None) -> None:
    known = chosen.get(index.name)
    queries = (*known.queries, number) if known else (number,)
    chosen[index.name] = Advice(table, index, queries, size_bytes)


def _better(before: QueryPlan, after: QueryPlan) -> bool:
    if before.cost is not None and after.cost is not None:
        return after.cost < before.cost * 0.95
    return True


def _minimal(chosen: dict[str, Advice]) -> list[Advice]:
    """Drop advice whose keys are the first keys of another piece of advice."""
    kept = []
    for advice in chosen.values():
        wider = [
            other
            for other in chosen.values()
            if other is not advice
            and other.table is advice.table
            and len(other.index.keys) > len(advice.index.keys)
            and other.index.keys[: len(advice.index.keys)] == advice.index.keys
        ]
        if not wider:
            kept.append(advice)
    return sorted(kept, key=lambda advice: (-len(advice.queries), advice.index.name))


def _unused(tables: object, used: set[str]) -> tuple[tuple[Table, Index], ...]:
    return tuple(
        (table, index)
        for table in tables  # type: ignore[attr-defined] # an iterator of tables
        for index in table.indexes
        if index.name not in used and not index.unique and not index.backs_constraint
    )


async def measure(adapter: Adapter, queries: Sequence[str]) -> tuple[Measurement, ...]:
    """Run each query within bounds and return its work and time; a query that fails says why.

    Raises: UnsupportedCapability where the engine has no plans to measure.
    """
    found = []
    for sql in queries:
        try:
            plan = await adapter.query.explain(QueryRequest(sql, limits=MEASURE_LIMITS), analyze=True)
        except UnsupportedCapability:
            raise
        except DbManagerError as problem:
            found.append(Measurement(sql, None, None, (), problem.sentence()))
            continue
        scans = tuple(node.table or "" for node in plan.nodes() if node.access in SINGLE_SCANS)
        found.append(Measurement(sql, plan.cost, plan.execution_ms, scans))
    return tuple(found)


async def index_plan(
    adapter: Adapter,
    connection: str,
    create: Sequence[tuple[Table, Index]],
    drop: Sequence[tuple[Table, Index]],
    reason: str,
) -> ChangePlan:
    """Return a change plan that makes and drops indexes, with inverses and probes."""
    steps: list[ChangeStep] = []
    emit = need(adapter.emit, connection)
    for table, index in create:
        emission = emit.create_index(table, index, online=True)
        steps += _steps(emit, table, index, f"create {index.name}", emission.statements, emission.inverse, 1)
    for table, index in drop:
        emission = emit.drop_index(table, index, online=True)
        steps += _steps(emit, table, index, f"drop {index.name}", emission.statements, emission.inverse, 0)
    return ChangePlan(
        connection=connection,
        title=f"{len(create)} indexes made, {len(drop)} dropped",
        reason=reason,
        steps=tuple(steps),
        precondition=await adapter.catalog.fingerprint(),
    )


def _steps(
    emit: Emit,
    table: Table,
    index: Index,
    title: str,
    statements: Sequence[str],
    inverse: Sequence[str],
    after: int,
) -> list[ChangeStep]:
    sql, parameters = emit.index_exists_probe(table, index.name)
    concurrent = "CONCURRENTLY" in statements[0]
    return [
        ChangeStep(
            title=title,
            statement=statement,
            risk="low",
            lock="SHARE UPDATE EXCLUSIVE (reads and writes go on)" if concurrent else "writes wait",
            transactional=not concurrent,
            inverse=tuple(inverse),
            postcondition=Probe(statement=sql, parameters=parameters, expected=after),
        )
        for statement in statements
    ]
