"""Turns statements that someone wrote into a change plan, tried first on an empty copy where there may be one."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from dbmanager.adapters.facets import Adapter, need
from dbmanager.model.changes import ChangePlan, ChangeStep
from dbmanager.model.schema import DatabaseSchema, Table
from dbmanager.services.design_trials import tried
from dbmanager.services.scratch import Scratches


async def plan_statements(
    adapter: Adapter, connection: str, *, title: str, reason: str,
    steps: Sequence[tuple[str, str | None, str | None] | ChangeStep], scratches: Scratches | None = None,
) -> ChangePlan:  # fmt: skip
    """Return a plan over `(statement, inverse, title)` triples, and steps that are made already.

    What can't be undone is left without an inverse. With `scratches`, steps that change the design are tried on a
    throw-away copy without rows; the plan's notes say what was tried and what was not, and why.

    Raises:
        InvalidStatement: a step is not one statement of this engine's, or is a read.
        UnsupportedCapability: nothing can be proposed on this engine.
        DbManagerError: a step, or what undoes it, can't run on this schema; the sentence is the engine's reason.
    """
    schema = await adapter.catalog.read_schema()
    planned: list[ChangeStep] = []
    for given in steps:
        step = (
            given
            if isinstance(given, ChangeStep)
            else need(adapter.steps, connection).change_step(schema, given[0], inverse=given[1], title=given[2])
        )
        schema = _after(schema, step)
        planned.append(step)
    made = tuple(planned)
    return ChangePlan(
        connection=connection,
        title=title,
        reason=reason,
        steps=made,
        precondition=await adapter.catalog.fingerprint(),
        notes=await tried(scratches, connection, adapter, made) if scratches is not None else (),
    )


def _after(schema: DatabaseSchema, step: ChangeStep) -> DatabaseSchema:
    """Return the schema as later steps will find it: with the table that this one makes, its columns unknown."""
    if "makes" not in step.payload:
        return schema
    owner, name = step.payload["makes"]
    if schema.find(name, owner) is not None:
        return schema
    return dataclasses.replace(schema, tables=(*schema.tables, Table(name, owner, ())))
