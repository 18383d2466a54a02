"""What a server process may cost and what it may leave behind, seen from outside while it is cancelled and killed."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import psutil
import pytest
from dbmanager_tools.house import FACTS
from mcp import Client, StdioServerParameters

from tests.engines.postgresql import PASSWORD, PostgresServer

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
MAX_ANSWER_BYTES = 200_000
MAX_GROWTH_BYTES = 50_000_000
GONE_SECONDS = 1.0
"""After this much time no statement of a client that has gone may be running."""
COMPUTING = "SELECT count(*) FROM generate_series(1, 100000000000) AS g"
MILLION = (
    "CREATE TABLE wide (id INTEGER PRIMARY KEY, label TEXT NOT NULL, amount INTEGER NOT NULL);"
    "INSERT INTO wide SELECT n, 'row number ' || n || ' of a table that is wide enough to matter', n * 7 FROM ({rows}) AS s;"
)
RUNNING = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%100000000000%' AND pid <> pg_backend_pid() AND state = 'active'"


class RawClient:
    """A client that writes its own lines, so that it can leave in any way."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dbmanager_server.cli", "serve"], cwd=folder, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], "HOME": str(folder), "PW": PASSWORD},
        )  # fmt: skip
        self.number = 0
        self.request(
            "initialize",
            protocolVersion="2025-06-18",
            capabilities={},
            clientInfo={"name": "test", "version": "1"},
        )
        self.answer()
        self.notify("notifications/initialized")

    def _write(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        self.process.stdin.flush()

    def request(self, method: str, **params: Any) -> int:
        """Send a request and return its id."""
        self.number += 1
        self._write({"id": self.number, "method": method, "params": params})
        return self.number

    def call(self, tool: str, **arguments: Any) -> int:
        """Send a tool call and return its id."""
        return self.request("tools/call", name=tool, arguments=arguments)

    def notify(self, method: str, **params: Any) -> None:
        """Send a notification."""
        self._write({"method": method, "params": params})

    def answer(self) -> dict[str, Any]:
        """Wait for the next answer; notifications are passed over."""
        assert self.process.stdout is not None
        while True:
            line = self.process.stdout.readline()
            assert line, "the server has gone"
            message: dict[str, Any] = json.loads(line)
            if "id" in message and "method" not in message:
                return message

    def close(self) -> None:
        """End the process, however it is."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


@pytest.fixture
def clients(tmp_path: Path, pg_server: PostgresServer, pg_database: str) -> Iterator[Callable[[], RawClient]]:
    raw = sqlite3.connect(tmp_path / "shop.db")
    raw.executescript(
        MILLION.format(rows="WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 1000000) SELECT n FROM s")
    )  # fmt: skip
    raw.close()
    pg_server.run_sql(pg_database, MILLION.format(rows="SELECT n FROM generate_series(1, 1000000) AS g(n)"))
    (tmp_path / "dbmanager.toml").write_text(
        '[store]\ndata_dir = "state"\n[connections.lite]\nurl = "sqlite:///shop.db"\n'
        f'[connections.pg]\nurl = "{pg_server.url(pg_database)}"\naccess = "read_write"\npassword = {{ env = "PW" }}\n'
    )
    opened: list[RawClient] = []

    def open_() -> RawClient:
        opened.append(RawClient(tmp_path))
        return opened[-1]

    yield open_
    for client in opened:
        client.close()


def _memory(process: psutil.Process) -> int:
    return int(process.memory_info().rss)


@pytest.mark.parametrize("connection", ["lite", "pg"])
def test_a_million_rows_answer_in_bounds_and_cost_little_memory(
    connection: str, clients: Callable[[], RawClient]
) -> None:
    client = clients()
    process = psutil.Process(client.process.pid)
    client.call("run_query", connection=connection, sql="SELECT id FROM wide LIMIT 1")
    assert not client.answer()["result"].get("isError")
    before, highest = _memory(process), 0
    for arguments in (
        {},
        {"max_rows": 100_000},
        {"max_rows": 100_000, "sql": "SELECT * FROM wide ORDER BY amount"},
    ):
        client.call("run_query", **{"connection": connection, "sql": "SELECT * FROM wide", **arguments})
        answer = client.answer()
        assert not answer["result"].get("isError")
        assert len(json.dumps(answer).encode()) <= MAX_ANSWER_BYTES
        highest = max(highest, _memory(process))
    assert highest - before < MAX_GROWTH_BYTES


def test_a_value_of_many_megabytes_costs_little_memory(clients: Callable[[], RawClient]) -> None:
    client = clients()
    process = psutil.Process(client.process.pid)
    client.call("run_query", connection="pg", sql="SELECT 1 AS one")
    assert not client.answer()["result"].get("isError")
    before = _memory(process)
    client.call("run_query", connection="pg", sql="SELECT repeat('x', 300000000) AS v")
    answer = client.answer()
    assert not answer["result"].get("isError")
    assert "1 long values clipped" in json.dumps(answer)
    assert len(json.dumps(answer).encode()) <= MAX_ANSWER_BYTES
    assert _memory(process) - before < MAX_GROWTH_BYTES


def _no_statement_after(server: PostgresServer, database: str, seconds: float) -> None:
    time.sleep(seconds)
    assert server.run_sql(database, RUNNING).strip() == "0"


def _started(server: PostgresServer, database: str) -> None:
    deadline = time.monotonic() + 15
    while server.run_sql(database, RUNNING).strip() == "0":
        assert time.monotonic() < deadline


@pytest.mark.parametrize("round_", range(3))
@pytest.mark.parametrize("way", ["cancel", "end of input", "SIGTERM", "SIGINT", "SIGKILL"])
@pytest.mark.parametrize("tool", ["run_query", "explain_query"])
def test_no_statement_outlives_its_client(
    way: str, tool: str, round_: int, clients: Callable[[], RawClient], pg_server: PostgresServer, pg_database: str
) -> None:
    client = clients()
    asked = client.call(tool, connection="pg", sql=COMPUTING, **({"analyze": True} if tool == "explain_query" else {}))
    _started(pg_server, pg_database)
    time.sleep(0.05 * round_)
    if way == "cancel":
        client.notify("notifications/cancelled", requestId=asked, reason="enough")
    elif way == "end of input":
        assert client.process.stdin is not None
        client.process.stdin.close()
    else:
        client.process.send_signal(getattr(signal, way))
    _no_statement_after(pg_server, pg_database, GONE_SECONDS)
    if way == "cancel":
        client.call("run_query", connection="pg", sql="SELECT 40 + 2 AS answer")
        while "42" not in json.dumps(answer := client.answer()):
            assert answer["id"] == asked
    else:
        client.process.wait(10)


def test_a_cancelled_statement_on_sqlite_stops_and_the_file_is_free(
    clients: Callable[[], RawClient], tmp_path: Path
) -> None:
    client = clients()
    process = psutil.Process(client.process.pid)
    asked = client.call(
        "run_query", connection="lite", sql="SELECT count(*) FROM wide AS a, wide AS b WHERE a.amount + b.amount = 3"
    )
    time.sleep(0.7)
    client.notify("notifications/cancelled", requestId=asked, reason="enough")
    time.sleep(GONE_SECONDS)
    spent = process.cpu_times()
    time.sleep(0.5)
    later = process.cpu_times()
    assert (later.user + later.system) - (spent.user + spent.system) < 0.2
    raw = sqlite3.connect(tmp_path / "shop.db", timeout=0.1)
    raw.execute("DELETE FROM wide WHERE id = 1")
    raw.commit()
    raw.close()


async def test_ten_calls_at_once_are_all_answered(clients: Callable[[], RawClient], tmp_path: Path) -> None:
    parameters = StdioServerParameters(
        command=sys.executable, args=["-m", "dbmanager_server.cli", "serve"], cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PW": PASSWORD},
    )  # fmt: skip
    answered: dict[int, str] = {}
    async with Client(parameters) as client:

        async def ask(number: int) -> None:
            connection = "pg" if number % 2 else "lite"
            sql = f"SELECT sum(amount) + {number} AS total, count(*) FROM wide WHERE id > {number}"
            result = await client.call_tool("run_query", {"connection": connection, "sql": sql})
            assert not result.is_error, result.content
            answered[number] = str(result.content)

        with anyio.fail_after(60):
            async with anyio.create_task_group() as group:
                for number in range(10):
                    group.start_soon(ask, number)
    whole = 7 * sum(range(1, 1_000_001))
    for number, text in answered.items():
        assert str(whole - 7 * sum(range(number + 1)) + number) in text
    assert len(answered) == 10


def test_a_copy_killed_at_any_moment_goes_on_by_chunk(
    clients: Callable[[], RawClient], pg_server: PostgresServer, pg_database: str
) -> None:
    """The server that applies the copy is killed three times; at most one chunk is copied again each time."""
    pg_server.run_sql(pg_database, "DROP TABLE wide")

    def facts(client: RawClient, tool: str, **arguments: Any) -> tuple[str, dict[str, Any]]:
        client.call(tool, **arguments)
        result = client.answer()["result"]
        return result["content"][0]["text"], result.get("_meta", {}).get(FACTS, {})

    client = clients()
    told, planned = facts(client, "plan_migration", source="lite", target="pg", target_schema="copied")
    assert "change" in planned, told
    copied = [0]
    for _ in range(3):
        reviewed, _ = facts(client, "review_change", change=planned["change"])
        token = reviewed.partition("confirm_token='")[2].partition("'")[0]
        client.call("apply_change", change=planned["change"], **({"confirm_token": token} if token else {}))
        deadline = time.monotonic() + 30
        rows = copied[-1]
        while rows < copied[-1] + 50_000:
            assert time.monotonic() < deadline
            exists = pg_server.run_sql(pg_database, "SELECT to_regclass('copied.wide') IS NOT NULL").strip() == "t"
            rows = int(pg_server.run_sql(pg_database, "SELECT count(*) FROM copied.wide")) if exists else 0
        client.process.kill()
        client.process.wait()
        time.sleep(0.5)
        copied.append(int(pg_server.run_sql(pg_database, "SELECT count(*) FROM copied.wide")))
        client = clients()
        deadline = time.monotonic() + 40
        while True:
            _, state = facts(client, "review_change", change=planned["change"])
            if state["state"] not in ("applying", "running"):
                break
            assert time.monotonic() < deadline
            time.sleep(0.5)
    assert copied == sorted(copied)
    reviewed, _ = facts(client, "review_change", change=planned["change"])
    token = reviewed.partition("confirm_token='")[2].partition("'")[0]
    text, done = facts(client, "apply_change", change=planned["change"], **({"confirm_token": token} if token else {}))
    assert done.get("state") in ("applied", "verified"), text
    compared, _ = facts(client, "verify_data", source="lite", target="pg", target_schema="copied")
    assert (
        pg_server.run_sql(pg_database, "SELECT count(*), sum(amount) FROM copied.wide")
        .split("|")[0]
        .strip()
        .startswith("1000000")
    ), compared
