"""Starts the watchdog child and tells it which connections are ours."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from typing import Any


class Guard:
    """One watchdog process for one address; it is started with the first connection and ends with `close`."""

    def __init__(self, login: dict[str, Any]) -> None:
        self._login = login
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the child once; the login goes through its pipe, never into its arguments or environment."""
        if self._child is None:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "dbmanager.adapters.mysql.watchdog"],
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
            self._tell(json.dumps(self._login))

    def opened(self, thread: int) -> None:
        """Remember a connection."""
        self._tell(f"+{thread}")

    def closed(self, thread: int) -> None:
        """Forget a connection that is gone."""
        self._tell(f"-{thread}")

    def close(self) -> None:
        """End the child; connections that are still remembered are killed by it."""
        child, self._child = self._child, None
        if child is not None:
            with contextlib.suppress(OSError):
                child.communicate(timeout=5)
            if child.returncode is None:
                child.kill()
                child.wait()

    def _tell(self, line: str) -> None:
        if self._child is not None and self._child.stdin is not None:
            with contextlib.suppress(OSError, ValueError):
                self._child.stdin.write(line.encode() + b"\n")
                self._child.stdin.flush()
