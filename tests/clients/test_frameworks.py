"""Each framework lists the tools, works a slice of phase 3, reads errors, and gets a change through by its token."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import dbmanager_server.app  # noqa: F401 - registers every tool
import pytest
from dbmanager_tools.house import REGISTRY

from benchmarks.environments import environment

SCRIPTS = Path(__file__).parent / "scripts"
SDK_1 = ("langchain-mcp-adapters==0.3.2", "crewai-tools[mcp]==1.15.30")
SDK_2 = (
    "openai-agents==0.24.0", "pydantic-ai-slim[mcp]==2.68.0", "llama-index-tools-mcp==0.6.0", "google-adk[mcp]==2.13.0",
)  # fmt: skip
GROUPS = {"clients-sdk-1": SDK_1, "clients-sdk-2": SDK_2}
FRAMEWORKS = {
    "langchain": "clients-sdk-1", "crewai": "clients-sdk-1", "openai_agents": "clients-sdk-2",
    "pydantic_ai": "clients-sdk-2", "llama_index": "clients-sdk-2", "google_adk": "clients-sdk-2",
}  # fmt: skip
SHOP = """
CREATE TABLE customers (id INTEGER PRIMARY KEY, email TEXT NOT NULL);
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers(id), total DECIMAL(10,2));
INSERT INTO customers SELECT value, 'secret.person' || value || '@example.org'
  FROM (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 9000) SELECT value FROM n);
INSERT INTO orders SELECT id, id, id * 1.5 FROM customers;
"""
SECONDS = 240


@pytest.mark.slow
@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_framework_works_a_phase_through(tmp_path: Path, name: str) -> None:
    with closing(sqlite3.connect(tmp_path / "shop.db")) as raw:
        raw.executescript(SHOP)
    (tmp_path / "dbmanager.toml").write_text(
        '[store]\ndata_dir = "state"\n[connections.shop]\nurl = "sqlite:///shop.db"\naccess = "read_write"\n'
    )
    group = FRAMEWORKS[name]
    server = [sys.executable, "-m", "dbmanager_server", "serve"]
    if name == "llama_index":  # it can't name a working folder
        server = [str(shutil.which("sh")), *server]
    done = subprocess.run(
        [environment(group, GROUPS[group]), str(SCRIPTS / f"{name}_client.py"), str(tmp_path), *server],
        capture_output=True, text=True, timeout=SECONDS, check=False, cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "OTEL_SDK_DISABLED": "true",
             "CREWAI_DISABLE_TELEMETRY": "true", "CREWAI_DISABLE_TRACKING": "true", "NO_PROXY": "*"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3_000:]
    seen = json.loads(done.stdout.splitlines()[-1])
    assert set(seen["tools"]) == set(REGISTRY)
    assert "customer_id" in seen["described"]
    assert "[email:" in seen["rows"]
    assert "secret.person" not in done.stdout + done.stderr
    assert "orders" in seen["error"], "a wrong name is answered with the right one"
    assert "max_rows" in seen["unknown_argument"]
    assert "review_change" in seen["unapproved"]
    assert "verified" in seen["applied"]
    assert seen["measured"]
    with closing(sqlite3.connect(tmp_path / "shop.db")) as raw:
        indexes = [row[0] for row in raw.execute("SELECT name FROM sqlite_schema WHERE type = 'index'")]
    assert any("customer_id" in index for index in indexes)
