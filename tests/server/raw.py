"""A server process spoken to line by line: whatever a client may send, and every byte that comes back."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

SECONDS = 20.0
MODERN = "2026-07-28"
SERVE = (sys.executable, "-m", "dbmanager_server", "serve")


def modern(params: dict[str, Any] | None = None, /, **meta: Any) -> dict[str, Any]:
    """Return the parameters of a request of the era without handshake."""
    prefix = "io.modelcontextprotocol/"
    envelope = {
        f"{prefix}protocolVersion": MODERN, f"{prefix}clientInfo": {"name": "raw", "version": "1"},
        f"{prefix}clientCapabilities": {}, **meta,
    }  # fmt: skip
    return {**(params or {}), "_meta": envelope}


def handshake(version: str = "2025-11-25", **capabilities: Any) -> dict[str, Any]:
    """Return the parameters of `initialize`."""
    return {"protocolVersion": version, "capabilities": capabilities, "clientInfo": {"name": "raw", "version": "1"}}


class RawServer:
    """One process with pipes; what it says is read all the time. Killed at the end."""

    def __init__(self, folder: Path, *arguments: str, command: tuple[str, ...] = SERVE) -> None:
        self.process = subprocess.Popen(
            [*command, *arguments], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        )  # fmt: skip
        self.lines: queue.Queue[bytes] = queue.Queue()
        self.errors = bytearray()
        self._threads = [threading.Thread(target=self._hear), threading.Thread(target=self._complaints)]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:  # fmt: skip
        self.process.kill()
        self.process.wait()
        for thread in self._threads:
            thread.join()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()

    def _hear(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line)

    def _complaints(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.errors += line

    def say(self, data: bytes) -> None:
        """Send bytes as they are."""
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, method: str, params: dict[str, Any] | None = None, id_: object = None) -> None:
        """Send a request, or a notification where no id is given."""
        message: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
        message |= {"id": id_} if id_ is not None else {}
        message |= {"params": params} if params is not None else {}
        self.say(json.dumps(message).encode() + b"\n")

    def line(self, seconds: float = SECONDS) -> bytes:
        """Return the next line; fail when none comes."""
        try:
            return self.lines.get(timeout=seconds)
        except queue.Empty:
            raise AssertionError(f"no line within {seconds} s; stderr: {self.errors.decode()[-500:]}") from None

    def answer(self, id_: object, seconds: float = SECONDS) -> dict[str, Any]:
        """Return the answer to a request; lines before it are passed over."""
        deadline = time.monotonic() + seconds
        while True:
            message: dict[str, Any] = json.loads(self.line(max(0.01, deadline - time.monotonic())))
            if message.get("id") == id_ and "method" not in message:
                return message

    def ask(self, method: str, params: dict[str, Any] | None = None, id_: object = 1) -> dict[str, Any]:
        """Send a request and return its answer."""
        self.send(method, params, id_)
        return self.answer(id_)

    def call(self, tool: str, id_: object = "call", **arguments: Any) -> dict[str, Any]:
        """Call a tool and return its result."""
        found = self.ask("tools/call", {"name": tool, "arguments": arguments}, id_)
        result: dict[str, Any] = found["result"]
        return result

    def open(self) -> None:
        """Shake hands."""
        self.ask("initialize", handshake(), "open")
        self.send("notifications/initialized")

    def finish(self) -> None:
        """Say no more, and wait until the process has left."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.left()

    def left(self) -> tuple[int, float]:
        """Wait for the process to end; return its code and the seconds that took."""
        started = time.monotonic()
        code = self.process.wait(SECONDS)
        return code, time.monotonic() - started

    def rest(self) -> list[bytes]:
        """Return every line that was not read, once the process has ended."""
        for thread in self._threads:
            thread.join()
        return [self.lines.get() for _ in range(self.lines.qsize())]
