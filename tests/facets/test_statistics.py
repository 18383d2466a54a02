"""Statistics and what-if: counts that are true, samples from the whole table, trials that leave no trace."""

from __future__ import annotations

import pytest

from dbmanager.adapters.facets import Unsupported
from dbmanager.model.schema import Index, IndexKey
from tests.facets.contract import EngineUnderTest

pytestmark = pytest.mark.anyio


async def test_counts_are_exact_up_to_the_bound_and_their_query_repeats_them(engine: EngineUnderTest) -> None:
    engine.run(engine.small)
    engine.fill(10, 400)
    adapter = engine.open()
    schema = await adapter.catalog.read_schema()
    found = {item.table: item for item in await adapter.statistics.tables(exact_up_to_rows=1_000)}
    assert {name: (item.row_count, item.exact_rows) for name, item in found.items()} == {
        "parent": (10, True), "child": (400, True), "pairs": (0, True),
    }  # fmt: skip
    assert all(item.table_bytes is None or item.table_bytes >= 0 for item in found.values())
    query = adapter.statistics.count_query(schema.table("child"))
    assert (await adapter.query.fetch(query))[0][0] == 400


async def test_a_sample_is_bounded_and_reaches_the_whole_table(engine: EngineUnderTest) -> None:
    engine.run(engine.small)
    engine.fill(10, 30_000)
    if engine.analyze:
        engine.run(engine.analyze)
    adapter = engine.open()
    table = (await adapter.catalog.read_schema()).table("child")
    sample = await adapter.statistics.sample(table, rows=200)
    assert sample.columns == tuple(c.name for c in table.columns)
    assert 50 <= len(sample.rows) <= 200
    ids = [int(str(value)) for value in sample.values("id")]
    assert min(ids) < 10_000
    assert max(ids) > 20_000
    empty = (await adapter.catalog.read_schema()).table("pairs")
    assert (await adapter.statistics.sample(empty)).rows == ()


async def test_a_profile_is_exact_on_a_small_table(engine: EngineUnderTest) -> None:
    engine.run(engine.small)
    engine.fill(70, 10)
    adapter = engine.open()
    table = (await adapter.catalog.read_schema()).table("parent")
    grp, note = await adapter.statistics.profile(table, ["grp", "note"])
    assert (grp.sampled_rows, grp.null_ratio, grp.distinct, grp.exact) == (70, 0.0, 7, True)
    assert (note.null_ratio, note.distinct) == (1.0, 0)


async def test_use_of_indexes_is_counted_or_the_reason_told(engine: EngineUnderTest) -> None:
    engine.run(engine.small)
    usage = await engine.open().statistics.index_usage()
    if isinstance(usage, Unsupported):
        assert len(usage.reason) > 20
    else:
        assert {"child_label", "child_once"} <= {item.index for item in usage}


async def test_an_index_is_tried_without_touching_the_database(engine: EngineUnderTest) -> None:
    engine.run(engine.small)
    engine.fill(50, 20_000)
    if engine.name == "postgresql":
        engine.run("CREATE EXTENSION hypopg; ANALYZE")
    adapter = engine.open(read_only=True)
    schema = await adapter.catalog.read_schema()
    if isinstance(adapter.what_if, Unsupported):
        assert engine.engine == "mysql"
        assert len(adapter.what_if.reason) > 20
        return
    candidate = Index("trial", (IndexKey("amount"),))
    offered = [(schema.table("child"), candidate)]
    async with adapter.what_if.planner() as planner:
        assert not isinstance(planner, Unsupported)
        sql = "SELECT * FROM child WHERE amount = 7"
        before, after = await planner.plan(sql, []), await planner.plan(sql, offered)
        assert after.used == ("trial",)
        assert after.cost < before.cost
        assert [node.access for node in before.plan.nodes() if node.table == "child"] == ["full_scan"]
        assert (await planner.plan("SELECT * FROM child", offered)).used == ()
        assert (await planner.plan(sql, [])).cost == before.cost, "what is offered no more is gone"
        (size,) = await planner.sizes(offered)
        assert size is not None
    assert await adapter.catalog.read_schema() is schema
