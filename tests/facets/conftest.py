"""One fixture: the engine under test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.facets.contract import ENGINES, EngineUnderTest, Postgres, Sqlite


@pytest.fixture(params=ENGINES)
async def engine(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[EngineUnderTest]:
    """Each engine in turn, on a fresh database."""
    if request.param == "sqlite":
        async with Sqlite(tmp_path).closing() as sqlite:
            yield sqlite
        return
    postgres = Postgres(request.getfixturevalue("pg_server"))
    try:
        async with postgres.closing():
            yield postgres
    finally:
        for other in postgres.others:
            for adapter in other.adapters:
                await adapter.close()
        postgres.drop()
