"""What a database is asked, and what changed since it was looked at last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult
from pydantic import Field, JsonValue

from dbmanager.analyzers.describe import markdown
from dbmanager.errors import InvalidStatement
from dbmanager_tools.core import Connection, statement_of
from dbmanager_tools.house import Evidence, answer, services_of, tool

if TYPE_CHECKING:
    from dbmanager.phases.optimization.workload import WorkloadReport

LARGEST_FILE = 64_000_000
Order = Literal["total", "mean", "calls", "rows_per_call", "reads"]


@tool(phase=3, title="Analyze workload", idempotent=False)
async def analyze_workload(
    connection: Connection,
    ctx: Context,
    source: Annotated[
        str | None,
        Field(description="Which of the engine's counters, default its own: pg_stat_statements, performance_schema, "
              "profiler, commandstats; or slowlog on Redis"),
    ] = None,
    file: Annotated[
        str | None,
        Field(description="Instead: a file of statements, a PostgreSQL log, a MySQL slow log or a MongoDB log, by its path "
              "below the project folder"),
    ] = None,
    statements: Annotated[
        list[str | dict[str, JsonValue] | list[JsonValue]] | None,
        Field(max_length=1_000, description="Instead: statements, each run once"),
    ] = None,
    compare_with: Annotated[
        str, Field(description="previous: the last snapshot of the same source; none; or a snapshot's id")
    ] = "previous",
    order: Annotated[Order, Field(description="Statements shown first")] = "total",
    limit: Annotated[int, Field(ge=1, le=200, description="Statements shown")] = 15,
    project: Evidence = None,
) -> CallToolResult:  # fmt: skip
    """Find what a database spends its time on: statements by fingerprint with calls, time, rows and blocks, what changed
    since the last snapshot, repeated look-ups (N+1), slowdowns, spills, routines, and what could not be understood. Values
    are never shown. Use before advise_indexes, to know which statements matter; for one statement use explain_query."""
    from dbmanager.phases.optimization import workload as phase

    services = services_of(ctx)
    if sum(one is not None for one in (source, file, statements)) > 1:
        raise InvalidStatement("give one of source, file and statements", hint="None of them means the engine's own.")
    adapter = await services.connections.adapter(connection)
    if file is not None:
        data = services.project_file(file, most_bytes=LARGEST_FILE)
        found = await phase.from_file(adapter, data, services.connections.settings(connection).url)
    elif statements is not None:
        texts = [one if isinstance(one, str) else statement_of(None, one) for one in statements]
        found = await phase.given(adapter, texts)
    else:
        found = await phase.collect(adapter, connection, source)
    compared = None if compare_with == "none" else compare_with
    report = await phase.analyze(services.workloads, connection, found, adapter.dialect, compared)
    payload = _payload(report, adapter.dialect, connection, order)
    await services.keep_evidence(
        project, "workload", f"{len(report.shown.statements)} statements of {connection}", payload
    )
    text = workload_text(report, adapter.dialect, order, limit)
    return answer(text, {"snapshot": report.snapshot.id, "statements": len(report.shown.statements)})


def workload_text(report: WorkloadReport, dialect: str, order: Order, limit: int) -> str:
    """Return a report as Markdown; statements with their values folded."""
    shown = report.shown
    calls, total = sum(one.calls for one in shown.statements), shown.total_ms
    since = f" since {shown.since.isoformat(timespec='seconds')}" if shown.since else ""
    parts = [
        f"{shown.source}{since}: {len(shown.statements)} statements, {calls:,} calls, {total:,.1f} ms. "
        f"Snapshot {report.snapshot.id}.",
        *([_changed_text(report)] if report.changed else []),
        _statements_table(report, dialect, order, limit),
        *[markdown.finding(one) for one in report.findings[:30]],
        *_routines_text(report),
        *_history_text(report),
        *[f"Note: {note}." for note in shown.notes],
        *_skipped_text(report),
    ]
    if len(shown.statements) > limit:
        parts.insert(3 if report.changed else 2, f"{len(shown.statements) - limit} more; raise `limit` to see them.")
    return "\n".join(parts)


def _changed_text(report: WorkloadReport) -> str:
    changed, compared = report.changed, report.compared
    if changed is None or compared is None:
        return ""
    gone = f", {len(changed.gone)} no longer seen" if changed.gone else ""
    text = f"Figures are of the {changed.seconds:,.0f} s since snapshot {compared.id}: {len(changed.new)} statements are new{gone}"
    if changed.was_reset:
        text += "; the counters began anew in between, so what was counted before that is lost"
    if not report.workload.is_cumulative:
        text = f"Compared with snapshot {compared.id}: {len(changed.new)} statements are new{gone}"
    writes = sorted(((count, table) for table, count in changed.period.table_writes.items() if count), reverse=True)[
        :10
    ]
    return f"{text}. Rows written: {', '.join(f'{table} {count:,}' for count, table in writes) or 'none'}."


def _statements_table(report: WorkloadReport, dialect: str, order: Order, limit: int) -> str:
    from dbmanager.analyzers.workload.findings import ranked
    from dbmanager.analyzers.workload.gathering import reading_of

    total = report.shown.total_ms
    new = report.changed.new if report.changed else frozenset()
    rows = [
        [
            f"{100 * (one.total_ms or 0.0) / total:.1f}" if total else "", one.calls,
            None if one.mean_ms is None else round(one.mean_ms, 3),
            None if one.rows is None or not one.calls else round(one.rows / one.calls, 1), one.kind,
            " ".join(filter(None, (one.routine, "new" if one.fingerprint in new else ""))), len(one.samples),
            f"{one.fingerprint} {reading_of(one.text, dialect).shown[:240]}",
        ]
        for one in ranked(report.shown, order)[:limit]
    ]  # fmt: skip
    return markdown.table(["% of time", "calls", "mean ms", "rows/call", "kind", "", "samples", "statement"], rows)


def _history_text(report: WorkloadReport) -> list[str]:
    """Say how the load moved, once there are intervals to compare."""
    if len(report.history) < 2:
        return []
    rows = [
        [point.until.isoformat(timespec="seconds"), round(point.seconds), round(point.calls_per_second, 2), round(point.busy, 4),
         None if point.mean_ms is None else round(point.mean_ms, 3), point.slowest, "counters began anew" if point.was_reset else ""]
        for point in report.history
    ]  # fmt: skip
    return ["Load by snapshot:", markdown.table(["until", "s", "calls/s", "busy", "mean ms", "most time", ""], rows)]


def _routines_text(report: WorkloadReport) -> list[str]:
    used = [routine for routine in report.shown.routines if routine.calls]
    return [
        f"Routine {one.name} ({one.language}): {one.calls} calls, {one.total_ms or 0:,.1f} ms, {one.own_ms or 0:,.1f} ms its own, "
        f"{len(one.statements)} statements."
        for one in used[:10]
    ]


def _skipped_text(report: WorkloadReport) -> list[str]:
    skipped = report.workload.skipped
    lines = [f"Skipped: {text[:120]} ({why})" for text, why in skipped[:10]]
    return [*lines, f"{len(skipped) - 10} more skipped."] if len(skipped) > 10 else lines


def _payload(report: WorkloadReport, dialect: str, connection: str, order: Order) -> dict[str, JsonValue]:
    from dbmanager.analyzers.workload.findings import ranked
    from dbmanager.analyzers.workload.gathering import reading_of

    shown = report.shown
    return {
        "connection": connection, "source": shown.source, "snapshot": report.snapshot.id, "total_ms": round(shown.total_ms, 3),
        "since": shown.since.isoformat() if shown.since else None,
        "compared_with": report.compared.id if report.compared else None,
        "statements": [
            {"fingerprint": one.fingerprint, "text": reading_of(one.text, dialect).shown[:1_000], "calls": one.calls,
             "total_ms": one.total_ms, "rows": one.rows, "kind": one.kind, "routine": one.routine}
            for one in ranked(shown, order)[:50]
        ],
        "findings": [{"id": f.id, "severity": f.severity.value, "object": f.object_name, "title": f.title} for f in report.findings],
        "skipped": len(report.workload.skipped),
    }  # fmt: skip
