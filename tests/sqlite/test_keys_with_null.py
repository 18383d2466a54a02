"""SQLite lets a declared key that is no integer be NULL, in any number of rows: none of them is lost."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from dbmanager.adapters.sqlite.adapter import SqliteAdapter
from dbmanager.errors import UnsupportedCapability
from dbmanager.services.checksums import table_digest
from tests.conftest import MakeFile
from tests.server.processes import call, client_in

pytestmark = pytest.mark.anyio
TABLES = {
    "named": "CREATE TABLE named (k TEXT PRIMARY KEY, n INTEGER)",
    "paired": "CREATE TABLE paired (k TEXT, n INTEGER, PRIMARY KEY (k, n))",
    "hiding": "CREATE TABLE hiding (k TEXT PRIMARY KEY, n INTEGER, rowid TEXT, oid TEXT)",
    "keyless": "CREATE TABLE keyless (k TEXT, rowid TEXT)",
    "packed": "CREATE TABLE packed (k TEXT, n INTEGER, PRIMARY KEY (k, n)) WITHOUT ROWID",
}
NULLS = 12


def _filled(table: str) -> str:
    """Return a table of keys with and without NULL; a packed one takes none."""
    rows = [f"('k{n:02}', {n})" for n in range(30)]
    rows += [f"(NULL, {n})" for n in range(NULLS)] if table != "packed" else []
    second = "rowid" if table == "keyless" else "n"
    return f"{TABLES[table]}; INSERT INTO {table} (k, {second}) VALUES {', '.join(rows)};"


@pytest.mark.parametrize("table", sorted(TABLES))
@pytest.mark.parametrize("size", [1, 5, 12, 13, 1_000])
async def test_a_scan_gives_every_row_once(table: str, size: int, sqlite_file: MakeFile, open_sqlite: Any) -> None:
    path = sqlite_file(_filled(table))
    adapter: SqliteAdapter = open_sqlite(path, read_only=True)
    described = (await adapter.catalog.read_schema()).table(table)
    names = [column.name for column in described.columns]
    found = [row async for batch in adapter.bulk.scan(described, names, batch_rows=size) for row in batch]
    raw = sqlite3.connect(path)
    kept = raw.execute(f"SELECT {', '.join(names)} FROM {table}").fetchall()
    raw.close()
    assert sorted(found, key=repr) == sorted(kept, key=repr)
    assert (await table_digest(adapter, described)).rows == len(kept) == (30 if table == "packed" else 30 + NULLS)


async def test_a_table_that_hides_its_row_number_is_read_by_a_whole_key_or_refused(
    sqlite_file: MakeFile, open_sqlite: Any
) -> None:
    hidden = "rowid TEXT, _rowid_ TEXT, oid TEXT"
    adapter: SqliteAdapter = open_sqlite(
        sqlite_file(
            f"CREATE TABLE whole (k TEXT PRIMARY KEY NOT NULL, {hidden}); INSERT INTO whole (k) VALUES ('a'), ('b');"
            f"CREATE TABLE loose (k TEXT PRIMARY KEY, {hidden}); INSERT INTO loose (k) VALUES (NULL), (NULL);"
        )
    )
    schema = await adapter.catalog.read_schema()
    assert (await table_digest(adapter, schema.table("whole"))).rows == 2
    with pytest.raises(UnsupportedCapability, match="hide the row number"):
        await table_digest(adapter, schema.table("loose"))


async def test_a_chunk_after_a_key_of_null_is_refused_rather_than_empty(
    sqlite_file: MakeFile, open_sqlite: Any
) -> None:
    adapter: SqliteAdapter = open_sqlite(sqlite_file(_filled("named")))
    table = (await adapter.catalog.read_schema()).table("named")
    first = await adapter.bulk.read_chunk(table, ["k", "n"], ["k"], None, 5)
    assert first.last_key == (None,)
    with pytest.raises(UnsupportedCapability, match="key is NULL"):
        await adapter.bulk.read_chunk(table, ["k", "n"], ["k"], first.last_key, 5)


async def _done(client: Client, tool: str, **arguments: Any) -> tuple[str, dict[str, Any]]:
    text, facts, failed = await call(client, tool, **arguments)
    assert not failed, text
    return text, facts


async def test_a_copy_carries_rows_whose_key_is_null(sqlite_file: MakeFile, tmp_path: Path) -> None:
    source = sqlite_file("".join(_filled(table) for table in sorted(TABLES)), "shop.db")
    raw = sqlite3.connect(source)
    raw.executemany("INSERT INTO named VALUES (?, ?)", [(None if n % 3 else f"m{n}", n) for n in range(11_000)])
    raw.commit()
    raw.close()
    copy = sqlite_file("", "copy.db")
    (tmp_path / "dbmanager.toml").write_text(
        '[store]\ndata_dir = "state"\n[connections.shop]\nurl = "sqlite:///shop.db"\n'
        '[connections.copy]\nurl = "sqlite:///copy.db"\naccess = "read_write"\n'
    )
    async with client_in(tmp_path) as client:
        text, planned = await _done(client, "plan_migration", source="shop", target="copy")
        token = text.partition("confirm_token='")[2].partition("'")[0]
        _, applied = await _done(client, "apply_change", change=planned["change"], confirm_token=token)
        assert applied["state"] == "verified"
        _, compared = await _done(client, "verify_data", source="shop", target="copy")
        assert compared["equal"] is True
    for table in TABLES:
        counts = []
        for path in (source, copy):
            raw = sqlite3.connect(path)
            counts.append(raw.execute(f"SELECT count(*), count(k) FROM {table}").fetchone())
            raw.close()
        assert counts[0] == counts[1], table
