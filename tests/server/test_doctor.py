"""`dbmanager doctor` with accounts that may see little: it tells what it could not see, and never fails whole."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import MakeFile
from tests.engines.mysql_family import MySqlServer
from tests.engines.postgresql import PostgresServer

SECRET = "limited-Secret-4711"
TABLES = "CREATE TABLE mine (id int PRIMARY KEY); CREATE TABLE closed (id int PRIMARY KEY);"


@dataclass(frozen=True, slots=True)
class Limited:
    """A folder whose configuration names a database as its account `limited` sees it."""

    folder: Path
    server: PostgresServer | MySqlServer
    database: str

    def run(self, sql: str) -> None:
        """Run a statement as administrator."""
        self.server.run_sql(self.database, sql)

    def examined(self) -> tuple[str, int]:
        """Return what the doctor prints, and its exit code."""
        done = subprocess.run(
            [sys.executable, "-m", "dbmanager_server.cli", "doctor"], cwd=self.folder, capture_output=True, text=True,
            check=False, env={"PATH": os.environ["PATH"], "HOME": str(self.folder), "SECRET": SECRET},
        )  # fmt: skip
        assert "Traceback" not in done.stderr
        assert SECRET not in done.stdout + done.stderr
        return done.stdout, done.returncode


@pytest.fixture(params=["postgresql", "mysql", "mariadb"])
def limited(request: pytest.FixtureRequest, tmp_path: Path, sqlite_file: MakeFile) -> Iterator[Limited]:
    """Make a database and an account without any right on it; beside it stands a SQLite file that anybody may read."""
    sqlite_file("CREATE TABLE t (id INTEGER PRIMARY KEY)", "after.db")
    name = "pg_server" if request.param == "postgresql" else f"{request.param}_server"
    server: PostgresServer | MySqlServer = request.getfixturevalue(name)
    database = server.create_database()
    made = "LOGIN PASSWORD" if request.param == "postgresql" else "IDENTIFIED BY"
    server.run_sql(database, f"{TABLES} CREATE USER limited {made} '{SECRET}'")
    url = server.url(database, "limited")
    (tmp_path / "dbmanager.toml").write_text(
        f'[store]\ndata_dir = "state"\n[connections.a_limited]\nurl = "{url}"\npassword = {{ env = "SECRET" }}\n'
        '[connections.b_file]\nurl = "sqlite:///after.db"\n'
    )
    yield Limited(tmp_path, server, database)
    server.drop_database(database)
    server.run_sql("postgres" if request.param == "postgresql" else "", "DROP USER limited")


def _first(told: str) -> str:
    return told.partition("a_limited:")[2].partition("b_file:")[0]


def test_an_account_of_one_table_is_told_what_it_could_not_see(limited: Limited) -> None:
    limited.run("GRANT SELECT ON mine TO limited")
    told, code = limited.examined()
    first = _first(told)
    assert code == 0
    assert "NOT usable" not in told
    assert f"database {limited.database}, role limited" in first
    assert "tables: " in first
    assert " can run\n" in first
    unseen = [line for line in first.splitlines() if "could not see what" in line]
    assert bool(unseen) is isinstance(limited.server, MySqlServer), "PostgreSQL lets every role see what the checks ask"
    assert all(line.partition(": ")[2] for line in unseen), "each with its reason"
    assert "tables: 1" in told.partition("b_file:")[2]


def test_an_account_that_may_not_enter_costs_its_own_connection_alone(limited: Limited) -> None:
    if isinstance(limited.server, PostgresServer):
        limited.run(f"REVOKE CONNECT ON DATABASE {limited.database} FROM PUBLIC")
    told, code = limited.examined()
    assert code == 1, told
    assert "NOT usable: " in _first(told)
    assert "tables: 1" in told.partition("b_file:")[2]


def test_a_catalog_that_was_closed_takes_away_its_own_lines_only(limited: Limited) -> None:
    if not isinstance(limited.server, PostgresServer):
        pytest.skip("MySQL shows each account what is its own in every view of information_schema")
    limited.run("REVOKE SELECT ON pg_catalog.pg_constraint FROM PUBLIC; GRANT SELECT ON mine TO limited")
    told, code = limited.examined()
    first = _first(told)
    assert code == 0
    assert "role limited" in first
    assert "could not see the tables: " in first
    assert "pg_constraint" in first
    assert " can run\n" in first
