"""Completes the arguments of prompts and resource addresses: connections, tables, projects, changes, jobs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from mcp.server import MCPServer
from mcp.types import Completion, CompletionArgument, CompletionContext, PromptReference, ResourceTemplateReference

from dbmanager.errors import DbManagerError
from dbmanager.model.projects import PHASES
from dbmanager.services.container import Services
from dbmanager_resources.experts import BY_NAME

MOST = 100
Source = Callable[[Services, Mapping[str, str]], Awaitable[Iterable[str]]]


def add_completions(server: MCPServer[Any], services: Services) -> None:
    """Register the completion handler."""

    async def complete(
        _ref: PromptReference | ResourceTemplateReference,
        argument: CompletionArgument,
        context: CompletionContext | None,
    ) -> Completion | None:
        source = SOURCES.get(argument.name)
        if source is None:
            return None
        try:
            names = await source(services, (context.arguments if context else None) or {})
        except DbManagerError:
            return None
        wanted = argument.value.casefold()
        found = sorted(
            (n for n in names if wanted in n.casefold()), key=lambda n: (not n.casefold().startswith(wanted), n)
        )
        return Completion(values=found[:MOST], total=len(found), has_more=len(found) > MOST)

    server.completion()(complete)  # type: ignore[no-untyped-call] # the SDK left it untyped


async def _connections(services: Services, _given: Mapping[str, str]) -> Iterable[str]:
    return services.connections.names()


async def _tables(services: Services, given: Mapping[str, str]) -> Iterable[str]:
    adapter = await services.connections.adapter(given.get("connection", ""))
    schema = await adapter.catalog.read_schema()
    return [schema.display_name(table) for table in schema.tables]


async def _projects(services: Services, _given: Mapping[str, str]) -> Iterable[str]:
    return await services.projects.ids()


async def _changes(services: Services, _given: Mapping[str, str]) -> Iterable[str]:
    return [change.id for change in await services.changes.all()]


async def _jobs(services: Services, _given: Mapping[str, str]) -> Iterable[str]:
    return [job.id for job in await services.jobs.newest(MOST)]


async def _phases(_services: Services, _given: Mapping[str, str]) -> Iterable[str]:
    return [str(phase.number) for phase in PHASES]


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
    "phase": _phases,
    "expert": _experts,
}
