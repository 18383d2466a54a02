"""A private server for a moment: reached by a socket in a folder of ours alone, gone when the block ends or we die."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
from anyio.abc import Process

from dbmanager.errors import ConnectionFailed, StatementFailed, ToolMissing
from dbmanager.model.configuration import ConnectionSettings, ResolvedUrl

if TYPE_CHECKING:
    from dbmanager.adapters.redis.adapter import RedisAdapter

START_SECONDS = 120.0
STOP_SECONDS = 10.0
SERVERS = ("redis-server", "valkey-server", "redis-check-rdb", "valkey-check-rdb")
"""The last two are the same program, which is the server when it is called so; some packages install only them."""
_KEEPER = 'exec 3<&0; "$0" "$1" & child=$!; (cat <&3 >/dev/null; kill "$child" 2>/dev/null) & wait "$child"'
"""Runs the server for as long as our end of the pipe is open, which ends with our process whatever ended it."""


def find_server(product: str) -> Path | None:
    """Return a server program on PATH, one of the product first; None where there is none (or no POSIX)."""
    if os.name != "posix":
        return None
    names = sorted(SERVERS, key=lambda name: not name.startswith(product))
    return next((Path(found) for name in names if (found := shutil.which(name))), None)


@asynccontextmanager
async def private_server(program: Path, rdb: Path | None, database: int) -> AsyncIterator[RedisAdapter]:
    """Start a server on an RDB file (or empty), wait until it has loaded it, yield an adapter; stop and remove it.

    Raises: StatementFailed when it can't load the file, as an older server can't load a newer one's.
    """
    folder = Path(await anyio.to_thread.run_sync(lambda: tempfile.mkdtemp(prefix="dbmanager-scratch-")))
    try:
        if rdb is not None:
            await anyio.to_thread.run_sync(shutil.copyfile, rdb, folder / "dump.rdb")
        configuration = await anyio.to_thread.run_sync(_prepared, program, folder, database)
        process = await anyio.open_process(
            ["sh", "-c", _KEEPER, str(folder / "redis-server"), str(configuration)], cwd=folder, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            adapter = _adapter(folder / "socket", database)
            try:
                await _loaded(process, adapter)
                yield adapter
            finally:
                await adapter.close()
        finally:
            with anyio.CancelScope(shield=True):
                await _ended(process)
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(lambda: shutil.rmtree(folder, ignore_errors=True))


def _prepared(program: Path, folder: Path, database: int) -> Path:
    (folder / "redis-server").symlink_to(program)
    file = folder / "redis.conf"
    file.write_text(
        f'port 0\nunixsocket {folder}/socket\nunixsocketperm 700\ndir {folder}\ndbfilename dump.rdb\nsave ""\n'
        f"appendonly no\ndatabases {max(database + 1, 16)}\nlogfile {folder}/log\n"
    )
    return file


def _adapter(socket: Path, database: int) -> RedisAdapter:
    from dbmanager.adapters.redis.adapter import RedisAdapter

    url = ResolvedUrl(engine="redis", host="localhost", database=str(database))
    settings = ConnectionSettings.model_validate({"url": "redis://localhost/0", "access": "read_write"})
    return RedisAdapter("scratch", url, settings, socket=str(socket))


async def _loaded(process: Process, adapter: RedisAdapter) -> None:
    with anyio.move_on_after(START_SECONDS):
        while process.returncode is None:
            try:
                await adapter.query.fetch('["DBSIZE"]')
            except ConnectionFailed:
                await anyio.sleep(0.02)
                continue
            return
    raise StatementFailed(
        "the scratch server could not load the backup", object_name="scratch",
        hint="Install a server at least as new as the one that was backed up.",
    )  # fmt: skip


async def _ended(process: Process) -> None:
    if process.stdin is not None:
        await process.stdin.aclose()
    with anyio.move_on_after(STOP_SECONDS):
        await process.wait()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def needed_server(product: str) -> Path:
    """Return a server program.

    Raises: ToolMissing.
    """
    found = find_server(product)
    if found is None:
        raise ToolMissing(
            "no redis-server or valkey-server is on PATH to restore into", hint="Install one; it is started privately."
        )
    return found
