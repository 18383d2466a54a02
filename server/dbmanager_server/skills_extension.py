"""The skills extension of MCP (SEP-2640): the six phases as skills, each one file with its digest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from dbmanager_resources.skills import Skill, skills
from mcp.server.context import HandlerResult, ServerRequestContext
from mcp.server.extension import Extension, MethodBinding, ResourceBinding
from mcp.server.mcpserver.resources import TextResource
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS, PaginatedRequestParams, RequestParams

from dbmanager.errors import NotFound

IDENTIFIER = "io.modelcontextprotocol/skills"
MARKDOWN = "text/markdown"
CACHING = {"ttlMs": 3_600_000, "cacheScope": "public"}
"""The skills are part of the program: they change only with it."""


class GetParams(RequestParams):
    """Names a skill by the address of its SKILL.md."""

    uri: str


class Skills(Extension):
    """Lists the phases' skills; their files are read as resources."""

    identifier = IDENTIFIER

    def __init__(self, phases: Iterable[int] | None = None) -> None:
        self._skills = {skill.uri: skill for skill in skills(phases)}

    def resources(self) -> Sequence[ResourceBinding]:
        """Return each skill's file."""
        return [
            ResourceBinding(
                TextResource(uri=uri, name=one.name, description=one.description, mime_type=MARKDOWN, text=one.text)
            )
            for uri, one in self._skills.items()
        ]

    def methods(self) -> Sequence[MethodBinding]:
        """Return skills/list and skills/get."""
        return (
            MethodBinding("skills/list", PaginatedRequestParams, self._list),
            MethodBinding("skills/get", GetParams, self._get),
        )

    async def _list(self, _ctx: ServerRequestContext[Any, Any], params: PaginatedRequestParams) -> HandlerResult:
        if params.cursor is not None:
            raise MCPError(INVALID_PARAMS, "skills/list has one page; no cursor was given out")
        return {"skills": [_entry(skill) for skill in self._skills.values()], **CACHING}

    async def _get(self, _ctx: ServerRequestContext[Any, Any], params: GetParams) -> HandlerResult:
        if params.uri not in self._skills:
            raise MCPError(INVALID_PARAMS, NotFound.of("skill", params.uri, self._skills).sentence())
        return {"skill": _entry(self._skills[params.uri]), **CACHING}


def _entry(skill: Skill) -> dict[str, Any]:
    file = {"uri": skill.uri, "digest": skill.digest, "size": len(skill.text.encode())}
    return {"uri": skill.uri, "frontmatter": skill.frontmatter, "resources": [file]}
