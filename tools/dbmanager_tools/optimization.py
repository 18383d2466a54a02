"""Advice on indexes, which serves phases 2 and 3."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult
from pydantic import Field, JsonValue

from dbmanager.analyzers.describe import markdown
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
from dbmanager_tools.house import Evidence, answer, services_of, tool

if TYPE_CHECKING:
    from dbmanager.model.schema import DatabaseSchema
    from dbmanager.model.workload import Workload
    from dbmanager.phases.optimization.advise import Advice, AdviceReport, Asked, FirstAnswer
    from dbmanager.phases.optimization.dropping import Drop


@tool(phase=3, title="Advise indexes")
async def advise_indexes(
    connection: Connection,
    ctx: Context,
    queries: Annotated[
        Queries | None, Field(description="Reads with real values; left out, those of the last analyze_workload")
    ] = None,
    calls: Annotated[
        list[int] | None, Field(description="How often each query ran, in their order; all alike when left out")
    ] = None,
    budget_mb: Annotated[
        float | None,
        Field(gt=0, description="Bytes on disk that all indexes may take; a quarter of the tables if left out"),
    ] = None,
    seconds: Annotated[
        float, Field(ge=1, le=300, description="Time for the search; the best so far is the answer")
    ] = 15,
    propose: Annotated[bool, Field(description="Propose a change set with the indexes to make")] = False,
    drop_unused: Annotated[
        bool,
        Field(
            description="Drop indexes that none of the queries used, hidden first where the engine can; only if these are all queries"
        ),
    ] = False,
    project: Evidence = None,
) -> CallToolResult:
    """Find the set of indexes that serves given queries, or a collected workload by its calls and measured time, best
    under a budget of bytes, and useless indexes. Sets are tried on the engine's planner, on a sampled throw-away copy
    where it has no hypothetical indexes. Gives why, effect on each query, size, each query's measured work today; with
    propose also a change set. After apply_change, call measure_queries to compare promised with delivered."""
    from dbmanager.phases.optimization.advise import Bounds, advise
    from dbmanager.phases.optimization.index_changes import index_plan
    from dbmanager.services.index_trials import IndexTrials

    services = services_of(ctx)
    adapter = await services.connections.adapter(connection)
    if queries is None:
        workload = await collected(services, connection)
        asked, shown = asked_of_workload(workload, adapter.dialect)
        written = _written(workload, await adapter.catalog.read_schema())
    else:
        asked, shown, written = _asked(statements_of(queries), calls), None, {}
    await services.reader.note_measured(connection, [one.statement for one in asked])
    answers = 0

    async def told(first: FirstAnswer) -> None:
        nonlocal answers
        answers += 1
        left = "by rules, not tried yet" if first.cost_ratio is None else f"{first.cost_ratio:.0%} of the cost is left"
        await ctx.report_progress(answers, None, f"{first.indexes} indexes, {left}, {markdown.size(first.size_bytes)}")

    report = await advise(
        adapter,
        asked,
        IndexTrials(services.scratches, connection, adapter),
        bounds=Bounds(None if budget_mb is None else int(budget_mb * 1e6), seconds),
        told=told,
        rows_written=written,
        drops=drop_unused,
    )
    kept = named_in_evidence(services, adapter, [one.statement for one in asked], shown)
    figures = figures_of(report.before, kept)
    report = replace(report, before=shown_as(report.before, shown))
    await services.keep_evidence(
        project, "index_advice", f"{len(report.create)} indexes advised for {len(asked)} queries",
        {"connection": connection, "method": report.method, "before": figures,
         "create": [{"table": a.table.name, "index": a.index.name, "keys": [k.name for k in a.index.keys],
                     "include": list(a.index.include), "queries": list(a.queries), "size_bytes": a.size_bytes,
                     "why": a.why} for a in report.create],
         "effects": [{"query": e.number, "before": e.before, "after": e.after} for e in report.effects],
         "budget_bytes": report.budget_bytes, "unused": [index.name for _, index in report.unused],
         "drops": [{"index": d.index.name, "table": d.table.name, "why": d.why, "how": d.how, "proposed": d.is_proposed,
                    "worse": [{"query": w.number, "before": w.before, "after": w.after} for w in d.worse]}
                   for d in report.drops]},
    )  # fmt: skip
    lines = [_headline(report), *(_advised(advice) for advice in report.create)]
    if report.effects and report.create:
        lines.append("The planner's cost: " + "; ".join(
            f"query {e.number} {e.before:,.0f} to {e.after:,.0f}" for e in report.effects if e.after < e.before
        ))  # fmt: skip
    lines += [
        f"By rule, not tried and not in the change set: {one.index.method} on {one.table.name} "
        f"({', '.join(key.name for key in one.index.keys)}) for query {', '.join(map(str, one.queries))}: {one.why}."
        for one in report.by_rule
    ]
    if report.unused:
        lines.append("Used by none of these queries: " + ", ".join(f"{t.name}.{i.name}" for t, i in report.unused))
    lines += [_drop_text(drop) for drop in report.drops]
    lines += ["Today:", measurements_text(report.before)]
    facts: dict[str, JsonValue] | None = None
    dropped = [one for one in report.drops if one.is_proposed]
    if propose and (report.create or dropped):
        plan = await index_plan(
            adapter,
            connection,
            [(a.table, a.index) for a in report.create],
            [(one.table, one.index) for one in dropped],
            f"advice for {len(asked)} queries",
            hide_first=True,
            notes=[_drop_text(one) for one in dropped],
        )
        change = await services.changes.propose(plan, project)
        lines += ["", review_text(change, services)]
        facts = {"change": change.id, "state": change.state.value}
    return answer("\n".join(lines), facts)


def _asked(statements: Sequence[str], calls: Sequence[int] | None) -> list[Asked]:
    from dbmanager.phases.optimization.advise import Asked

    if calls is not None and len(calls) != len(statements):
        raise InvalidStatement(
            f"{len(calls)} call counts do not fit {len(statements)} queries", hint="Give one a query."
        )
    return [Asked(sql, count) for sql, count in zip(statements, calls or [1] * len(statements), strict=True)]


def _written(workload: Workload, schema: DatabaseSchema) -> dict[tuple[str | None, str], float]:
    found = {}
    for name, rows in workload.table_writes.items():
        table = schema.find(name)
        if table is not None:
            found[(table.schema, table.name)] = float(rows)
    return found


def _headline(report: AdviceReport) -> str:
    line = f"{len(report.create)} indexes to make, by {report.method}"
    if report.effects and report.create:
        line += f", {markdown.size(report.size_bytes)} of at most {markdown.size(report.budget_bytes)}"
    if report.least_bytes is not None:
        line += f"; the budget of {markdown.size(report.budget_bytes)} is too small: the smallest takes {markdown.size(report.least_bytes)}"
    return line + ":"


def _advised(advice: Advice) -> str:
    keys = ", ".join(key.name for key in advice.index.keys)
    held = f" include ({', '.join(advice.index.include)})" if advice.index.include else ""
    where = f" where {advice.index.where}" if advice.index.where else ""
    needless = f"; makes {', '.join(advice.needless)} needless" if advice.needless else ""
    written = f"; {advice.rows_written:,.0f} rows written to the table meanwhile" if advice.rows_written else ""
    return (
        f"- {advice.table.name}({keys}){held}{where}: used by query {', '.join(map(str, advice.queries))}, "
        f"about {markdown.size(advice.size_bytes)}{written}. {advice.why}{needless}"
    )


def _drop_text(drop: Drop) -> str:
    """Return what came of trying to do without an index; costs are the planner's."""
    worse = ", ".join(f"{one.number} {one.before:,.1f} to {one.after:,.1f}" for one in drop.worse)
    told = "may go" if drop.is_proposed else f"stays, dearer would be query {worse}" if worse else "stays"
    return f"{drop.table.name}.{drop.index.name}: {told}; {drop.why}; {drop.how}"
