"""Completes the arguments of prompts and resource addresses: connections, tables, projects, changes, jobs."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import anyio
from mcp.server import MCPServer
from mcp.types import Completion, CompletionArgument, CompletionContext, PromptReference, ResourceTemplateReference

from dbmanager.errors import DbManagerError
from dbmanager.model.projects import PHASES
from dbmanager.services.container import Services
from dbmanager_resources.experts import BY_NAME
from dbmanager_resources.guides import guides
from dbmanager_resources.prompts import WORDS

MOST = 100
EXPORT = "database-system"
PATIENCE_SECONDS = 2.0
"""A person waits for completions while typing: a database that takes longer gives none."""
Source = Callable[[Services, Mapping[str, str]], Awaitable[Iterable[str]]]


def add_completions(server: MCPServer[Any], services: Services) -> None:
    """Register the completion handler."""

    async def complete(
        ref: PromptReference | ResourceTemplateReference,
        argument: CompletionArgument,
        context: CompletionContext | None,
    ) -> Completion | None:
        given = (context.arguments if context else None) or {}
        words = WORDS.get(ref.name, {}).get(argument.name) if isinstance(ref, PromptReference) else None
        names: Iterable[str] = words or ()
        source = SOURCES.get(argument.name)
        if words is None and source is None:
            return None
        if words is None and source is not None:
            with anyio.move_on_after(PATIENCE_SECONDS), contextlib.suppress(DbManagerError):
                names = await source(services, given)
        wanted = argument.value.casefold()
        found = [name for name in dict.fromkeys(names) if wanted in name.casefold()]
        found.sort(key=lambda name: not name.casefold().startswith(wanted))
        return Completion(values=found[:MOST], total=len(found), has_more=len(found) > MOST)

    server.completion()(complete)  # type: ignore[no-untyped-call] # the SDK left it untyped


async def _connections(services: Services, _given: Mapping[str, str]) -> Iterable[str]:
    return services.connections.names()


async def _tables(services: Services, given: Mapping[str, str]) -> Iterable[str]:
    adapter = await services.connections.adapter(given.get("connection", ""))
    schema = await adapter.catalog.read_schema()
    return sorted(schema.display_name(table) for table in schema.tables)


async def _projects(services: Services, _given: Mapping[str, str]) -> Iterable[str]:
    return await services.projects.ids()


async def _changes(services: Services, _given: Mapping[str, str]) -> Iterable[str]:
    return [change.id for change in await services.changes.all()]


async def _jobs(services: Services, _given: Mapping[str, str]) -> Iterable[str]:
    return [job.id for job in await services.jobs.newest(MOST)]


async def _guides(_services: Services, _given: Mapping[str, str]) -> Iterable[str]:
    return [*(str(phase.number) for phase in PHASES), *guides()]


async def _files(services: Services, _given: Mapping[str, str]) -> Iterable[str]:
    root = anyio.Path(services.export_folder(EXPORT))
    names = [str(file.relative_to(root)) async for file in root.rglob("*") if await file.is_file()]
    return sorted(name for name in names if not name.startswith("."))


async def _experts(_services: Services, _given: Mapping[str, str]) -> Iterable[str]:
    return BY_NAME


SOURCES: dict[str, Source] = {
    "connection": _connections,
    "source": _connections,
    "target": _connections,
    "table": _tables,
    "project": _projects,
    "change": _changes,
    "job": _jobs,
    "guide": _guides,
    "path": _files,
    "expert": _experts,
}
