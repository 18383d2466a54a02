"""Tries the steps of a planned change on a throw-away copy of the schema, and what undoes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from dbmanager.adapters.facets import Adapter, Statement, Unsupported
from dbmanager.adapters.sql.confined import is_rows_only
from dbmanager.errors import (
    DbManagerError,
    InvalidStatement,
    LockTimeout,
    NotFound,
    QueryTimeout,
    ResourceExhausted,
    StatementFailed,
    UnsupportedCapability,
)
from dbmanager.model.changes import ChangeStep
from dbmanager.model.schema import Table
from dbmanager.services.scratch import Budget, ScratchDatabase, Scratches

BUDGET = Budget(rows=0, bytes=500_000_000, seconds=60.0)
_STEP_SECONDS = 20.0
_TIMING = (QueryTimeout, LockTimeout, ResourceExhausted)
_TELLING = (InvalidStatement, NotFound, StatementFailed, UnsupportedCapability)
"""Kinds of error that tell of the statement and the schema; others tell of time, rights or the place (not tried)."""
_SQL = ("sqlite", "postgres", "mysql")


async def tried(
    scratches: Scratches, connection: str, adapter: Adapter, steps: Sequence[ChangeStep]
) -> tuple[str, ...]:
    """Run the steps that change the design on an empty copy and return a sentence for what was and was not tried.

    Raises: the engine's error, mapped, of the first step that can't run, or of what undoes it.
    """
    reasons = {number: await _unfit(adapter, step) for number, step in enumerate(steps, 1)}
    fit = [number for number, reason in reasons.items() if reason is None]
    if not fit:
        return ()
    try:
        async with scratches.made(connection, adapter, "schema", budget=BUDGET) as copy:
            trial = _Trial(copy, certain=not copy.left_out)
            for number, step in enumerate(steps, 1):
                reason = reasons[number]
                if reason is None:
                    await trial.step(number, step)
                elif reason:
                    trial.skip(number, reason)
    except _Refused as refused:
        raise refused.problem from None
    except DbManagerError as problem:
        return (f"Not tried on a scratch copy: {problem.sentence()}",)
    return trial.told()


async def _unfit(adapter: Adapter, step: ChangeStep) -> str | None:
    """Return why a step is not tried: empty where it leaves the design alone, None where it can be tried."""
    if isinstance(adapter.scratch, Unsupported):
        return adapter.scratch.reason
    if step.kind != "statement" or step.before_image is not None:
        return ""
    if adapter.dialect in _SQL and is_rows_only(step.statement, adapter.dialect):
        return ""
    return adapter.scratch.beyond(step.statement)


class _Refused(Exception):
    """Carries an error of a step past those of the copy itself."""

    def __init__(self, problem: DbManagerError) -> None:
        super().__init__()
        self.problem = problem


@dataclass(slots=True)
class _Trial:
    """A copy on which the steps run one after another; once something is missing on it, failures tell nothing."""

    copy: ScratchDatabase
    certain: bool
    done: list[int] = field(default_factory=list)
    undone: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def skip(self, number: int, reason: str) -> None:
        """Note that a step was not tried; later ones may need it."""
        self.notes.append(f"Step {number} was not tried on a scratch copy: {reason}.")
        self.certain = False

    async def step(self, number: int, step: ChangeStep) -> None:
        """Run a step, then its inverse, which must bring the schema back, then the step again."""
        before = await self._design()
        if not await self._ran(number, step, (step.statement,), "can't run on this schema"):
            return
        self.done.append(number)
        beyond = [why for text in step.inverse if (why := self.copy.facet.beyond(text)) is not None]
        if not step.inverse or beyond:
            self.notes += [f"What undoes step {number} was not tried: {why}." for why in beyond[:1]]
            return
        if not await self._ran(number, step, step.inverse, "can't be undone as proposed"):
            return
        if await self._design() != before:
            self._judge(
                StatementFailed(
                    f"what undoes step {number} ({step.title}) does not bring the schema back", object_name=step.title,
                    hint="Give an inverse that does, or leave it out.",
                )
            )  # fmt: skip
        else:
            self.undone.append(number)
        await self._ran(number, step, (step.statement,), "can't run again after it was undone")

    async def _design(self) -> tuple[Table, ...]:
        schema = await self.copy.adapter.catalog.read_schema()
        return tuple(replace(table, row_estimate=None) for table in schema.tables)

    async def _ran(self, number: int, step: ChangeStep, statements: Sequence[str], what: str) -> bool:
        try:
            await self.copy.adapter.execute.execute(
                [Statement(text) for text in statements], atomic=step.transactional, lock_timeout_seconds=5,
                timeout_seconds=_STEP_SECONDS,
            )  # fmt: skip
        except DbManagerError as problem:
            if isinstance(problem, _TIMING) or not isinstance(problem, _TELLING):
                raise
            problem.message = f"step {number} ({step.title}) {what}: {problem.message}"
            problem.args = (problem.message,)
            self._judge(problem)
            return False
        return True

    def _judge(self, problem: DbManagerError) -> None:
        if self.certain:
            raise _Refused(problem)
        self.notes.append(f"On a scratch copy that lacks something of the source, {problem.message}.")

    def told(self) -> tuple[str, ...]:
        """Return the notes."""
        if not self.done:
            return tuple(self.notes)
        tried = ", ".join(map(str, self.done))
        undone = f"; undone again and found as before: {', '.join(map(str, self.undone))}" if self.undone else ""
        lacks = f" The copy lacked: {'; '.join(self.copy.left_out[:5])}." if self.copy.left_out else ""
        return (f"Tried on an empty scratch copy: step {tried}{undone}.{lacks}", *self.notes)
