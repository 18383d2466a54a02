"""The read-only gate on SQLite: every hostile statement is first seen to work, then refused, twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from dbmanager.adapters.sqlite.adapter import SqliteAdapter
from dbmanager.errors import DbManagerError, StatementRefused
from dbmanager.model.queries import QueryLimits, QueryRequest
from tests.conftest import MakeFile
from tests.sqlite.corpora import BENIGN, HOSTILE, SCHEMA

pytestmark = pytest.mark.anyio
LIMITS = QueryLimits(timeout_seconds=2.0)
Open = Callable[..., SqliteAdapter]


def _state(folder: Path, base: Path) -> tuple[str, tuple[str, ...]]:
    """The database's whole content and settings, and every file beside it."""
    raw = sqlite3.connect(base)
    try:
        dump = "\n".join(raw.iterdump())
        settings = [raw.execute(f"PRAGMA {name}").fetchone() for name in ("user_version", "application_id", "journal_mode",
                    "auto_vacuum", "page_size", "encoding", "freelist_count")]  # fmt: skip
    finally:
        raw.close()
    files = tuple(sorted(p.name for p in folder.iterdir() if not p.name.endswith(("-shm", "-wal"))))
    return dump + repr(settings), files


@pytest.mark.parametrize("case", HOSTILE, ids=lambda case: case[0])
def test_each_hostile_statement_has_its_effect_when_nothing_guards(
    case: tuple[str, str, str], sqlite_file: MakeFile, tmp_path: Path
) -> None:
    """A statement that does nothing even without a guard would prove nothing."""
    _, statement, effect = case
    path = sqlite_file(SCHEMA)
    before = _state(tmp_path, path)
    raw = sqlite3.connect(path, isolation_level=None)
    try:
        held = _run_bare(raw, statement.replace("{folder}", str(tmp_path)))
        if effect == "state":
            raw.close()
            assert _state(tmp_path, path) != before
        elif effect == "session":
            assert held
        else:
            assert held == effect
    finally:
        raw.close()


def _run_bare(raw: sqlite3.Connection, statement: str) -> str:
    """Run it as a plain client would; say what was left in the session."""
    session = ("SELECT (SELECT count(*) FROM sqlite_temp_schema), (SELECT count(*) FROM pragma_database_list)",)
    before = [raw.execute(sql).fetchall() for sql in session] + [raw.in_transaction] + _pragmas(raw)
    for part in statement.split("\\;"):
        raw.execute(part).fetchall()
    after = [raw.execute(sql).fetchall() for sql in session] + [raw.in_transaction] + _pragmas(raw)
    return "changed" if before != after else ""


def _pragmas(raw: sqlite3.Connection) -> list[object]:
    names = ("foreign_keys", "query_only", "writable_schema", "synchronous", "cache_size", "busy_timeout", "locking_mode",
             "temp_store", "recursive_triggers", "secure_delete", "case_sensitive_like", "ignore_check_constraints",
             "trusted_schema", "reverse_unordered_selects", "journal_size_limit", "automatic_index")  # fmt: skip
    return [(raw.execute(f"PRAGMA {name}").fetchone() if name != "case_sensitive_like"
             else raw.execute("SELECT 'A' LIKE 'a'").fetchone()) for name in names]  # fmt: skip


@pytest.mark.parametrize("layer", ["gate and engine", "engine alone"])
@pytest.mark.parametrize("case", HOSTILE, ids=lambda case: case[0])
async def test_no_hostile_statement_has_any_effect(
    case: tuple[str, str, str], layer: str, sqlite_file: MakeFile, open_sqlite: Open, tmp_path: Path
) -> None:
    _, statement, _ = case
    path = sqlite_file(SCHEMA)
    before = _state(tmp_path, path)
    adapter = open_sqlite(path)
    fresh = open_sqlite(path)
    for opened in (adapter, fresh):
        await opened.query.fetch("SELECT 1")
    run = adapter.query.run if layer == "gate and engine" else adapter.query._run_ungated
    for part in statement.replace("{folder}", str(tmp_path)).split("\\;"):
        with pytest.raises(DbManagerError) as refused:
            await run(QueryRequest(part, limits=LIMITS))
        if layer == "gate and engine":
            assert isinstance(refused.value, StatementRefused)
            assert refused.value.hint
    assert _left_session(adapter) == _left_session(fresh)
    await adapter.close()
    await fresh.close()
    assert _state(tmp_path, path) == before


def _left_session(adapter: SqliteAdapter) -> list[object]:
    """The settings of the handle that the statement ran on, read past its authorizer."""
    raw = adapter._sessions._idle[-1].raw
    raw.set_authorizer(None)
    return [*_pragmas(raw), raw.in_transaction, raw.execute("SELECT count(*) FROM sqlite_temp_schema").fetchone()]


@pytest.mark.parametrize("statement", BENIGN)
async def test_every_benign_statement_passes(statement: str, sqlite_file: MakeFile, open_sqlite: Open) -> None:
    adapter = open_sqlite(sqlite_file(SCHEMA))
    result = await adapter.query.run(QueryRequest(statement, limits=LIMITS))
    assert result.columns


def test_the_corpora_are_large_enough() -> None:
    assert len(HOSTILE) >= 50
    assert len(BENIGN) >= 50
    assert len({case[0] for case in HOSTILE}) == len(HOSTILE)


async def test_a_file_with_r_trees_is_read_whole_also_after_another_process_changed_its_schema(
    sqlite_file: MakeFile, open_sqlite: Open
) -> None:
    path = sqlite_file(SCHEMA)
    adapter = open_sqlite(path, read_only=True)

    async def read(table: str) -> int:
        found = await adapter.query.run(QueryRequest(f"SELECT * FROM {table}", limits=LIMITS))
        return len(found.rows)

    for table, more in (("areas", "later"), ("later", "last")):
        schema = await adapter.catalog.read_schema()
        assert {"items", table} <= {one.name for one in schema.tables}
        assert await read(table) == (2 if table == "areas" else 1)
        raw = sqlite3.connect(path)
        raw.executescript(
            f"CREATE VIRTUAL TABLE {more} USING rtree_i32(id, low, high); INSERT INTO {more} VALUES (1, 0, 1)"
        )
        raw.close()
    assert await read("last") == 1
    assert (await adapter.statistics.tables())[0].row_count is not None
    with pytest.raises(DbManagerError):
        await adapter.query._run_ungated(QueryRequest("DELETE FROM last_node", limits=LIMITS))
