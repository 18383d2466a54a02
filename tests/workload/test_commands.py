"""Commands of Redis and MongoDB: counts as the server gives them, values in no text that is shown."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from dbmanager.adapters.facets import Unsupported
from dbmanager.adapters.mongodb.adapter import MongoAdapter
from dbmanager.adapters.redis.adapter import RedisAdapter
from dbmanager.analyzers.workload.difference import difference
from dbmanager.analyzers.workload.files import of_file
from dbmanager.analyzers.workload.gathering import reading_of, understood
from dbmanager.errors import InvalidStatement, PermissionDenied
from dbmanager.model.workload import Workload
from tests.conftest import needed
from tests.engines import redis
from tests.mongodb.conftest import database as mongo_database
from tests.mongodb.conftest import mongo, open_mongo
from tests.redis.conftest import adapter_on

pytestmark = pytest.mark.anyio
__all__ = ["mongo", "mongo_database", "open_mongo"]


@pytest.fixture(scope="module")
def slow_redis() -> Iterator[redis.RedisServer]:
    """A Redis of our own that calls every command slow."""
    with needed(), redis.running(slowlog_log_slower_than="0", latency_monitor_threshold="1") as server:
        yield server


@pytest.fixture
async def adapter(slow_redis: redis.RedisServer) -> AsyncIterator[RedisAdapter]:
    found = adapter_on(slow_redis, 1)
    yield found
    await found.close()


async def _collected(adapter: RedisAdapter, source: str | None = None) -> Workload:
    found = await adapter.workload.collect(source)
    assert isinstance(found, Workload)
    return understood(found, "redis")


async def test_redis_tells_its_commands_and_not_ours(slow_redis: redis.RedisServer, adapter: RedisAdapter) -> None:
    before = await _collected(adapter)
    for number in range(7):
        slow_redis.run("SET", f"user:{number}", "Zebedee Quill", database=1)
    for number in range(4):
        slow_redis.run("GET", f"user:{number}", database=1)
    period = difference(before, await _collected(adapter)).period
    assert {(s.text, s.calls, s.kind) for s in period.statements} == {('["SET"]', 7, "write"), ('["GET"]', 4, "read")}


async def test_a_reset_of_the_counters_is_noticed(slow_redis: redis.RedisServer, adapter: RedisAdapter) -> None:
    for _ in range(9):
        slow_redis.run("GET", "user:1", database=1)
    before = await _collected(adapter)
    slow_redis.run("CONFIG", "RESETSTAT")
    slow_redis.run("GET", "user:1", database=1)
    changed = difference(before, await _collected(adapter))
    assert changed.was_reset
    assert [(s.text, s.calls) for s in changed.period.statements] == [('["GET"]', 1)]


async def test_the_slow_log_gives_samples_and_shows_key_patterns(
    slow_redis: redis.RedisServer, adapter: RedisAdapter
) -> None:
    slow_redis.run("SLOWLOG", "RESET")
    for number in range(3):
        slow_redis.run("HSET", f"person:{number}", "name", "Zebedee Quill", database=1)
    workload = await _collected(adapter, "slowlog")
    written = next(s for s in workload.statements if "HSET" in s.text)
    assert written.calls == 3
    assert json.loads(written.samples[0]) == ["HSET", "person:2", "name", "Zebedee Quill"]
    shown = " ".join(reading_of(s.text, "redis").shown for s in workload.statements)
    assert '["HSET", "person:*", "?"]' in shown
    assert "Zebedee" not in shown


async def test_a_redis_user_without_rights_and_a_wrong_source_are_told(
    slow_redis: redis.RedisServer, adapter: RedisAdapter
) -> None:
    slow_redis.run("ACL", "SETUSER", "blind", "on", ">blind", "~*", "+@read", "+select", "-info", "-slowlog")
    blind = adapter_on(slow_redis, 1, user="blind", password="blind")
    try:
        for source, word in (("commandstats", "+info"), ("slowlog", "ACL")):
            with pytest.raises(PermissionDenied) as denied:
                await blind.workload.collect(source)
            assert word in denied.value.sentence()
    finally:
        await blind.close()
    with pytest.raises(InvalidStatement, match="no source"):
        await adapter.workload.collect("monitor")


LOG = [
    {"t": {"$date": "2026-11-20T10:00:00Z"}, "s": "I", "c": "COMMAND", "id": 51803, "ctx": "conn1", "msg": "Slow query",
     "attr": {"type": "command", "ns": "shop.users", "appName": "web",
              "command": {"find": "users", "filter": {"mail": f"zebedee{n}@example.org"}, "limit": 1, "lsid": {"id": n}, "$db": "shop"},
              "planSummary": "COLLSCAN", "docsExamined": 5000, "nreturned": 1, "queryHash": "AB12", "durationMillis": 12 + n}}
    for n in range(3)
] + [
    {"msg": "Slow query", "attr": {"type": "update", "ns": "shop.users", "command": {"q": {"mail": "z@example.org"}, "u": {"$set": {"a": 1}}},
     "nModified": 1, "docsExamined": 5000, "durationMillis": 30}},
    {"msg": "Slow query", "attr": {"type": "command", "ns": "other.users", "command": {"find": "users"}, "durationMillis": 5}},
    {"msg": "Slow query", "attr": {"type": "command", "ns": "shop.users", "appName": "dbmanager", "command": {"find": "users"}}},
    {"msg": "Connection accepted", "attr": {"remote": "10.0.0.1"}},
]  # fmt: skip


def test_mongods_log_is_read_by_shape_for_one_database() -> None:
    data = "\n".join(json.dumps(line) for line in LOG) + '\n{"msg":"Slow query", cut'
    workload = understood(of_file(data.encode(), "mongodb", database="shop"), "mongodb")
    assert [(s.calls, s.kind, s.total_ms, s.rows, s.rows_examined) for s in workload.statements] == [
        (3, "read", 39.0, 3, 15_000), (1, "write", 30.0, 1, 5_000),
    ]  # fmt: skip
    assert len(workload.statements[0].samples) == 3
    assert not any("zebedee" in reading_of(s.text, "mongodb").shown for s in workload.statements)


async def test_a_server_without_profiler_says_what_to_give_instead(open_mongo: Callable[..., MongoAdapter]) -> None:
    told = await open_mongo().workload.collect()
    assert isinstance(told, Unsupported)
    assert "log as a file" in told.reason


@pytest.fixture
def database(mongodb_server: object) -> Iterator[str]:
    """Name the database of the MongoDB tests alike."""
    server = mongodb_server
    name = server.create_database()  # type: ignore[attr-defined]
    yield name
    server.drop_database(name)  # type: ignore[attr-defined]


def test_commands_as_lines_may_tell_their_time() -> None:
    lines = [
        '{"find": "users", "filter": {"a": 1}}',
        '{"command": {"find": "users", "filter": {"a": 2}}, "ms": 4.5}',
        "no command",
    ]
    workload = understood(of_file("\n".join(lines).encode(), "mongodb"), "mongodb")
    assert [(s.calls, s.total_ms) for s in workload.statements] == [(2, 4.5)]
    assert [why for _, why in workload.skipped] == ["no JSON document"]
    counted = understood(of_file(b'GET user:1\nget user:2\n["SET", "user:3", "x"]\n', "redis"), "redis")
    assert sorted((s.calls, s.kind) for s in counted.statements) == [(1, "write"), (2, "read")]
