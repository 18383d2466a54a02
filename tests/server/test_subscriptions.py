"""Clients hear of what changes: by another process, by another connection to the database, in both eras."""

from __future__ import annotations

import json
import os
import pty
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.server.processes import stop_workers
from tests.server.raw import RawServer, modern

SECONDS = 30.0
FACTS = "io.github.dbmanager-mcp/facts"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    with closing(sqlite3.connect(tmp_path / "shop.db")) as raw:
        raw.executescript("CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1);")
    (tmp_path / "dbmanager.toml").write_text(
        '[store]\ndata_dir = "state"\n[connections.shop]\nurl = "sqlite:///shop.db"\naccess = "read_write"\n'
        'approval = "person"\n'
    )
    return tmp_path


class Subscriber:
    """A client of one era that is told of some resources."""

    def __init__(self, server: RawServer, era: str) -> None:
        self.server, self.modern, self.number = server, era == "modern", 0
        if not self.modern:
            server.open()

    def call(self, tool: str, **arguments: object) -> dict[str, object]:
        """Call a tool and return what a program finds in the answer."""
        self.number += 1
        params = {"name": tool, "arguments": arguments}
        answer = self.server.ask("tools/call", modern(params) if self.modern else params, self.number)
        found: dict[str, object] = answer["result"]["_meta"][FACTS]
        return found

    def subscribe(self, *uris: str) -> None:
        """Ask to be told, and wait for the confirmation."""
        if not self.modern:
            for uri in uris:
                assert "result" in self.server.ask("resources/subscribe", {"uri": uri}, f"s {uri}")
            return
        self.server.send("subscriptions/listen", modern({"notifications": {"resourceSubscriptions": list(uris)}}), "l")
        self.hear("notifications/subscriptions/acknowledged")

    def hear(self, method: str = "notifications/resources/updated", uri: str | None = None) -> None:
        """Wait until that is said."""
        deadline = time.monotonic() + SECONDS
        while True:
            message = json.loads(self.server.line(max(0.01, deadline - time.monotonic())))
            if message.get("method") == method and (uri is None or message["params"]["uri"] == uri):
                return


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_a_job_that_the_worker_does_is_told_of(shop: Path, era: str) -> None:
    with RawServer(shop) as server:
        client = Subscriber(server, era)
        job = client.call("run_backup", connection="shop", background=True)["job"]
        client.subscribe(f"dbm://jobs/{job}", "dbm://jobs")
        client.hear(uri=f"dbm://jobs/{job}")
        stop_workers(shop)


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_an_approval_given_in_a_terminal_is_told_of(shop: Path, era: str) -> None:
    with RawServer(shop) as server:
        client = Subscriber(server, era)
        steps = [{"sql": "CREATE INDEX i ON t (id)"}]
        change = client.call("propose_change", connection="shop", title="an index", reason="measured", steps=steps)[
            "change"
        ]
        client.subscribe(f"dbm://changes/{change}")
        _approve(shop, str(change))
        client.hear(uri=f"dbm://changes/{change}")


def _approve(folder: Path, change: str) -> None:
    """Approve as a person does: read the word at a terminal and type it."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "dbmanager_server", "approve", change], cwd=folder, stdin=theirs, stdout=theirs,
        stderr=theirs, env={"PATH": os.environ["PATH"], "HOME": str(folder)},
    ) as person:  # fmt: skip
        os.close(theirs)
        said = b""
        while b"anything else to refuse" not in said:
            said += os.read(ours, 4_096)
        word = said.rpartition(b"Type ")[2].split()[0]
        os.write(ours, word + b"\n")
        while b"Approved" not in said:
            said += os.read(ours, 4_096)
        assert person.wait(SECONDS) == 0
    os.close(ours)


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_a_table_made_by_somebody_else_is_told_of(shop: Path, era: str) -> None:
    with RawServer(shop) as server:
        client = Subscriber(server, era)
        client.subscribe("dbm://connections/shop/schema")
        with closing(sqlite3.connect(shop / "shop.db")) as raw:
            raw.execute("CREATE TABLE made (id INTEGER PRIMARY KEY)")
        client.hear(uri="dbm://connections/shop/schema")


def test_nobody_is_told_of_what_he_left_or_what_never_changes(shop: Path) -> None:
    with RawServer(shop) as server:
        client = Subscriber(server, "legacy")
        client.subscribe("dbm://jobs", "dbm://guides/1", "dbm://jobs/none", "elsewhere://x")
        assert "result" in server.ask("resources/unsubscribe", {"uri": "dbm://jobs"}, "u")
        job = client.call("run_backup", connection="shop", background=True)["job"]
        client.subscribe(f"dbm://jobs/{job}")
        said = [json.loads(server.line())]
        while said[-1].get("params", {}).get("uri") != f"dbm://jobs/{job}":
            said.append(json.loads(server.line()))
        assert not [message for message in said if message.get("params", {}).get("uri") == "dbm://jobs"]
        stop_workers(shop)
        assert server.process.stdin is not None
        server.process.stdin.close()
        code, seconds = server.left()
        assert code == 0
        assert seconds < 1


def test_there_is_an_end_to_subscriptions(shop: Path) -> None:
    with RawServer(shop) as server:
        server.open()
        for number in range(200):
            server.send("resources/subscribe", {"uri": f"dbm://jobs/{number}"}, number)
            server.answer(number)
        refused = server.ask("resources/subscribe", {"uri": "dbm://jobs/one-more"}, "more")
        assert "200 subscriptions" in refused["error"]["message"]


def test_the_capability_says_what_is_served(shop: Path) -> None:
    with RawServer(shop) as server:
        found = server.ask("initialize", {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}})  # fmt: skip
        assert found["result"]["capabilities"]["resources"] == {"subscribe": True, "listChanged": False}
        assert found["result"]["capabilities"]["tools"] == {"listChanged": False}
