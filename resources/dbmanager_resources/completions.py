"""Completes the arguments of prompts and resource addresses, what begins as typed first, at most a hundred."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import anyio
from mcp.server import MCPServer
from mcp.types import Completion, CompletionArgument, CompletionContext, PromptReference, ResourceTemplateReference

from dbmanager.errors import DbManagerError
from dbmanager.model.projects import PHASES
from dbmanager.services.container import Services
from dbmanager_resources import exports, guidance, words
from dbmanager_resources.experts import BY_NAME

MOST = 100
SECONDS = 2.0
"""A person is typing: a database that doesn't answer in time completes nothing."""
CORE_GUIDE = "core"
Source = Callable[[Services, Mapping[str, str]], Awaitable[Iterable[str]]]
Reference = PromptReference | ResourceTemplateReference


def add_completions(server: MCPServer[Any], services: Services) -> None:
    """Register the completion handler."""

    async def complete(
        ref: Reference, argument: CompletionArgument, context: CompletionContext | None
    ) -> Completion | None:
        names: Iterable[str] = ()
        with anyio.move_on_after(SECONDS):
            try:
                names = await _names(services, ref, argument.name, (context.arguments if context else None) or {})
            except DbManagerError:
                return None
        return _completion(names, argument.value.casefold())

    server.completion()(complete)  # type: ignore[no-untyped-call] # the SDK left it untyped


def _completion(names: Iterable[str], wanted: str) -> Completion:
    """Return the names that hold what was typed: those that begin with it first, otherwise in the order given."""
    found = sorted((n for n in names if wanted in n.casefold()), key=lambda n: not n.casefold().startswith(wanted))
    return Completion(values=found[:MOST], total=len(found), has_more=len(found) > MOST)


async def _names(services: Services, ref: Reference, argument: str, given: Mapping[str, str]) -> Iterable[str]:
    prompt = ref.name if isinstance(ref, PromptReference) else ""
    fixed = WORDS.get((prompt, argument)) or WORDS.get(("", argument))
    if fixed is not None:
        return fixed
    source = SOURCES.get(argument)
    return () if source is None else await source(services, given)


def guide_names() -> list[str]:
    """Return every guide's name: core, phases, best practices and troubleshooting."""
    return [CORE_GUIDE, *(str(phase.number) for phase in PHASES), *guidance.names()]


async def _connections(services: Services, _given: Mapping[str, str]) -> Iterable[str]:
    return services.connections.names()


async def _targets(services: Services, _given: Mapping[str, str]) -> Iterable[str]:
    known = services.connections
    return [name for name in known.names() if known.settings(name).access != "read_only"]


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


async def _files(services: Services, _given: Mapping[str, str]) -> Iterable[str]:
    return await exports.files(services)


async def _guides(_services: Services, _given: Mapping[str, str]) -> Iterable[str]:
    return guide_names()


WORDS: dict[tuple[str, str], Iterable[str]] = {
    ("analyze", "focus"): words.FOCUS,
    ("analyze", "depth"): words.DEPTH,
    ("analyze", "format"): words.ANALYSIS_FORMAT,
    ("design", "type"): words.TYPE,
    ("design", "format"): words.DESIGN_FORMAT,
    ("implement", "feature"): words.FEATURE,
    ("implement", "safe"): words.SWITCH,
    ("implement", "with_tests"): words.SWITCH,
    ("", "expert"): tuple(BY_NAME),
}
"""Prompt and argument → its words; an empty prompt stands for any."""
SOURCES: dict[str, Source] = {
    "connection": _connections,
    "target": _targets,
    "table": _tables,
    "project": _projects,
    "change": _changes,
    "job": _jobs,
    "path": _files,
    "guide": _guides,
}
"""Argument → where its values come from; changes and jobs the newest first."""
