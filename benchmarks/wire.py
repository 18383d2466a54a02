"""A client of raw lines: starts a server process, and knows what that process has cost when it ends."""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

HELLO: dict[str, Any] = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "benchmark", "version": "1"},
}


def hello() -> bytes:
    """Return the line that opens a session."""
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": HELLO}).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class StartCost:
    """What a process had used when it answered `initialize`."""

    cpu_ms: float
    wall_ms: float
    memory_bytes: int


class WireClient:
    """One server process with pipes. Used as a context manager; the process is killed at the end."""

    def __init__(self, command: list[str], folder: Path, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )  # fmt: skip
        self._number = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:  # fmt: skip
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    @property
    def memory_bytes(self) -> int:
        """The process's resident memory now."""
        return int(psutil.Process(self._process.pid).memory_info().rss)

    @property
    def tree_cpu_ms(self) -> float:
        """CPU milliseconds that the process and those it has started have used, by the scheduler's count."""
        root = psutil.Process(self._process.pid)
        tasks = (
            task for each in (root, *root.children(recursive=True)) for task in Path(f"/proc/{each.pid}/task").iterdir()
        )
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e6

    def initialize(self) -> dict[str, Any]:
        """Shake hands and return the server's answer."""
        answer = self.request("initialize", **HELLO)
        self._write({"method": "notifications/initialized", "params": {}})
        return answer

    def request(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a request and return its result; raise where the answer is an error."""
        answer = json.loads(self.request_line(method, **params))
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        found: dict[str, Any] = answer["result"]
        return found

    def request_line(self, method: str, **params: Any) -> bytes:
        """Send a request and return the answer's line as it came."""
        self._number += 1
        self._write({"id": self._number, "method": method, "params": params})
        assert self._process.stdout is not None
        while line := self._process.stdout.readline():
            if json.loads(line).get("id") == self._number:
                return line
        raise RuntimeError(f"{method}: the server has gone")

    def end(self) -> float:
        """Kill the process at once and return the CPU milliseconds it used (user and system)."""
        self._process.kill()
        _, _, used = os.wait4(self._process.pid, 0)
        self._process.returncode = -9
        return (used.ru_utime + used.ru_stime) * 1000

    def _write(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        self._process.stdin.flush()


def start_cost(command: list[str], folder: Path, environment: dict[str, str]) -> StartCost:
    """Start a server, wait for its `initialize` answer, kill it, and return what that took."""
    started = time.perf_counter()
    with WireClient(command, folder, environment) as client:
        client.initialize()
        wall = (time.perf_counter() - started) * 1000
        memory = client.memory_bytes
        return StartCost(client.end(), wall, memory)
