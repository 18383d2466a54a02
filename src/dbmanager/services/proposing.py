"""Turns statements that someone wrote into a change plan."""

from __future__ import annotations

from collections.abc import Sequence

from dbmanager.adapters.facets import Adapter, need
from dbmanager.model.changes import ChangePlan, ChangeStep


async def plan_statements(
    adapter: Adapter, connection: str, *, title: str, reason: str,
    steps: Sequence[tuple[str, str | None, str | None] | ChangeStep],
) -> ChangePlan:  # fmt: skip
    """Return a plan over `(statement, inverse, title)` triples, and steps that are made already.

    What can't be undone is left without an inverse.

    Raises:
        InvalidStatement: a step is not one statement of this engine's, or is a read.
        UnsupportedCapability: nothing can be proposed on this engine.
    """
    schema = await adapter.catalog.read_schema()
    return ChangePlan(
        connection=connection,
        title=title,
        reason=reason,
        steps=tuple(
            step
            if isinstance(step, ChangeStep)
            else need(adapter.steps, connection).change_step(schema, step[0], inverse=step[1], title=step[2])
            for step in steps
        ),
        precondition=await adapter.catalog.fingerprint(),
    )
