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

CLOSING_SECONDS = 5.0
ServerMaker = Callable[[Callable[[], None]], MCPServer[Any]]


def serve(make: ServerMaker) -> None:
    """Run until the client leaves or a signal comes, then exit the process.

    The SDK reads stdin in a thread that can't be woken, so the process leaves without it as soon as the lifespan has
    closed.

    Args:
        make: builds the server; it is given what the lifespan calls once everything is closed.
    """
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(line_buffering=True)  # a stray print is flushed while the wire is elsewhere
    anyio.run(_serve, make)


async def _serve(make: ServerMaker) -> None:
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
                    sys.stderr.flush()
                    os._exit(code)

        if os.name == "posix":
            group.start_soon(watch)
        group.start_soon(leave)
        await server.run_stdio_async()
        closed.set()
        group.cancel_scope.cancel()
