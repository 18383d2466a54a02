"""A server that goes, however it goes, leaves no command behind on the engine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from tests.conftest import needed
from tests.engines.redis import PASSWORD, SUPERUSER, RedisServer, running

Child = subprocess.Popen[bytes]
KEYS = 2_000_000
GONE_SECONDS = 1.0
SERVE = (
    "from dbmanager.adapters.redis import catalog; catalog.MAX_KEYS = 10**9; "
    "from dbmanager_server.cli import main; raise SystemExit(main(['serve']))"
)
"""Our server, whose look at the keys ends by its time alone, five seconds, and so is long enough to be left."""


@pytest.fixture(scope="module")
def crowded() -> Iterator[RedisServer]:
    """A server with so many keys that a look at them takes seconds."""
    with needed(), running(None, enable_debug_command="yes") as server:
        server.run("DEBUG", "POPULATE", str(KEYS), "item", "8")
        yield server


@pytest.fixture
def watching(crowded: RedisServer) -> Iterator[Redis]:
    """Return a client of the driver that looks at the others."""
    with Redis(host=crowded.host, port=crowded.port, username=SUPERUSER, password=PASSWORD, protocol=2) as client:
        yield client


def _scanning(client: Redis) -> bool:
    """Whether a session of ours is in the middle of its look: its last command was a SCAN."""
    return any(each["name"] == "dbmanager" and each["cmd"] == "scan" for each in client.client_list())


def _scans(client: Redis) -> int:
    """Return how many SCANs the server has run."""
    told = client.info("commandstats")
    assert isinstance(told, dict)
    return int(told["cmdstat_scan"]["calls"])


@pytest.fixture
def server(tmp_path: Path, crowded: RedisServer, watching: Redis) -> Iterator[Child]:
    """Return a server process that is in the middle of a long read."""
    (tmp_path / "dbmanager.toml").write_text(
        f'[store]\ndata_dir = "state"\n[connections.many]\nurl = "{crowded.url(0)}"\n'
        'password = { env = "SHOP_PASSWORD" }\n'
    )
    child = subprocess.Popen(
        [sys.executable, "-c", SERVE], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "SHOP_PASSWORD": PASSWORD},
    )  # fmt: skip
    client = {"name": "t", "version": "0"}
    _send(child, "initialize", 1, protocolVersion="2025-06-18", capabilities={}, clientInfo=client)
    assert child.stdout is not None
    assert b"dbmanager" in child.stdout.readline()
    _write(child, {"jsonrpc": "2.0", "method": "notifications/initialized"})
    _send(child, "tools/call", 2, name="describe_schema", arguments={"connection": "many"})
    deadline = time.monotonic() + 20
    while not _scanning(watching):
        assert child.poll() is None
        assert time.monotonic() < deadline
    yield child
    child.kill()
    child.communicate()


def _write(child: Child, message: dict[str, Any]) -> None:
    assert child.stdin is not None
    child.stdin.write(json.dumps(message).encode() + b"\n")
    child.stdin.flush()


def _send(child: Child, method: str, id_: int, **params: Any) -> None:
    _write(child, {"jsonrpc": "2.0", "id": id_, "method": method, "params": params})


def _eof(child: Child) -> None:
    assert child.stdin is not None
    child.stdin.close()
    child.stdin = None


def _cancelled(child: Child) -> None:
    _write(child, {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 2}})


WAYS: dict[str, Callable[[Child], None]] = {
    "cancelled": _cancelled, "end of file": _eof, "SIGTERM": lambda child: child.send_signal(signal.SIGTERM),
    "kill -9": lambda child: child.send_signal(signal.SIGKILL),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_no_command_outlives_its_client(way: str, server: Child, watching: Redis) -> None:
    started = time.monotonic()
    WAYS[way](server)
    while _scanning(watching):
        assert time.monotonic() - started < GONE_SECONDS, f"still scanning a second after {way}"
    gone_after, scans = time.monotonic() - started, _scans(watching)
    while time.monotonic() - started < GONE_SECONDS:
        assert (_scanning(watching), _scans(watching)) == (False, scans), "nothing goes on in another session"
    print(f"{way}: gone after {gone_after:.3f} s")


def test_the_read_goes_on_for_more_than_a_second_when_nobody_leaves(server: Child, watching: Redis) -> None:
    started = time.monotonic()
    while time.monotonic() - started < GONE_SECONDS + 0.5:
        assert _scanning(watching)
    assert server.poll() is None
