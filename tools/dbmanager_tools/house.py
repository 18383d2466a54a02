"""How a function becomes a tool: strict arguments, our errors as text, secrets struck out."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Annotated, Any

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp.server.mcpserver.tools.base import Tool
from mcp.types import CallToolResult, ResourceLink, TextContent, ToolAnnotations
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from dbmanager.analyzers.describe.markdown import cut
from dbmanager.analyzers.describe.workflow import job_text
from dbmanager.errors import DbManagerError, ScopeMissing, nearest
from dbmanager.model.configuration import Scope
from dbmanager.services import principal
from dbmanager.services.calls import note_failure
from dbmanager.services.container import Services

MAX_ERROR_CHARACTERS = 2_000
FACTS = "io.github.dbmanager-mcp/facts"
"""The key of `_meta` under which an answer holds ids and figures for programs."""
LONGEST_ANSWER = 26_000
"""Characters of one answer, about 8,000 tokens; what is longer is kept and read on with read_result."""
Evidence = Annotated[str | None, Field(description="Project that keeps the result as evidence")]
Background = Annotated[bool, Field(description="Let the worker do it: answers a job id at once, see get_job")]
JSON_TYPES = ("string", "number", "boolean", "object", "array", "null")
"""Any JSON value, said so: clients that turn schemas into their own refuse one that says nothing."""
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Followed:
    """Stands for a call whose client follows long work as a task: holds the id of the work that the call began."""

    task: str | None = None


FOLLOWED: ContextVar[Followed | None] = ContextVar("followed", default=None)
"""Set around a call by whoever answers tasks; then long work is queued and never done within the call."""
ToolFunction = Callable[..., Awaitable[CallToolResult]]


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool before it is built: its function, the phase it belongs to (0 = core) and its true annotations."""

    function: ToolFunction
    phase: int
    title: str
    annotations: ToolAnnotations
    scope: Scope


class Closed(BaseModel):
    """An object among a tool's arguments: unknown names are refused, null stands for what may be left out."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        required = {name for name, field in cls.model_fields.items() if field.is_required()}
        return {name: value for name, value in given.items() if value is not None or name in required}


REGISTRY: dict[str, ToolSpec] = {}


def tool(
    *,
    phase: int,
    title: str,
    reads: bool = True,
    destructive: bool = False,
    idempotent: bool = True,
    scope: Scope | None = None,
) -> Callable[[ToolFunction], ToolFunction]:
    """Register a tool. `reads` means: changes nothing outside this server's own store and scratch places.

    `scope` is the least that calling it takes; `read` for what reads and `write` for the rest when left out. What it
    does to a change set or a job may take more.
    """

    def register(function: ToolFunction) -> ToolFunction:
        if function.__name__ in REGISTRY:
            raise ValueError(f"tool {function.__name__} is defined twice")
        annotations = ToolAnnotations(
            read_only_hint=reads, destructive_hint=destructive, idempotent_hint=idempotent, open_world_hint=False
        )
        needed: Scope = scope or ("read" if reads else "write")
        REGISTRY[function.__name__] = ToolSpec(function, phase, title, annotations, needed)
        return function

    return register


def build(phases: Iterable[int] | None = None) -> list[Tool]:
    """Return the registered tools of the core and of the chosen phases (all when None), in a fixed order."""
    wanted = None if phases is None else {0, *phases}
    chosen = [spec for spec in REGISTRY.values() if wanted is None or spec.phase in wanted]
    return [_build(spec) for spec in sorted(chosen, key=lambda spec: (spec.phase, spec.function.__name__))]


def _build(spec: ToolSpec) -> Tool:
    built = HouseTool.from_function(
        spec.function, title=spec.title, annotations=spec.annotations, structured_output=False
    )
    built.parameters = {"additionalProperties": False, **_without_titles(built.parameters)}
    if "JsonValue" in built.parameters.get("$defs", {}):
        built.parameters["$defs"]["JsonValue"] = {"anyOf": [{"type": name} for name in JSON_TYPES]}
    built.description = " ".join(built.description.split())
    return built


def _without_titles(schema: Any) -> Any:
    """Drop the titles pydantic makes of names: they repeat the key and cost a fifth of the list's tokens."""
    if isinstance(schema, dict):
        return {
            key: _without_titles(value)
            for key, value in schema.items()
            if not (key == "title" and isinstance(value, str))
        }
    return [_without_titles(item) for item in schema] if isinstance(schema, list) else schema


class HouseTool(Tool):
    """A tool that refuses unknown arguments by name and answers our errors in full."""

    async def run(self, arguments: dict[str, Any], context: Context[Any, Any], convert_result: bool = False) -> Any:
        """Run the function; every anticipated failure becomes a self-contained text."""
        services = services_of(context)
        try:
            principal.current().require(self._scope(arguments), self.name)
        except ScopeMissing as refused:
            raise ToolError(error_text(refused, services)) from None
        fields = self.fn_metadata.arg_model.model_fields
        names = [field.alias or name for name, field in fields.items()]
        for name in arguments:
            if name not in names:
                near = nearest(name, names)
                raise ToolError(
                    f"{self.name} has no argument {name[:100]!r}."
                    + (f" Did you mean {near!r}?" if near else "")
                    + f" Arguments: {', '.join(names)}."
                )
        required = {field.alias or name for name, field in fields.items() if field.is_required()}
        given = {name: value for name, value in arguments.items() if value is not None or name in required}
        try:
            result = await super().run(given, context, convert_result=convert_result)
        except UnexpectedToolError as crash:
            if isinstance(crash.__cause__, DbManagerError):
                raise ToolError(error_text(crash.__cause__, services)) from None
            raise
        except ToolError as refused:
            if isinstance(refused.__cause__, ValidationError):
                raise ToolError(_argument_text(self.name, refused.__cause__, self.parameters)) from None
            raise ToolError(services.redactor.text(str(refused.__cause__ or refused))[:MAX_ERROR_CHARACTERS]) from None
        return await let_out(result, self.name, services) if isinstance(result, CallToolResult) else result

    def _scope(self, arguments: Mapping[str, Any]) -> Scope:
        """Return the scope that a call takes: a tool that reads writes all the same where a project keeps its result."""
        field = self.fn_metadata.arg_model.model_fields.get("project")
        keeps = field is not None and not field.is_required() and arguments.get("project") is not None
        return "write" if keeps and REGISTRY[self.name].scope == "read" else REGISTRY[self.name].scope


async def let_out(result: CallToolResult, title: str, services: Services, kept_as: str | None = None) -> CallToolResult:
    """Return a result as it may leave: without secrets, and no longer than one message; the rest under an id."""
    return await _bounded(_redacted(result, services), title, services, kept_as)


async def _bounded(result: CallToolResult, title: str, services: Services, kept_as: str | None) -> CallToolResult:
    """Keep a text that is too long for one message, and answer its beginning with where to read on."""
    content: list[Any] = []
    for block in result.content:
        content.append(block)
        if not isinstance(block, TextContent) or len(block.text) <= LONGEST_ANSWER:
            continue
        whole, end = block.text, cut(block.text, 0, LONGEST_ANSWER)
        id_ = await services.results.keep(title, whole, kept_as)
        block.text = (
            f"{whole[:end].rstrip()}\n\nCharacters 0 to {end} of {len(whole)}. "
            f"The rest: read_result with result={id_!r}, start={end}."
        )
        content.append(
            ResourceLink(
                type="resource_link", name=id_, title=f"{title}, whole", uri=f"dbm://results/{id_}",
                mime_type="text/markdown", size=len(whole.encode()),
            )
        )  # fmt: skip
    result.content = content
    return result


def _redacted(result: CallToolResult, services: Services) -> CallToolResult:
    """Strike every known secret out of a result, whatever path it took into it."""
    for block in result.content:
        if isinstance(block, TextContent):
            block.text = services.redactor.text(block.text)
    if result.meta is not None:
        result.meta = services.redactor.value(result.meta)
    return result


def services_of(context: Context[Any, Any]) -> Services:
    """Return the services of the running server."""
    services = context.request_context.lifespan_context
    if not isinstance(services, Services):
        raise TypeError("the server was started without its services")
    return services


def error_text(error: DbManagerError, services: Services) -> str:
    """Return an error as one text: what happened, what to do, who can, and which tools help; note its code."""
    note_failure(error.code)
    return failure_text(f"{error.code}: {error.sentence()}", error.facts(), services)


def failure_text(told: str, facts: Mapping[str, Any], services: Services) -> str:
    """Return the same text of a failure that was kept: its sentence, and what `DbManagerError.facts` gave."""
    parts = [told]
    tools = [name for name in facts["next_actions"] if name in REGISTRY]
    if tools:
        parts.append("Next: " + ", ".join(f"`{name}`" for name in tools) + ".")
    if facts["fixed_by"] == "person":
        parts.append("A person must do this; it can't be done by calling tools.")
    if facts["fixed_by"] == "administrator":
        parts.append("The database's administrator can mend this.")
    if facts["retry"]:
        parts.append("Trying again may succeed.")
    return services.redactor.text(" ".join(parts))[:MAX_ERROR_CHARACTERS]


def _argument_text(name: str, invalid: ValidationError, schema: Mapping[str, Any]) -> str:
    problems = []
    for error in invalid.errors(include_url=False, include_context=False, include_input=False):
        where = ".".join(str(part) for part in error["loc"]) or "arguments"
        if error["type"] == "extra_forbidden":
            valid = names_at(schema, error["loc"][:-1])
            near = nearest(str(error["loc"][-1]), valid)
            problems.append(
                f"{where} is unknown" + (f", did you mean {near!r}?" if near else f"; known: {', '.join(valid)}")
            )
        else:
            problems.append(f"{where}: {error['msg']}")
    return f"{name}: wrong arguments. " + "; ".join(problems)[: MAX_ERROR_CHARACTERS - 100] + ". Nothing was done."


def names_at(schema: Mapping[str, Any], place: Iterable[str | int]) -> list[str]:
    """Return the names of an object's properties at a place of a JSON schema; empty where there is no object."""
    current = [schema]
    for part in (None, *place):
        if isinstance(part, str) and any(part in one.get("properties", {}) for one in current):
            current = [one["properties"][part] for one in current if part in one.get("properties", {})]
        elif isinstance(part, int):
            current = [one["items"] for one in current if isinstance(one.get("items"), dict)]
        current = [leaf for one in current for leaf in _variants(schema, one)]
    return [name for one in current for name in one.get("properties", {})]


def _variants(schema: Mapping[str, Any], part: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if "$ref" in part:
        return _variants(schema, schema["$defs"][part["$ref"].rpartition("/")[2]])
    choices = part.get("anyOf") or part.get("oneOf")
    return [leaf for one in choices for leaf in _variants(schema, one)] if choices else [part]


def answer(text: str, facts: dict[str, JsonValue] | None = None) -> CallToolResult:
    """Return a successful result: Markdown that says everything, and for programs some of it as data in `_meta`.

    There is no structured content: many clients show their model that alone, and others both (ADR 0012).
    """
    meta = None if facts is None else {FACTS: facts}
    return CallToolResult(content=[TextContent(type="text", text=text)], _meta=meta)


def facts_of(result: CallToolResult) -> dict[str, Any]:
    """Return the data that a program finds in an answer; empty where there is none."""
    found = (result.meta or {}).get(FACTS)
    return found if isinstance(found, dict) else {}


async def work(
    context: Context[Any, Any], kind: str, about: str, arguments: Mapping[str, Any], background: bool, *, lane: str
) -> CallToolResult:
    """Do a piece of work now, telling progress, or queue it for the worker and answer the job.

    `lane` is the connection that the work burdens.
    """
    services, followed = services_of(context), FOLLOWED.get()
    if not background and followed is None:
        outcome = await services.jobs.handler(kind)(services, arguments, context.report_progress)
        return answer(outcome.text, outcome.facts)
    job = await services.jobs.enqueue(kind, about, arguments, lane=lane)
    await services.ensure_worker()
    if followed is not None:
        followed.task = job.id
    return answer(
        job_text(job) + "\nIt goes on if you leave. Follow it with get_job, stop it with cancel_job.",
        {"job": job.id, "state": job.state.value},
    )
