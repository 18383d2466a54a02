"""Reads: documents as rows, bounds, pages, cancelling, errors."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import time
from typing import Any

import anyio
import anyio.lowlevel
import bson
import psutil
import pytest

from dbmanager.adapters.mongodb.execute import run_write
from dbmanager.errors import (
    AuthenticationFailed,
    DbManagerError,
    InvalidStatement,
    PermissionDenied,
    QueryTimeout,
    StatementFailed,
)
from dbmanager.model.queries import QueryLimits, QueryRequest, QueryResult
from tests.engines.mongodb import PASSWORD, Client
from tests.mongodb.conftest import Open

pytestmark = pytest.mark.anyio
SLOW: dict[str, Any] = {
    "aggregate": "k",
    "pipeline": [
        {"$lookup": {"from": "k", "let": {"a": "$n"}, "pipeline": [{"$match": {"$expr": {"$gt": ["$n", "$$a"]}}}],
                     "as": "x"}},
        {"$group": {"_id": None, "c": {"$sum": {"$size": "$x"}}}},
    ],
}  # fmt: skip


def request(command: dict[str, Any], offset: int = 0, **limits: Any) -> QueryRequest:
    return QueryRequest(json.dumps(command), limits=QueryLimits(**limits), offset=offset)


def as_dicts(result: QueryResult) -> list[dict[str, Any]]:
    names = [column.name for column in result.columns]
    return [dict(zip(names, row, strict=True)) for row in result.rows]


def running(mongo: Client, database: str) -> list[Any]:
    found = mongo.admin.command("currentOp")["inprog"]
    return [op for op in found if op.get("active") and str(op.get("ns", "")).startswith(database + ".")]


async def until(mongo: Client, database: str, *, runs: bool) -> None:
    with anyio.fail_after(10):
        while bool(running(mongo, database)) is not runs:
            await anyio.lowlevel.checkpoint()


async def test_documents_are_rows_over_the_fields_met(mongo: Client, database: str, open_mongo: Open) -> None:
    mongo[database].k.insert_many([{"b": 1, "_id": 1}, {"_id": 2, "c": {"d": [1, {"e": 2}]}}, {"_id": 3, "b": None}])
    found = await open_mongo().query.run(request({"find": "k", "sort": {"_id": 1}}))
    assert [column.name for column in found.columns] == ["_id", "b", "c"]
    assert found.rows == ((1, 1, None), (2, None, {"d": [1, {"e": 2}]}), (3, None, None))
    assert found.columns[2].paths == ("d", "d.e")
    assert found.truncated_by is None


async def test_no_value_is_lost(mongo: Client, database: str, open_mongo: Open) -> None:
    moment = dt.datetime(2024, 2, 29, 10, 11, 12, 345000, dt.UTC)
    values: dict[str, Any] = {
        "oid": bson.ObjectId("65e000000000000000000001"), "dec": bson.Decimal128("12.30"), "when": moment,
        "far": bson.DatetimeMS(2**60), "bin": b"\x00\xff", "long": bson.Int64(2**63 - 1), "small": 7, "f": 1.5,
        "nan": float("nan"), "ts": bson.Timestamp(5, 6), "re": bson.Regex("^a", "i"), "min": bson.MinKey(),
        "uuid": bson.Binary(b"\x01" * 16, 4), "text": "ü \U0001f600", "none": None, "yes": True,
    }  # fmt: skip
    mongo[database].k.insert_one({"_id": 1, **values})
    row = as_dicts(await open_mongo().query.run(request({"find": "k"})))[0]
    assert row == {
        "_id": 1, "oid": "65e000000000000000000001", "dec": "12.30", "when": "2024-02-29 10:11:12.345000+00:00",
        "far": {"$date": 2**60}, "bin": "\\x00ff", "long": 2**63 - 1, "small": 7, "f": 1.5, "nan": "nan",
        "ts": {"$timestamp": {"t": 5, "i": 6}}, "re": {"$regularExpression": {"pattern": "^a", "options": "i"}},
        "min": {"$minKey": 1}, "uuid": "01010101-0101-0101-0101-010101010101", "text": "ü \U0001f600", "none": None,
        "yes": True,
    }  # fmt: skip


async def test_counts_and_distinct_values_are_one_column(mongo: Client, database: str, open_mongo: Open) -> None:
    mongo[database].k.insert_many([{"_id": n, "t": [n % 3, "x"], "o": {"p": n % 2}} for n in range(10)] + [{"t": None}])
    query = open_mongo().query
    counted = await query.run(request({"count": "k", "query": {"_id": {"$lt": 4}}}))
    assert (counted.columns[0].name, counted.rows) == ("count", ((4,),))
    flat = await query.run(request({"distinct": "k", "key": "t"}))
    assert (flat.columns[0].name, sorted(map(repr, flat.rows))) == ("t", ["('x',)", "(0,)", "(1,)", "(2,)", "(None,)"])
    deep = await query.run(request({"distinct": "k", "key": "o.p", "query": {"_id": {"$lte": 9}}}))
    assert (deep.columns[0].name, sorted(deep.rows)) == ("o.p", [(0,), (1,)])


@pytest.mark.parametrize(
    "command",
    [
        {"find": "k", "sort": {"_id": 1}},
        {"find": "k", "sort": {"_id": 1}, "limit": 250},
        {"aggregate": "k", "pipeline": [{"$sort": {"_id": 1}}]},
        {"distinct": "k", "key": "_id"},
        {"distinct": "k", "key": "o.n"},
    ],
)
async def test_pages_follow_one_another(
    command: dict[str, Any], mongo: Client, database: str, open_mongo: Open
) -> None:
    mongo[database].k.insert_many([{"_id": n, "o": {"n": n}} for n in range(1_000)])
    query, offset, found = open_mongo().query, 0, []
    while True:
        page = await query.run(request(command, offset, max_rows=110))
        found += [row[0] for row in page.rows]
        if page.next_offset is None:
            break
        assert page.truncated_by == "rows"
        offset = page.next_offset
    assert found == list(range(command.get("limit", 1_000)))


async def test_what_need_not_be_sent_changes_no_answer(mongo: Client, database: str, open_mongo: Open) -> None:
    mongo[database].k.insert_many([{"_id": n} for n in range(300)])
    query = open_mongo(access="read_only").query
    plain: dict[str, Any] = {"find": "k", "sort": {"_id": -1}}
    asked = {**plain, "comment": "a look", "singleBatch": True, "allowDiskUse": True}
    for command in (plain, asked):
        assert [row[0] for row in (await query.run(request(command))).rows] == list(range(299, -1, -1))
    assert (await query.explain(request(asked))).roots


async def test_a_million_documents_stay_bounded(mongo: Client, database: str, open_mongo: Open) -> None:
    mongo[database].k.insert_many([{"_id": n} for n in range(1_000)])
    wide = {"$project": {"n": {"$range": [0, 1_000]}}}
    million = {
        "aggregate": "k",
        "pipeline": [
            wide,
            {"$unwind": "$n"},
            {"$project": {"_id": 0, "n": 1, "t": {"$concat": ["some text of a row"]}}},
        ],
    }
    query = open_mongo().query
    await query.run(request({"find": "k", "limit": 1}))
    before = psutil.Process().memory_info().rss
    page = await query.run(request(million, max_rows=100_000, max_bytes=150_000))
    assert psutil.Process().memory_info().rss - before < 50_000_000
    assert page.truncated_by == "bytes"
    assert len(json.dumps(page.rows)) < 200_000


async def test_documents_of_ever_new_fields_stay_bounded(mongo: Client, database: str, open_mongo: Open) -> None:
    mongo[database].k.insert_many([{"_id": n, f"field {n}": n} for n in range(3_000)])
    page = await open_mongo().query.run(request({"find": "k"}, max_rows=3_000, max_bytes=100_000))
    assert page.truncated_by == "bytes"
    assert len(json.dumps([c.name for c in page.columns])) + len(json.dumps(page.rows)) < 130_000


async def test_a_left_cursor_is_closed(mongo: Client, database: str, open_mongo: Open) -> None:
    mongo[database].k.insert_many([{"_id": n, "t": "x" * 200} for n in range(5_000)])
    query = open_mongo().query
    for _ in range(20):
        page = await query.run(request({"find": "k", "sort": {"t": 1}}, max_rows=5_000, max_bytes=50_000))
        assert page.truncated_by == "bytes"
    assert running(mongo, database) == []


@pytest.fixture
def slow(mongo: Client, database: str) -> str:
    mongo[database].k.insert_many([{"_id": n, "n": n} for n in range(5_000)])
    return database


async def test_the_time_limit_is_the_servers(mongo: Client, slow: str, open_mongo: Open) -> None:
    started = time.monotonic()
    with pytest.raises(QueryTimeout):
        await open_mongo().query.run(request(SLOW, timeout_seconds=0.5))
    assert time.monotonic() - started < 2
    await until(mongo, slow, runs=False)


async def test_a_cancelled_read_is_gone_within_a_second(mongo: Client, slow: str, open_mongo: Open) -> None:
    query = open_mongo().query
    other = asyncio.create_task(query.run(request(SLOW, timeout_seconds=5)))
    task = asyncio.create_task(query.run(request({**SLOW, "aggregate": "k"})))
    with anyio.fail_after(10):
        while len(running(mongo, slow)) < 2:
            await anyio.lowlevel.checkpoint()
    task.cancel()
    started = time.monotonic()
    with pytest.raises(asyncio.CancelledError):
        await task
    with anyio.fail_after(1):
        while len(running(mongo, slow)) > 1:
            await anyio.lowlevel.checkpoint()
    print(f"cancelled and gone after {time.monotonic() - started:.3f} s")
    assert not other.done()
    other.cancel()
    with pytest.raises(asyncio.CancelledError):
        await other
    assert (await query.run(request({"count": "k"}))).rows == ((5_000,),)


async def test_closing_the_adapter_stops_what_runs(mongo: Client, slow: str, open_mongo: Open) -> None:
    adapter = open_mongo()
    task = asyncio.create_task(adapter.query.run(request(SLOW)))
    await until(mongo, slow, runs=True)
    task.cancel()
    await adapter.close()
    with anyio.fail_after(1):
        while running(mongo, slow):
            await anyio.lowlevel.checkpoint()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_no_error_repeats_a_value(mongo: Client, database: str, open_mongo: Open) -> None:
    mongo[database].k.insert_one({"_id": 1, "email": "quiet.person@example.org"})
    for value in ({"$toInt": "$email"}, {"$divide": ["$email", 1]}, {"$dateFromString": {"dateString": "$email"}}):
        with pytest.raises(DbManagerError) as failed:
            await open_mongo().query.run(request({"aggregate": "k", "pipeline": [{"$project": {"x": value}}]}))
        assert isinstance(failed.value, StatementFailed | InvalidStatement)
        assert "quiet" not in failed.value.sentence()


async def test_a_wrong_password_is_told_without_repeating_it(open_mongo: Open) -> None:
    with pytest.raises(AuthenticationFailed) as failed:
        await open_mongo(password="secret-4711").query.run(request({"count": "k"}))
    assert "4711" not in failed.value.sentence()


async def test_placeholders_are_refused(open_mongo: Open) -> None:
    with pytest.raises(InvalidStatement):
        await open_mongo().query.run(QueryRequest('{"count": "k"}', (1,)))


async def test_a_reader_cannot_look_at_what_it_may_not(mongo: Client, database: str, open_mongo: Open) -> None:
    mongo[database].k.insert_one({"_id": 1})
    mongo.admin.command("createUser", "reading", pwd=PASSWORD, roles=[{"role": "readAnyDatabase", "db": "admin"}])
    try:
        reader = open_mongo(user="reading")
        assert (await reader.query.run(request({"find": "k"}))).rows == ((1,),)
        with pytest.raises(PermissionDenied):
            await run_write(reader.query._sessions, {"insert": "k", "documents": [{"_id": 2}]}, 5)
    finally:
        mongo.admin.command("dropUser", "reading")


async def test_plans_name_the_index(mongo: Client, database: str, open_mongo: Open) -> None:
    mongo[database].k.insert_many([{"_id": n, "n": n} for n in range(2_000)])
    query = open_mongo().query
    command = {"find": "k", "filter": {"n": 5}}
    before = await query.explain(request(command), analyze=True)
    assert "full_scan" in {node.access for node in before.nodes()}
    mongo[database].k.create_index("n")
    after = await query.explain(request(command), analyze=True)
    assert [node.index for node in after.nodes() if node.access == "index_scan"] == ["n_1"]
    assert after.cost is not None
    assert before.cost is not None
    assert after.cost < before.cost
