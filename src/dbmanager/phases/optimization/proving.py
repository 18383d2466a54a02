"""Proof by execution: the indexes of a proposed change set, built on a throw-away copy, and each query before and after."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace

from dbmanager.adapters.facets import Adapter, Metered, MeteredQuery, Statement, Unsupported
from dbmanager.adapters.sql.confined import names_its_database
from dbmanager.analyzers.indexing.usage import column_uses
from dbmanager.errors import DbManagerError, InvalidStatement, QueryTimeout, UnsupportedCapability
from dbmanager.model.changes import ChangePlan, ChangeStep
from dbmanager.model.queries import QueryLimits, QueryPlan, QueryRequest
from dbmanager.model.schema import DatabaseSchema, Index, Table
from dbmanager.phases.optimization.proof import Cost, Proof, QueryProof, Verdict
from dbmanager.services.index_trials import IndexTrials
from dbmanager.services.scratch import Budget, ScratchDatabase

BUDGET = Budget(rows=1_000_000, bytes=512_000_000, seconds=600.0)
SAMPLE_ROWS = 50_000
ROUNDS, RUNS = 2, 2
"""Without and with the indexes in turn, each query so often in a row; the least of each counts."""
MEASURE_SECONDS = 240.0
BETTER, WORSE = 0.9, 1.25
"""Ratios after to before: work below the first counts as a gain, above the second as a loss."""
FEWER_SECONDS, LEAST_SECONDS = 0.8, 0.001
_LIMITS = QueryLimits(timeout_seconds=30.0)
_STEP_SECONDS = 300.0
_OF_INDEXES = re.compile(
    r"\s*(CREATE\s+(UNIQUE\s+)?INDEX|DROP\s+INDEX|ALTER\s+TABLE\s+\S+\s+(ADD|DROP|ALTER)\s+(UNIQUE\s+)?(INDEX|KEY))\b",
    re.IGNORECASE,
)
_NAME = r"(?:`[^`]+`|\"[^\"]+\"|[^\W\d]\w*)"
_AT_ONCE = re.compile(r"^(\s*(?:CREATE\s+(?:UNIQUE\s+)?|DROP\s+)INDEX)\s+CONCURRENTLY\b", re.IGNORECASE)
_ONLINE = re.compile(
    r"(?:,?\s+(?:ALGORITHM|LOCK)\s*=\s*(?:DEFAULT|INPLACE|INSTANT|NOCOPY|COPY|NONE|SHARED|EXCLUSIVE))+\s*;?\s*$",
    re.IGNORECASE,
)
"""How a statement lets others go on, which the judge of its reach does not know; nowhere but in these places."""
_HELD = re.compile(
    rf"\s*ALTER\s+TABLE\s+{_NAME}\s+(?:DROP\s+(?:INDEX|KEY)\s+{_NAME}|"
    rf"ALTER\s+INDEX\s+{_NAME}\s+(?:NOT\s+)?(?:IGNORED|INVISIBLE|VISIBLE))\s*;?\s*",
    re.IGNORECASE,
)
"""What drops or hides one index of a table of the database itself: it holds no expression and names no other place."""
_WORDS = re.compile(r'"[^"]+"|`[^`]+`|[^\W\d]\w*')
Told = Callable[[float, float, str], Awaitable[None]]


def require_indexes_only(plan: ChangePlan) -> None:
    """Refuse a change set that does anything but make, drop and hide indexes.

    Raises: InvalidStatement naming the first other step.
    """
    for number, step in enumerate(plan.steps, 1):
        if step.kind != "statement" or not _OF_INDEXES.match(step.statement):
            raise InvalidStatement(
                f"step {number} ({step.title}) is about no index of an SQL engine, so it can't be tried on a copy",
                hint="Only change sets that make, drop or hide indexes are tried, such as those of advise_indexes.",
            )


async def prove(
    adapter: Adapter, trials: IndexTrials, plan: ChangePlan, queries: Sequence[str], told: Told | None = None
) -> Proof:
    """Measure reads on a copy without and with what a change set does to indexes; the database is only read.

    The copy has all rows within `BUDGET`, else a sample. What is worth making is judged by work, which does not depend
    on how busy the machine is, and where that stays by processor time.

    Raises:
        UnsupportedCapability: no copy can be made or measured here; the reason says why.
        InvalidStatement: a step is about no index, or no query can be run.
        ResourceExhausted: the copy, or measuring on it, took more than is allowed.
    """
    require_indexes_only(plan)
    schema = await adapter.catalog.read_schema()
    run = _Run(adapter, schema, plan.steps, [QueryProof(query) for query in queries], told)
    await run.check()
    tables = run.tables()
    if not tables:
        raise InvalidStatement(
            "none of the queries can be tried: " + "; ".join(one.problem or "it names no table" for one in run.proofs)
        )
    await run.tell(0, "copying " + ", ".join(schema.display_name(table) for table in tables))
    async with trials.copied(schema, tables, BUDGET, SAMPLE_ROWS) as (copy, how):
        unit = await run.measure(copy)
        return Proof(how, unit, tuple(await run.promised(copy)), run.verdicts(), copy.left_out)


class _Run:
    """One proof: what was measured so far."""

    def __init__(
        self, adapter: Adapter, schema: DatabaseSchema, steps: Sequence[ChangeStep], proofs: list[QueryProof],
        told: Told | None,
    ) -> None:  # fmt: skip
        self._adapter, self._schema, self._steps, self._told = adapter, schema, steps, told
        self.proofs = proofs
        self._made: dict[int, tuple[Table, Index]] = {}
        self._gone: dict[int, tuple[Table, Index]] = {}
        self._total = ROUNDS * 2 + 2

    async def tell(self, done: float, message: str) -> None:
        """Tell how far it is."""
        if self._told is not None:
            await self._told(done, self._total, message)

    async def check(self) -> None:
        """Pass every query through the source's gate: a copy may have lost what makes a function suspicious."""
        for number, proof in enumerate(self.proofs):
            try:
                await self._adapter.query.check(proof.query)
                if self._adapter.dialect == "mysql" and names_its_database(proof.query):
                    raise UnsupportedCapability("it names its database, which the copy does not bear")
            except DbManagerError as refused:
                self.proofs[number] = replace(proof, problem=refused.sentence())

    def tables(self) -> list[Table]:
        """Return the tables that the queries read."""
        found: dict[tuple[str | None, str], Table] = {}
        for proof in self.proofs:
            if not proof.problem:
                uses = column_uses(proof.query, self._adapter.dialect, self._schema)
                found |= {(use.table.schema, use.table.name): use.table for use in uses if use.table.is_base}
        if found:
            found |= {(table.schema, table.name): table for table in self._named()}
        return list(found.values())

    def _named(self) -> Iterator[Table]:
        """Yield the tables whose name, or the name of one of whose indexes, stands in a step."""
        words = {word.strip('"`') for step in self._steps for word in _WORDS.findall(step.statement)}
        for table in self._schema.base_tables():
            if table.name in words or words & {index.name for index in table.indexes}:
                yield table

    async def measure(self, copy: ScratchDatabase) -> str:
        """Run all queries without and with the indexes in turn; return the unit of their work."""
        query = copy.adapter.query
        if not isinstance(query, MeteredQuery):
            raise UnsupportedCapability(f"what a query costs is not measured on {self._adapter.engine}")
        ends = time.monotonic() + MEASURE_SECONDS
        for turn in range(ROUNDS):
            if turn and time.monotonic() > ends:
                break
            await self.tell(1 + turn * 2, f"round {turn + 1} of {ROUNDS}, without the indexes")
            await self._pass(query, ends, is_after=False)
            await self._build(copy)
            await self.tell(2 + turn * 2, f"round {turn + 1} of {ROUNDS}, with the indexes")
            await self._pass(query, ends, is_after=True)
            if turn + 1 < ROUNDS:
                await self._undo(copy)
        return query.work_unit

    async def _pass(self, query: MeteredQuery, ends: float, *, is_after: bool) -> None:
        for _ in range(RUNS):
            for number, proof in enumerate(self.proofs):
                if not proof.problem:
                    self.proofs[number] = await _run_once(query, proof, ends, is_after=is_after)

    async def _build(self, copy: ScratchDatabase) -> None:
        """Carry out every step, and find out by the catalog what each made, and dropped or hid."""
        for number, step in enumerate(self._steps):
            before = await _indexes(copy.adapter)
            await _carry_out(copy, [step.statement])
            after = await _indexes(copy.adapter)
            for key, pair in after.items():
                if key not in before:
                    self._made[number] = pair
            for key, pair in before.items():
                if key not in after or after[key][1].valid < pair[1].valid:
                    self._gone[number] = pair
        await copy.facet.gather_statistics(copy.place, self.tables())

    async def _undo(self, copy: ScratchDatabase) -> None:
        for step in reversed(self._steps):
            await _carry_out(copy, step.inverse)
        await copy.facet.gather_statistics(copy.place, self.tables())

    async def promised(self, copy: ScratchDatabase) -> list[QueryProof]:
        """Return the proofs with what the planner promises of the real database, else of the copy."""
        await self.tell(self._total - 1, "asking what was promised")
        found = list(self.proofs)
        if not isinstance(self._adapter.what_if, Unsupported):
            async with self._adapter.what_if.planner() as planner:
                if not isinstance(planner, Unsupported):
                    offered = [(self._schema.table(t.name, t.schema), index) for t, index in self._made.values()]
                    for number, proof in enumerate(found):
                        try:
                            was = (await planner.plan(proof.query, [])).cost
                            will = (await planner.plan(proof.query, offered)).cost
                        except DbManagerError:
                            continue
                        ratio = will / max(was, 1e-9)
                        found[number] = replace(proof, promised_ratio=ratio, promised_by=planner.method)
                    return found
        for number, proof in enumerate(found):
            was_cost = proof.before.planned if proof.before is not None else None
            will_cost = proof.after.planned if proof.after is not None else None
            if was_cost and will_cost is not None:
                found[number] = replace(
                    proof, promised_ratio=will_cost / was_cost, promised_by="the planner on the copy"
                )
        return found

    def verdicts(self) -> tuple[Verdict, ...]:
        """Judge every index that was made or dropped."""
        made = [self._judged_made(number, *pair) for number, pair in sorted(self._made.items())]
        return (*made, *(self._judged_gone(number, *pair) for number, pair in sorted(self._gone.items())))

    def _measured(self) -> Iterator[tuple[int, Cost, Cost]]:
        for number, proof in enumerate(self.proofs, 1):
            if proof.before is not None and proof.after is not None and not proof.is_open:
                yield number, proof.before, proof.after

    def _judged_made(self, step: int, table: Table, index: Index) -> Verdict:
        name = self._schema.display_name(table)
        reading = [one for one in self._measured() if index.name in one[2].indexes]
        gained = [number for number, before, after in reading if _is_gain(before, after)]
        lost = [number for number, before, after in reading if _is_loss(before, after)]
        if not gained and (late := self._open()):
            return Verdict(step, "create", index.name, name, None, late)
        if not reading:
            return Verdict(step, "create", index.name, name, False, "no query's plan reads it")
        if not gained:
            listed = ", ".join(str(number) for number, *_ in reading)
            return Verdict(step, "create", index.name, name, False, f"query {listed} reads it and costs no less")
        why = "less work for query " + ", ".join(map(str, gained))
        if lost:
            why += ", but more for query " + ", ".join(map(str, lost))
        return Verdict(step, "create", index.name, name, True, why, tuple(gained))

    def _judged_gone(self, step: int, table: Table, index: Index) -> Verdict:
        name = self._schema.display_name(table)
        read = [one for one in self._measured() if index.name in one[1].indexes]
        lost = [(number, before, after) for number, before, after in read if _is_loss(before, after)]
        if lost:
            told = ", ".join(f"{number} ({_work(before)} to {_work(after)})" for number, before, after in lost)
            return Verdict(step, "drop", index.name, name, False, f"more work for query {told}")
        if late := self._open():
            return Verdict(step, "drop", index.name, name, None, late)
        return Verdict(step, "drop", index.name, name, True, "no query costs more without it")

    def _open(self) -> str:
        """Return which queries could tell more, empty where all were measured."""
        numbers = [str(number) for number, proof in enumerate(self.proofs, 1) if proof.is_open]
        return f"query {', '.join(numbers)} was not measured to its end" if numbers else ""


async def _run_once(query: MeteredQuery, proof: QueryProof, ends: float, *, is_after: bool) -> QueryProof:
    """Run a query once; one that was stopped is not run again in the same state, but with the indexes it is."""
    known = proof.after if is_after else proof.before
    left = ends - time.monotonic()
    if known is not None and (known.stopped or left <= 0):
        return proof
    if left <= 0:
        return replace(proof, problem="not run: the time for measuring is used up", is_late=True)
    request = QueryRequest(
        proof.query, limits=replace(_LIMITS, timeout_seconds=max(1.0, min(_LIMITS.timeout_seconds, left)))
    )
    try:
        cost = _least(known, await query.metered(request))
    except QueryTimeout:
        cost = known or await _stopped(query, request)
    except DbManagerError as problem:
        return replace(proof, problem=problem.sentence())
    return replace(proof, after=cost) if is_after else replace(proof, before=cost)


async def _stopped(query: MeteredQuery, request: QueryRequest) -> Cost:
    plan = await query.explain(request)
    return Cost(0.0, request.limits.timeout_seconds, 0, False, _read(plan), plan.cost, stopped=True)


def _read(plan: QueryPlan) -> tuple[str, ...]:
    return tuple(dict.fromkeys(node.index for node in plan.nodes() if node.index))


def _work(cost: Cost) -> str:
    return f"stopped at {cost.seconds:g} s" if cost.stopped else f"{cost.work:,.0f}"


def _least(known: Cost | None, metered: Metered) -> Cost:
    plan = metered.plan
    cost = Cost(metered.work, metered.seconds, metered.rows, metered.is_processor_time, _read(plan), plan.cost)
    if known is None:
        return cost
    return replace(cost, work=min(cost.work, known.work), seconds=min(cost.seconds, known.seconds))


def _is_gain(before: Cost, after: Cost) -> bool:
    if before.stopped or after.stopped:
        return not after.stopped  # those of both states are open, see `_measured`
    if after.work < before.work * BETTER:
        return True
    saved = before.seconds - after.seconds
    return after.work <= before.work and after.seconds < before.seconds * FEWER_SECONDS and saved > LEAST_SECONDS


def _is_loss(before: Cost, after: Cost) -> bool:
    if before.stopped or after.stopped:
        return not before.stopped
    return after.work > before.work * WORSE and after.seconds > before.seconds


async def _indexes(adapter: Adapter) -> dict[tuple[str | None, str, str], tuple[Table, Index]]:
    schema = await adapter.catalog.read_schema()
    return {(t.schema, t.name, index.name): (t, index) for t in schema.base_tables() for index in t.indexes}


async def _carry_out(copy: ScratchDatabase, statements: Sequence[str]) -> None:
    for statement in statements:
        refused = reach_of(statement, copy.facet.beyond)
        if refused is not None:
            raise InvalidStatement(f"a step can't be tried on a copy: {refused}")
        await copy.adapter.execute.execute(
            [Statement(statement)], atomic=False, lock_timeout_seconds=30, timeout_seconds=_STEP_SECONDS
        )


def reach_of(statement: str, beyond: Callable[[str], str | None]) -> str | None:
    """Return why a statement about an index must not be tried on a copy; None when it can't reach beyond that."""
    plain = _ONLINE.sub("", _AT_ONCE.sub(r"\1", statement))
    return None if _HELD.fullmatch(plain) else beyond(plain)
