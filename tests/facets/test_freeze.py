"""Writes are held for a moment and go on at the block's end, at the limit, and when the process dies."""

from __future__ import annotations

import time

import anyio
import pytest

from dbmanager.adapters.facets import need
from dbmanager.errors import AccessDenied, QueryTimeout
from tests.facets.contract import EngineUnderTest

pytestmark = pytest.mark.anyio
WRITE = "UPDATE parent SET note = 'written' WHERE id = 1"


async def _written_after(engine: EngineUnderTest) -> float:
    """Write beside us, and return when that was done."""
    await anyio.to_thread.run_sync(engine.run, WRITE)
    return time.monotonic()


async def test_writes_wait_for_the_end_of_the_block_while_reads_go_on(engine: EngineUnderTest) -> None:
    engine.run(engine.small + "INSERT INTO parent (id, code, grp) VALUES (1, 'a', 1);")
    adapter = engine.open()
    table = (await adapter.catalog.read_schema()).table("parent")
    ended: list[float] = []

    async def write() -> None:
        ended.append(await _written_after(engine))

    async with anyio.create_task_group() as group, need(adapter.freeze, "parent").held([table], seconds=10):
        group.start_soon(write)
        await anyio.sleep(0.5)
        assert ended == []
        assert await adapter.query.fetch("SELECT count(*) FROM parent") == [(1,)]
        released = time.monotonic()
    assert ended[0] >= released
    assert engine.fetch("SELECT note FROM parent") == [("written",)]


async def test_the_limit_ends_the_block_and_lets_writes_go_on(engine: EngineUnderTest) -> None:
    engine.run(engine.small + "INSERT INTO parent (id, code, grp) VALUES (1, 'a', 1);")
    adapter = engine.open()
    table = (await adapter.catalog.read_schema()).table("parent")
    with pytest.raises(QueryTimeout, match="were held"):
        async with need(adapter.freeze, "parent").held([table], seconds=1):
            await anyio.sleep_forever()
    await _written_after(engine)
    assert engine.fetch("SELECT note FROM parent") == [("written",)]


async def test_a_read_only_connection_holds_nothing(engine: EngineUnderTest) -> None:
    engine.run(engine.small)
    adapter = engine.open(read_only=True)
    table = (await adapter.catalog.read_schema()).table("parent")
    with pytest.raises(AccessDenied):
        async with need(adapter.freeze, "parent").held([table], seconds=1):
            pass
