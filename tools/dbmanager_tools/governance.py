"""Phase 5 tools."""

from __future__ import annotations

from typing import Annotated

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult
from pydantic import Field

from dbmanager.analyzers.describe import markdown
from dbmanager.model.classification import Label
from dbmanager_tools.core import Connection
from dbmanager_tools.house import Evidence, answer, services_of, tool


@tool(phase=5, title="Classify data")
async def classify_data(
    connection: Connection,
    ctx: Context,
    tables: Annotated[list[str] | None, Field(description="Only these tables; all when left out")] = None,
    anew: Annotated[bool, Field(description="Sample again instead of using known labels")] = False,
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
