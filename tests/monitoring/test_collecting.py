"""`dbmanager collect` and what makes the system run it, as a timer would."""

from __future__ import annotations

import os
import shlex
import shutil
import sqlite3
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from tests.conftest import needed
from tests.engines.extracted import program
from tests.engines.postgresql import PASSWORD, PostgresServer

PROGRAM = Path(sys.executable).with_name("dbmanager")


def _run(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), **variables}
    return subprocess.run(
        [str(PROGRAM), *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=60
    )


def _kept(folder: Path) -> list[tuple[str, str]]:
    raw = sqlite3.connect(folder / "state" / "store.db")
    try:
        rows = raw.execute("SELECT connection, figures FROM metric_moment ORDER BY taken_at").fetchall()
        return [(connection, zlib.decompress(figures).decode()) for connection, figures in rows]
    finally:
        raw.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    raw = sqlite3.connect(tmp_path / "shop.db")
    raw.executescript("CREATE TABLE t (a TEXT); INSERT INTO t VALUES ('a-row-value-nobody-may-see')")
    raw.close()
    (tmp_path / "dbmanager.toml").write_text(
        '[store]\ndata_dir = "state"\n[connections.shop]\nurl = "sqlite:///shop.db"\n'
        '[monitoring.rules.grown]\nmetric = "database_bytes"\nabove = 100\nafter = 2\n'
    )
    return tmp_path


def test_each_run_keeps_a_moment_and_judges_the_rules(folder: Path) -> None:
    first, second = _run(folder, "collect"), _run(folder, "collect", "shop")
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert "firing" not in first.stdout
    assert "firing: grown" in second.stdout
    assert [name for name, _ in _kept(folder)] == ["shop"] * 2
    assert not any("nobody-may-see" in figures for _, figures in _kept(folder))


def test_a_database_that_is_down_is_told_and_the_others_are_measured(folder: Path) -> None:
    with (folder / "dbmanager.toml").open("a") as file:
        file.write('[connections.gone]\nurl = "postgresql://app@127.0.0.1:1/shop"\n')
    done = _run(folder, "collect")
    assert done.returncode == 1
    assert "gone: not measured" in done.stderr
    assert [name for name, _ in _kept(folder)] == ["shop"]
    wrong = _run(folder, "collect", "shp")
    assert wrong.returncode == 2
    assert "shop" in wrong.stderr


def test_statements_of_a_server_are_kept_by_fingerprint_alone(
    pg_server: PostgresServer, pg_database: str, tmp_path: Path
) -> None:
    (tmp_path / "dbmanager.toml").write_text(
        f'[store]\ndata_dir = "state"\n[connections.shop]\nurl = "{pg_server.url(pg_database)}"\npassword = {{ env = "SHOP_PASSWORD" }}\n'
    )
    pg_server.run_sql(pg_database, "CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    pg_server.run_sql(pg_database, "SELECT count(*) FROM generate_series(1, 200000) AS g(a_word_of_the_text)")
    done = _run(tmp_path, "collect", SHOP_PASSWORD=PASSWORD)
    assert done.returncode == 0, done.stderr
    ((_, figures),) = _kept(tmp_path)
    assert '"statement_ms"' in figures
    assert "a_word_of_the_text" not in figures


@pytest.fixture(scope="module")
def analyze() -> Path:
    """systemd's own judge of units; extracted, nothing of it is installed."""
    with needed():
        return program("systemd", "systemd-analyze")


def _verified(analyze: Path, folder: Path, *units: Path) -> subprocess.CompletedProcess[str]:
    own = analyze.parent.parent / "usr/lib/systemd/user"
    env = {**os.environ, "XDG_RUNTIME_DIR": str(folder), "SYSTEMD_UNIT_PATH": f"{units[0].parent}:{own}"}
    return subprocess.run(
        [analyze, "verify", "--user", *map(str, units)], capture_output=True, text=True, check=False, env=env
    )


@pytest.mark.parametrize("every", ["1", "5", "60"])
def test_systemd_accepts_the_units(folder: Path, every: str, analyze: Path) -> None:
    place = folder / "a folder with 100% of $everything"
    place.mkdir()
    shutil.copy(folder / "dbmanager.toml", place)
    done = _run(place, "schedule", "shop", "--every", every, "--folder", str(folder / "units"))
    assert done.returncode == 0, done.stderr
    units = sorted((folder / "units").iterdir())
    assert [unit.name for unit in units] == ["dbmanager-collect.service", "dbmanager-collect.timer"]
    checked = _verified(analyze, folder, *units)
    assert checked.returncode == 0, checked.stderr
    assert not [line for line in checked.stderr.splitlines() if "dbmanager-collect" in line]
    spoilt = folder / "units" / "dbmanager-collect.timer"
    spoilt.write_text(spoilt.read_text().replace("OnCalendar=", "OnCalendar=never "))
    again = _verified(analyze, folder, spoilt)
    assert again.returncode != 0
    assert "Failed to parse calendar" in again.stderr


def test_the_line_of_the_crontab_does_the_collecting(folder: Path) -> None:
    done = _run(folder, "schedule", "--cron", "--every", "15")
    assert done.returncode == 0, done.stderr
    when, command = done.stdout.split(" * * * * ", 1)
    assert when == "*/15"
    ran = subprocess.run(
        ["/bin/sh", "-c", command.replace("\\%", "%")], cwd="/", check=False, env={"HOME": str(folder)}
    )
    assert ran.returncode == 0
    assert len(_kept(folder)) == 1
    assert str(PROGRAM) in shlex.split(command)


def test_variables_that_the_timer_must_set_are_named(folder: Path) -> None:
    with (folder / "dbmanager.toml").open("a") as file:
        file.write(
            '[connections.pg]\nurl = "postgresql://app@db.example.org/shop"\npassword = { env = "PG_PASSWORD" }\n'
        )
    for kind in ("--cron", "--systemd"):
        assert "PG_PASSWORD must be set" in _run(folder, "schedule", kind).stdout
