"""Phase 5 tools."""

from __future__ import annotations

from typing import Annotated

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult
from pydantic import Field, JsonValue

from dbmanager.analyzers.describe import markdown
from dbmanager.model.classification import Label
from dbmanager_tools.core import Command, Connection, Params, Sql, statement_of
from dbmanager_tools.house import Evidence, answer, services_of, tool


@tool(phase=5, title="Classify data")
async def classify_data(
    connection: Connection,
    ctx: Context,
    tables: Annotated[list[str] | None, Field(description="Only these tables; all when left out")] = None,
    anew: Annotated[bool, Field(description="Sample again; false: what was found before will do")] = True,
    project: Evidence = None,
) -> CallToolResult:
    """Find columns with personal, payment, health or secret data by names, values, checksums and neighbouring columns,
    under good, misleading and meaningless names. Gives type, level, regimes, certainty and evidence counts, never
    values. Certain and likely ones of level confidential and above are masked everywhere."""
    from dbmanager.services.policy.masking import is_masked

    services = services_of(ctx)
    adapter = await services.connections.adapter(connection)
    schema = await adapter.catalog.read_schema()
    chosen = [schema.table(name) for name in tables] if tables else list(schema.base_tables())
    labels: list[Label] = []
    for number, table in enumerate(chosen):
        await ctx.report_progress(number, len(chosen), f"looking at {table.name}")
        labels += await services.labels.labels(connection, adapter, schema, table, anew=anew)
    rows = [
        [f"{label.table}.{label.column}", label.type, label.level.value, label.certainty, " ".join(label.regimes),
         ", ".join(f"{name}={count}" for name, count in label.evidence.items()), "masked" if is_masked(label) else ""]
        for label in labels
    ]  # fmt: skip
    await services.keep_evidence(
        project, "classification", f"{len(labels)} classified columns in {connection}",
        {"connection": connection, "columns": [
            {"column": f"{label.table}.{label.column}", "type": label.type, "level": label.level.value,
             "certainty": label.certainty, "regimes": list(label.regimes)} for label in labels]},
    )  # fmt: skip
    if not labels:
        return answer(f"No classified columns in {len(chosen)} tables.", {"classified": 0})
    return answer(
        markdown.table(["column", "type", "level", "certainty", "regimes", "evidence", ""], rows)
        + f"\n\n{len(labels)} classified columns in {len(chosen)} tables.",
        {"classified": len(labels)},
    )


@tool(phase=5, title="Trace lineage")
async def trace_lineage(
    connection: Connection,
    ctx: Context,
    sql: Sql = None,
    command: Command = None,
    parameters: Params = None,
    project: Evidence = None,
) -> CallToolResult:
    """Tell which stored columns each output of a query, or each column that an INSERT, UPDATE or CREATE AS fills, comes
    from: through views, CTEs, subqueries, whole rows and functions. Checked against the engine's own plan where it
    tells: engine-verified, parsed (by the catalog alone) or partial. Nothing is written."""
    from dbmanager.phases.governance.lineage import trace_statement

    services = services_of(ctx)
    adapter = await services.connections.adapter(connection)
    found = await trace_statement(adapter, statement_of(sql, command), tuple(parameters or ()))
    rows = [
        [f"{found.target}.{one.name}" if found.target else one.name, ", ".join(map(str, one.sources)) or "(no column)",
         ", ".join(map(str, one.conditions)), one.confidence]
        for one in found.outputs
    ]  # fmt: skip
    text = markdown.table(["output", "made of", "chosen by", "confidence"], rows)
    if found.filters:
        text += f"\n\nRows are chosen by {', '.join(map(str, found.filters))}."
    if found.note:
        text += f"\n\nNot verified: {found.note}."
    facts: dict[str, JsonValue] = {row[0]: {"sources": [str(s) for s in one.sources], "confidence": one.confidence}
             for row, one in zip(rows, found.outputs, strict=True)}  # fmt: skip
    await services.keep_evidence(
        project,
        "lineage",
        f"lineage of {len(rows)} columns in {connection}",
        {"connection": connection, "columns": facts},
    )
    return answer(text, {"columns": facts})
