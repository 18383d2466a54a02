"""One shop for each engine, with a bench that all pairs of statements share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dbmanager.phases.optimization.rewriting import Gate, benched, gate_of
from tests.optimization.shop import ROWS, SQL_ENGINES, TABLES, Shop, opened_shop


@pytest.fixture(params=SQL_ENGINES)
async def shop(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Shop]:
    """Each SQL engine in turn."""
    with opened_shop(request, request.param, tmp_path, TABLES + ROWS) as found:
        yield found
        for services in found.made:
            await services.close()


@pytest.fixture
async def gate(shop: Shop) -> AsyncIterator[Gate]:
    """A gate whose bench serves for other statements, too."""
    services = shop.services()
    adapter = await services.connections.adapter("db")
    opened = await gate_of(adapter, "db", "SELECT 1 FROM orders, items, tags")
    async with benched(services.scratches, "db", opened):
        assert opened.bench is not None, opened.unbenched
        yield opened
