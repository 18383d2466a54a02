"""Starts a worker process when there is work and none is alive; apart from the worker, so that serving loads little."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dbmanager.services.configuration import LoadedConfiguration

IDLE_SECONDS = 30.0


def starter(loaded: LoadedConfiguration) -> Callable[[Path], None]:
    """Return what starts a worker on demand: detached, with the same configuration, leaving when there is no work."""

    def start(log: Path) -> None:
        command = [sys.executable, "-m", "dbmanager_server.cli", "worker", "--idle", str(IDLE_SECONDS)]
        detached: dict[str, Any] = (
            {"start_new_session": True}
            if os.name == "posix"
            else {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.DETACHED_PROCESS}  # type: ignore[attr-defined, unused-ignore] # Windows only
        )
        with os.fdopen(os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600), "ab") as output:
            subprocess.Popen(
                [*command, *loaded.arguments], env={**os.environ, **loaded.environment},
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, **detached,
            )  # fmt: skip

    return start
