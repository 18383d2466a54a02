"""A server process among rough clients: how it leaves, what it survives, what never reaches the wire."""

from __future__ import annotations

import array
import fcntl
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pytest

from tests.server.raw import SERVE, RawServer, handshake, modern

SLOW = "WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n WHERE v < 3000000000) SELECT max(v) AS slowest FROM n"
LEAVE_SECONDS = 1.0
PIPE_BYTES = 50_000
"""More than this in a pipe of 64 kB means that its writer waits."""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    with sqlite3.connect(tmp_path / "shop.db") as raw:
        raw.execute("CREATE TABLE t (id INTEGER PRIMARY KEY)")
    raw.close()
    (tmp_path / "dbmanager.toml").write_text(
        '[store]\ndata_dir = "state"\n[connections.shop]\nurl = "sqlite:///shop.db"\n'
    )
    return tmp_path


def _eof(server: RawServer) -> None:
    assert server.process.stdin is not None
    server.process.stdin.close()


def _signal(number: int) -> Callable[[RawServer], None]:
    return lambda server: server.process.send_signal(number)


WAYS = {"eof": (_eof, 0), "sigterm": (_signal(signal.SIGTERM), 143), "sigint": (_signal(signal.SIGINT), 130)}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("busy", [False, True], ids=["idle", "busy"])
def test_it_leaves_within_a_second_and_says_nothing_more(shop: Path, way: str, busy: bool) -> None:
    leave, code = WAYS[way]
    with RawServer(shop) as server:
        server.open()
        server.call("run_query", connection="shop", sql="SELECT 1")
        if busy:
            server.send("tools/call", {"name": "run_query", "arguments": {"connection": "shop", "sql": SLOW}}, "slow")
            server.call("run_query", connection="shop", sql="SELECT count(*) FROM t")
        leave(server)
        assert server.left()[0] == code
        assert server.left()[1] < LEAVE_SECONDS
        assert not any(b'"result"' in line for line in server.rest())
        assert b"Traceback" not in server.errors


@pytest.mark.parametrize("way", WAYS)
def test_it_leaves_while_it_is_still_loading(shop: Path, way: str) -> None:
    leave, code = WAYS[way]
    with RawServer(shop) as server:
        server.open()
    with RawServer(shop) as server:
        server.send("initialize", handshake(), "open")
        server.answer("open")
        leave(server)
        found = server.left()[0]
        assert found in (code, -15 if way == "sigterm" else code)  # by its handler, or before it stood
        assert b"Traceback" not in server.errors


@pytest.mark.parametrize("kept", [False, True], ids=["at first", "with kept answers"])
@pytest.mark.parametrize(("way", "code"), [("sigterm", 143), ("eof", 0)])
def test_it_leaves_while_its_client_reads_nothing(shop: Path, kept: bool, way: str, code: int) -> None:
    if kept:
        _keep_answers(shop)
    with _started(shop, subprocess.PIPE) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(_lists(40))
        child.stdin.flush()
        deadline = time.monotonic() + 20
        while _unread_bytes(child.stdout) < PIPE_BYTES:
            assert time.monotonic() < deadline
        if way == "sigterm":
            child.send_signal(signal.SIGTERM)
        else:
            child.stdin.close()
        assert child.wait(10) in (
            code,
            -15 if way == "sigterm" and kept else code,
        )  # by its handler, or before it stood


def _started(shop: Path, out: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        SERVE, cwd=shop, stdin=subprocess.PIPE, stdout=out, stderr=subprocess.PIPE, env={"HOME": str(shop)}
    )


def _lines(*messages: dict[str, Any]) -> bytes:
    return b"".join(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n" for message in messages)


def _lists(count: int) -> bytes:
    """A session that asks for the tools so many times at once."""
    asked = [{"method": "tools/list", "id": number} for number in range(1, count)]
    return _lines(
        {"method": "initialize", "params": handshake(), "id": 0}, {"method": "notifications/initialized"}, *asked
    )


def _keep_answers(shop: Path) -> None:
    """Leave the answers of a first start."""
    with RawServer(shop) as server:
        server.open()
        server.ask("tools/list", None, "list")
        server.finish()


def _unread_bytes(pipe: IO[bytes]) -> int:
    count = array.array("i", [0])
    fcntl.ioctl(pipe.fileno(), termios.FIONREAD, count)
    return count[0]


ODD = {
    "garbage": b"this is no JSON\n",
    "not UTF-8": b"\xff\xfe\x00{}\n",
    "an empty line": b"\n",
    "a number": b"7\n",
    "a string with a line separator": '"\u2028"\n'.encode(),
    "a very deep list": b"[" * 100_000 + b"]" * 100_000 + b"\n",
    "half a surrogate": b'{"jsonrpc":"2.0","id":"x","method":"tools/list","params":{"cursor":"\\ud800"}}\n',
    "an answer to nothing": b'{"jsonrpc":"2.0","id":99,"result":{}}\n',
    "an unknown notification": b'{"jsonrpc":"2.0","method":"notifications/unheard/of"}\n',
    "a cancellation of nothing": b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":77}}\n',
    "carriage return and line feed": b'{"jsonrpc":"2.0","method":"notifications/unheard/of"}\r\n',
}


@pytest.mark.parametrize("line", ODD.values(), ids=ODD)
@pytest.mark.parametrize("when", ["before the handshake", "after it"])
def test_it_survives(shop: Path, line: bytes, when: str) -> None:
    with RawServer(shop) as server:
        if when == "before the handshake":
            server.say(line)
        server.open()
        if when == "after it":
            server.say(line)
        assert "shop" in server.call("list_connections")["content"][0]["text"]


REFUSED = {
    "no method": ({"jsonrpc": "2.0", "id": 5}, -32600),
    "another version of JSON-RPC": ({"jsonrpc": "1.0", "id": 5, "method": "tools/list"}, -32600),
    "a method that is no text": ({"jsonrpc": "2.0", "id": 5, "method": 8}, -32600),
    "a batch": ([{"jsonrpc": "2.0", "id": 5, "method": "tools/list"}], -32600),
    "an unknown method": ({"jsonrpc": "2.0", "id": 5, "method": "tools/listen"}, -32601),
    "parameters that are a list": ({"jsonrpc": "2.0", "id": 5, "method": "tools/list", "params": [1]}, -32600),
    "a tool without a name": ({"jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": {}}, -32602),
}


@pytest.mark.parametrize(("message", "code"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_request_of_ours_is_refused_by_its_id(shop: Path, message: object, code: int) -> None:
    with RawServer(shop) as server:
        server.open()
        server.say(json.dumps(message).encode() + b"\n")
        assert server.answer(5)["error"]["code"] == code
        assert "shop" in server.call("list_connections")["content"][0]["text"]


def test_an_unknown_revision_is_answered_with_one_that_the_server_speaks(shop: Path) -> None:
    with RawServer(shop) as server:
        found = server.ask("initialize", handshake("1999-01-01"))
        assert found["result"]["protocolVersion"] == "2025-11-25"
    with RawServer(shop) as server:
        error = server.ask("server/discover", modern(**{"io.modelcontextprotocol/protocolVersion": "1999-01-01"}))[
            "error"
        ]
        assert "2026-07-28" in json.dumps(error)


def test_an_argument_of_eight_megabytes_is_read_and_answered_briefly(shop: Path) -> None:
    with RawServer(shop) as server:
        server.open()
        result = server.call("run_query", connection="shop", sql=f"SELECT '{'x' * 8_000_000}' AS x")
        assert len(json.dumps(result)) < 250_000
        assert "shop" in server.call("list_connections")["content"][0]["text"]


def test_a_message_beyond_all_bounds_is_thrown_away(shop: Path) -> None:
    with RawServer(shop) as server:
        server.open()
        for _ in range(70):
            server.say(b"x" * 1_000_000)
        server.say(b"\n")
        assert "shop" in server.call("list_connections")["content"][0]["text"]
        deadline = time.monotonic() + 20
        while b"a message of" not in server.errors:  # another thread reads them
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_ten_calls_run_beside_a_slow_one(shop: Path) -> None:
    with RawServer(shop) as server:
        server.open()
        server.send("tools/call", {"name": "run_query", "arguments": {"connection": "shop", "sql": SLOW}}, "slow")
        for number in range(10):
            arguments = {"connection": "shop", "sql": f"SELECT {number} + 1000 AS n"}
            server.send("tools/call", {"name": "run_query", "arguments": arguments}, number)
        heard = [json.loads(server.line()) for _ in range(10)]
        assert {message["id"] for message in heard} == set(range(10))
        assert all(str(message["id"] + 1000) in message["result"]["content"][0]["text"] for message in heard)
        server.send("notifications/cancelled", {"requestId": "slow"})
        assert "shop" in server.call("list_connections")["content"][0]["text"]


STRAY = """
import os, subprocess, sys
from dbmanager_server import app
from dbmanager_tools import house

async def noisy(ctx: house.Context) -> house.CallToolResult:
    "Print in every way there is."
    print("stray flushed", flush=True)
    sys.stdout.write("stray unflushed")
    os.write(1, b"stray bytes")
    subprocess.run(["sh", "-c", "echo stray child; cat"], check=True)
    return house.answer("done")

house.tool(phase=0, title="Noisy")(noisy)
sys.argv = ["dbmanager", "serve"]
from dbmanager_server.entry import main
main()
"""


def test_what_code_prints_never_reaches_the_wire(shop: Path) -> None:
    with RawServer(shop, command=(sys.executable, "-c", STRAY)) as server:
        server.open()
        assert server.call("noisy")["content"][0]["text"] == "done"
        _eof(server)
        assert server.left()[0] == 0
        assert server.rest() == []
    assert server.errors.count(b"stray") >= 3


def test_spans_are_written_where_the_environment_says_and_hold_no_value(shop: Path) -> None:
    with RawServer(shop, command=("env", "OTEL_TRACES_EXPORTER=console", *SERVE)) as server:
        server.open()
        server.call("run_query", connection="shop", sql="SELECT 'an unmistakable value' AS v")
        _eof(server)
        assert server.left()[0] == 0
    assert b"tools/call run_query" in server.errors
    assert b"unmistakable" not in server.errors


def test_an_id_that_is_no_text_costs_nobody_else_an_answer(shop: Path) -> None:
    _keep_answers(shop)
    with RawServer(shop) as server:
        server.say(
            _lines(
                {"method": "initialize", "params": handshake(), "id": "open"},
                {"method": "notifications/initialized"},
                {"method": "tools/list", "id": "\ud800"},
                {"method": "tools/list", "id": 7},
            )
        )
        assert {server.answer(id_)["id"] for id_ in ("open", 7)} == {"open", 7}
        assert "shop" in server.call("list_connections")["content"][0]["text"]


def test_answers_are_whole_although_the_pipe_takes_little_at_a_time(shop: Path) -> None:
    _keep_answers(shop)
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with _started(shop, writing) as child, os.fdopen(reading, "rb") as pipe:
        os.close(writing)
        assert child.stdin is not None
        child.stdin.write(_lists(9))
        child.stdin.flush()
        assert sorted(json.loads(pipe.readline())["id"] for _ in range(9)) == list(range(9))
        child.stdin.close()
        assert child.wait(10) == 0
        assert pipe.read() == b""


def test_what_was_asked_before_the_end_of_input_is_answered_or_refused_by_its_id(shop: Path) -> None:
    for _ in ("at first", "with kept answers"):
        done = subprocess.run(
            SERVE, cwd=shop, input=_lists(4), capture_output=True, env={"HOME": str(shop)}, timeout=20, check=True
        )
        assert sorted(json.loads(line)["id"] for line in done.stdout.splitlines()) == [0, 1, 2, 3]


def test_one_socket_may_be_both_ends(shop: Path) -> None:
    _keep_answers(shop)
    ours, theirs = socket.socketpair()
    with (
        ours,
        subprocess.Popen(
            SERVE,
            cwd=shop,
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=subprocess.PIPE,
            env={"HOME": str(shop)},
        ) as child,
        ours.makefile("rwb") as wire,
    ):
        theirs.close()
        wire.write(_lines({"method": "initialize", "params": handshake(), "id": 0}))
        wire.flush()
        assert json.loads(wire.readline())["id"] == 0
        wire.write(_lines({"method": "notifications/initialized"}, {"method": "ping", "id": 1}))
        wire.flush()
        assert json.loads(wire.readline())["id"] == 1
        ours.shutdown(socket.SHUT_RDWR)
        child.wait(10)
