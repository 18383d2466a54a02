"""Prompts: six phases with their experts, the commands, the experts themselves, and worked examples."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any

from mcp import MCPError
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.prompts import Prompt
from mcp.types import INVALID_PARAMS
from pydantic import Field

from dbmanager.errors import InvalidChoice
from dbmanager.model.projects import PHASES, Phase
from dbmanager_resources.briefs import BRIEFS
from dbmanager_resources.commands import (
    COMPANIONS,
    DEPTH_TEXT,
    DEPTHS,
    DESIGN_FORMATS,
    DESIGN_TYPES,
    EXAMPLES,
    FEATURES,
    FOCUS_TOOLS,
    FOCUSES,
    FORMAT_TEXT,
    FORMATS,
    YES_NO,
    Example,
)
from dbmanager_resources.experts import BY_NAME, BY_ROLE, CORE, EXPERTS, Expert

Connection = Annotated[str, Field(description="Connection to work on, see list_connections")]
Project = Annotated[str, Field(description="Project to go on with; a new one is begun when left out")]
Written = Callable[..., Awaitable[str]]

WORDS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "analyze": {"focus": FOCUSES, "depth": DEPTHS, "format": FORMATS},
    "design": {"type": DESIGN_TYPES, "format": DESIGN_FORMATS},
    "implement": {"feature": tuple(FEATURES), "safe": YES_NO, "with_tests": YES_NO},
}
"""Arguments that take one of these words, by prompt; completions offer the same."""


class HousePrompt(Prompt):
    """A prompt that refuses unknown arguments and unknown words by naming the valid and the nearest."""

    async def render(self, arguments: dict[str, Any] | None, context: Context[Any, Any]) -> Any:
        """Render it; what is wrong with the arguments becomes an error that its reader can act on."""
        given = {name: value for name, value in (arguments or {}).items() if value is not None}
        try:
            known = {argument.name for argument in self.arguments or ()}
            for name, value in given.items():
                if name not in known:
                    raise InvalidChoice.of(f"argument of {self.name}", name, known)
                valid = WORDS.get(self.name, {}).get(name)
                if valid is not None and value and str(value).lower() not in valid:
                    raise InvalidChoice.of(name, str(value), valid)
            for argument in self.arguments or ():
                if argument.required and not given.get(argument.name):
                    valid = WORDS.get(self.name, {}).get(argument.name, ())
                    raise InvalidChoice.of(f"{argument.name} of {self.name}", "", valid)
        except InvalidChoice as wrong:
            raise MCPError(code=INVALID_PARAMS, message=wrong.sentence()) from None
        return await super().render({name: str(value) for name, value in given.items()}, context)


def add_prompts(server: MCPServer[Any]) -> None:
    """Register every prompt."""

    def add(function: Written, name: str, title: str, description: str) -> None:
        server.add_prompt(HousePrompt.from_function(function, name=name, title=title, description=description))

    for phase in PHASES:
        add(_phase(phase), f"phase_{phase.number}", phase.title, f"Work through phase {phase.number}: {phase.title}.")
    add(analyze, "analyze", "Analyze", "Analyze a database: requirements, schema, performance, security or recovery.")
    add(design, "design", "Design", "Design a database, from requirements to a change set that was tried.")
    add(implement, "implement", "Implement", "Put in place: database-optimization, data-migration, data-governance, backup-recovery.")  # fmt: skip
    for expert in EXPERTS:
        add(_expert(expert), expert.name, expert.title, f"Ask the {expert.title}: {expert.focus}.")
    for example in EXAMPLES:
        add(_example(example), example.name, example.title, f"{example.goal}, step by step.")


def phase_text(phase: Phase, connection: str, project: str) -> str:
    """Return the phase's brief: what to do, its gate, and the three voices."""
    demands = "\n".join(f"- {demand.what}: `{demand.action}`" for demand in phase.demands)
    voices = "\n\n".join(BY_NAME[BY_ROLE[demand.expert]].text() for demand in phase.demands)
    return (
        f"Phase {phase.number}, {phase.title}, {_where(connection, project)}\n{BRIEFS[phase.number].text()}\n"
        f"The gate asks for:\n{demands}\n\nLet three experts speak in turn, the first leads:\n\n{voices}\n\n"
        f"{_core()}\nFinish with project_status and the open questions for the user."
    )


def _where(connection: str, project: str) -> str:
    begun = f"Project {project}." if project else "Begin a project with `update_project` and pass its id along."
    return f"on connection {connection or '(choose one by list_connections)'}. {begun}"


def _core() -> str:
    return "Everybody uses: " + "; ".join(f"`{tool}` {what}" for tool, what in CORE.items()) + "."


def _phase(phase: Phase) -> Written:
    async def prompt(connection: Connection = "", project: Project = "") -> str:
        return phase_text(phase, connection, project)

    return prompt


async def analyze(
    focus: Annotated[str, Field(description=f"One of {', '.join(FOCUSES)}; requirements when left out")] = "",
    depth: Annotated[str, Field(description="quick or deep")] = "",
    format: Annotated[str, Field(description="text, json or report")] = "",
    connection: Connection = "",
    project: Project = "",
) -> str:
    """Return the command's text."""
    chosen = (focus or FOCUSES[0]).lower()
    return (
        f"Analyze the database, focus {chosen}, {_where(connection, project)}\n"
        f"Evidence comes from {FOCUS_TOOLS[chosen]}; change nothing. {DEPTH_TEXT[(depth or 'quick').lower()]} "
        f"{FORMAT_TEXT[(format or 'text').lower()]}\n"
        f"Say for each statement which tool's figures it rests on, and what could not be seen.\n{_core()}\n{COMPANIONS}"
    )


async def design(
    type: Annotated[str, Field(description="database")] = "",
    format: Annotated[str, Field(description="diagram, spec or code")] = "",
    connection: Connection = "",
    project: Project = "",
) -> str:
    """Return the command's text; it leads to a complete architecture."""
    one, two = PHASES[0], PHASES[1]
    return (
        f"Design a {(type or 'database').lower()}, {_where(connection, project)} It leads to a complete architecture: engines "
        f"by set of data, tables, keys, references, indexes, each with its reason.\n{FORMAT_TEXT[(format or 'spec').lower()]}\n\n"
        f"First phase {one.number}, {one.title}:\n{BRIEFS[1].text()}\n\nThen phase {two.number}, {two.title}:\n"
        f"{BRIEFS[2].text()}\n\nLet {_panel((one, two))} speak.\n{_core()}\n{COMPANIONS}"
    )


async def implement(
    feature: Annotated[str, Field(description=", ".join(FEATURES))],
    safe: Annotated[
        str,
        Field(
            description="true: propose only, a person approves every change (default); false: also apply what was approved"
        ),
    ] = "",
    with_tests: Annotated[
        str, Field(description="true: prove the result by measuring (default); false: leave it out")
    ] = "",
    connection: Connection = "",
    project: Project = "",
) -> str:
    """Return the command's text."""
    chosen = FEATURES[feature.lower()]
    phases = tuple(phase for phase in PHASES if phase.number in chosen.phases)
    careful = (
        "Safe: propose and review, and leave applying to the user's word for each change set."
        if (safe or "true").lower() == "true"
        else "Apply what is approved as soon as it is; approval itself is never skipped."
    )
    proved = f"With tests: {chosen.tests}." if (with_tests or "true").lower() == "true" else ""
    briefs = "\n\n".join(f"Phase {phase.number}, {phase.title}:\n{BRIEFS[phase.number].text()}" for phase in phases)
    return (
        f"Implement {feature.lower()}, {_where(connection, project)} It leads to {chosen.leads_to}.\n{careful} {proved}\n\n"
        f"{briefs}\n\nLet {_panel(phases)} speak.\n{_core()}\n{COMPANIONS}"
    )


def _panel(phases: tuple[Phase, ...]) -> str:
    roles = dict.fromkeys(demand.expert for phase in phases for demand in phase.demands)
    return ", ".join(f"the {BY_NAME[BY_ROLE[role]].title}" for role in roles)


def _expert(expert: Expert) -> Written:
    async def prompt(question: Annotated[str, Field(description="What to ask the expert")] = "") -> str:
        return f"{expert.text()}\n{_core()}" + (f"\n\nQuestion: {question}" if question else "")

    return prompt


def _example(example: Example) -> Written:
    phases = tuple(phase for phase in PHASES if phase.number in example.phases)

    async def prompt(connection: Connection = "", project: Project = "") -> str:
        parts = [f"{example.goal}, {_where(connection, project)}", "\n".join(f"- {note}" for note in example.notes)]
        parts += [f"Phase {phase.number}, {phase.title}, led by {_panel((phase,))}:\n{BRIEFS[phase.number].text()}" for phase in phases]  # fmt: skip
        parts += [
            "After each phase: project_status, and do not begin the next while its gate lacks evidence unless the user says so. "
            "At the end: export_deliverables.",
            f"{_core()}\n{COMPANIONS}",
        ]
        return "\n\n".join(parts)

    return prompt
