"""`make demo DB=...`: the demonstration on a person's own file works on a copy and leaves the file as it was."""

from __future__ import annotations

import hashlib
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workflow import shops


def _demo(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dbmanager_server.cli", "demo", *arguments], cwd=folder, capture_output=True, text=True,
        check=False, env={"PATH": os.environ["PATH"], "HOME": str(folder), "COLUMNS": "160"}, timeout=200,
    )  # fmt: skip


@pytest.fixture
def own(tmp_path: Path) -> Path:
    raw = sqlite3.connect(tmp_path / "own.sqlite")
    raw.executescript(shops.SQLITE)
    raw.close()
    return tmp_path


@pytest.mark.promise("X7", "E2")
@pytest.mark.parametrize("queries", [True, False])
def test_it_runs_on_a_copy_of_ones_own_file(own: Path, queries: bool) -> None:
    before = hashlib.sha256((own / "own.sqlite").read_bytes()).hexdigest()
    (own / "queries.sql").write_text(f"{shops.LOOKUP};\nSELECT count(*) FROM customers WHERE city = 'York';")
    done = _demo(own, "--db", "own.sqlite", *(("--queries", "queries.sql") if queries else ()))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "LINT-008" in done.stdout
    before_after = re.search(r"([\d,]+) before, ([\d,]+) after", done.stdout)
    assert before_after is not None
    was, now = (int(figure.replace(",", "")) for figure in before_after.groups())
    assert now < was / 2
    assert "all checksums equal" in done.stdout
    assert f"{shops.PEOPLE + shops.ORDERS:,} rows" in done.stdout
    assert shops.PERSON not in done.stdout
    assert (own / ".demo/database-system/README.md").is_file()
    assert hashlib.sha256((own / "own.sqlite").read_bytes()).hexdigest() == before


@pytest.mark.promise("X7")
def test_a_file_that_is_no_database_is_refused_in_a_sentence(own: Path) -> None:
    (own / "text.sqlite").write_text("this is no database, only a text that is long enough to be looked at" * 20)
    done = _demo(own, "--db", "text.sqlite")
    assert done.returncode != 0
    assert "Traceback" not in done.stdout + done.stderr
    assert "text.sqlite" in done.stdout + done.stderr


@pytest.mark.promise("X7")
def test_a_database_without_tables_is_refused_in_a_sentence(own: Path) -> None:
    sqlite3.connect(own / "empty.sqlite").executescript("PRAGMA user_version = 3")
    done = _demo(own, "--db", "empty.sqlite")
    assert done.returncode != 0
    assert "Traceback" not in done.stdout + done.stderr
    assert "no table" in done.stdout + done.stderr
