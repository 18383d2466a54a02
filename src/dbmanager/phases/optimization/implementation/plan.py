"""Plans what makes a database as a design says, and proves the plan on a throw-away copy before it is proposed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dbmanager.adapters.facets import Adapter, need
from dbmanager.analyzers.schema_diff.compare import difference
from dbmanager.analyzers.schema_diff.parts import parts
from dbmanager.model.changes import ChangePlan, ChangeStep
from dbmanager.model.schema import DatabaseSchema, Table
from dbmanager.model.schema_difference import TableDifference
from dbmanager.phases.optimization.implementation.design import Design
from dbmanager.phases.optimization.implementation.making import Making
from dbmanager.phases.optimization.implementation.obstacles import Obstacle, obstacles
from dbmanager.phases.optimization.implementation.spelling import require_spelling
from dbmanager.phases.optimization.implementation.steps import AS_DESIGNED
from dbmanager.phases.optimization.implementation.trial import tried
from dbmanager.services.scratch import Scratches


@dataclass(frozen=True, slots=True)
class DesignPlan:
    """What a design asks for.

    Attributes:
        made: tables that are new.
        altered: what differs of tables that are there.
        same: tables that are as designed already.
        kept: a sentence for everything that stays on the target though the design doesn't have it.
        obstacles: rows in the way; where there are any, there is no plan.
        plan: None where nothing is to be done, or rows are in the way.
    """

    made: tuple[Table, ...]
    altered: tuple[TableDifference, ...]
    same: tuple[Table, ...]
    kept: tuple[str, ...]
    obstacles: tuple[Obstacle, ...]
    plan: ChangePlan | None


async def plan_design(
    adapter: Adapter, connection: str, design: Design, present: DatabaseSchema, scratches: Scratches, *, drop: bool,
    reason: str,
) -> DesignPlan:  # fmt: skip
    """Return the plan that makes the target as designed, tried on a copy of it.

    Args:
        adapter: the target.
        connection: its name.
        design: what the engine made of the design's statements.
        present: the target's schema; the plan holds only while it stays like this.
        scratches: where the plan is tried.
        drop: also drop columns, constraints and indexes of the design's tables that the design doesn't have.
        reason: why, as the reviewer reads it.

    Raises:
        InvalidStatement: a name differs in nothing but its case from one that is there and that the engine takes it for.
        UnsupportedCapability: something differs that this engine can't alter; the sentence says what.
        VerificationFailed: on the copy the steps did not lead to the design.
        DbManagerError: a step failed on the copy.
    """
    emit = need(adapter.emit, connection)
    require_spelling(design.tables, present)
    pairs = [(table, present.find(table.name, table.schema)) for table in design.tables]
    made = tuple(table for table, there in pairs if there is None)
    compared = [
        difference(there, table, engine=present.engine, drop=drop) for table, there in pairs if there is not None
    ]
    altered = tuple(one for one in compared if not one.is_empty)
    same = tuple(one.before for one in compared if one.is_empty)
    kept = tuple(f"{one.before.name} {part}" for one in compared for part in one.kept)
    in_the_way = tuple(await obstacles(adapter, emit, altered, present))
    if in_the_way:
        return DesignPlan(made, altered, same, kept, in_the_way, None)
    steps = await Making(adapter, emit, connection, design, present).steps(made, altered)
    if not steps:
        return DesignPlan(made, altered, same, kept, (), None)
    ends = [_named(table, parts(table, present.engine)) for table in made]
    ends += [_named(one.after, parts(one.after, present.engine)) for one in compared]
    steps.append(_compared(ends, exact=drop))
    notes = await tried(adapter, connection, scratches, present, steps)
    plan = ChangePlan(
        connection=connection,
        title=f"make {len(ends)} tables as designed: {len(made)} new, {len(altered)} altered",
        reason=reason,
        steps=tuple(steps),
        precondition=present.fingerprint,
        notes=notes,
    )
    return DesignPlan(made, altered, same, kept, (), plan)


def _named(table: Table, has: frozenset[str]) -> dict[str, object]:
    return {"schema": table.schema, "name": table.name, "has": sorted(has)}


def _compared(tables: Sequence[dict[str, object]], *, exact: bool) -> ChangeStep:
    besides = " and nothing else" if exact else ""
    return ChangeStep(
        title=f"compare {len(tables)} tables with the design", kind=AS_DESIGNED, access="none",
        statement=f"read the schema again: {', '.join(str(table['name']) for table in tables)} have every part of the "
        f"design{besides}",
        payload={"tables": list(tables), "exact": exact},
    )  # fmt: skip
