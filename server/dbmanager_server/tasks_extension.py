"""The tasks extension of MCP 2026-07-28: long work is answered by a task that the client looks after."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Collection, Mapping, Sequence
from typing import Any, TypeVar

import anyio
from dbmanager_tools.house import FOLLOWED, Followed
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.extension import Extension, MethodBinding
from mcp.server.mcpserver.server import require_client_extension
from mcp.shared.exceptions import MCPError
from mcp.shared.inbound import MCP_NAME_HEADER, decode_header_value
from mcp.types import HEADER_MISMATCH, INTERNAL_ERROR, INVALID_PARAMS, CallToolRequestParams, RequestParams
from pydantic import Field

from dbmanager.errors import DbManagerError, NotFound
from dbmanager.services.container import Services
from dbmanager_server.task_source import Task, TaskSource, TaskStatus

IDENTIFIER = "io.modelcontextprotocol/tasks"
VERSIONS = frozenset({"2026-07-28"})
SHORT_WAIT_SECONDS = 0.15
"""Work that ends within this long is answered as if it had been done at once."""
LOOK_SECONDS = 0.03
TTL_MS = 7 * 24 * 3_600_000
"""A task can be asked for at least this long after it was made; jobs are never thrown away."""
POLL_MS = 500
"""How often asking makes sense: the worker looks about as often whether it is to stop."""
Context = ServerRequestContext[Services, Any]
FoundT = TypeVar("FoundT")


class TaskParams(RequestParams):
    """Names a task."""

    task_id: str = Field(alias="taskId")


class UpdateParams(TaskParams):
    """Answers what a task asked of the client's user."""

    input_responses: dict[str, Any] = Field(alias="inputResponses", default_factory=dict)


class Tasks(Extension):
    """Answers long work with tasks, for clients that declare the extension; others wait for it as ever."""

    identifier = IDENTIFIER

    def __init__(self, source: TaskSource, *, required: Collection[str] = ()) -> None:
        """Serve the tasks of a source.

        Args:
            source: whatever does long work.
            required: tools that can't be called without tasks, and always answer one.
        """
        self._source = source
        self._required = required

    def methods(self) -> Sequence[MethodBinding]:
        """Return tasks/get, tasks/update and tasks/cancel; lists and separate results are no part of the extension."""
        return (
            MethodBinding("tasks/get", TaskParams, self._get, VERSIONS),
            MethodBinding("tasks/update", UpdateParams, self._update, VERSIONS),
            MethodBinding("tasks/cancel", TaskParams, self._cancel, VERSIONS),
        )

    async def intercept_tool_call(
        self, params: CallToolRequestParams, ctx: Context, call_next: CallNext
    ) -> HandlerResult:
        """Answer a task where the call began long work; what the tool asks of the user comes before that."""
        if not _declared(ctx):
            if params.name in self._required:
                require_client_extension(ctx, IDENTIFIER)
            return await call_next(ctx)
        followed = Followed()
        before = FOLLOWED.set(followed)
        try:
            result = await call_next(ctx)
        finally:
            FOLLOWED.reset(before)
        if followed.task is None:
            return result
        return await self._begun(ctx, followed.task, 0.0 if params.name in self._required else SHORT_WAIT_SECONDS)

    async def _begun(self, ctx: Context, id_: str, wait_seconds: float) -> HandlerResult:
        """Return the result of work that ended at once, else the task."""
        deadline = time.monotonic() + wait_seconds
        task = await _found(ctx, self._source.find(id_))
        while task.status is TaskStatus.WORKING and time.monotonic() < deadline:
            await anyio.sleep(LOOK_SECONDS)
            task = await _found(ctx, self._source.find(id_))
        if task.result is not None and wait_seconds:
            return task.result
        return {"resultType": "task", **_seen(task)}

    async def _get(self, ctx: Context, params: TaskParams) -> HandlerResult:
        _entitled(ctx, params)
        task = await _found(ctx, self._source.find(params.task_id))
        more: dict[str, Any] = {}
        if task.status is TaskStatus.INPUT_REQUIRED:
            more["inputRequests"] = task.inputs
        elif task.status is TaskStatus.FAILED:
            more["error"] = {"code": INTERNAL_ERROR, "message": task.fault}
        elif task.result is not None:
            more["result"] = task.result.model_dump(mode="json", by_alias=True, exclude_none=True)
        return {**_seen(task), **more}

    async def _update(self, ctx: Context, params: UpdateParams) -> HandlerResult:
        _entitled(ctx, params)
        await _found(ctx, self._source.answer(params.task_id, params.input_responses))
        return {}

    async def _cancel(self, ctx: Context, params: TaskParams) -> HandlerResult:
        _entitled(ctx, params)
        await _found(ctx, self._source.cancel(params.task_id))
        return {}


def _declared(ctx: Context) -> bool:
    capabilities = ctx.session.client_capabilities
    extensions: Mapping[str, Any] = (capabilities.extensions if capabilities is not None else None) or {}
    return ctx.protocol_version in VERSIONS and IDENTIFIER in extensions


def _entitled(ctx: Context, params: TaskParams) -> None:
    """Refuse a client that did not declare the extension, and a request whose route differs from its content."""
    require_client_extension(ctx, IDENTIFIER)
    headers = getattr(ctx.request, "headers", None)
    if headers is not None and decode_header_value(headers.get(MCP_NAME_HEADER)) != params.task_id:
        raise MCPError(HEADER_MISMATCH, f"{MCP_NAME_HEADER} header does not match the request's taskId")


async def _found(ctx: Context, call: Awaitable[FoundT]) -> FoundT:
    """Return what the source answers; our errors become the protocol's."""
    try:
        return await call
    except DbManagerError as problem:
        code = INVALID_PARAMS if isinstance(problem, NotFound) else INTERNAL_ERROR
        raise MCPError(code, ctx.lifespan_context.redactor.text(problem.sentence())) from None


def _seen(task: Task) -> dict[str, Any]:
    told = {"statusMessage": task.message} if task.message else {}
    return {
        "taskId": task.id, "status": task.status.value, **told, "createdAt": f"{task.created_at:%Y-%m-%dT%H:%M:%S.%fZ}",
        "lastUpdatedAt": f"{task.updated_at:%Y-%m-%dT%H:%M:%S.%fZ}", "ttlMs": TTL_MS, "pollIntervalMs": POLL_MS,
    }  # fmt: skip
