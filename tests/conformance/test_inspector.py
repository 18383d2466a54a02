"""The public Inspector against the real server over stdio: portable schemas, many calls, skills with true digests."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.npm import command, environment, installed

pytestmark = pytest.mark.slow
INSPECTOR = "@modelcontextprotocol/inspector@2.12.0"
SECONDS = 120
CALLS = 500
LOADS = {"list_connections": [], "run_query": ["connection=shop", "sql=SELECT count(*) AS orders FROM orders"]}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    raw = sqlite3.connect(tmp_path / "shop.db")
    raw.executescript("CREATE TABLE orders (id INTEGER PRIMARY KEY); INSERT INTO orders VALUES (1), (2), (3);")
    raw.close()
    (tmp_path / "dbmanager.toml").write_text(
        '[store]\ndata_dir = "state"\n[connections.shop]\nurl = "sqlite:///shop.db"\n'
    )
    return tmp_path


def inspect(folder: Path, *options: str, serve: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run the Inspector's command line on a server in a folder."""
    program = command(installed(INSPECTOR), "mcp-inspector")
    server = [sys.executable, "-m", "dbmanager_server", "serve", *serve]
    return subprocess.run(
        [*program, "--cli", *options, "--format", "json", *server],
        cwd=folder, capture_output=True, text=True, check=False, timeout=SECONDS,
        env=environment({"HOME": str(folder)}),
    )  # fmt: skip


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_every_schema_is_portable(shop: Path, era: str) -> None:
    done = inspect(shop, "--protocol-era", era, "--method", "tools/list", "--strict")
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "not even a warning"
    assert len(json.loads(done.stdout)["result"]["tools"]) > 20


@pytest.mark.parametrize("tool", LOADS)
def test_many_calls_at_a_time_meet_no_error(shop: Path, tool: str) -> None:
    arguments = [part for pair in LOADS[tool] for part in ("--tool-arg", pair)]
    load = ["--load", "--load-requests", str(CALLS), "--load-concurrency", "4"]
    done = inspect(shop, "--method", "tools/call", "--tool-name", tool, *arguments, *load)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)["result"]
    assert (found["ok"], found["errors"], found["toolErrors"]) == (CALLS, 0, 0), found


def test_skills_are_verified_with_their_digests(shop: Path) -> None:
    options = ("--protocol-era", "modern", "--method", "skills/list", "--verify", "--require-digests")
    done = inspect(shop, *options, serve=("--skills",))
    assert done.returncode == 0, done.stderr
    reports = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(reports) == 6
    assert {report["outcome"] for report in reports} == {"verified"}
    assert inspect(shop, *options).returncode != 0, "they are offered on request only"
