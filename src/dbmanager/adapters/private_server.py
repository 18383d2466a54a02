"""A private server for a while, in a folder of ours alone: it ends when told to, or when our process dies of anything."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
from anyio.abc import Process

from dbmanager.errors import ConnectionFailed, StatementFailed

START_SECONDS = 120.0
STOP_SECONDS = 10.0
_KEEPER = (
    'exec 3<&0; ending="$1"; shift; "$@" </dev/null & child=$!; '
    '(cat <&3 >/dev/null; kill -s "$ending" "$child" 2>/dev/null) & wait "$child"'
)
"""Runs a server for as long as our end of the pipe is open, which ends with our process whatever ended it."""


@dataclass(frozen=True, slots=True)
class Account:
    """The operating system's account that a server runs as, where ours is root and the server refuses that."""

    user: int
    group: int

    @property
    def options(self) -> dict[str, Any]:
        """Arguments that start a child as this account."""
        return {"user": self.user, "group": self.group, "extra_groups": []}


def unprivileged(*names: str) -> Account | None:
    """Return None where we are not root, else the first account of these names, or `nobody`.

    Raises: KeyError when there is none.
    """
    if sys.platform == "win32" or os.getuid() != 0:
        return None
    import pwd

    for name in (*names, "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_uid, entry.pw_gid)
    raise KeyError("nobody")


def make_folder(folder: Path, account: Account | None = None) -> None:
    """Make a folder that nobody else can look into.

    Raises: FileExistsError.
    """
    folder.mkdir(mode=0o700)
    give(folder, account)


def give(path: Path, account: Account | None) -> None:
    """Make a file or folder an account's own; None leaves it ours."""
    if sys.platform != "win32" and account is not None:
        os.chown(path, account.user, account.group)


async def remove_folder(folder: Path) -> None:
    """Remove a folder with all that is in it, waiting for a server that is ending there.

    Raises: StatementFailed when something is still left.
    """

    def remove() -> bool:
        deadline = time.monotonic() + STOP_SECONDS
        while folder.exists() and time.monotonic() < deadline:
            shutil.rmtree(folder, ignore_errors=True)
            if folder.exists():
                time.sleep(0.05)
        return not folder.exists()

    if not await anyio.to_thread.run_sync(remove):
        raise StatementFailed(f"the scratch folder {folder} can't be removed", hint="Remove it by hand.")


def folder_bytes(folder: Path) -> int:
    """Return the bytes of all files below a folder; 0 where there is none."""
    total = 0
    for place, _, files in os.walk(folder):
        for name in files:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(place, name)).st_size
    return total


async def prepared(command: Sequence[str], folder: Path, account: Account | None) -> None:
    """Run a program that makes a server's data folder; it ends with our process as a server does.

    Raises: StatementFailed.
    """
    process = await _kept("KILL", command, folder, account)
    try:
        await process.wait()
    finally:
        with anyio.CancelScope(shield=True):
            await _killed(process)
    if process.returncode:
        program = Path(command[0]).name
        raise StatementFailed(f"{program} failed with {process.returncode}", hint="Run it by hand to see what it says.")


async def _kept(ending: str, command: Sequence[str], folder: Path, account: Account | None) -> Process:
    """Start a program under the keeper."""
    return await anyio.open_process(
        ["sh", "-c", _KEEPER, "dbmanager-scratch", ending, *command], cwd=folder, start_new_session=True,
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment(),
        **(account.options if account else {}),
    )  # fmt: skip


async def _killed(process: Process) -> None:
    """End whatever is left of a program and its keeper."""
    with contextlib.suppress(ProcessLookupError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
    await process.aclose()


def environment() -> dict[str, str]:
    """Return the little that a server needs of ours."""
    return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"}


@dataclass(slots=True)
class PrivateServers:
    """The servers that this process has started, by the name of their place."""

    ending: str = "TERM"
    """What a server is sent when our process is gone; what it holds is thrown away."""
    _running: dict[str, Process] = field(default_factory=dict)

    async def start(
        self, name: str, command: Sequence[str], folder: Path, ready: Callable[[], Awaitable[object]],
        account: Account | None = None,
    ) -> None:  # fmt: skip
        """Start a server and wait until `ready` no longer raises `ConnectionFailed`.

        Raises: StatementFailed when it ends before, or takes too long.
        """
        process = await _kept(self.ending, command, folder, account)
        self._running[name] = process
        with anyio.move_on_after(START_SECONDS):
            while process.returncode is None:
                try:
                    await ready()
                except ConnectionFailed:
                    await anyio.sleep(0.02)
                    continue
                return
        await self.stop(name)
        raise StatementFailed("the private scratch server did not start", object_name=name)

    async def stop(self, name: str) -> None:
        """End a server of ours, by force when it takes too long; nothing happens where there is none."""
        process = self._running.pop(name, None)
        if process is None:
            return
        if process.stdin is not None:
            await process.stdin.aclose()
        with anyio.move_on_after(STOP_SECONDS):
            await process.wait()
        await _killed(process)
