"""Phase 3 tools (index advice serves phase 2 as well)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult
from pydantic import Field, JsonValue

from dbmanager.analyzers.describe import markdown
from dbmanager_tools.changes import review_text
from dbmanager_tools.core import Connection, statement_of
from dbmanager_tools.house import Evidence, answer, services_of, tool

if TYPE_CHECKING:
    from dbmanager.phases.optimization.advise import Measurement

Queries = Annotated[
    list[str | dict[str, JsonValue] | list[JsonValue]],
    Field(
        min_length=1,
        max_length=100,
        description="Read-only statements with real values: SQL, or commands as in run_query",
    ),
]


@tool(phase=3, title="Advise indexes")
async def advise_indexes(
    connection: Connection,
    queries: Queries,
    ctx: Context,
    propose: Annotated[bool, Field(description="Propose a change set with the indexes to make")] = False,
    drop_unused: Annotated[
        bool, Field(description="Drop indexes that none of the queries used; true only if these are all queries")
    ] = False,
    project: Evidence = None,
) -> CallToolResult:
    """Find missing and useless indexes for given queries: candidates are shown to the engine's planner, on a sampled
    throw-away copy where it has no hypothetical indexes, and kept only when it uses them. Gives each query's measured
    work today; with propose also a change set. After apply_change, call measure_queries with the same queries to
    compare."""
    from dbmanager.phases.optimization.advise import advise, index_plan
    from dbmanager.services.index_trials import IndexTrials

    services = services_of(ctx)
    adapter = await services.connections.adapter(connection)
    statements = _statements(queries)
    report = await advise(adapter, statements, IndexTrials(services.scratches, connection, adapter))
    await services.keep_evidence(
        project, "index_advice", f"{len(report.create)} indexes advised for {len(queries)} queries",
        {"connection": connection, "method": report.method, "before": _figures(report.before),
         "create": [{"table": a.table.name, "index": a.index.name, "keys": [k.name for k in a.index.keys],
                     "queries": list(a.queries), "size_bytes": a.size_bytes} for a in report.create],
         "unused": [index.name for _, index in report.unused]},
    )  # fmt: skip
    lines = [f"{len(report.create)} indexes to make, by {report.method}:"]
    lines += [
        f"- {a.table.name}({', '.join(k.name for k in a.index.keys)}): used by query "
        f"{', '.join(map(str, a.queries))}, about {markdown.size(a.size_bytes)}"
        for a in report.create
    ]
    if report.unused:
        lines.append("Used by none of these queries: " + ", ".join(f"{t.name}.{i.name}" for t, i in report.unused))
    lines += ["Today:", measurements_text(report.before)]
    facts: dict[str, JsonValue] | None = None
    if propose and (report.create or (drop_unused and report.unused)):
        dropped = report.unused if drop_unused else ()
        plan = await index_plan(
            adapter,
            connection,
            [(a.table, a.index) for a in report.create],
            dropped,
            f"advice for {len(queries)} queries",
        )
        change = await services.changes.propose(plan, project)
        lines += ["", review_text(change, services)]
        facts = {"change": change.id, "state": change.state.value}
    return answer("\n".join(lines), facts)


@tool(phase=3, title="Measure queries")
async def measure_queries(
    connection: Connection,
    queries: Queries,
    ctx: Context,
    project: Annotated[str | None, Field(description="Compare with the project's advice and keep the result")] = None,
) -> CallToolResult:
    """Run read-only queries within bounds and measure each: work, time, tables scanned whole. With a project, compare
    with what advise_indexes measured before the change."""
    from dbmanager.phases.optimization.advise import measure

    services = services_of(ctx)
    adapter = await services.connections.adapter(connection)
    after = await measure(adapter, _statements(queries))
    lines = [measurements_text(after)]
    if project is not None:
        known = (await services.projects.get(project)).latest("index_advice")
        before = {row["query"]: row for row in known.payload["before"]} if known else {}
        compared = [
            {"query": m.query, "before": before[m.query]["cost"], "after": m.cost,
             "before_ms": before[m.query]["execution_ms"], "after_ms": m.execution_ms}
            for m in after if m.query in before and m.cost is not None and before[m.query]["cost"] is not None
        ]  # fmt: skip
        if compared:
            was, now = sum(row["before"] for row in compared), sum(row["after"] for row in compared)
            payload = {"connection": connection, "queries": compared, "work_before": was, "work_after": now}
            await services.projects.keep(
                project, "measured_change", f"work {was:,.0f} before, {now:,.0f} after", payload
            )
            lines.append(f"Work of {len(compared)} queries: {was:,.0f} before, {now:,.0f} after.")
            return answer("\n".join(lines), {"work_before": was, "work_after": now})
    return answer("\n".join(lines))


def measurements_text(measured: tuple[Measurement, ...]) -> str:
    """Return measurements as a table; work is planner cost, or thousands of machine steps on SQLite."""
    rows = [
        [i, " ".join(m.query.split())[:90], m.problem or round(m.cost or 0, 1), round(m.execution_ms or 0, 2),
         ", ".join(m.full_scans)]
        for i, m in enumerate(measured, 1)
    ]  # fmt: skip
    return markdown.table(["", "query", "work", "ms", "scanned whole"], rows)


def _statements(queries: Sequence[str | dict[str, JsonValue] | list[JsonValue]]) -> list[str]:
    return [query if isinstance(query, str) else statement_of(None, query) for query in queries]


def _figures(measured: tuple[Measurement, ...]) -> list[dict[str, object]]:
    return [{"query": m.query, "cost": m.cost, "execution_ms": m.execution_ms} for m in measured]
