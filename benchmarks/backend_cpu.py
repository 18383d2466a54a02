"""What queries cost a server's own process: user and system CPU seconds of the backend, which load hardly changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg
import psutil

from benchmarks.timing import Sampler

STATEMENT_SECONDS = 30


async def round_of(connections: Mapping[str, asyncpg.Connection[Any]], queries: Sequence[str], kept: Sampler) -> None:
    """Run all queries on each connection in turn, one query here and there, and keep each connection's CPU seconds.

    Raises: asyncpg.QueryCanceledError when one takes longer than the cap.
    """
    used = dict.fromkeys(connections, 0.0)
    processes = {name: psutil.Process(connection.get_server_pid()) for name, connection in connections.items()}
    for sql in queries:
        for name, connection in connections.items():
            before = _seconds(processes[name])
            await connection.fetch(sql, timeout=STATEMENT_SECONDS)
            used[name] += _seconds(processes[name]) - before
    for name, seconds in used.items():
        kept.add(name, "s", seconds)


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
