"""Change plans that make and drop indexes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dbmanager.adapters.facets import Adapter, Emit, Hiding, need
from dbmanager.model.changes import ChangePlan, ChangeStep, Probe
from dbmanager.model.schema import Index, Table


async def index_plan(
    adapter: Adapter,
    connection: str,
    create: Sequence[tuple[Table, Index]],
    drop: Sequence[tuple[Table, Index]],
    reason: str,
    *,
    hide_first: bool = False,
    notes: Sequence[str] = (),
) -> ChangePlan:
    """Return a change plan that makes and drops indexes, with inverses and probes.

    With `hide_first` an index that no plan should need is hidden where the engine can, and dropped once it is hidden.
    """
    steps: list[ChangeStep] = []
    emit = need(adapter.emit, connection)
    for table, index in create:
        emission = emit.create_index(table, index, online=True)
        steps += _steps(emit, table, index, f"create {index.name}", emission.statements, emission.inverse, 1)
    hidden = 0
    for table, index in drop:
        hiding = emit.hide_index(table, index) if hide_first and index.valid else None
        if isinstance(hiding, Hiding):
            steps.append(_hide(hiding, index))
            hidden += 1
            continue
        emission = emit.drop_index(table, index, online=True)
        steps += _steps(emit, table, index, f"drop {index.name}", emission.statements, emission.inverse, 0)
    return ChangePlan(
        connection=connection,
        title=f"{len(create)} indexes made, {len(drop) - hidden} dropped" + (f", {hidden} hidden" if hidden else ""),
        reason=reason,
        steps=tuple(steps),
        precondition=await adapter.catalog.fingerprint(),
        notes=tuple(notes),
    )


async def reduced(adapter: Adapter, plan: ChangePlan, left_out: Mapping[int, str]) -> ChangePlan | None:
    """Return a plan without some of its steps, by position, with why each was left out; None where none is left."""
    steps = tuple(step for number, step in enumerate(plan.steps) if number not in left_out)
    if not steps:
        return None
    notes = [f"left out: {plan.steps[number].title}: {why}" for number, why in sorted(left_out.items())]
    return plan.model_copy(
        update={
            "title": f"{len(steps)} of {len(plan.steps)} steps: {plan.title}",
            "reason": f"{plan.reason}; tried on a copy, without what did not deliver",
            "steps": steps,
            "precondition": await adapter.catalog.fingerprint(),
            "notes": tuple(notes),
        }
    )


def _hide(hiding: Hiding, index: Index) -> ChangeStep:
    sql, parameters = hiding.probe
    return ChangeStep(
        title=f"hide {index.name}: no plan reads it, and it is kept up to date; drop it when nobody missed it",
        statement=hiding.statement,
        risk="low",
        lock="metadata only",
        transactional=False,
        inverse=(hiding.inverse,),
        postcondition=Probe(statement=sql, parameters=parameters, expected=1),
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
