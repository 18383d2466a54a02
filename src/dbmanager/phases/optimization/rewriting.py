"""The gate of rewrites: layers that each can refute one, cheapest first; what none refutes is supported, never safe."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

import anyio

from dbmanager.adapters.facets import Adapter, BagRead, Bench, Comparison, need
from dbmanager.adapters.facets.comparing import MOST_ROWS
from dbmanager.adapters.sql.confined import names_its_database
from dbmanager.analyzers.rewriting.answers import bag_difference, renamed, shape_difference
from dbmanager.analyzers.rewriting.languages import Language, Maker, Small, language_of
from dbmanager.analyzers.rewriting.promises import Promise
from dbmanager.errors import DbManagerError, InvalidStatement, QueryTimeout, ResourceExhausted, UnsupportedCapability
from dbmanager.model.queries import QueryLimits, QueryRequest
from dbmanager.model.rewrites import Answer, Digest
from dbmanager.model.schema import DatabaseSchema
from dbmanager.services.scratch import Budget, Scratches

Decision = Literal["refuted", "supported", "proven", "undecided"]
BUDGET = Budget(rows=0, bytes=500_000_000, seconds=180.0)
STATEMENT_SECONDS = 5.0
MOST_REAL_ROWS = 500_000
_LIMITS = QueryLimits(timeout_seconds=30.0)
_ENOUGH = 50
"""Databases that tell something; with fewer the search goes on."""
_SHRINKING = 120
"""Databases tried while a counter-example is made smaller."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is done to refute: small databases, seconds for them, rows and seconds on the real data.

    Attributes:
        cases: databases at least; up to four times as many while few of them tell anything.
    """

    cases: int = 300
    seconds: float = 20.0
    most_rows: int = MOST_REAL_ROWS
    limits: QueryLimits = _LIMITS
    seed: int = 1


@dataclass(frozen=True, slots=True)
class CounterExample:
    """A small database on which the statements answer differently, and what they answer there."""

    database: Small
    original: Answer
    rewritten: Answer
    difference: str


@dataclass(slots=True)
class Verdict:
    """What was found of one rewrite.

    Attributes:
        decision: `refuted`; `supported` by the cases and the data; `proven` by rules; `undecided` where nothing told.
        reason: why, in one sentence.
        cases: small databases on which both answered alike.
        telling: those of them on which the answer was another than on empty tables.
        on_data: what the real data said: `equal`, `differ`, or why it was not asked or cut.
        cost_before: the planner's cost of the original, thousands of machine steps on SQLite; None where unknown.
        notes: what else to know before it is used.
    """

    rewritten: str
    decision: Decision = "undecided"
    reason: str = ""
    proof: tuple[str, ...] = ()
    cases: int = 0
    telling: int = 0
    seconds: float = 0.0
    counter_example: CounterExample | None = None
    on_data: str = "not asked"
    rows: int | None = None
    cost_before: float | None = None
    cost_after: float | None = None
    notes: list[str] = field(default_factory=list)
    origin: str = ""
    demand: str = ""

    @property
    def is_refuted(self) -> bool:
        """Whether a layer has refuted it."""
        return self.decision == "refuted"

    def hide_rows(self) -> None:
        """Take the number of real rows away, which restricted columns chose."""
        if self.rows is not None:
            self.reason, self.rows = self.reason.replace(f" ({self.rows:,} rows)", ""), None

    def refute(self, reason: str) -> None:
        """Note that it is wrong, and why."""
        self.decision, self.reason = "refuted", reason


@dataclass(slots=True)
class Gate:
    """Judges rewrites of one statement; the scratch database and the original's answers serve for all of them."""

    adapter: Adapter
    comparison: Comparison
    schema: DatabaseSchema
    original: str
    promise: Promise
    effort: Effort
    language: Language
    bench: Bench | None = None
    unbenched: str = ""
    cost: float | None = None

    async def judge(self, rewritten: str, *, on_data: bool = True) -> Verdict:
        """Return the verdict on one rewrite.

        Raises: StatementRefused, InvalidStatement: it is no read, or the engine does not understand it.
        """
        verdict = Verdict(rewritten, cost_before=self.cost)
        await self.adapter.query.check(rewritten)
        verdict.cost_after = await self.cost_of(rewritten)
        theirs = self.language.promise(rewritten)
        why = self._incomparable(theirs, verdict)
        if why:
            verdict.reason = why
            return verdict
        verdict.proof = self.language.proof(self.original, rewritten)
        for layer in (self._search, self._data if on_data else None):
            if layer is not None and not verdict.is_refuted:
                await layer(verdict)
        if not verdict.is_refuted:
            _decide(verdict, self.promise, self.original, self.language)
        return verdict

    def _incomparable(self, theirs: Promise | None, verdict: Verdict) -> str:
        """Return why the statements can't be compared; note what a person should know besides."""
        if theirs is None:
            return "the rewritten statement is not understood"
        for which, promise in (("original", self.promise), ("rewritten", theirs)):
            if promise.volatile:
                return f"not deterministic: in the {which} statement, {promise.volatile}"
        if self.promise.loose:
            verdict.notes.append(f"only the numbers of rows were compared: in the original, {self.promise.loose}")
        elif theirs.loose:
            verdict.notes.append(f"it may answer otherwise another time: in the rewritten statement, {theirs.loose}")
        if self.promise.ordered and not theirs.ordered:
            verdict.notes.append("the rewritten statement promises no order any more")
        if self.promise.has_ties:
            verdict.notes.append(
                "the original's LIMIT takes any of the rows that its order leaves equal; these were not compared"
            )
        if self.language.has_clock(self.original):
            verdict.notes.append("both read the clock, and were asked within the same moment")
        return ""

    async def _search(self, verdict: Verdict) -> None:
        """Look for a small database that tells the two apart."""
        maker: Maker | str = "the statements are not understood as a whole"
        if not (self.adapter.dialect == "mysql" and names_its_database(verdict.rewritten)):
            maker = self.language.maker((self.original, verdict.rewritten), self.effort.seed)
        if self.bench is None or isinstance(maker, str):
            verdict.notes.append(f"no small databases: {self.unbenched or maker}")
            return
        search = _Search(self, maker, verdict)
        await search.run()

    async def _data(self, verdict: Verdict) -> None:
        """Compare what both answer on the real data, in one snapshot."""
        keys = self.promise.keys or ()
        reads = [
            BagRead(QueryRequest(sql, limits=self.effort.limits), keys, self.promise.fields, self.promise.bags)
            for sql in (self.original, verdict.rewritten)
        ]
        found = await self._digests(reads, verdict)
        if found is None:
            return
        one, other = found
        wrong = shape_difference(one.columns, other.columns)
        if wrong:
            verdict.refute(wrong)
            return
        if names := renamed(one.columns, other.columns):
            verdict.notes.append(f"columns are named differently: {', '.join(names[:5])}")
        verdict.rows = one.rows
        if not (one.is_complete and other.is_complete):
            verdict.on_data = f"cut: more than {self.effort.most_rows:,} rows"
            return
        differs = bag_difference(one, other, self.promise)
        if differs:
            verdict.on_data = "differ"
            verdict.refute(f"on the real data {differs}")
            return
        verdict.on_data = "equal"

    async def _digests(self, reads: Sequence[BagRead], verdict: Verdict) -> Sequence[Digest] | None:
        """Return both digests; None where the time was up or one of them failed, which is noted."""
        seconds, most_rows = self.effort.limits.timeout_seconds, self.effort.most_rows
        with anyio.move_on_after(2 * seconds + 1):
            try:
                return await self.comparison.digests(reads, most_rows=most_rows)
            except QueryTimeout:
                pass
            except ResourceExhausted as problem:
                verdict.on_data = f"not compared: {problem.message}"
                return None
            except DbManagerError as problem:
                await self.comparison.digests(reads[:1], most_rows=most_rows)  # raises where the original fails, too
                verdict.on_data = "failed"
                verdict.refute(f"on the real data it fails where the original answers: {problem.message}")
                return None
        verdict.on_data = f"cut: not answered within {seconds:g} s"
        return None

    async def cost_of(self, statement: str) -> float | None:
        """Return the planner's cost of a statement; None where the engine tells none.

        Raises: InvalidStatement when the engine does not understand it.
        """
        try:
            plan = await self.adapter.query.explain(QueryRequest(statement, limits=self.effort.limits))
            if plan.cost is None and self.adapter.engine == "sqlite":
                plan = await self.adapter.query.explain(
                    QueryRequest(statement, limits=self.effort.limits), analyze=True
                )
        except (UnsupportedCapability, QueryTimeout):
            return None
        return plan.cost


@dataclass(slots=True)
class _Search:
    """The search for a counter-example of one rewrite."""

    gate: Gate
    generator: Maker
    verdict: Verdict
    refused: int = 0
    failed: int = 0

    async def run(self) -> None:
        """Try databases until one refutes, or the effort is spent."""
        effort, generator = self.gate.effort, self.generator
        started = time.monotonic()
        empty = await self._asked(generator.empty())
        for number in range(4 * effort.cases + 1):
            if number > effort.cases and self.verdict.telling >= _ENOUGH:
                break
            database = generator.empty() if number == 0 else generator.made(number)
            answers = empty if number == 0 else await self._asked(database)
            if answers is None:
                self.refused += 1
                continue
            told = self._told(answers)
            if told:
                await self._refute(database, answers, told)
                break
            if told is None:
                self.verdict.cases += 1
                self.verdict.telling += empty is None or answers[0].rows != empty[0].rows
            else:
                self.failed += 1
            if time.monotonic() - started > effort.seconds:
                self.verdict.notes.append(f"the search was cut after {effort.seconds:g} s")
                break
        self.verdict.seconds = time.monotonic() - started
        self._note()

    async def _asked(self, database: Small) -> tuple[Answer, ...] | None:
        assert self.gate.bench is not None
        adapter = self.gate.adapter
        found = await self.gate.bench.answers(
            database.loads(adapter.dialect, adapter.engine), (self.gate.original, self.verdict.rewritten)
        )
        return None if isinstance(found, str) else found

    def _told(self, answers: Sequence[Answer]) -> str | None:
        """Return how the answers differ, None where they don't, empty where they can't be compared."""
        one, other = answers
        if max(len(one.rows), len(other.rows)) >= MOST_ROWS:
            return ""
        if not one.problem and not other.problem and (wrong := shape_difference(one.columns, other.columns)):
            return wrong
        return self.gate.language.differ(one, other, self.gate.promise)

    async def _refute(self, database: Small, answers: Sequence[Answer], told: str) -> None:
        found = CounterExample(database, answers[0], answers[1], told)
        left, shrunk = _SHRINKING, True
        while shrunk and left > 0:
            shrunk = False
            for smaller in found.database.smaller():
                left -= 1
                again = await self._asked(smaller) if left > 0 else None
                if again is not None and (still := self._told(again)):
                    found, shrunk = CounterExample(smaller, again[0], again[1], still), True
                    break
        self.verdict.counter_example = found
        self.verdict.notes += self.gate.language.oddities(found.database)
        self.verdict.refute(f"on a small database {found.difference}")

    def _note(self) -> None:
        if self.refused:
            self.verdict.notes.append(f"{self.refused} small databases were refused by the engine's own constraints")
        if self.failed:
            self.verdict.notes.append(f"on {self.failed} small databases the original failed, so nothing was compared")


def _decide(verdict: Verdict, promise: Promise, original: str, language: Language) -> None:
    """Say what stands after all layers: support needs cases that tell something, or real rows that are equal."""
    unlike = language.unlike_bounds(original, verdict.rewritten)
    if verdict.proof:
        verdict.decision, verdict.reason = "proven", f"both have one form by the rules {', '.join(verdict.proof)}"
    elif promise.loose:
        verdict.reason = "the numbers of rows were the same, and no more can be compared"
    elif promise.has_ties:
        verdict.reason = (
            "the numbers of rows and the columns of the order were the same; the LIMIT leaves the rest to the engine"
        )
    elif any(number.isdigit() and int(number) > language.reached_rows for number in unlike):
        verdict.reason = f"only one of them bounds its rows by {', '.join(unlike)}, which small databases don't reach"
    elif verdict.telling or (verdict.on_data == "equal" and verdict.rows):
        data = f", and equal on the data ({verdict.rows:,} rows)" if verdict.on_data == "equal" else ""
        verdict.decision = "supported"
        verdict.reason = f"not refuted by {verdict.cases} small databases ({verdict.telling} telling){data}"
    else:
        verdict.reason = "no small database and no real row told anything"


async def gate_of(adapter: Adapter, connection: str, original: str, effort: Effort | None = None) -> Gate:
    """Return a gate without a bench: it has no small databases yet.

    Raises:
        UnsupportedCapability: the engine's statements are not compared; the reason says why.
        StatementRefused, InvalidStatement: the statement is no read, or the engine does not understand it.
    """
    comparison = need(adapter.comparison, connection)
    await adapter.query.check(original)
    schema = await adapter.catalog.read_schema()
    language = language_of(adapter.dialect, schema)
    promise = language.promise(original)
    if promise is None:
        raise InvalidStatement("the statement is not understood, so nothing can be said of rewrites of it")
    gate = Gate(adapter, comparison, schema, original, promise, effort or Effort(), language)
    gate.cost = await gate.cost_of(original)
    return gate


@asynccontextmanager
async def benched(scratches: Scratches, connection: str, gate: Gate) -> AsyncIterator[Gate]:
    """Give a gate a bench on a scratch database while the block lasts; where none can be made, it says why."""
    maker = gate.language.maker((gate.original,), gate.effort.seed)
    if gate.adapter.dialect == "mysql" and names_its_database(gate.original):
        gate.unbenched = "a statement names its database, which the scratch database does not bear"
    if gate.promise.volatile or gate.unbenched or isinstance(maker, str):
        yield gate
        return
    async with AsyncExitStack() as stack:
        try:
            copy = await stack.enter_async_context(scratches.made(connection, gate.adapter, "schema", budget=BUDGET))
            comparison = need(copy.adapter.comparison, connection)
            gate.bench = await stack.enter_async_context(comparison.bench(timeout_seconds=STATEMENT_SECONDS))
        except DbManagerError as problem:
            gate.unbenched = problem.sentence()
        yield gate
