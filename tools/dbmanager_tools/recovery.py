"""Phase 6 tools."""

from __future__ import annotations

from typing import Annotated

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult
from pydantic import Field, JsonValue

from dbmanager_tools import text
from dbmanager_tools.core import Connection
from dbmanager_tools.house import answer, services_of, tool


@tool(phase=6, title="Run backup", idempotent=False)
async def run_backup(connection: Connection, ctx: Context, project: str | None = None) -> CallToolResult:
    """Back up a database with the engine's own means into the server's backup folder, with a digest of the file and
    of every table. The database is only read. A backup counts for nothing until run_drill has restored it."""
    from dbmanager.phases.recovery.drill import back_up

    services = services_of(ctx)
    adapter = await services.connections.adapter(connection)
    run = await back_up(adapter, connection, services.backups, progress=ctx.report_progress)
    rows = sum(digest.rows for digest in run.digests.values())
    await services.keep_evidence(
        project, "backup", f"backup {run.id} of {connection}",
        {"connection": connection, "backup": run.id, "method": run.artifact.method, "seconds": run.artifact.elapsed_seconds,
         "size_bytes": run.artifact.size_bytes, "sha256": run.artifact.sha256, "tables": len(run.digests), "rows": rows},
    )  # fmt: skip
    return answer(
        f"Backup {run.id}: {run.artifact.path} by {run.artifact.method}, {text.size(run.artifact.size_bytes)} in "
        f"{run.artifact.elapsed_seconds:.2f} s, {len(run.digests)} tables, {rows} rows, sha256 {run.artifact.sha256}. "
        "Prove it with run_drill.",
        {"backup": run.id, "size_bytes": run.artifact.size_bytes, "seconds": run.artifact.elapsed_seconds},
    )


@tool(phase=6, title="Run drill")
async def run_drill(
    connection: Connection,
    ctx: Context,
    backup: Annotated[str | None, Field(description="Backup id; the newest of the connection when left out")] = None,
    project: str | None = None,
) -> CallToolResult:
    """Prove a backup: restore it into a throw-away place, compare rows and checksum of every table with what was
    backed up, measure the time, clean up. The live database is not touched."""
    from dbmanager.errors import NotFound
    from dbmanager.phases.recovery.drill import drill

    services = services_of(ctx)
    adapter = await services.connections.adapter(connection)
    chosen = backup or await services.backups.newest(connection)
    if chosen is None:
        raise NotFound(
            f"there is no backup of {connection!r} yet", object_name=connection, next_actions=("run_backup",)
        )
    report = await drill(adapter, chosen, services.backups, progress=ctx.report_progress)
    facts: dict[str, JsonValue] = {"backup": chosen, "passed": report.passed, "restore_seconds": report.restore_seconds}
    if report.passed:
        kept = {
            "connection": connection,
            **facts,
            "tables": len(report.restored),
            "verify_seconds": report.verify_seconds,
        }
        await services.keep_evidence(project, "drill", f"backup {chosen} restored and compared", kept)
        await services.keep_evidence(
            project, "recovery_time", f"restored in {report.restore_seconds:.2f} s", {"seconds": report.restore_seconds}
        )
        return answer(
            f"Backup {chosen} is good: {len(report.restored)} tables restored in {report.restore_seconds:.2f} s, "
            f"all rows and checksums equal (compared in {report.verify_seconds:.2f} s).",
            facts,
        )
    return answer("DRILL FAILED:\n" + "\n".join(f"- {item}" for item in report.differences), facts)
