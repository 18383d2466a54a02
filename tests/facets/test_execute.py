"""Execute: all or nothing when asked, before-images that come back to the bit, locks that give up."""

from __future__ import annotations

import anyio
import pytest

from dbmanager.adapters.facets import CapturedRows, Statement
from dbmanager.errors import AccessDenied, DbManagerError, LockTimeout, QueryTimeout, ResourceExhausted
from tests.facets.contract import EngineUnderTest, as_values

pytestmark = pytest.mark.anyio
GOOD = Statement("INSERT INTO pairs (a, b) VALUES (1, 'x')")
BAD = Statement("INSERT INTO pairs (a, b) VALUES (1, NULL)")


async def _execute(engine: EngineUnderTest, *statements: Statement, atomic: bool, **limits: float) -> int:
    result = await engine.open().execute.execute(
        statements,
        atomic=atomic,
        lock_timeout_seconds=limits.get("lock", 1.0),
        timeout_seconds=limits.get("time", 10.0),
    )
    return result.rows_changed


async def test_atomic_means_all_or_nothing(engine: EngineUnderTest) -> None:
    engine.run(engine.small)
    with pytest.raises(DbManagerError) as failed:
        await _execute(engine, GOOD, BAD, atomic=True)
    assert "pairs" in failed.value.sentence() or "b" in failed.value.sentence()
    assert engine.fetch("SELECT count(*) FROM pairs") == [("0",)]
    with pytest.raises(DbManagerError):
        await _execute(engine, GOOD, BAD, atomic=False)
    assert engine.fetch("SELECT count(*) FROM pairs") == [("1",)]
    assert await _execute(engine, Statement("DELETE FROM pairs"), atomic=True) == 1


async def test_a_lock_is_waited_for_no_longer_than_asked(engine: EngineUnderTest) -> None:
    engine.run(engine.small)
    lock = engine.hold("pairs")
    try:
        with anyio.fail_after(5):
            with pytest.raises(LockTimeout):
                await _execute(engine, GOOD, atomic=True, lock=0.3)
    finally:
        lock.close()  # type: ignore[attr-defined]
    assert await _execute(engine, GOOD, atomic=True) == 1


async def test_time_is_bounded_and_nothing_remains(engine: EngineUnderTest) -> None:
    engine.run(engine.small)
    endless = f"INSERT INTO pairs (a, b) SELECT 1, 'x' FROM ({engine.slow}) AS s"
    with pytest.raises(QueryTimeout):
        await _execute(engine, Statement(endless), atomic=True, time=0.3)
    assert engine.fetch("SELECT count(*) FROM pairs") == [("0",)]


async def test_a_read_only_connection_writes_nothing(engine: EngineUnderTest) -> None:
    engine.run(engine.small)
    with pytest.raises(AccessDenied):
        await engine.open(read_only=True).execute.execute(
            [GOOD], atomic=True, lock_timeout_seconds=1, timeout_seconds=5
        )
    assert engine.fetch("SELECT count(*) FROM pairs") == [("0",)]


async def test_captured_rows_of_every_type_come_back_to_the_bit(engine: EngineUnderTest) -> None:
    engine.run(engine.kinds.ddl + ";" + as_values(engine.kinds, odd=True))
    adapter = engine.open()
    table = (await adapter.catalog.read_schema()).table("kinds")
    exact = "SELECT " + ", ".join(engine.exact(c.name) for c in table.columns)
    before = engine.fetch(exact + " FROM kinds ORDER BY id")
    kept: list[CapturedRows] = []

    async def keep(rows: CapturedRows) -> None:
        kept.append(rows)

    lock = "" if engine.name == "sqlite" else " FOR UPDATE"
    await adapter.execute.capture_and_execute(
        f"SELECT * FROM kinds{lock}", Statement("DELETE FROM kinds"), keep,
        max_rows=10, lock_timeout_seconds=1, timeout_seconds=5,
    )  # fmt: skip
    rows = len(kept[0][1])
    assert engine.fetch("SELECT count(*) FROM kinds") == [("0",)]
    assert await adapter.execute.count_changed(table, kept[0]) == rows >= 2
    await adapter.execute.restore_rows(table, kept[0])
    assert await adapter.execute.count_changed(table, kept[0]) == 0
    assert engine.fetch(exact + " FROM kinds ORDER BY id") == before
    engine.run(f"UPDATE kinds SET {table.columns[-1].name} = NULL")
    assert 0 < await adapter.execute.count_changed(table, kept[0]) <= rows


async def test_too_many_rows_change_nothing_and_keep_nothing(engine: EngineUnderTest) -> None:
    engine.run(engine.small)
    engine.fill(20, 0)
    kept: list[CapturedRows] = []

    async def keep(rows: CapturedRows) -> None:
        kept.append(rows)

    with pytest.raises(ResourceExhausted):
        await engine.open().execute.capture_and_execute(
            "SELECT * FROM parent", Statement("DELETE FROM parent"), keep,
            max_rows=19, lock_timeout_seconds=1, timeout_seconds=5,
        )  # fmt: skip
    assert kept == []
    assert engine.fetch("SELECT count(*) FROM parent") == [("20",)]


async def test_a_before_image_that_can_not_be_kept_stops_the_change(engine: EngineUnderTest) -> None:
    engine.run(engine.small)
    engine.fill(3, 0)

    async def keep(rows: CapturedRows) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        await engine.open().execute.capture_and_execute(
            "SELECT * FROM parent", Statement("DELETE FROM parent"), keep,
            max_rows=19, lock_timeout_seconds=1, timeout_seconds=5,
        )  # fmt: skip
    assert engine.fetch("SELECT count(*) FROM parent") == [("3",)]
