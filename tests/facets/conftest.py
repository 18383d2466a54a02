"""One fixture: the engine under test."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.facets.contract import ENGINES, EngineUnderTest, Mysql, Postgres, Sqlite


@pytest.fixture(params=ENGINES)
async def engine(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[EngineUnderTest]:
    """Each engine in turn, on a fresh database."""
    if request.param == "sqlite":
        async with Sqlite(tmp_path).closing() as sqlite:
            yield sqlite
        return
    served: Postgres | Mysql
    monkeypatch = request.getfixturevalue("monkeypatch")
    if request.param == "postgresql":
        served = Postgres(request.getfixturevalue("pg_server"))
    else:
        server = request.getfixturevalue(f"{request.param}_server")
        monkeypatch.setenv("PATH", f"{server.programs}{os.pathsep}{os.environ['PATH']}")
        served = Mysql(server)
    try:
        async with served.closing():
            yield served
    finally:
        for other in served.others:
            for adapter in other.adapters:
                await adapter.close()
        served.drop()
