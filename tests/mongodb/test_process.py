"""A server that goes, however it goes, leaves no statement behind on the engine."""

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

from tests.engines.mongodb import PASSWORD, Client, MongoServer
from tests.mongodb.test_query import SLOW, running

Child = subprocess.Popen[bytes]


@pytest.fixture
def server(tmp_path: Path, mongodb_server: MongoServer, mongo: Client, database: str) -> Iterator[Child]:
    """Return a server process that is in the middle of a statement."""
    mongo[database].k.insert_many([{"_id": n, "n": n} for n in range(5_000)])
    (tmp_path / "dbmanager.toml").write_text(
        f'[store]\ndata_dir = "state"\n[connections.shop]\nurl = "{mongodb_server.url(database)}"\n'
        'password = { env = "SHOP_PASSWORD" }\n'
    )
    child = subprocess.Popen(
        [sys.executable, "-m", "dbmanager_server.cli", "serve"], cwd=tmp_path, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "SHOP_PASSWORD": PASSWORD},
    )  # fmt: skip
    _send(
        child, "initialize", 1, protocolVersion="2025-06-18", capabilities={}, clientInfo={"name": "t", "version": "0"}
    )
    assert child.stdout is not None
    assert b"dbmanager" in child.stdout.readline()
    _write(child, {"jsonrpc": "2.0", "method": "notifications/initialized"})
    _send(child, "tools/call", 2, name="run_query", arguments={"connection": "shop", "command": SLOW})
    deadline = time.monotonic() + 20
    while not running(mongo, database):
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
def test_no_statement_outlives_its_client(way: str, server: Child, mongo: Client, database: str) -> None:
    started = time.monotonic()
    WAYS[way](server)
    while running(mongo, database):
        assert time.monotonic() - started < 1, f"still running a second after {way}"
    print(f"{way}: gone after {time.monotonic() - started:.3f} s")
