"""Phase 3 tool: settings by what the server has counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult
from pydantic import Field, JsonValue

from dbmanager.analyzers.describe import markdown
from dbmanager_tools.changes import review_text
from dbmanager_tools.core import Connection
from dbmanager_tools.house import Evidence, answer, services_of, tool

if TYPE_CHECKING:
    from dbmanager.model.tuning import Recommendation, TuningReport


@tool(phase=3, title="Plan tuning")
async def plan_tuning(
    connection: Connection,
    ctx: Context,
    kind: Annotated[
        Literal["configuration"], Field(description="configuration: the server's settings")
    ] = "configuration",
    settings: Annotated[list[str] | None, Field(max_length=20, description="Only these settings")] = None,
    memory_bytes: Annotated[
        int | None, Field(ge=1_048_576, description="Memory of the server's machine or container")
    ] = None,
    cores: Annotated[float | None, Field(gt=0, le=4_096, description="Processors of it")] = None,
    propose: Annotated[bool, Field(description="Propose a change set with the values")] = False,
    project: Evidence = None,
) -> CallToolResult:
    """Recommend settings by what the server has counted: each with its value now, proposal, formula, evidence, effect
    and whether a restart is needed. No counter, no advice. For findings use check_database pack=health; for missing
    indexes advise_indexes; buffers don't replace them."""
    from dbmanager.phases.optimization.tune import figures_text, tune, tuning_plan

    services = services_of(ctx)
    adapter = await services.connections.adapter(connection)
    report = await tune(
        adapter, connection, is_local=services.connections.is_local(connection), memory_bytes=memory_bytes, cores=cores,
        only=settings or (),
    )  # fmt: skip
    lines = report_lines(report)
    await services.keep_evidence(
        project, f"tuning_{kind}", f"{len(report.recommendations)} settings of {connection} should be other than they are",
        {"connection": connection, "settings": [
            {"setting": one.rule.setting, "object": one.proposed.object_name, "current": one.proposed.current,
             "proposed": one.proposed.value, "measured": figures_text(one), "formula": one.rule.formula}
            for one in report.recommendations
        ]},
    )  # fmt: skip
    facts: dict[str, JsonValue] | None = None
    if propose and report.steps:
        change = await services.changes.propose(await tuning_plan(adapter, connection, report), project)
        lines += ["", review_text(change, services)]
        facts = {"change": change.id, "state": change.state.value}
    return answer("\n".join(lines), facts)


def report_lines(report: TuningReport) -> list[str]:
    """Return a report as Markdown: what to change, what a person must do, what was not judged."""
    machine = report.machine
    known = (
        f"{markdown.size(machine.memory_bytes)} memory, {machine.cores:g} cores"
        if machine.cores
        else markdown.size(machine.memory_bytes)
    )
    lines = [
        f"{len(report.recommendations)} settings to change. Counted since {report.counted_since}. Machine: {known} ({machine.source})."
    ]
    lines += [recommendation_text(one) for one in report.recommendations]
    lines += [f"By hand: {line}" for line in report.by_hand]
    if report.silent:
        lines.append("No reason to change: " + ", ".join(report.silent) + ".")
    if report.not_run:
        lines.append("Not judged: " + "; ".join(f"{name} ({why})" for name, why in report.not_run.items()))
    return lines


def recommendation_text(one: Recommendation) -> str:
    """Return one recommendation as a list entry."""
    from dbmanager.phases.optimization.tune import figures_text

    rule, proposed = one.rule, one.proposed
    of = f" of {proposed.object_name}" if proposed.object_name else ""
    return (
        f"- **{rule.setting}**{of}: {proposed.current} becomes {proposed.value} ({rule.takes}). Measured: {figures_text(one)}. "
        f"Formula: {rule.formula}. Effect: {rule.effect} Source: {rule.source} [{rule.id}]"
    )
