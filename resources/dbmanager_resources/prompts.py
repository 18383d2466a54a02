"""Prompts: six phases, each with its three experts, and the experts themselves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from mcp.server import MCPServer
from mcp.server.mcpserver.prompts import Prompt
from pydantic import Field

from dbmanager.model.projects import PHASES, Phase
from dbmanager_resources.experts import BY_NAME, EXPERTS, Expert

_BY_ROLE = {
    "architect": "database_architect",
    "performance": "performance_specialist",
    "migration": "data_migration_expert",
    "governance": "data_governance_specialist",
    "backup": "backup_recovery_expert",
}


def add_prompts(server: MCPServer[Any]) -> None:
    """Register every prompt."""
    for phase in PHASES:
        server.add_prompt(Prompt.from_function(_phase(phase), name=f"phase_{phase.number}", title=phase.title,
                                               description=f"Work through phase {phase.number}: {phase.title}."))  # fmt: skip
    for expert in EXPERTS:
        server.add_prompt(Prompt.from_function(_expert(expert), name=expert.name, title=expert.title,
                                               description=f"Ask the {expert.title}: {expert.focus}."))  # fmt: skip


def phase_text(phase: Phase, connection: str, project: str) -> str:
    """Return the phase's brief: goal, gate, and the three voices."""
    demands = "\n".join(f"- {demand.what}: `{demand.action}`" for demand in phase.demands)
    voices = "\n\n".join(BY_NAME[_BY_ROLE[demand.expert]].text() for demand in phase.demands)
    where = f"Project {project}." if project else "Begin a project with `update_project` and pass its id along."
    return (
        f"Phase {phase.number}, {phase.title}, on connection {connection or '(choose one by list_connections)'}. {where}\n"
        f"The gate asks for:\n{demands}\n\nLet three experts speak in turn, the first leads:\n\n{voices}\n\n"
        "Finish with project_status and the open questions for the user."
    )


def _phase(phase: Phase) -> Callable[..., Awaitable[str]]:
    async def prompt(
        connection: Annotated[str, Field(description="Connection to work on, see list_connections")] = "",
        project: Annotated[str, Field(description="Project to go on with; a new one is begun when left out")] = "",
    ) -> str:
        return phase_text(phase, connection, project)

    return prompt


def _expert(expert: Expert) -> Callable[..., Awaitable[str]]:
    async def prompt(question: Annotated[str, Field(description="What to ask the expert")] = "") -> str:
        return expert.text() + (f"\n\nQuestion: {question}" if question else "")

    return prompt
