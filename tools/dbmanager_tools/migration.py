"""Phase 4 tools."""

from __future__ import annotations

from typing import Annotated

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult
from pydantic import Field

from dbmanager_tools.changes import review_text
from dbmanager_tools.house import Background, Evidence, answer, services_of, tool, work

Source = Annotated[str, Field(description="Connection to read from")]
Target = Annotated[str, Field(description="Connection to write to")]
Tables = Annotated[list[str] | None, Field(description="Only these tables; all when left out")]


@tool(phase=4, title="Plan migration", idempotent=False)
async def plan_migration(
    source: Source,
    target: Target,
    ctx: Context,
    tables: Tables = None,
    target_schema: Annotated[str | None, Field(description="Schema to create the tables in")] = None,
    freeze_seconds: Annotated[
        int | None,
        Field(
            ge=1, le=300, description="In the end hold writes to the source's tables for at most so long, and compare"
        ),
    ] = None,
    project: Evidence = None,
) -> CallToolResult:
    """Propose a change set that copies tables from one database to another, engines may differ: tables, rows in
    resumable checked chunks, indexes, references. Says what can't be carried over as it is. Then apply_change, and
    verify_data to compare both sides."""
    from dbmanager.phases.migration.copy import plan_copy
    from dbmanager.phases.migration.frozen import frozen_step

    services = services_of(ctx)
    plan, notes = await plan_copy(
        await services.connections.adapter(source),
        await services.connections.adapter(target),
        source,
        target,
        tables or [],
        target_schema,
    )
    if freeze_seconds is not None:
        copied = [step.payload["table"] for step in plan.steps if step.kind == "copy_table"]
        last = frozen_step(
            await services.connections.adapter(source), source, services.connections.settings(source),
            services.connections.settings(target), copied, target_schema, freeze_seconds,
        )  # fmt: skip
        plan = plan.model_copy(update={"steps": (*plan.steps, last)})
    change = await services.changes.propose(plan, project)
    lines = [review_text(change, services)]
    if notes:
        lines += ["Not carried over as it was:", *(f"- {note}" for note in notes[:60])]
    return answer("\n".join(lines), {"change": change.id, "state": change.state.value})


@tool(phase=4, title="Verify data")
async def verify_data(
    source: Source,
    target: Target,
    ctx: Context,
    tables: Tables = None,
    target_schema: Annotated[str | None, Field(description="Schema of the target's tables")] = None,
    project: Evidence = None,
    background: Background = False,
) -> CallToolResult:
    """Compare tables of two databases by row count and by a checksum over all values, whatever their order or engine.
    Scans every table once on either side."""
    from dbmanager.phases.migration.jobs import COMPARE

    arguments = {
        "source": source, "target": target, "tables": tables, "target_schema": target_schema, "project": project
    }  # fmt: skip
    return await work(ctx, COMPARE, f"{source} and {target}", arguments, background, lane=target)
