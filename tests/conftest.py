"""Fixtures that every test may use: the event loop, and SQLite files made of plain SQL."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from dbmanager.adapters.sqlite.adapter import SqliteAdapter

MakeFile = Callable[..., Path]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def sqlite_file(tmp_path: Path) -> MakeFile:
    """Return a maker of SQLite files: `sqlite_file("CREATE TABLE ...")`."""

    def make(script: str = "", name: str = "test.db") -> Path:
        path = tmp_path / name
        raw = sqlite3.connect(path)
        raw.executescript(script or "PRAGMA user_version = 1;")
        raw.close()
        path.chmod(0o600)
        return path

    return make


@pytest.fixture
async def open_sqlite() -> AsyncIterator[Callable[..., SqliteAdapter]]:
    """Return an opener of adapters that are closed after the test."""
    opened: list[SqliteAdapter] = []

    def open_(path: Path, *, read_only: bool = False) -> SqliteAdapter:
        opened.append(SqliteAdapter("test", path, read_only=read_only))
        return opened[-1]

    yield open_
    for adapter in opened:
        await adapter.close()
