"""Processor time of processes and threads of this machine, as Linux counts it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_LOCAL = ("localhost", "127.0.0.1", "::1")


def is_here(host: str | None) -> bool:
    """Whether a server at this address runs on this machine: on loopback, or on a socket file."""
    return host is None or host in _LOCAL or host.startswith("/")


def processor_seconds(number: int, names: tuple[str, ...]) -> float | None:
    """Return the processor seconds that a process or thread has used; None where they can't be read.

    Args:
        number: the process or thread, as the server names it.
        names: how its program may begin; another program's figures are not taken, as where numbers are a container's.
    """
    if sys.platform == "win32":
        return None
    folder = Path("/proc") / str(number)
    try:
        facts = (folder / "stat").read_text()
        if not facts.partition("(")[2].startswith(names):
            return None
        scheduled = (folder / "schedstat").read_text().split()
        if len(scheduled) == 3 and int(scheduled[0]):
            return int(scheduled[0]) / 1e9
    except (OSError, ValueError):
        return None
    fields = facts.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
