"""SQLite as it is met outside: tables of as many columns as it allows, and of 1,600."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from dbmanager.adapters.sqlite.adapter import SqliteAdapter
from dbmanager.model.queries import QueryLimits, QueryRequest
from dbmanager.services.checksums import table_digest
from dbmanager.services.linting import lint_database
from tests.server.processes import call, client_in

pytestmark = pytest.mark.anyio
ROWS = 40
ANSWER_CHARACTERS = 40_000
"""What the widest answer may take: 8,000 tokens, counted generously."""


def _most() -> int:
    """Return how many columns this build of SQLite allows in a table."""
    raw = sqlite3.connect(":memory:")
    most = raw.getlimit(sqlite3.SQLITE_LIMIT_COLUMN)
    raw.close()
    return most


@pytest.fixture(params=[1_600, _most()])
def columns(request: pytest.FixtureRequest, tmp_path: Path) -> int:
    """Make a wide table and an empty one like it, and return their columns."""
    width = int(request.param)
    names = [f"c{number}" for number in range(1, width)]
    raw = sqlite3.connect(tmp_path / "wide.db")
    declared = ", ".join(f"{name} INTEGER" for name in names)
    raw.execute(f"CREATE TABLE keyless (id INTEGER, {declared})")
    for table in ("wide", "wide_copy"):
        raw.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, {declared})")
    for number in range(1, ROWS + 1):
        values = ", ".join(str(number + place) for place in range(1, width))
        raw.execute(f"INSERT INTO wide VALUES ({number}, {values})")
    raw.execute("INSERT INTO keyless SELECT * FROM wide")
    raw.commit()
    raw.close()
    (tmp_path / "wide.db").chmod(0o600)
    return width


@pytest.fixture
async def adapter(columns: int, tmp_path: Path) -> AsyncIterator[SqliteAdapter]:
    opened = SqliteAdapter("real", tmp_path / "wide.db", read_only=False)
    yield opened
    await opened.close()


async def test_a_table_of_the_most_columns_is_read_linted_and_copied(adapter: SqliteAdapter, columns: int) -> None:
    schema = await adapter.catalog.read_schema()
    table, copy = schema.table("wide"), schema.table("wide_copy")
    assert len(table.columns) == columns
    page = await adapter.query.run(QueryRequest("SELECT * FROM wide", limits=QueryLimits(max_bytes=60_000)))
    assert page.truncated_by == "bytes"
    names = [column.name for column in table.columns]
    after, copied = None, 0
    while True:
        chunk = await adapter.bulk.read_chunk(table, names, ["id"], after, 15)
        copied += await adapter.bulk.write_chunk(copy, names, ["id"], chunk.rows)
        if len(chunk.rows) < 15:
            break
        after = chunk.last_key
    assert copied == ROWS
    batches = [batch async for batch in adapter.bulk.scan(schema.table("keyless"), names, batch_rows=20)]
    assert [len(batch) for batch in batches] == [20, 20]
    assert [row[0] for batch in batches for row in batch] == list(range(1, ROWS + 1))
    digest = await table_digest(adapter, table)
    assert digest.rows == ROWS
    assert await table_digest(adapter, copy) == digest
    assert (await lint_database(adapter)).report.checked


async def test_answers_about_a_table_of_the_most_columns_are_bounded(columns: int, tmp_path: Path) -> None:
    (tmp_path / "dbmanager.toml").write_text(
        '[store]\ndata_dir = "state"\n[connections.wide]\nurl = "sqlite:///wide.db"\naccess = "read_write"\n'
        '[connections.copy]\nurl = "sqlite:///copy.db"\naccess = "read_write"\n'
    )
    sqlite3.connect(tmp_path / "copy.db").execute("PRAGMA user_version = 1").connection.close()
    async with client_in(tmp_path) as client:
        text, _ = await _told(client, "describe_schema", connection="wide", focus=["wide"], detail="full")
        assert "c1 " in text
        text, _ = await _told(client, "run_query", connection="wide", sql="SELECT * FROM wide")
        assert "c1" in text
        await _told(client, "run_query", connection="wide", sql=f"SELECT c{columns - 1} FROM wide WHERE id = 7")
        await _told(client, "check_database", connection="wide")
        await _told(client, "classify_data", connection="wide")
        text, planned = await _told(client, "plan_migration", source="wide", target="copy", tables=["wide"])
        token = (await _rest(client, text)).partition("confirm_token='")[2].partition("'")[0]
        _, applied = await _told(client, "apply_change", change=planned["change"], confirm_token=token)
        assert applied["state"] == "verified"
        _, compared = await _told(client, "verify_data", source="wide", target="copy", tables=["wide"])
        assert compared == {"equal": True, "tables": 1, "rows": ROWS}


async def _told(client: Client, tool: str, **arguments: Any) -> tuple[str, dict[str, Any]]:
    text, facts, failed = await call(client, tool, **arguments)
    assert not failed, text
    assert len(text) < ANSWER_CHARACTERS, tool
    return text, facts


async def _rest(client: Client, text: str) -> str:
    """Read on in an answer that was too long for one message: a plan is shown to its last line before its token."""
    whole, result = text, ""
    while following := re.search(r"(?:result='(\w+)', |Go on with )start=(\d+)", text):
        result, start = following[1] or result, int(following[2])
        text, _ = await _told(client, "read_result", result=result, start=start)
        whole += text
    return whole
