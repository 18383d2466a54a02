"""The optimizer of sqlglot as a rewriter of TPC-H: its wrong Q21 is refuted, its right Q17 and Q20 are supported."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dbmanager.analyzers.rewriting.databases import SmallDatabase
from dbmanager.analyzers.rewriting.proposals import optimized
from dbmanager.phases.optimization.rewriting import Effort, Verdict, benched, gate_of
from dbmanager.services.container import Services
from tests.optimization import tpch
from tests.optimization.shop import opened_shop

pytestmark = pytest.mark.anyio


@pytest.fixture
async def services(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Services]:
    with opened_shop(request, "postgresql", tmp_path, f"{tpch.SCHEMA} {tpch.rows()} ANALYZE;") as shop:
        found = shop.services()
        yield found
        await found.close()


async def _judged(services: Services, query: str, *, on_data: bool = True) -> Verdict:
    adapter = await services.connections.adapter("db")
    schema = await adapter.catalog.read_schema()
    whole = next(p for p in optimized(query, adapter.dialect, schema) if p.origin == "sqlglot: optimize")
    async with benched(services.scratches, "db", await gate_of(adapter, "db", query, Effort())) as gate:
        return await gate.judge(whole.sql, on_data=on_data)


@pytest.mark.promise("P3.2")
async def test_the_wrong_rewrite_of_q21_is_refuted_by_a_small_database(services: Services) -> None:
    verdict = await _judged(services, tpch.Q21, on_data=False)
    assert verdict.decision == "refuted", verdict
    assert verdict.counter_example is not None
    assert "rows" in verdict.counter_example.difference
    database = verdict.counter_example.database
    assert isinstance(database, SmallDatabase)
    filled = {part.table.name: len(part.rows) for part in database.tables if part.rows}
    assert filled.keys() >= {"supplier", "nation", "orders", "lineitem"}
    assert sum(filled.values()) <= 12, "it was made smaller"


@pytest.mark.parametrize("query", [tpch.Q17, tpch.Q20, tpch.Q4], ids=["Q17", "Q20", "Q4"])
async def test_the_right_rewrites_are_supported_and_equal_on_the_data(services: Services, query: str) -> None:
    verdict = await _judged(services, query)
    assert verdict.decision == "supported", verdict
    assert verdict.on_data == "equal"
    assert verdict.rows
    assert verdict.cases >= 200
    assert verdict.telling >= 20, verdict
    assert verdict.cost_before is not None
    assert verdict.cost_after is not None
    if query is not tpch.Q4:
        assert verdict.cost_after < verdict.cost_before
