"""The tool that measures queries: today, before and after a change, or on a copy with a change that is proposed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult
from pydantic import Field, JsonValue

from dbmanager.errors import InvalidStatement
from dbmanager_tools.asked import (
    Queries,
    asked_of_workload,
    collected,
    figures_of,
    measurements_text,
    named_in_evidence,
    shown_as,
    statements_of,
)
from dbmanager_tools.changes import review_text
from dbmanager_tools.core import Connection
from dbmanager_tools.house import answer, services_of, tool

if TYPE_CHECKING:
    from dbmanager.adapters.facets import Adapter
    from dbmanager.model.projects import Evidence as KeptEvidence
    from dbmanager.model.schema import Index, Table
    from dbmanager.phases.optimization.measure import Measurement
    from dbmanager.services.container import Services


@tool(phase=3, title="Measure queries")
async def measure_queries(
    connection: Connection,
    ctx: Context,
    queries: Annotated[
        Queries | None, Field(description="Reads with real values; left out, those of the last analyze_workload")
    ] = None,
    project: Annotated[str | None, Field(description="Compare with the project's advice and keep the result")] = None,
    propose_undo: Annotated[
        bool, Field(description="Propose to drop advised indexes that are there and that no plan reads")
    ] = False,
    change: Annotated[
        str | None, Field(description="Try this proposed change's indexes on a throw-away copy, before and after")
    ] = None,
) -> CallToolResult:
    """Run read-only queries within bounds and measure each: work, time, tables scanned whole. With a project, compare
    with what advise_indexes measured and promised, else with the last measurement: call it before and after any change.
    Indexes that did not deliver can be dropped again by a change set, or with change left out before they are made."""
    from dbmanager.phases.optimization.measure import measure

    services = services_of(ctx)
    adapter = await services.connections.adapter(connection)
    shown = None
    if queries is None:
        asked, shown = asked_of_workload(await collected(services, connection), adapter.dialect)
        statements = [one.statement for one in asked]
    else:
        statements = statements_of(queries)
    await services.reader.note_measured(connection, statements)
    if change is not None:
        return await _proved(services, ctx, connection, change, statements, shown, project)
    measured = await measure(adapter, statements)
    after = shown_as(measured, shown)
    lines = [measurements_text(after)]
    facts: dict[str, JsonValue] = {}
    figures = figures_of(measured, named_in_evidence(services, adapter, statements, shown))
    known = await _baseline(services, connection, project, figures)
    await services.keep_evidence(
        project, "measured_queries", f"{len(figures)} queries measured", {"connection": connection, "before": figures}
    )
    if known is not None and project is not None:
        compared = _compared(known.payload, figures)
        if compared:
            was, now = sum(row["before"] for row in compared), sum(row["after"] for row in compared)
            ms = [sum(row[when] or 0.0 for row in compared) for when in ("before_ms", "after_ms")]
            idle = await _idle(adapter, known.payload, after)
            payload = {"connection": connection, "queries": compared, "work_before": was, "work_after": now,
                       "ms_before": ms[0], "ms_after": ms[1],
                       "indexes_not_read": [index.name for _, index in idle]}  # fmt: skip
            if await _has_changed(services, project, known):
                await services.projects.keep(
                    project, "measured_change", f"work {was:,.0f} before, {now:,.0f} after", payload
                )
            lines.append(
                f"Work of {len(compared)} queries: {was:,.0f} before, {now:,.0f} after; time {ms[0]:,.1f} ms before, "
                f"{ms[1]:,.1f} ms after. Before: {known.title}."
            )
            facts |= {"work_before": was, "work_after": now}
            if idle:
                lines.append(
                    "Advised, made, and read by none of these plans: "
                    + ", ".join(f"{t.name}.{i.name}" for t, i in idle)
                )
            if idle and propose_undo:
                from dbmanager.phases.optimization.index_changes import index_plan

                plan = await index_plan(adapter, connection, [], idle, "promised by the planner, not delivered")
                undo = await services.changes.propose(plan, project)
                lines += ["", review_text(undo, services)]
                facts |= {"change": undo.id, "state": undo.state.value}
    return answer("\n".join(lines), facts or None)


async def _baseline(
    services: Services, connection: str, project: str | None, figures: Sequence[Mapping[str, Any]]
) -> KeptEvidence | None:
    """Return what a project's queries are compared with: what was measured for advice, else when they were last measured."""
    if project is None:
        return None
    kept = await services.projects.get(project)
    known = [kept.latest(kind) for kind in ("index_advice", "measured_queries")]
    of_these = [one for one in known if one is not None and one.payload.get("connection") == connection]
    return next((one for one in of_these if _compared(one.payload, figures)), None)


async def _has_changed(services: Services, project: str, since: KeptEvidence) -> bool:
    """Whether a change of the project was verified since; advice stands for the change that it was taken for."""
    changed = (await services.projects.get(project)).latest("change_verified")
    return since.kind == "index_advice" or (changed is not None and changed.created_at >= since.created_at)


async def _proved(
    services: Services, ctx: Context, connection: str, change: str, statements: Sequence[str],
    shown: Sequence[str] | None, project: str | None,
) -> CallToolResult:  # fmt: skip
    """Try a change set's indexes on a copy, and propose it again without those that did not deliver."""
    from dbmanager.phases.optimization.index_changes import reduced
    from dbmanager.phases.optimization.proving import prove
    from dbmanager.services.index_trials import IndexTrials
    from dbmanager_tools.proofs import proof_facts, proof_text

    plan = (await services.changes.get(change)).plan
    if plan.connection != connection:
        raise InvalidStatement(f"change {change} is about {plan.connection!r}", hint=f"Measure on {plan.connection!r}.")
    adapter = await services.connections.adapter(connection)
    proof = await prove(
        adapter, IndexTrials(services.scratches, connection, adapter), plan, statements, ctx.report_progress
    )
    kept = [one["query"] for one in named_in_evidence(services, adapter, statements, shown)]
    failed = {one.step: one.why for one in proof.failed}
    delivered = [one.index for one in proof.verdicts if one.delivered]
    title = f"{len(delivered)} of {len(proof.verdicts)} index changes delivered on a copy"
    await services.keep_evidence(project, "index_proof", title, {"change": change, **proof_facts(proof, kept)})
    lines = proof_text(proof, shown or statements)
    facts: dict[str, JsonValue] = {
        "delivered": list(delivered),
        "not_delivered": [one.index for one in proof.failed],
    }
    rest = await reduced(adapter, plan, failed) if failed else None
    if rest is not None:
        proposed = await services.changes.propose(rest, project)
        lines += ["", f"In place of {change}, without what did not deliver:", review_text(proposed, services)]
        facts |= {"change": proposed.id, "state": proposed.state.value}
    elif failed:
        lines.append(f"Nothing of {change} is worth applying.")
    else:
        lines.append(
            f"{len(delivered)} of {len(proof.verdicts)} delivered, none failed; {change} stands as it was proposed."
        )
    return answer("\n".join(lines), facts)


def _compared(advice: Mapping[str, Any], after: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return each query's work before and after, and the ratio that the planner promised where it promised one."""
    before = {row.get("tag"): row for row in advice["before"]}
    numbers = {row.get("tag"): number for number, row in enumerate(advice["before"], 1)}
    promised = {row["query"]: row["after"] / row["before"] for row in advice.get("effects", ()) if row["before"]}
    return [
        {"query": m["query"], "before": before[m["tag"]]["cost"], "after": m["cost"],
         "before_ms": before[m["tag"]]["execution_ms"], "after_ms": m["execution_ms"],
         "promised_ratio": promised.get(numbers[m["tag"]])}
        for m in after if m["tag"] in before and m["cost"] is not None and before[m["tag"]]["cost"] is not None
    ]  # fmt: skip


async def _idle(adapter: Adapter, advice: Mapping[str, Any], after: Sequence[Measurement]) -> list[tuple[Table, Index]]:
    """Return the advised indexes that exist and that no measured plan reads."""
    advised = {(row["table"], row["index"]) for row in advice.get("create", ())}
    read = {name for measured in after for name in measured.indexes}
    schema = await adapter.catalog.read_schema()
    return [
        (table, index)
        for table in schema.base_tables()
        for index in table.indexes
        if (table.name, index.name) in advised and index.name not in read
    ]
