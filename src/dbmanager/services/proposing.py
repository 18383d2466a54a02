"""Turns statements that someone wrote into a change plan."""

from __future__ import annotations

from collections.abc import Sequence

from dbmanager.adapters.facets import Adapter, need
from dbmanager.model.changes import ChangePlan


async def plan_statements(
    adapter: Adapter, connection: str, *, title: str, reason: str, steps: Sequence[tuple[str, str | None, str | None]]
) -> ChangePlan:
    """Return a plan over `(statement, inverse, title)` triples; what can't be undone is left without an inverse.

    Raises:
        InvalidStatement: a step is not one statement of this engine's, or is a read.
        UnsupportedCapability: nothing can be proposed on this engine.
    """
    writer = need(adapter.steps, connection)
    schema = await adapter.catalog.read_schema()
    return ChangePlan(
        connection=connection,
        title=title,
        reason=reason,
        steps=tuple(writer.change_step(schema, text, inverse=inverse, title=name) for text, inverse, name in steps),
        precondition=await adapter.catalog.fingerprint(),
    )
