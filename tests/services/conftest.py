"""Services over one SQLite database, as a server would hold them."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from dbmanager.model.changes import ChangePlan, ChangeSet, ChangeStep
from dbmanager.model.configuration import Configuration
from dbmanager.services.configuration import LoadedConfiguration
from dbmanager.services.container import Services
from dbmanager.services.proposing import plan_statements

SCHEMA = """
CREATE TABLE accounts (id INTEGER PRIMARY KEY, owner TEXT NOT NULL, balance INTEGER NOT NULL);
CREATE TABLE big (id INTEGER PRIMARY KEY, n INTEGER);
INSERT INTO accounts SELECT value, 'plain-secret-owner-' || value, value * 10
  FROM (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 200) SELECT value FROM n);
"""


def make_services(folder: Path, **settings: Any) -> Services:
    """Return services over `<folder>/data.db`; settings go to the connection `db`."""
    connection = {"url": "sqlite:///data.db", "access": "read_write", **settings}
    configuration = Configuration.model_validate({"connections": {"db": connection}, "store": {"data_dir": "state"}})
    return Services(LoadedConfiguration(configuration, (), folder))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    raw = sqlite3.connect(tmp_path / "data.db")
    raw.executescript(SCHEMA)
    raw.close()
    return tmp_path


@pytest.fixture
async def open_services(folder: Path) -> AsyncIterator[Callable[..., Services]]:
    opened: list[Services] = []

    def open_(**settings: Any) -> Services:
        opened.append(make_services(folder, **settings))
        return opened[-1]

    yield open_
    for services in opened:
        await services.close()


Propose = Callable[..., Awaitable[ChangeSet]]


async def propose(services: Services, *statements: str | tuple[str, str]) -> ChangeSet:
    """Propose a change of these statements, or `(statement, inverse)` pairs."""
    triples = [(s, None, None) if isinstance(s, str) else (s[0], s[1], None) for s in statements]
    adapter = await services.connections.adapter("db")
    plan = await plan_statements(adapter, "db", title="a change", reason="a test", steps=triples)
    return await services.changes.propose(plan)


async def approve(services: Services, change: ChangeSet) -> None:
    """Approve as a person in a terminal would."""
    mode = services.connections.settings("db").approval_mode
    await services.approvals.approve(change, approver="tester", method="terminal", mode=mode)


def query(folder: Path, sql: str) -> list[Any]:
    """Look at the database directly."""
    raw = sqlite3.connect(folder / "data.db")
    try:
        return raw.execute(sql).fetchall()
    finally:
        raw.close()


__all__ = ["ChangePlan", "ChangeStep", "approve", "make_services", "propose", "query"]
