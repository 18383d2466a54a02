"""Phase 3 tool: settings by what the server has counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult
from pydantic import Field, JsonValue

from dbmanager.analyzers.describe import markdown
from dbmanager.errors import DbManagerError, NotFound
from dbmanager_tools.changes import review_text
from dbmanager_tools.core import Connection
from dbmanager_tools.house import Evidence, answer, services_of, tool

if TYPE_CHECKING:
    from dbmanager.adapters.facets import Adapter
    from dbmanager.model.tuning import Recommendation, TuningReport
    from dbmanager.services.container import Services


OWN_CACHES = frozenset((
    "shared_buffers", "effective_cache_size", "innodb_buffer_pool_size", "table_open_cache", "thread_cache_size", "cache_size",
    "mmap_size", "maxmemory", "maxmemory-policy",
))  # fmt: skip
"""Settings that size what an engine keeps in memory."""


@tool(phase=3, title="Plan tuning")
async def plan_tuning(
    connection: Connection,
    ctx: Context,
    kind: Annotated[
        Literal["configuration", "caching", "monitoring"],
        Field(
            description="configuration: the server's settings; caching: answers worth keeping, of two workload snapshots; "
            "monitoring: measures now, forecasts by the kept history, alerts"
        ),
    ] = "configuration",
    settings: Annotated[list[str] | None, Field(max_length=20, description="Only these settings")] = None,
    memory_bytes: Annotated[
        int | None, Field(ge=1_048_576, description="Memory of the server's machine or container")
    ] = None,
    cores: Annotated[float | None, Field(gt=0, le=4_096, description="Processors of it")] = None,
    staleness_seconds: Annotated[
        float | None,
        Field(
            ge=0, le=31_536_000, description="caching: how old an answer may be; the project's requirements if left out"
        ),
    ] = None,
    horizon_days: Annotated[float, Field(gt=0, le=730, description="monitoring: how far to look ahead")] = 30,
    replay: Annotated[bool, Field(description="caching: play the plan through a private Redis")] = False,
    propose: Annotated[bool, Field(description="Propose a change set with the values, or views to keep")] = False,
    project: Evidence = None,
) -> CallToolResult:
    """Recommend settings by what the server has counted: each with its value now, proposal, formula, evidence, effect
    and whether a restart is needed. No counter, no advice. For findings use check_database pack=health; for missing
    indexes advise_indexes; buffers don't replace them. kind=monitoring: growth, when disk, connections, memory or
    sequences run out, statements that drift, each with interval and past error."""
    from dbmanager.phases.optimization.tune import figures_text, tune, tuning_plan

    services = services_of(ctx)
    adapter = await services.connections.adapter(connection)
    if kind == "caching":
        return await _caching(services, adapter, connection, staleness_seconds, replay, propose, project)
    if kind == "monitoring":
        return await _monitoring(services, connection, horizon_days, project)
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


async def _caching(
    services: Services, adapter: Adapter, connection: str, staleness_seconds: float | None, replay: bool, propose: bool,
    project: str | None,
) -> CallToolResult:  # fmt: skip
    """Plan caches by the two newest snapshots of one source; the server's own caches by what it has counted."""
    from dbmanager.phases.optimization import caching
    from dbmanager.services.proposing import plan_statements

    known = await services.workloads.list(connection)
    newest = [one for one in known if one.source == known[0].source][:2]
    if len(newest) < 2:
        raise NotFound(
            f"{len(newest)} workload snapshots of {connection!r}: rates need two of one source", object_name=connection,
            hint="Call analyze_workload now, and again after some minutes of ordinary use.",
        )  # fmt: skip
    if staleness_seconds is None:
        staleness_seconds = await _required_staleness(services, project)
    plan = await caching.plan_caching(
        adapter, services.workloads, connection, newest[1].id, newest[0].id, staleness_seconds=staleness_seconds
    )
    replays = await caching.verify_caching(plan, services.scratches) if replay else ()
    await services.keep_evidence(
        project, "caching_plan", f"{len(plan.candidates)} statements of {connection} are worth caching",
        caching.caching_payload(plan, replays),
    )  # fmt: skip
    lines = [caching.caching_text(plan, replays), *await _own_caches(services, adapter, connection)]
    facts: dict[str, JsonValue] = {"candidates": len(plan.candidates), "replayed": len(replays)}
    steps = caching.view_steps(plan) if propose else []
    if steps:
        proposed = await plan_statements(
            adapter, connection, title=f"Keep {len(caching.views(plan))} answers as materialized views",
            reason="; ".join(one.statement[:200] for one, _ in caching.views(plan)), steps=steps,
            scratches=services.scratches,
        )  # fmt: skip
        change = await services.changes.propose(proposed, project)
        lines += ["", review_text(change, services)]
        facts |= {"change": change.id, "state": change.state.value}
    return answer("\n".join(lines), facts)


async def _required_staleness(services: Services, project: str | None) -> float:
    """Return how old an answer may be by the project's requirements; 0 where nobody said."""
    kept = (await services.projects.get(project)).latest("requirements") if project is not None else None
    return float((kept.payload.get("staleness_seconds") if kept is not None else None) or 0)


async def _own_caches(services: Services, adapter: Adapter, connection: str) -> list[str]:
    """Return what the server's own caches should be, by its counters."""
    from dbmanager.adapters.facets import Unsupported
    from dbmanager.phases.optimization.tune import tune

    if isinstance(adapter.tuning, Unsupported):
        return []
    own = [name for name in dict.fromkeys(rule.setting for rule in adapter.tuning.rules()) if name in OWN_CACHES]
    try:
        report = await tune(adapter, connection, is_local=services.connections.is_local(connection), only=own)
    except DbManagerError as problem:
        return [f"The server's own caches were not judged: {problem.sentence()}"]
    if not report.recommendations:
        return ["The server's own caches: no counter asks for other sizes."]
    return ["The server's own caches (plan_tuning kind=configuration proposes them):"] + [
        recommendation_text(one) for one in report.recommendations
    ]


async def _monitoring(services: Services, connection: str, horizon_days: float, project: str | None) -> CallToolResult:
    """Collect now, and tell what the history says."""
    from dbmanager.phases.optimization.collecting import observe, state_lines
    from dbmanager.phases.optimization.outlook import outlook
    from dbmanager.phases.optimization.outlook_text import monitoring_payload, outlook_lines

    collected = await observe(services, connection)
    span = await services.metrics.span(connection)
    found = await outlook(services.metrics, connection, horizon_days=horizon_days)
    lines = [*outlook_lines(connection, span, found), *state_lines(collected, services.loaded.configuration.monitoring)]
    firing = [f"{state.rule} {state.object}".strip() for state in collected.states if state.is_firing]
    await services.keep_evidence(
        project, "monitoring", f"{connection} over {span.moments} moments, {len(firing)} alerts firing",
        monitoring_payload(connection, lines, found, firing),
    )  # fmt: skip
    return answer("\n".join(lines), {"moments": span.moments, "firing": list(firing)})


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
