"""Phase 6 tools."""

from __future__ import annotations

from typing import Annotated

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult
from pydantic import Field

from dbmanager_tools.core import Connection
from dbmanager_tools.house import Background, Evidence, tool, work


@tool(phase=6, title="Run backup", idempotent=False)
async def run_backup(
    connection: Connection, ctx: Context, project: Evidence = None, background: Background = False
) -> CallToolResult:
    """Back up a database with the engine's own means into the server's backup folder, with a digest of the file and
    of every table. The database is only read. A backup counts for nothing until run_drill has restored it."""
    from dbmanager.phases.recovery.jobs import BACKUP

    return await work(
        ctx, BACKUP, connection, {"connection": connection, "project": project}, background, lane=connection
    )


@tool(phase=6, title="Run drill")
async def run_drill(
    connection: Connection,
    ctx: Context,
    backup: Annotated[str | None, Field(description="Backup id; the newest of the connection when left out")] = None,
    project: Evidence = None,
    background: Background = False,
) -> CallToolResult:
    """Prove a backup: restore it into a throw-away place, compare rows and checksum of every table with what was
    backed up, measure the time, clean up. The live database is not touched."""
    from dbmanager.phases.recovery.jobs import DRILL

    arguments = {"connection": connection, "backup": backup, "project": project}
    return await work(ctx, DRILL, connection, arguments, background, lane=connection)
