"""Phase 1 tools."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult
from pydantic import Field

from dbmanager.analyzers.describe import markdown
from dbmanager_tools.core import Connection
from dbmanager_tools.house import Evidence, answer, services_of, tool


@tool(phase=1, title="Assess database")
async def assess_database(
    connection: Connection,
    ctx: Context,
    goal: Annotated[str, Field(description="What the assessment is for")] = "know what is there",
    staleness_seconds: Annotated[
        float | None, Field(ge=0, le=31_536_000, description="How old an answer may be, as the user says")
    ] = None,
    project: Evidence = None,
    limit: Annotated[int, Field(ge=1, le=500, description="Tables and relations shown")] = 40,
) -> CallToolResult:
    """Assess a live database into a requirements record: tables with rows and sizes, keys, relations declared and
    inferred with their orphans, usage, risks, and questions only a person can answer. Every figure comes with the
    query that shows it again. Counts rows and samples tables; changes nothing."""
    from dbmanager.phases.planning.assess import assess

    services = services_of(ctx)
    adapter = await services.connections.adapter(connection)
    proved = await services.backups.verified_since(connection, dt.datetime.min.replace(tzinfo=dt.UTC))
    record = (
        await assess(
            adapter, goal, has_proved_backup=proved, staleness_seconds=staleness_seconds, progress=ctx.report_progress
        )
    ).record
    payload = {"connection": connection, **record.model_dump(mode="json")}
    await services.keep_evidence(project, "requirements", f"requirements record of {connection}", payload)
    await services.keep_evidence(
        project, "assessment", f"{len(record.entities)} tables measured",
        {"connection": connection, "tables": len(record.entities), "size_bytes": record.size_bytes},
    )  # fmt: skip
    rows = [
        [e.name, e.rows.value, "exact" if e.rows.exact else "estimate", markdown.size(e.size_bytes), markdown.size(e.index_bytes), e.rows.query]
        for e in record.entities[:limit]
    ]  # fmt: skip
    relations = [
        [f"{r.child}.{r.column}", r.parent, "declared" if r.declared else "inferred", r.rows, r.orphans]
        for r in record.relations[:limit]
    ]
    parts = [
        f"{record.engine} {record.version}, {markdown.size(record.size_bytes)}, {len(record.entities)} tables",
        markdown.table(["table", "rows", "", "size", "indexes", "query"], rows),
        f"Relations ({len(record.relations)}):",
        markdown.table(["child", "parent", "", "rows", "orphans"], relations),
        f"Use: {record.usage_note}",
        f"Risks ({len(record.risks)}): " + "; ".join(record.risks[:15]) if record.risks else "No risks found.",
        *([f"Warnings: {'; '.join(record.warnings)}"] if record.warnings else []),
        "For the person: " + " ".join(record.open_questions),
    ]
    return answer("\n\n".join(parts))
