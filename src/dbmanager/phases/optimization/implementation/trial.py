"""Carries a plan out on a throw-away copy, compares what came of it with the design, and undoes it again."""

from __future__ import annotations

from collections.abc import Sequence

from dbmanager.adapters.facets import Adapter, Statement
from dbmanager.analyzers.schema_diff.parts import parts
from dbmanager.errors import DbManagerError, VerificationFailed
from dbmanager.model.changes import ChangeStep
from dbmanager.model.schema import DatabaseSchema
from dbmanager.phases.optimization.implementation.steps import AS_DESIGNED, PART, shortfall
from dbmanager.services.scratch import Budget, Contents, ScratchDatabase, Scratches

SAMPLE_ROWS = 200
MOST_SAMPLED_TABLES = 100
BUDGET = Budget(rows=200_000, bytes=1_000_000_000, seconds=180.0)
STEP_SECONDS = 60.0
TOLD = 5


async def tried(
    adapter: Adapter, connection: str, scratches: Scratches, present: DatabaseSchema, steps: Sequence[ChangeStep]
) -> tuple[str, ...]:
    """Carry the steps out on a copy with a sample of the rows, and undo them; return what was shown by it.

    Raises:
        VerificationFailed: the steps ran and did not lead to the design, or undoing them did not lead back.
        DbManagerError: a step can't run; the sentence names it.
    """
    count = len(list(present.base_tables()))
    contents: Contents = "sample" if 0 < count <= MOST_SAMPLED_TABLES else "schema" if present.tables else "nothing"
    async with scratches.made(connection, adapter, contents, sample_rows=SAMPLE_ROWS, budget=BUDGET) as copy:
        trial = _Trial(copy, certain=not copy.left_out)
        return await trial.whole(steps)


class _Trial:
    def __init__(self, copy: ScratchDatabase, *, certain: bool) -> None:
        self._copy, self._certain = copy, certain

    async def whole(self, steps: Sequence[ChangeStep]) -> tuple[str, ...]:
        """Run everything, compare, undo everything, compare."""
        rows = sum(self._copy.rows.values())
        before = await self._design()
        try:
            for number, step in enumerate(steps, 1):
                await self._forward(number, step)
            undone = await self._back(steps, before)
        except DbManagerError as problem:
            if self._certain:
                raise
            lacks = "; ".join(self._copy.left_out[:TOLD])
            return (f"Not proved: on a scratch copy that lacks {lacks}: {problem.message}",)
        return (
            f"Tried on a scratch copy with {rows} rows: all steps ran, and the schema read again is as designed. {undone}",
        )

    async def _design(self) -> dict[tuple[str | None, str], frozenset[str]]:
        schema = await self._copy.adapter.catalog.read_schema()
        return {(t.schema, t.name): parts(t, schema.engine) for t in schema.tables}

    async def _forward(self, number: int, step: ChangeStep) -> None:
        if step.kind == AS_DESIGNED:
            schema = await self._copy.adapter.catalog.read_schema()
            found = shortfall(schema, step.payload["tables"], exact=step.payload["exact"])
            if found:
                raise VerificationFailed(
                    f"on a scratch copy the steps did not lead to the design: {'; '.join(found[:TOLD])}",
                    hint="Change by propose_change what this engine can't alter like that, then plan the design again.",
                    next_actions=("propose_change",),
                )  # fmt: skip
            return
        await self._run(step, _statements(step), f"step {number} ({step.title}) can't run")

    async def _back(self, steps: Sequence[ChangeStep], before: dict[tuple[str | None, str], frozenset[str]]) -> str:
        final = [step.title for step in steps if not step.reversible]
        if final:
            return f"It can't be undone: {final[0]}."
        for number, step in reversed(list(enumerate(steps, 1))):
            if step.kind != AS_DESIGNED:
                await self._run(step, step.inverse, f"what undoes step {number} ({step.title}) can't run")
        if await self._design() != before:
            raise VerificationFailed("undoing the steps on a scratch copy did not bring the schema back")
        return "Undone there, it was as before."

    async def _run(self, step: ChangeStep, statements: Sequence[str], what: str) -> None:
        try:
            await self._copy.adapter.execute.execute(
                [Statement(text) for text in statements], atomic=step.transactional, lock_timeout_seconds=5,
                timeout_seconds=STEP_SECONDS,
            )  # fmt: skip
        except DbManagerError as problem:
            problem.message = f"{what}: {problem.message}"
            problem.args = (problem.message,)
            raise


def _statements(step: ChangeStep) -> Sequence[str]:
    return list(step.payload["statements"]) if step.kind == PART else [step.statement]
