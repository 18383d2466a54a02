"""Serves on stdin and stdout with good manners: EOF, SIGTERM and SIGINT close everything and exit."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

import anyio
import anyio.to_thread
from mcp.server import MCPServer
from mcp.server.stdio import stdio_server

from dbmanager_server.front import Front, Taken, Wire
from dbmanager_server.pipes import Input, Output
from dbmanager_server.recording import Recorder
from dbmanager_server.snapshot import Snapshot
from dbmanager_server.telemetry import switched_on

CLOSING_SECONDS = 5.0
ServerMaker = Callable[[Callable[[], None]], MCPServer[Any]]
SnapshotMaker = Callable[[], Snapshot]


def serve(make: ServerMaker, front: Front | None, new_snapshot: SnapshotMaker) -> None:
    """Run until the client leaves or a signal comes, then exit the process.

    Args:
        make: builds the server; it is given what the lifespan calls once everything is closed.
        front: what has answered so far, when a snapshot was there.
        new_snapshot: gives the one to fill where there was none.
    """
    last_spans = switched_on()
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(line_buffering=True)  # a stray print is flushed while the wire is elsewhere
    anyio.run(_serve, make, front, new_snapshot, last_spans)


async def _serve(
    make: ServerMaker, front: Front | None, new_snapshot: SnapshotMaker, last_spans: Callable[[], None]
) -> None:
    code = 0
    closed = threading.Event()
    server = make(closed.set)
    gc.freeze()  # modules and tools live as long as the process: no later collection needs to look at them
    gc.enable()
    async with anyio.create_task_group() as group:

        async def watch() -> None:
            nonlocal code
            with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
                async for received in signals:
                    code = 128 + received
                    group.cancel_scope.cancel()
                    return

        async def leave() -> None:
            try:
                await anyio.sleep_forever()
            finally:
                with anyio.CancelScope(shield=True):
                    await anyio.to_thread.run_sync(closed.wait, CLOSING_SECONDS)
                    last_spans()
                    sys.stderr.flush()
                    os._exit(code)  # a thread may still wait for a line, or for a statement that can't be cut short

        if os.name == "posix":
            group.start_soon(watch)
        group.start_soon(leave)
        await _run(server, front, new_snapshot)
        closed.set()
        group.cancel_scope.cancel()


async def _run(server: MCPServer[Any], front: Front | None, new_snapshot: SnapshotMaker) -> None:
    """Serve one client on the standard streams: over pipes by our own means, over anything else by the SDK's."""
    if front is not None:
        taken, snapshot = front.hand_over(), front.snapshot
    elif (wire := Wire.claimed()) is not None:
        taken, snapshot = Taken(wire), new_snapshot()
    else:
        await server.run_stdio_async()
        return
    recorder = Recorder(snapshot, taken.answered)
    inner = server._lowlevel_server  # the SDK offers no public way to run on other streams
    async with Output.opened(taken.wire.output, taken.unsent) as output, Input.opened(taken, output) as lines:
        wired = stdio_server(recorder.hearing(lines), recorder.telling(output, lines))  # type: ignore[arg-type] # as files
        try:
            async with wired as (reading, writing):
                await inner.run(reading, writing, inner.create_initialization_options())
        finally:
            recorder.close()
