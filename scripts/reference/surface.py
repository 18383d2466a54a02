"""What a client sees: tools, prompts and resources as the server itself lists them."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from dbmanager_server.app import make_server
from dbmanager_tools.house import REGISTRY
from mcp import Client
from mcp.types import Prompt, Resource, ResourceTemplate, Tool

from dbmanager.model.configuration import Configuration, StoreSettings
from dbmanager.model.projects import PHASES
from dbmanager.services.configuration import LoadedConfiguration
from scripts.reference.json_schema import FieldRow, fields


@dataclass(frozen=True, slots=True)
class ToolRow:
    """A listed tool with its arguments in words."""

    tool: Tool
    arguments: list[FieldRow]

    @property
    def hints(self) -> str:
        """What the annotations promise, in words."""
        given = self.tool.annotations
        if given is None:
            return "no annotations"
        promised = ["read-only" if given.read_only_hint else "writes"]
        promised += ["destructive"] if given.destructive_hint else []
        promised += ["idempotent" if given.idempotent_hint else "not idempotent"]
        return ", ".join(promised)


@dataclass(frozen=True, slots=True)
class Surface:
    """The lists of a server without connections; tools by phase, `Core` first."""

    phases: dict[str, list[ToolRow]]
    prompts: list[Prompt]
    resources: list[Resource]
    templates: list[ResourceTemplate]


async def look() -> Surface:
    """Return what a client of a fresh server is shown."""
    with tempfile.TemporaryDirectory() as folder:
        store = StoreSettings(data_dir=Path(folder))
        loaded = LoadedConfiguration(Configuration(store=store), (), Path(folder))
        async with Client(make_server(loaded)) as client:
            return Surface(
                _by_phase((await client.list_tools()).tools),
                (await client.list_prompts()).prompts,
                (await client.list_resources()).resources,
                (await client.list_resource_templates()).resource_templates,
            )


def _by_phase(tools: list[Tool]) -> dict[str, list[ToolRow]]:
    titles = {0: "Core", **{phase.number: f"{phase.number} {phase.title}" for phase in PHASES}}
    sorted_in: dict[str, list[ToolRow]] = defaultdict(list)
    for tool in sorted(tools, key=lambda tool: REGISTRY[tool.name].phase):
        sorted_in[titles[REGISTRY[tool.name].phase]].append(ToolRow(tool, fields(tool.input_schema)))
    return dict(sorted_in)
