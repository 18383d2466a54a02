"""Our server with the names that the public conformance suite calls, over HTTP on loopback.

It is made by the product's own factory: the same strict tools, extensions, job service and worker. Answers come as
event streams within sessions, since the suite's scenarios of 2025-11-25 want sessions that can be ended, streams that can
be taken up again, and questions to the client in the middle of a call; those of 2026-07-28 use neither.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Any

import anyio
import uvicorn
from dbmanager_server.app import job_handlers, make_server, step_handlers
from dbmanager_server.tasks_extension import Tasks
from dbmanager_server.worker import Worker
from mcp.server import MCPServer
from mcp.server.streamable_http import EventCallback, EventMessage, EventStore
from mcp.server.subscriptions import ListenHandler
from mcp.types import (
    EmptyResult,
    JSONRPCMessage,
    SetLevelRequestParams,
    SubscribeRequestParams,
    SubscriptionsListenRequestParams,
    UnsubscribeRequestParams,
)

from dbmanager.services.configuration import LoadedConfiguration, load
from dbmanager.services.container import Services
from dbmanager.services.jobs import Jobs
from tests.conformance.contents import add_contents
from tests.conformance.long_work import REQUIRED, FixtureTasks, add_handlers
from tests.conformance.rounds import add_rounds


class Events(EventStore):
    """Every event that was sent, so that a stream can be taken up again."""

    def __init__(self) -> None:
        self._events: list[tuple[str, JSONRPCMessage | None]] = []

    async def store_event(self, stream_id: str, message: JSONRPCMessage | None) -> str:
        self._events.append((stream_id, message))
        return str(len(self._events))

    async def replay_events_after(self, last_event_id: str, send_callback: EventCallback) -> str | None:
        last = int(last_event_id)
        stream = self._events[last - 1][0]
        for number, (owner, message) in enumerate(self._events[last:], last + 1):
            if owner == stream and message is not None:
                await send_callback(EventMessage(message, str(number)))
        return stream


def services(loaded: LoadedConfiguration) -> Services:
    """Return services whose jobs are ours and the suite's; the worker runs in this process."""

    def handlers(jobs: Jobs) -> None:
        job_handlers(jobs)
        add_handlers(jobs)

    return Services(loaded, step_handlers=step_handlers, job_handlers=handlers)


def make(loaded: LoadedConfiguration) -> MCPServer[Services]:
    """Return the server."""
    held = services(loaded)
    server = make_server(loaded, services=held, tasks=Tasks(FixtureTasks(held), required=REQUIRED), skills=True)
    add_contents(server)
    add_rounds(server)
    _legacy(server)
    _changing(server)
    return server


def _legacy(server: MCPServer[Services]) -> None:
    """Serve what only the handshake era has and our server does without: log levels and subscriptions by request."""

    async def nothing(_ctx: Any, _params: Any) -> EmptyResult:
        return EmptyResult()

    for method, params in (
        ("logging/setLevel", SetLevelRequestParams),
        ("resources/subscribe", SubscribeRequestParams),
        ("resources/unsubscribe", UnsubscribeRequestParams),
    ):
        server._lowlevel_server.add_request_handler(method, params, nothing)


def _changing(server: MCPServer[Services]) -> None:
    """Say that lists may change, and serve it: the suite's tools change them, ours never do."""
    inner = server._lowlevel_server
    del inner.get_capabilities  # the class's own again
    listen = ListenHandler(server._subscriptions)
    inner.add_request_handler("subscriptions/listen", SubscriptionsListenRequestParams, listen)


async def main(folder: Path) -> None:
    """Serve until the process is ended; the address is the only line on stdout."""
    loaded = load(path=folder / "dbmanager.toml")
    app = make(loaded).streamable_http_app(event_store=Events(), retry_interval=100)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        print(f"http://127.0.0.1:{listening.getsockname()[1]}/mcp", flush=True)
        worker = services(loaded)
        async with anyio.create_task_group() as group:
            group.start_soon(Worker(worker).run)
            await uvicorn.Server(uvicorn.Config(app, log_level="warning")).serve(sockets=[listening])
            group.cancel_scope.cancel()
        await worker.close()


if __name__ == "__main__":
    anyio.run(main, Path(sys.argv[1]))
