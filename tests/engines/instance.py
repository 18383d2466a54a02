"""What every private server needs: a port, a folder, a user that is not root, and word that it is ready.

Servers say `READY=1` on the socket named by `NOTIFY_SOCKET`, as they do for systemd, so that nobody has to ask them
again and again.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import select
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

ROOT = Path(__file__).resolve().parents[2]
USER = "app"
SECRET = "pg-Secret 4711/ü"
START_SECONDS = 60.0
STOP_SECONDS = 10.0


class EngineMissing(Exception):
    """The engine is not installed."""


def given_url(engine: str) -> SplitResult | None:
    """Return the server of `DBMANAGER_TEST_<ENGINE>_URL`, None when tests start their own."""
    url = os.environ.get(f"DBMANAGER_TEST_{engine.upper()}_URL")
    return urlsplit(url) if url else None


def login(engine: str, user: str = USER) -> tuple[str, str]:
    """Return the user and the password that tests log in with."""
    url = given_url(engine)
    return (unquote(url.username or ""), unquote(url.password or "")) if url else (user, SECRET)


def unprivileged() -> dict[str, Any]:
    """Return how to start a child that is not root."""
    if os.getuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise EngineMissing("no unprivileged user to run a database server as")


def give_away(*paths: Path) -> None:
    """Make files belong to the user that servers run as."""
    child = unprivileged()
    for path in paths if child else ():
        os.chown(path, child["user"], child["group"])


def free_port() -> int:
    """Return a port of loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def private_folder(engine: str) -> Iterator[Path]:
    """Make a folder that belongs to the server's user; remove it with all that is in it."""
    folder, child = Path(tempfile.mkdtemp(prefix=f"dbmanager-{engine}-")), unprivileged()
    if child:
        os.chown(folder, child["user"], child["group"])
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def environment() -> dict[str, str]:
    """Return the little that a server needs of ours."""
    return {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def prepare(engine: str, command: Sequence[str], folder: Path) -> None:
    """Run a program that makes the data folder, as the server's user."""
    done = subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, check=False, **unprivileged()
    )
    if done.returncode:
        raise EngineMissing(f"{engine} cannot make its data folder: {done.stdout[-1000:]}{done.stderr[-1000:]}")


def stop(server: subprocess.Popen[bytes]) -> None:
    """End a server, by force when it takes too long."""
    server.terminate()
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


@contextlib.contextmanager
def serving(
    engine: str, command: Sequence[str], folder: Path, *, ours: bool = False
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a server, wait until it is ready, and stop it at the end.

    It runs as an unprivileged user, or with our rights in this repository when it is `ours`.
    """
    notify, log = folder / f"{engine}.notify", folder / f"{engine}.log"
    settings = {**environment(), "NOTIFY_SOCKET": str(notify)}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready, log.open("w") as output:
        ready.bind(str(notify))
        notify.chmod(0o666)
        server = subprocess.Popen(
            command, cwd=ROOT if ours else folder, env=settings, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True, **({} if ours else unprivileged()),
        )  # fmt: skip
        try:
            _wait(engine, server, ready, log)
        except BaseException:
            stop(server)
            raise
    # The socket is closed by now: a server that goes on notifying would block once nobody reads.
    try:
        yield server
    finally:
        stop(server)


def _wait(engine: str, server: subprocess.Popen[bytes], ready: socket.socket, log: Path) -> None:
    deadline, ended = time.monotonic() + START_SECONDS, os.pidfd_open(server.pid)
    try:
        while (left := deadline - time.monotonic()) > 0:
            events, _, _ = select.select([ready.fileno(), ended], [], [], left)
            if ready.fileno() in events and b"READY=1" in ready.recv(4096).split(b"\n"):
                return
            if ended in events:
                break
    finally:
        os.close(ended)
    raise EngineMissing(f"{engine} did not start: {log.read_text(errors='replace')[-2000:]}")
