"""Starts a worker process when there is work and none is alive; apart from the worker, so that serving loads little."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from dbmanager.services.configuration import LoadedConfiguration

IDLE_SECONDS = 30.0
BEGINNING_SECONDS = 30.0
"""How long a worker that was started may take until it is seen; a busy machine would be worse off with another."""


class Starter:
    """Starts a worker: detached, with the same configuration, leaving when there is no work.

    Attributes:
        newest: the worker that was started last.
    """

    def __init__(self, loaded: LoadedConfiguration) -> None:
        self.newest: subprocess.Popen[bytes] | None = None
        self._loaded = loaded
        self._begun = 0.0

    def __call__(self, log: Path) -> None:
        """Start one that leaves its log there, unless the newest may still be beginning."""
        beginning = time.monotonic() - self._begun < BEGINNING_SECONDS
        if self.newest is not None and self.newest.poll() is None and beginning:
            return
        command = [sys.executable, "-m", "dbmanager_server.cli", "worker", "--idle", str(IDLE_SECONDS)]
        detached: dict[str, Any] = (
            {"start_new_session": True}
            if os.name == "posix"
            else {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.DETACHED_PROCESS}  # type: ignore[attr-defined, unused-ignore] # Windows only
        )
        self._begun = time.monotonic()
        with os.fdopen(os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600), "ab") as output:
            self.newest = subprocess.Popen(
                [*command, *self._loaded.arguments], env={**os.environ, **self._loaded.environment},
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, **detached,
            )  # fmt: skip
