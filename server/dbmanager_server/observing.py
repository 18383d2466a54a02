"""Sees every message: sets whom it is done for, bounds its time, and tells logs and counters how it went."""

from __future__ import annotations

import datetime as dt
import json
import logging
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import anyio
from dbmanager_tools.house import REGISTRY
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, TextContent

from dbmanager.services import principal
from dbmanager.services.calls import Call, noted
from dbmanager.services.configuration import LoadedConfiguration
from dbmanager.services.principal import Principal

METHODS = frozenset(
    "initialize ping server/discover tools/list tools/call resources/list resources/templates/list resources/read "
    "resources/subscribe resources/unsubscribe prompts/list prompts/get completion/complete logging/setLevel "
    "subscriptions/listen tasks/get tasks/update tasks/cancel tasks/result tasks/list skills/list skills/get".split()
)
"""Methods that are told by name; anything else a client may have written is told as `other`."""
OTHER = "other"
ENDLESS = frozenset(("subscriptions/listen",))


@dataclass(frozen=True, slots=True)
class Told:
    """One finished message, in names that the configuration and this program know; never anything else a client wrote."""

    method: str
    tool: str
    connection: str
    principal: str
    seconds: float
    outcome: str
    code: str


Sink = Callable[[Told], None]


def write_line(told: Told) -> None:
    """Write one JSON line on stderr."""
    facts = {
        "time": dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds"), "event": "call", "method": told.method,
        "tool": told.tool, "connection": told.connection, "principal": told.principal,
        "milliseconds": round(1000 * told.seconds, 1), "outcome": told.outcome, "code": told.code,
    }  # fmt: skip
    sys.stderr.write(json.dumps({name: value for name, value in facts.items() if value != ""}) + "\n")
    sys.stderr.flush()


class _Lines(logging.Formatter):
    """Writes what else is logged as JSON too; of an exception its type alone, since its text may hold a value."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        facts = {"time": dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds"),
                 "event": "log", "level": record.levelname, "logger": record.name, "message": _said(record)}  # fmt: skip
        if record.exc_info and record.exc_info[0] is not None:
            facts["exception"] = record.exc_info[0].__name__
        return json.dumps(facts)


def _said(record: logging.LogRecord) -> str:
    """Return what is logged; of what a library logs the place alone, since clients' words may stand in it."""
    return record.getMessage() if record.name.startswith("dbmanager") else f"{record.module}:{record.lineno}"


def log_as_json() -> None:
    """Make every log record of this process a JSON line on stderr; must come before the SDK sets up logging."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])


class Observer:
    """The SDK's middleware, the same for every transport."""

    def __init__(
        self,
        tools: Iterable[str],
        connections: Iterable[str],
        sinks: Iterable[Sink] = (),
        *,
        whom: Callable[[], Principal | None] = lambda: None,
        timeout_seconds: float | None = None,
        running: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Hold what names may be told and to whom.

        Args:
            tools: names of tools.
            connections: names of connections.
            sinks: what is told of every finished request.
            whom: returns whom the present request is done for; None is the process's own user. It may refuse.
            timeout_seconds: after that a request is stopped; None never does.
            running: told +1 and -1 around a request.
        """
        self._tools, self._connections = frozenset(tools), frozenset(connections)
        self._sinks, self._whom, self._timeout, self._running = tuple(sinks), whom, timeout_seconds, running

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """Do one message for its principal and tell of it; a notification is not told of."""
        whom = self._whom()
        with principal.acting(whom), noted() as call:
            if ctx.request_id is None:
                return await call_next(ctx)
            began, outcome = time.perf_counter(), "cancelled"
            self._running(1)
            try:
                result = await self._bounded(ctx, call_next, call)
                outcome = "error" if _is_error(result) else "ok"
                return result
            except MCPError as refused:
                outcome, call.code = "error", call.code or str(refused.error.code)
                raise
            except Exception as fault:
                outcome, call.code = "error", call.code or type(fault).__name__
                raise
            finally:
                self._running(-1)
                self._tell(ctx, call, outcome, time.perf_counter() - began)

    async def _bounded(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext, call: Call) -> HandlerResult:
        limit = None if ctx.method in ENDLESS else self._timeout
        with anyio.move_on_after(limit) as scope:
            return await call_next(ctx)
        assert scope.cancelled_caught
        call.code = "request_timeout"
        text = (
            f"request_timeout: this took longer than the {limit:g} s that a request may take; its statement was stopped. "
            "Pass background=true where the tool takes it, or narrow the work."
        )
        if ctx.method != "tools/call":
            raise MCPError(code=-32603, message=text)
        return CallToolResult(content=[TextContent(type="text", text=text)], is_error=True)

    def _tell(self, ctx: ServerRequestContext[Any, Any], call: Call, outcome: str, seconds: float) -> None:
        params: Mapping[str, Any] = ctx.params or {}
        is_tool = ctx.method == "tools/call"
        tool = (_known(params.get("name"), self._tools) or OTHER) if is_tool else ""
        arguments = params.get("arguments") if is_tool else None
        asked = arguments.get("connection") if isinstance(arguments, Mapping) else None
        code = (call.code or "tool_error") if outcome == "error" else ""
        told = Told(
            ctx.method if ctx.method in METHODS else OTHER, tool, _known(asked, self._connections),
            principal.current().name, seconds, outcome, code,
        )  # fmt: skip
        for sink in self._sinks:
            sink(told)


def _known(name: object, names: frozenset[str]) -> str:
    return name if isinstance(name, str) and name in names else ""


def _is_error(result: HandlerResult) -> bool:
    if isinstance(result, CallToolResult):
        return bool(result.is_error)
    return isinstance(result, Mapping) and result.get("isError") is True


def stdio_options(loaded: LoadedConfiguration) -> dict[str, Any]:
    """Return what makes a server on standard streams tell of its calls, when the configuration wants that."""
    if loaded.configuration.log == "none":
        return {}
    log_as_json()
    return {"middleware": [Observer(REGISTRY, loaded.configuration.connections, [write_line])]}
