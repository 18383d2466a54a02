"""Prompts: six phases with their three experts, the experts, the commands, the worked examples."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from mcp import MCPError
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.prompts import Prompt
from mcp.server.mcpserver.prompts.base import Message
from mcp.types import INVALID_PARAMS, InputRequiredResult
from pydantic import Field

from dbmanager.errors import DbManagerError, InvalidChoice
from dbmanager.model.projects import PHASES, Phase
from dbmanager_resources import briefs, commands, words
from dbmanager_resources.experts import BY_NAME, EXPERTS, Expert

_BY_ROLE = {
    "architect": "database_architect",
    "performance": "performance_specialist",
    "migration": "data_migration_expert",
    "governance": "data_governance_specialist",
    "backup": "backup_recovery_expert",
}
EXAMPLES = {
    "ecommerce_architecture": "Worked example: an e-commerce architecture through all six phases",
    "faster_database": "Worked example: make an existing database respond faster",
    "legacy_migration": "Worked example: move a legacy database with minimal downtime",
}
"""Name → title; the texts are read when one is asked for."""
ConnectionName = Annotated[str, Field(description="Connection to work on, see list_connections")]
TargetName = Annotated[str, Field(description="Connection to write to, where there are two")]
ProjectId = Annotated[str, Field(description="Project to go on with; a new one is begun when left out")]


class HousePrompt(Prompt):
    """A prompt that answers a wrong argument or word with the valid ones and the nearest."""

    async def render(
        self, arguments: dict[str, Any] | None, context: Context[Any, Any]
    ) -> list[Message] | InputRequiredResult:
        """Return the messages."""
        known = {argument.name: argument.required for argument in self.arguments or ()}
        try:
            for name in arguments or {}:
                if name not in known:
                    raise InvalidChoice.of(f"argument of {self.name}", name, known)
            for name, required in known.items():
                if required and not (arguments or {}).get(name, "").strip():
                    raise InvalidChoice.of(name, "", VALID.get(name, ()))
            return await super().render(arguments, context)
        except DbManagerError as problem:
            raise MCPError(INVALID_PARAMS, problem.sentence()) from None
        except ValueError as failed:
            if isinstance(failed.__cause__, DbManagerError):
                raise MCPError(INVALID_PARAMS, failed.__cause__.sentence()) from None
            raise


VALID = {"feature": words.FEATURE}
"""Words of the required arguments."""


def add_prompts(server: MCPServer[Any]) -> None:
    """Register every prompt."""
    for phase in PHASES:
        _add(
            server,
            _phase(phase),
            f"phase_{phase.number}",
            phase.title,
            f"Work through phase {phase.number}: {phase.title}.",
        )
    for expert in EXPERTS:
        _add(server, _expert(expert), expert.name, expert.title, f"Ask the {expert.title}: {expert.focus}.")
    for command, title in ((analyze, "Analyze"), (design, "Design"), (implement, "Implement")):
        _add(server, command, command.__name__, title, command.__doc__ or "")
    for name, title in EXAMPLES.items():
        _add(server, _example(name), name, title, f"{title}.")


def _add(server: MCPServer[Any], function: Callable[..., Awaitable[str]], name: str, title: str, told: str) -> None:
    server.add_prompt(HousePrompt.from_function(function, name=name, title=title, description=told))


def phase_text(phase: Phase, connection: str, project: str) -> str:
    """Return the phase's brief: steps with their evidence, three voices, what to ask, where to stop."""
    brief = briefs.phases()[phase.number]
    where = f"Project {project}." if project else "Begin a project with `update_project` and pass its id along."
    voices = "\n".join(
        f"- {BY_NAME[_BY_ROLE[demand.expert]].title}{' (leads)' if number == 0 else ''}: "
        f"{brief.voices[demand.expert]}. Asks for: {demand.what} (`{demand.action}`)."
        for number, demand in enumerate(phase.demands)
    )
    questions = "\n".join(f"- {question}" for question in brief.ask)
    return "\n".join(
        [
            f"Phase {phase.number}, {phase.title}, on connection {connection or '(choose one by `list_connections`)'}. {where}",
            f"Three experts speak in turn, each from evidence of the tools only; say where they disagree:\n{voices}",
            f"Steps:\n{briefs.numbered(brief.steps)}",
            f"Ask the user:\n{questions}",
            f"Stop: {brief.stop} {briefs.WRITING}",
            briefs.companions(brief.companions),
            "Finish with `project_status`: what the gate still asks for, and the open questions.",
        ]
    )


def _phase(phase: Phase) -> Callable[..., Awaitable[str]]:
    async def prompt(connection: ConnectionName = "", project: ProjectId = "") -> str:
        return phase_text(phase, connection, project)

    return prompt


def _expert(expert: Expert) -> Callable[..., Awaitable[str]]:
    async def prompt(question: Annotated[str, Field(description="What to ask the expert")] = "") -> str:
        return expert.text() + (f"\n\nQuestion: {question}" if question else "")

    return prompt


def _example(name: str) -> Callable[..., Awaitable[str]]:
    async def prompt(connection: ConnectionName = "", target: TargetName = "") -> str:
        return commands.example(name, connection, target)

    return prompt


def _one_of(valid: tuple[str, ...], default: str) -> str:
    return f"{' | '.join(valid)}; {default} when left out"


async def analyze(
    focus: Annotated[str, Field(description=_one_of(words.FOCUS, "requirements"))] = "",
    depth: Annotated[str, Field(description=_one_of(words.DEPTH, "quick"))] = "",
    format: Annotated[str, Field(description=_one_of(words.ANALYSIS_FORMAT, "text"))] = "",
    connection: ConnectionName = "",
    project: ProjectId = "",
) -> str:
    """Analyze database requirements, or another side of a database, from evidence; changes nothing."""
    return commands.analyze(focus, depth, format, connection, project)


async def design(
    type: Annotated[str, Field(description=_one_of(words.TYPE, "database"))] = "",
    format: Annotated[str, Field(description=_one_of(words.DESIGN_FORMAT, "spec"))] = "",
    goal: Annotated[str, Field(description="What it is for, in a few words")] = "",
    connection: ConnectionName = "",
    project: ProjectId = "",
) -> str:
    """Design a database as diagram, specification or code, each choice tried or measured; applies nothing."""
    return commands.design(type, format, goal, connection, project)


async def implement(
    feature: Annotated[str, Field(description=" | ".join(words.FEATURE))],
    safe: Annotated[str, Field(description=_one_of(words.SWITCH, "true"))] = "",
    with_tests: Annotated[str, Field(description=_one_of(words.SWITCH, "true"))] = "",
    connection: ConnectionName = "",
    target: TargetName = "",
    project: ProjectId = "",
) -> str:
    """Implement an optimization, a migration, governance or recovery through approved change sets, and prove it."""
    return commands.implement(feature, safe, with_tests, connection, target, project)
