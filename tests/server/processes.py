"""Clients of a real server process, and the worker processes that belong to a folder."""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import anyio
import psutil
from dbmanager_tools.house import facts_of
from mcp import Client, StdioServerParameters
from mcp.types import TextContent

from tests.engines.postgresql import PASSWORD

PATIENCE_SECONDS = 40.0
READINGS = 150_000
_TABLES = f"""
CREATE TABLE readings (id INTEGER PRIMARY KEY, label TEXT NOT NULL, amount INTEGER NOT NULL);
INSERT INTO readings SELECT value, 'reading ' || value, value * 7 FROM
  (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < {READINGS}) SELECT value FROM n);
"""


def configure_copy(folder: Path, more: str = "") -> None:
    """Make a database `here` that takes a while to copy, an empty one `there`, and their configuration."""
    for name, script in (("here.db", _TABLES), ("there.db", "PRAGMA user_version = 1")):
        with closing(sqlite3.connect(folder / name)) as raw:
            raw.executescript(script)
    (folder / "dbmanager.toml").write_text(
        '[store]\ndata_dir = "state"\n[connections.here]\nurl = "sqlite:///here.db"\n'
        f'[connections.there]\nurl = "sqlite:///there.db"\naccess = "read_write"\n{more}'
    )


@asynccontextmanager
async def client_in(folder: Path, *arguments: str, **options: Any) -> AsyncIterator[Client]:
    """Yield a client of a server that works in a folder."""
    parameters = StdioServerParameters(
        command=sys.executable, args=["-m", "dbmanager_server", "serve", *arguments], cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "SHOP_PASSWORD": PASSWORD},
    )  # fmt: skip
    async with Client(parameters, **options) as client:
        yield client


async def call(client: Client, tool: str, **arguments: Any) -> tuple[str, dict[str, Any], bool]:
    """Call a tool and return its text, its facts and whether it failed."""
    result = await client.call_tool(tool, arguments)
    text = "".join(block.text for block in result.content if isinstance(block, TextContent))
    return text, facts_of(result), bool(result.is_error)


def workers_of(folder: Path) -> list[psutil.Process]:
    """Return the worker processes that were started in a folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if "worker" in process.cmdline() and process.cwd() == str(folder):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def stop_workers(folder: Path) -> None:
    """End the worker processes of a folder and wait for them; one that nobody reaps counts as gone."""
    workers = workers_of(folder)
    for worker in workers:
        worker.terminate()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while any(_alive(worker) for worker in workers):
        assert time.monotonic() < deadline, "a worker did not leave"
        time.sleep(0.05)


def _alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


async def until(holds: Callable[[], bool], what: str) -> None:
    """Wait until something holds; fail when it takes too long."""
    deadline = anyio.current_time() + PATIENCE_SECONDS
    while anyio.current_time() < deadline:
        if holds():
            return
        await anyio.sleep(0.05)
    raise AssertionError(f"{what} did not happen within {PATIENCE_SECONDS:.0f} s")
