"""What a server process loads before it answers `initialize`: the SDK, and no driver or heavy library."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from benchmarks.wire import hello

HEAVY = {"sqlalchemy", "sqlglot", "asyncpg", "alembic", "aiosqlite", "jinja2"}
"""Not cryptography and rich: the SDK loads them itself."""
IMPORTED = re.compile(r"^import time:\s+\d+ \|\s+\d+ \|\s+(\w+)", re.M)


def test_nothing_heavy_is_loaded_before_initialize_is_answered(tmp_path: Path) -> None:
    (tmp_path / "dbmanager.toml").write_text(
        '[store]\ndata_dir = "state"\n[connections.lite]\nurl = "sqlite:///shop.db"\n'
        '[connections.pg]\nurl = "postgresql://app@127.0.0.1/shop"\n'
    )
    loaded = tmp_path / "loaded"
    with loaded.open("wb") as errors:
        child = subprocess.Popen(
            [sys.executable, "-X", "importtime", "-m", "dbmanager_server.cli", "serve"], cwd=tmp_path, stderr=errors,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        )  # fmt: skip
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(hello())
        child.stdin.flush()
        answer = child.stdout.readline()
        child.kill()
        child.communicate()
    assert b'"serverInfo"' in answer
    found = set(IMPORTED.findall(loaded.read_text()))
    assert {"mcp", "dbmanager_server", "dbmanager_tools"} <= found
    assert not found & HEAVY
