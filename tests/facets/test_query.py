"""Query: bounded, paged without gaps, stoppable, strict, silent about values."""

from __future__ import annotations

import json
import time

import anyio
import anyio.lowlevel
import pytest

from dbmanager.errors import DbManagerError, InvalidStatement, QueryTimeout, StatementFailed, StatementRefused
from dbmanager.model.queries import QueryLimits, QueryRequest
from tests.facets.contract import EngineUnderTest, as_values

pytestmark = pytest.mark.anyio


async def test_rows_are_bounded_and_pages_join_without_gap_or_repeat(engine: EngineUnderTest) -> None:
    query = engine.open().query
    sql = f"SELECT n FROM ({engine.numbers(2500)}) AS s ORDER BY n"
    seen: list[object] = []
    offset = 0
    for _ in range(4):
        page = await query.run(QueryRequest(sql, offset=offset))
        seen += [row[0] for row in page.rows]
        if page.next_offset is None:
            break
        assert page.truncated_by == "rows"
        assert page.next_offset == offset + len(page.rows)
        offset = page.next_offset
    assert seen == list(range(1, 2501))


async def test_bytes_are_bounded_and_long_cells_clipped(engine: EngineUnderTest) -> None:
    query = engine.open().query
    wide = f"SELECT n, {_repeat(engine, 5000)} AS w FROM ({engine.numbers(100)}) AS s"
    page = await query.run(QueryRequest(wide))
    assert page.truncated_by == "bytes"
    assert page.size_bytes <= 150_000
    assert len(json.dumps(page.rows)) <= 160_000
    one = await query.run(QueryRequest(f"SELECT {_repeat(engine, 500_000)} AS w"))
    assert one.clipped_cells == 1
    assert len(str(one.rows[0][0])) < 9_000
    assert one.truncated_by is None


def _repeat(engine: EngineUnderTest, count: int) -> str:
    return engine.repeat.format(count=count)


async def test_a_result_that_exactly_fills_its_bound_is_complete(engine: EngineUnderTest) -> None:
    query = engine.open().query
    limits = QueryLimits(max_rows=10)
    full = await query.run(QueryRequest(f"SELECT n FROM ({engine.numbers(10)}) AS s", limits=limits))
    assert full.truncated_by is None
    over = await query.run(QueryRequest(f"SELECT n FROM ({engine.numbers(11)}) AS s", limits=limits))
    assert over.truncated_by == "rows"
    assert len(over.rows) == 10


async def test_time_is_bounded_and_told(engine: EngineUnderTest) -> None:
    query = engine.open().query
    started = time.monotonic()
    with pytest.raises(QueryTimeout) as stopped:
        await query.run(QueryRequest(engine.slow, limits=QueryLimits(timeout_seconds=0.3)))
    assert time.monotonic() - started < 3
    assert stopped.value.hint
    assert engine.running() == 0


async def test_a_cancelled_query_is_gone_within_a_second_and_the_next_one_works(engine: EngineUnderTest) -> None:
    adapter = engine.open()
    await adapter.query.run(QueryRequest("SELECT 1"))
    with anyio.move_on_after(0.3) as scope:
        await adapter.query.run(QueryRequest(engine.slow))
    assert scope.cancelled_caught
    deadline = time.monotonic() + 1
    while engine.running():
        assert time.monotonic() < deadline
    assert (await adapter.query.run(QueryRequest("SELECT 2"))).rows == ((2,),)


async def test_ten_at_once_all_answer(engine: EngineUnderTest) -> None:
    adapter = engine.open()
    answers: dict[int, object] = {}

    async def ask(number: int) -> None:
        answers[number] = (await adapter.query.run(QueryRequest(f"SELECT {number} AS n"))).rows[0][0]

    async with anyio.create_task_group() as group:
        for number in range(10):
            group.start_soon(ask, number)
    assert answers == {number: number for number in range(10)}


async def test_values_are_bound_never_pasted(engine: EngineUnderTest) -> None:
    engine.run("CREATE TABLE words (w text)")
    adapter = engine.open()
    nasty = "'; DROP TABLE words; -- $1 ? %s \\ \" 😀"
    result = await adapter.query.run(QueryRequest(f"SELECT {engine.mark} AS v", (nasty,)))
    assert result.rows == ((nasty,),)
    assert [c.name for c in result.columns] == ["v"]
    with pytest.raises(InvalidStatement):
        await adapter.query.run(QueryRequest(f"SELECT {engine.mark} AS v", ()))
    with pytest.raises(InvalidStatement):
        await adapter.query.run(QueryRequest("SELECT 1 AS v", ("too", "many")))


async def test_every_value_of_every_type_is_json(engine: EngineUnderTest) -> None:
    engine.run(engine.kinds.ddl + ";" + as_values(engine.kinds))
    result = await engine.open().query.run(QueryRequest("SELECT * FROM kinds ORDER BY id"))
    assert len(result.rows) == 4
    json.dumps(result.rows, allow_nan=False)
    assert all(value is None for value in result.rows[3][1:])


async def test_no_rows_still_tell_their_columns_and_names_may_repeat(engine: EngineUnderTest) -> None:
    engine.run(engine.small)
    query = engine.open().query
    empty = await query.run(QueryRequest("SELECT id, code FROM parent WHERE 1 = 0"))
    assert [c.name for c in empty.columns] == ["id", "code"]
    assert empty.rows == ()
    twice = await query.run(QueryRequest("SELECT 1 AS a, 2 AS a"))
    assert [c.name for c in twice.columns] == ["a", "a"]
    assert twice.rows == ((1, 2),)


@pytest.mark.parametrize(
    "sql",
    ["INSERT INTO parent VALUES (1, 'a', 1, NULL)", "DROP TABLE parent", "SELECT 1; SELECT 2", "", "   ", "-- nothing",
     "UPDATE parent SET grp = 1", "this is no statement", "BEGIN", "COMMIT", "SELECT 1\0"],
)  # fmt: skip
async def test_what_is_no_single_read_is_refused_with_advice(engine: EngineUnderTest, sql: str) -> None:
    engine.run(engine.small)
    with pytest.raises((StatementRefused, InvalidStatement)) as refused:
        await engine.open().query.run(QueryRequest(sql))
    assert refused.value.hint or refused.value.next_actions


async def test_errors_name_the_fault_and_no_value(engine: EngineUnderTest) -> None:
    engine.run(engine.small)
    engine.fill(3, 3)
    query = engine.open().query
    with pytest.raises(InvalidStatement, match="nowhere"):
        await query.run(QueryRequest("SELECT * FROM nowhere"))
    with pytest.raises(InvalidStatement, match="nothing"):
        await query.run(QueryRequest("SELECT nothing FROM parent"))
    with pytest.raises((StatementFailed, InvalidStatement)) as failed:
        await query.run(QueryRequest(engine.failing))
    assert "secretc1" not in failed.value.sentence()
    assert failed.value.__cause__ is None


async def test_a_plan_names_tables_indexes_and_access(engine: EngineUnderTest) -> None:
    engine.run(engine.small)
    engine.fill(50, 20_000)
    if engine.analyze:
        engine.run(engine.analyze)
    query = engine.open().query
    plan = await query.explain(QueryRequest("SELECT * FROM child WHERE label = 'l7'"))
    (node,) = [node for node in plan.nodes() if node.table == "child"]
    assert (node.access, node.index) == ("index_scan", "child_label")
    full = await query.explain(QueryRequest("SELECT * FROM child WHERE amount + 1 = 3"), analyze=True)
    assert full.analyzed
    assert [node.access for node in full.nodes() if node.table == "child"] == ["full_scan"]
    with pytest.raises(DbManagerError):
        await query.explain(QueryRequest("DELETE FROM child"), analyze=True)
    assert engine.fetch("SELECT count(*) FROM child") == [("20000",)]


async def test_the_next_caller_meets_no_leftover(engine: EngineUnderTest) -> None:
    adapter = engine.open()
    for sql in ("SELECT * FROM nowhere", "SELECT 1/0 FROM nowhere", engine.slow):
        with pytest.raises(DbManagerError):
            await adapter.query.run(QueryRequest(sql, limits=QueryLimits(timeout_seconds=0.2)))
    engine.run(engine.small)  # a lock left behind would block this
    assert (await adapter.query.run(QueryRequest("SELECT count(*) FROM parent"))).rows == ((0,),)


async def test_a_call_cancelled_at_any_moment_leaves_nothing_waiting(engine: EngineUnderTest) -> None:
    query = engine.open().query
    with anyio.fail_after(30):
        for turn in range(120):
            async with anyio.create_task_group() as group:
                for _ in range(4):
                    group.start_soon(query.fetch, "SELECT 1")
                for _ in range(turn % 6):
                    await anyio.lowlevel.checkpoint()
                group.cancel_scope.cancel()
        assert await query.fetch("SELECT 1") == [(1,)]
