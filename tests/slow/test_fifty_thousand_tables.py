"""A catalog of 50,000 tables: described within a message, by a server that stays small."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.engines.postgresql import PASSWORD, PostgresServer
from tests.slow.test_server_under_load import RawClient

pytestmark = pytest.mark.slow
TABLES = 50_000
BATCH = 2_000
ANSWER_CHARACTERS = 30_000
GROWTH_BYTES = 900_000_000


def _sqlite(folder: Path) -> None:
    raw = sqlite3.connect(folder / "many.db")
    raw.executescript(
        "BEGIN;"
        + "".join(f"CREATE TABLE part_{n:05} (id INTEGER PRIMARY KEY, label TEXT);" for n in range(TABLES))
        + "COMMIT;"
    )
    raw.close()


def _postgresql(server: PostgresServer, database: str) -> None:
    for start in range(0, TABLES, BATCH):
        server.run_sql(
            database,
            f"DO $$ BEGIN FOR n IN {start}..{start + BATCH - 1} LOOP EXECUTE format('CREATE TABLE part_%s (id integer, label text)', "
            "lpad(n::text, 5, '0')); END LOOP; END $$",
        )


@pytest.fixture
def server(pg_server: PostgresServer) -> PostgresServer:
    return pg_server


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_fifty_thousand_tables_are_described_in_bounds(
    engine: str, tmp_path: Path, request: pytest.FixtureRequest, server: PostgresServer
) -> None:
    if engine == "sqlite":
        _sqlite(tmp_path)
        url = "sqlite:///many.db"
    else:
        database = request.getfixturevalue("pg_database")
        _postgresql(server, database)
        url = server.url(database)
    secret = "" if engine == "sqlite" else 'password = { env = "PW" }\n'
    (tmp_path / "dbmanager.toml").write_text(
        f'[store]\ndata_dir = "state"\n[connections.many]\nurl = "{url}"\n{secret}'
    )
    assert PASSWORD
    client = RawClient(tmp_path)
    try:
        _look(client)
    finally:
        client.close()


def _look(client: RawClient) -> None:
    process = psutil.Process(client.process.pid)
    before = process.memory_info().rss

    def told(**arguments: object) -> str:
        client.call("describe_schema", connection="many", **arguments)
        result = client.answer()["result"]
        assert not result.get("isError"), result
        text = str(result["content"][0]["text"])
        assert len(text) < ANSWER_CHARACTERS
        return text

    told_of: Callable[..., str] = told
    first = told_of(detail="names", budget_tokens=4_000)
    assert f"{TABLES} tables and views" in first
    start = int(first.partition("start=")[2].partition(",")[0])
    assert f"part_{start:05}" in told_of(detail="names", start=start)
    assert "label" in told_of(focus=["part_49999"], detail="full")
    client.call("run_query", connection="many", sql="SELECT count(*) FROM part_00007")
    assert not client.answer()["result"].get("isError")
    assert process.memory_info().rss - before < GROWTH_BYTES
