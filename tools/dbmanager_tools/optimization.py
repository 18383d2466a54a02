"""Phase 3 tools (index advice serves phase 2 as well)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult
from pydantic import Field, JsonValue

from dbmanager.analyzers.describe import markdown
from dbmanager.errors import InvalidStatement, NotFound
from dbmanager_tools.changes import review_text
from dbmanager_tools.core import Connection, statement_of
from dbmanager_tools.house import Evidence, answer, services_of, tool

if TYPE_CHECKING:
    from dbmanager.adapters.facets import Adapter
    from dbmanager.model.projects import Evidence as KeptEvidence
    from dbmanager.model.schema import DatabaseSchema, Index, Table
    from dbmanager.model.workload import Workload
    from dbmanager.phases.optimization.advise import Advice, AdviceReport, Asked, FirstAnswer
    from dbmanager.phases.optimization.dropping import Drop
    from dbmanager.phases.optimization.measure import Measurement
    from dbmanager.services.container import Services

MOST_QUERIES = 100
Queries = Annotated[
    list[str | dict[str, JsonValue] | list[JsonValue]],
    Field(
        min_length=1,
        max_length=MOST_QUERIES,
        description="Read-only statements with real values: SQL, or commands as in run_query",
    ),
]


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
        workload = await _collected(services, connection)
        asked, shown = _asked_of(workload, adapter.dialect)
        written = _written(workload, await adapter.catalog.read_schema())
    else:
        asked, shown, written = _asked(_statements(queries), calls), None, {}
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
    kept = _kept(services, adapter, [one.statement for one in asked], shown)
    figures = _figures(report.before, kept)
    report = replace(report, before=_shown(report.before, shown))
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


async def _collected(services: Services, connection: str) -> Workload:
    found = await services.workloads.latest(connection)
    if found is None:
        raise NotFound(
            f"no workload of {connection!r} was collected", object_name=connection,
            hint="Call analyze_workload first, or give queries.",
        )  # fmt: skip
    return found[1]


def _asked(statements: Sequence[str], calls: Sequence[int] | None) -> list[Asked]:
    from dbmanager.phases.optimization.advise import Asked

    if calls is not None and len(calls) != len(statements):
        raise InvalidStatement(
            f"{len(calls)} call counts do not fit {len(statements)} queries", hint="Give one a query."
        )
    return [Asked(sql, count) for sql, count in zip(statements, calls or [1] * len(statements), strict=True)]


def _asked_of(workload: Workload, dialect: str) -> tuple[list[Asked], list[str]]:
    """Return the reads of a workload that have a real sample, and how each may be shown: without its values."""
    from dbmanager.analyzers.workload.gathering import reading_of
    from dbmanager.phases.optimization.advise import asked_of

    asked = asked_of(workload, dialect)[:MOST_QUERIES]
    if not asked:
        raise InvalidStatement(
            "the last snapshot holds no read with real values",
            hint="They expire after a week, and some sources keep none: give queries, or a file of them to analyze_workload.",
        )
    return asked, [reading_of(one.statement, dialect).shown for one in asked]


def _written(workload: Workload, schema: DatabaseSchema) -> dict[tuple[str | None, str], float]:
    found = {}
    for name, rows in workload.table_writes.items():
        table = schema.find(name)
        if table is not None:
            found[(table.schema, table.name)] = float(rows)
    return found


def _shown(measured: tuple[Measurement, ...], texts: Sequence[str] | None) -> tuple[Measurement, ...]:
    """Return measurements with texts that hold no values, where the statements were not the caller's own."""
    if texts is None:
        return measured
    return tuple(replace(one, query=text) for one, text in zip(measured, texts, strict=True))


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
        asked, shown = _asked_of(await _collected(services, connection), adapter.dialect)
        statements = [one.statement for one in asked]
    else:
        statements = _statements(queries)
    await services.reader.note_measured(connection, statements)
    if change is not None:
        return await _proved(services, ctx, connection, change, statements, shown, project)
    measured = await measure(adapter, statements)
    after = _shown(measured, shown)
    lines = [measurements_text(after)]
    facts: dict[str, JsonValue] = {}
    figures = _figures(measured, _kept(services, adapter, statements, shown))
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
    kept = [one["query"] for one in _kept(services, adapter, statements, shown)]
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


def _kept(
    services: Services, adapter: Adapter, statements: Sequence[str], shown: Sequence[str] | None
) -> list[dict[str, str]]:
    """Return how evidence names each query: without its values, and by a tag that tells it from others of its form."""
    from dbmanager.analyzers.workload.gathering import reading_of

    texts = shown or [reading_of(statement, adapter.dialect).shown for statement in statements]
    return [
        {"query": text, "tag": services.box.tag(name)} for text, name in zip(texts, shown or statements, strict=True)
    ]


def _figures(measured: Sequence[Measurement], kept: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    return [{**named, "cost": m.cost, "execution_ms": m.execution_ms} for m, named in zip(measured, kept, strict=True)]
