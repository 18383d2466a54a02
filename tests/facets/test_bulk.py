"""Bulk: every type, every row exactly once, a redone chunk changes nothing."""

from __future__ import annotations

import pytest

from dbmanager.model.queries import Row
from dbmanager.model.schema import Table
from dbmanager.services.checksums import RowDigest, table_digest
from tests.facets.contract import EngineUnderTest, as_values

pytestmark = pytest.mark.anyio


async def _chunks(engine: EngineUnderTest, table: Table, key: list[str], rows: int) -> list[Row]:
    bulk = engine.open().bulk
    columns = [c.name for c in table.columns]
    seen: list[Row] = []
    after: Row | None = None
    while (chunk := await bulk.read_chunk(table, columns, key, after, rows)).rows:
        assert len(chunk.rows) <= rows
        seen += chunk.rows
        after = chunk.last_key
    return seen


async def test_rows_of_every_type_arrive_to_the_bit(engine: EngineUnderTest) -> None:
    engine.run(engine.kinds.ddl + ";" + as_values(engine.kinds))
    other = engine.another()
    other.run(engine.kinds.ddl)
    source, target = engine.open(), other.open()
    table = (await source.catalog.read_schema()).table("kinds")
    same = (await target.catalog.read_schema()).table("kinds")
    rows = await _chunks(engine, table, ["id"], 3)
    columns = [c.name for c in table.columns]
    for _ in range(2):  # a redone chunk changes nothing
        assert await target.bulk.write_chunk(same, columns, ["id"], rows) == len(rows)
    exact = "SELECT " + ", ".join(engine.exact(name) for name in columns)
    assert other.fetch(exact + " FROM kinds ORDER BY id") == engine.fetch(exact + " FROM kinds ORDER BY id")
    assert await table_digest(source, table) == await table_digest(target, same)
    assert await target.bulk.count(same) == len(rows)


async def test_chunks_over_a_composite_key_give_every_row_once_in_key_order(engine: EngineUnderTest) -> None:
    engine.run(engine.small)
    engine.run(f"INSERT INTO pairs SELECT n % 13, 'ü' || n, n / 3.0 FROM ({engine.numbers(500)}) AS s")
    table = (await engine.open().catalog.read_schema()).table("pairs")
    for size in (1, 7, 500, 501):
        rows = await _chunks(engine, table, ["a", "b"], size)
        assert len({row[:2] for row in rows}) == len(rows) == 500
        assert [row[0] for row in rows] == sorted(row[0] for row in rows)  # type: ignore[type-var]


async def test_a_scan_holds_the_same_rows_as_the_chunks(engine: EngineUnderTest) -> None:
    engine.run(engine.small)
    engine.fill(20, 3_000)
    adapter = engine.open()
    table = (await adapter.catalog.read_schema()).table("child")
    columns = [c.name for c in table.columns]
    by_chunk, by_scan = (RowDigest([c.type for c in table.columns]) for _ in range(2))
    by_chunk.add(await _chunks(engine, table, ["id"], 999))
    async for batch in adapter.bulk.scan(table, columns, batch_rows=700):
        assert len(batch) <= 700
        by_scan.add(batch)
    assert by_chunk.result() == by_scan.result()
    assert by_scan.rows == 3_000


async def test_an_existing_row_is_replaced_by_key(engine: EngineUnderTest) -> None:
    engine.run(engine.small)
    adapter = engine.open()
    table = (await adapter.catalog.read_schema()).table("pairs")
    for value in (1.0, 2.5):
        await adapter.bulk.write_chunk(table, ["a", "b", "c"], ["a", "b"], [(1, "x", value), (2, "y", None)])
    assert engine.fetch("SELECT a, b, c FROM pairs WHERE a = 1") == [("1", "x", "2.5")]


async def test_a_failing_chunk_leaves_nothing_of_itself(engine: EngineUnderTest) -> None:
    from dbmanager.errors import DbManagerError

    engine.run(engine.small)
    adapter = engine.open()
    table = (await adapter.catalog.read_schema()).table("pairs")
    with pytest.raises(DbManagerError):
        await adapter.bulk.write_chunk(table, ["a", "b", "c"], ["a", "b"], [(1, "x", 1.0), (2, None, 1.0)])
    assert engine.fetch("SELECT count(*) FROM pairs") == [("0",)]
