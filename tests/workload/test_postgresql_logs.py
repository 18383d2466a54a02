"""PostgreSQL's three kinds of log, written by the real server, tell the same workload with the values that were bound."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from dbmanager.analyzers.workload.files import of_file
from dbmanager.analyzers.workload.gathering import understood
from dbmanager.analyzers.workload.postgresql_log import statements, with_values
from dbmanager.analyzers.workload.splitting import split
from tests.conftest import needed
from tests.engines import postgresql
from tests.engines.postgresql import PASSWORD, SUPERUSER, PostgresServer

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def logging_server() -> Iterator[PostgresServer]:
    """A server that logs every statement with its time, in all three kinds of log."""
    with needed(), postgresql.running(
        logging_collector="on", log_destination="csvlog,jsonlog,stderr", log_min_duration_statement="0",
        log_directory="log", log_filename="asked.log", log_line_prefix="%m [%p] %d ", log_file_mode="0644",
    ) as server:  # fmt: skip
        yield server


async def _asked(server: PostgresServer) -> tuple[Path, str]:
    """Ask with values in the text and with values bound, and return the log's folder and the database."""
    name, other = server.create_database(), server.create_database()
    server.run_sql(name, "CREATE TABLE users (id integer PRIMARY KEY, mail text)")
    server.run_sql(
        name, "SELECT id\n\tFROM users\n WHERE mail = 'It''s MiXeD'; SELECT id FROM users WHERE mail = 'other'"
    )
    server.run_sql(other, "SELECT 'not of this database'")
    raw = await asyncpg.connect(host=server.host, port=server.port, user=SUPERUSER, password=PASSWORD, database=name)
    for value in ("O'Neil", "x, $2 = 'y'", None):
        await raw.fetch("SELECT mail FROM users WHERE mail = $1 AND id > $2", value, 7)
    await raw.close()
    return Path(server.run_sql("postgres", "SELECT current_setting('data_directory') || '/log'")), name


@pytest.mark.parametrize("ending", ["csv", "json", "log"])
async def test_each_kind_of_log_tells_calls_times_and_bound_values(logging_server: PostgresServer, ending: str) -> None:
    folder, name = await _asked(logging_server)
    data = (folder / f"asked.{ending}").read_bytes()
    workload = understood(of_file(data, "postgres", database=name), "postgres")
    kinds = {"csv": "file (csvlog)", "json": "file (jsonlog)", "log": "file (stderr log)"}
    assert workload.source == kinds[ending]
    found = {s.text.split()[1]: s for s in workload.statements if "FROM users" in s.text}
    runs = 1 if ending != "log" else None  # a plain log does not tell the database, so earlier rounds count there
    assert found["id"].calls == 2 * (runs or found["id"].calls // 2)
    assert "SELECT id\n\tFROM users\n WHERE mail = 'It''s MiXeD'" in found["id"].samples
    assert set(found["mail"].samples) >= {
        "SELECT mail FROM users WHERE mail = 'O''Neil' AND id > '7'",
        "SELECT mail FROM users WHERE mail = 'x, $2 = ''y''' AND id > '7'",
        "SELECT mail FROM users WHERE mail = NULL AND id > '7'",
    }
    assert found["mail"].calls % 3 == 0
    assert all(s.total_ms is not None for s in found.values())
    if ending != "log":
        assert not any("not of this database" in s.text for s in workload.statements)


def test_a_time_that_stands_alone_belongs_to_its_sessions_statement() -> None:
    text = (
        "2026-01-01 00:00:00.000 UTC [7] LOG:  statement: SELECT 1\n2026-01-01 00:00:00.000 UTC [8] LOG:  statement: SELECT 2\n"
        "2026-01-01 00:00:00.001 UTC [7] LOG:  duration: 1.5 ms\n2026-01-01 00:00:00.001 UTC [9] LOG:  duration: 9 ms\n"
    )
    assert [(s.text, s.total_ms) for s in statements(text, "stderr log")] == [("SELECT 1", 1.5), ("SELECT 2", None)]


def test_values_that_were_not_logged_make_no_sample() -> None:
    assert with_values("SELECT $1, $2", {"1": "'a'"}) is None
    assert with_values("SELECT $1, '$1', $2", {"1": "'a$2'", "2": "NULL"}) == "SELECT 'a$2', '$1', NULL"


SCRIPT = r"""SELECT 'a;b'; -- no; end
/* ; */ SELECT $tag$ ; $$ ; $tag$, "x;y" ;;
DO $$ BEGIN PERFORM 1; END $$; SELECT E'it\'s; here'; SELECT '\'; SELECT 2"""


def test_a_script_is_split_at_the_semicolons_that_end_statements() -> None:
    parts = [(part.text, part.line) for part in split(SCRIPT, "postgres")]
    assert parts == [
        ("SELECT 'a;b'", 1), ("-- no; end\n/* ; */ SELECT $tag$ ; $$ ; $tag$, \"x;y\"", 1), ("DO $$ BEGIN PERFORM 1; END $$", 3),
        ("SELECT E'it\\'s; here'", 3), ("SELECT '\\'", 3), ("SELECT 2", 3),
    ]  # fmt: skip
    delimited = "DELIMITER //\nCREATE PROCEDURE p() BEGIN SELECT 1; SELECT 2; END//\nDELIMITER ;\nSELECT 'a\\';b'; # it;s\nSELECT `c;d`;"
    assert [part.text for part in split(delimited, "mysql")] == [
        "CREATE PROCEDURE p() BEGIN SELECT 1; SELECT 2; END", "SELECT 'a\\';b'", "# it;s\nSELECT `c;d`",
    ]  # fmt: skip
