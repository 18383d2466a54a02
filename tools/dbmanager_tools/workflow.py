"""Workflow tools: projects, their gates, their deliverables."""

from __future__ import annotations

from typing import Annotated

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult
from pydantic import Field

from dbmanager.analyzers.describe.workflow import project_text
from dbmanager.model.projects import phase_status
from dbmanager_tools.house import answer, services_of, tool

ProjectId = Annotated[str, Field(description="Project id, e.g. prj_0a1b2c3d4e")]


@tool(phase=0, title="Update project", idempotent=False, scope="write")
async def update_project(
    ctx: Context,
    project: Annotated[str | None, Field(description="Project to add to; leave out to begin a new one")] = None,
    goal: Annotated[str | None, Field(description="What the project is to reach (new projects)")] = None,
    connections: Annotated[list[str] | None, Field(description="Databases it is about (new projects)")] = None,
    decision: Annotated[str | None, Field(description="A decision that was taken")] = None,
    reason: Annotated[str | None, Field(description="Why, with the alternatives")] = None,
) -> CallToolResult:
    """Begin a project, which carries one goal through the six phases, or record a decision with its reason. Pass the
    project's id to the other tools so that their results count as evidence for its gates."""
    services = services_of(ctx)
    for name in connections or ():
        services.connections.settings(name)
    if project is None:
        found = await services.projects.create(
            goal or "manage the database", connections or services.connections.names()
        )
    else:
        found = await services.projects.get(project)
    if decision:
        await services.projects.decide(found.id, decision, reason or "")
        found = await services.projects.get(found.id)
    return answer(project_text(found), {"project": found.id})


@tool(phase=0, title="Project status")
async def project_status(project: ProjectId, ctx: Context) -> CallToolResult:
    """Show how far a project is: each phase's gate, computed from the evidence its three experts ask for, what is
    missing, and the tool that makes it."""
    found = await services_of(ctx).projects.get(project)
    states: dict[str, str] = {str(status.phase.number): status.state for status in phase_status(found)}
    return answer(project_text(found), {"project": found.id, **states})


@tool(phase=0, title="Export deliverables", reads=False)
async def export_deliverables(
    project: ProjectId,
    ctx: Context,
    folder: Annotated[str, Field(description="Folder name below the folder of the configuration")] = "database-system",
) -> CallToolResult:
    """Write a project's results as a database-system/ tree of files, each naming its evidence. Folders without
    anything behind them are not made."""
    from dbmanager.phases.deliverables import export

    services = services_of(ctx)
    found = await services.projects.get(project)
    written = await export(found, services.connections, services.export_folder(folder))
    listed = "\n".join(f"- {path}" for path in written.files)
    return answer(f"{len(written.files)} files in {written.root}\n{listed}", {"root": str(written.root)})
