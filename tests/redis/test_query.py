"""Reads: shapes, bounds, pages, time limits, cancellation, several at once, what a restricted user is told."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

import anyio
import pytest

from dbmanager.adapters.redis.adapter import RedisAdapter
from dbmanager.errors import (
    AccessDenied,
    AuthenticationFailed,
    ConnectionFailed,
    InvalidStatement,
    PermissionDenied,
    QueryTimeout,
    ResourceExhausted,
    UnsupportedCapability,
)
from dbmanager.model.commands import to_bytes, to_text
from dbmanager.model.queries import QueryLimits, QueryRequest, QueryResult
from tests.engines.redis import RedisServer
from tests.redis.conftest import OpenRedis

pytestmark = pytest.mark.anyio


async def _run(adapter: RedisAdapter, *command: str, offset: int = 0, **limits: float) -> QueryResult:
    return await adapter.query.run(QueryRequest(json.dumps(command), (), QueryLimits(**limits), offset))  # type: ignore[arg-type]


async def _fill(adapter: RedisAdapter, *commands: Sequence[str | bytes | int]) -> None:
    async with adapter.sessions.writing(timeout_seconds=60) as wire:
        for reply in await wire.many(commands):
            assert not isinstance(reply, Exception), reply


SHAPES = (
    (("GET", "s"), ("value",), (("v",),)),
    (("GET", "none"), ("value",), ((None,),)),
    (("GET", "bin"), ("value",), (("\\x00ff",),)),
    (("GET", "fake"), ("value",), (("\\x" + b"\\x41".hex(),),)),
    (("HGETALL", "h"), ("field", "value"), (("a", "1"), ("b", "2"))),
    (("HMGET", "h", "a", "zz"), ("field", "value"), (("a", "1"), ("zz", None))),
    (("MGET", "s", "none"), ("key", "value"), (("s", "v"), ("none", None))),
    (("LRANGE", "l", "0", "-1"), ("value",), (("x",), ("y",), ("z",))),
    (("ZRANGE", "z", "0", "-1", "WITHSCORES"), ("member", "score"), (("m", 1.5), ("n", "inf"))),
    (("ZRANGE", "z", "0", "-1"), ("member",), (("m",), ("n",))),
    (("XRANGE", "x", "-", "+"), ("id", "value"), (("1-1", '{"f":"v","g":"w"}'),)),
    (("SCAN", "0", "MATCH", "nope*"), ("cursor", "key"), (("0", None),)),
    (("HSCAN", "h", "0"), ("cursor", "field", "value"), (("0", "a", "1"), ("0", "b", "2"))),
    (("ZSCAN", "z", "0", "MATCH", "m"), ("cursor", "member", "score"), (("0", "m", 1.5),)),
    (("LLEN", "l"), ("value",), ((3,),)),
    (("TYPE", "h"), ("value",), (("hash",),)),
    (("CONFIG", "GET", "databases"), ("field", "value"), (("databases", "16"),)),
    (("BITFIELD_RO", "big", "GET", "i64", "0"), ("value",), ((9007199254740993,),)),
    (("GEOPOS", "geo", "p"), ("value",), (('["13.36138933897018433","38.11555639549629859"]',),)),
)


@pytest.mark.parametrize(("command", "columns", "rows"), SHAPES, ids=[" ".join(s[0]) for s in SHAPES])
async def test_each_reply_has_its_shape(
    command: tuple[str, ...], columns: tuple[str, ...], rows: tuple[object, ...], open_redis: OpenRedis, database: int
) -> None:
    adapter = open_redis(database)
    await _fill(
        adapter, ("SET", "s", "v"), ("SET", "bin", b"\x00\xff"), ("SET", "fake", "\\x41"), ("HSET", "h", "a", "1", "b", "2"),
        ("RPUSH", "l", "x", "y", "z"), ("ZADD", "z", "1.5", "m", "inf", "n"), ("XADD", "x", "1-1", "f", "v", "g", "w"),
        ("SET", "big", (9007199254740993).to_bytes(8)), ("GEOADD", "geo", "13.361389", "38.115556", "p"),
    )  # fmt: skip
    result = await _run(adapter, *command)
    assert tuple(column.name for column in result.columns) == columns
    assert result.rows == rows
    assert result.truncated_by is None


@pytest.mark.parametrize("value", [b"", b"plain", "ü😀".encode(), b"\x00", b"\xff\xfe", b"\\x41", b"\\x", b"\\xzz"])
def test_bytes_survive_as_text(value: bytes) -> None:
    assert to_bytes(to_text(value)) == value


PAGED = (
    ("LRANGE", "l", "0", "-1"), ("LRANGE", "l", "-2500", "-1"), ("ZRANGE", "z", "0", "-1"), ("ZREVRANGE", "z", "0", "-1", "WITHSCORES"),
    ("ZRANGEBYSCORE", "z", "-inf", "+inf"), ("ZRANGE", "z", "-", "+", "BYLEX"), ("XRANGE", "x", "-", "+"), ("SMEMBERS", "set"), ("HGETALL", "h"),
    ("ZRANGEBYSCORE", "z", "-inf", "+inf", "LIMIT", "500", "2000"), ("XREVRANGE", "x", "+", "-", "COUNT", "2400"),
)  # fmt: skip


@pytest.mark.parametrize("command", PAGED, ids=[" ".join(c) for c in PAGED])
async def test_pages_follow_each_other_without_gap_or_repeat(
    command: tuple[str, ...], open_redis: OpenRedis, database: int
) -> None:
    adapter = open_redis(database)
    names = [f"m{n:05}" for n in range(2500)]
    await _fill(
        adapter, ("RPUSH", "l", *names), ("ZADD", "z", *(part for n in names for part in ("1", n))), ("SADD", "set", *names),
        ("HSET", "h", *(part for n in names for part in (n, n))), *(("XADD", "x", f"{n + 1}-1", "f", "v") for n in range(2500)),
    )  # fmt: skip
    whole = await adapter.query.fetch(json.dumps(command))
    found: list[tuple[object, ...]] = []
    offset: int | None = 0
    while offset is not None:
        page = await _run(adapter, *command, offset=offset, max_rows=700)
        assert len(page.rows) <= 700
        found += page.rows
        offset = page.next_offset
    assert found == whole
    assert len(whole) >= 2000


async def test_what_is_too_large_to_read_at_once_is_refused_with_the_way_to_read_it(
    open_redis: OpenRedis, database: int
) -> None:
    adapter = open_redis(database)
    await _fill(adapter, *(("SADD", "set", *range(start, start + 5_000)) for start in range(0, 120_000, 5_000)),
                ("SETRANGE", "huge", 70_000_000, "x"), ("SADD", "small", "1"))  # fmt: skip
    for command in (
        ("SMEMBERS", "set"),
        ("SUNION", "small", "set"),
        ("SORT_RO", "set"),
        ("GET", "huge"),
        ("DUMP", "huge"),
        ("MGET", "huge"),
    ):
        with pytest.raises(ResourceExhausted) as refused:
            await _run(adapter, *command)
        assert "Read it in parts" in (refused.value.hint or "")
    assert (await _run(adapter, "GETRANGE", "huge", "0", "9")).rows[0][0] == "\x00" * 10
    assert len((await _run(adapter, "SSCAN", "set", "0", "COUNT", "100")).rows) >= 100


async def test_rows_bytes_and_cells_are_bounded_and_told(open_redis: OpenRedis, database: int) -> None:
    adapter = open_redis(database)
    await _fill(adapter, ("RPUSH", "l", *("x" * 1000 for _ in range(500))), ("SET", "long", "y" * 20_000))
    page = await _run(adapter, "LRANGE", "l", "0", "-1", max_rows=10)
    assert (page.truncated_by, page.next_offset, len(page.rows)) == ("rows", 10, 10)
    page = await _run(adapter, "LRANGE", "l", "0", "-1", max_bytes=20_000)
    assert page.truncated_by == "bytes"
    assert page.size_bytes <= 20_000
    page = await _run(adapter, "GET", "long")
    assert page.clipped_cells == 1
    assert "20000 characters" in str(page.rows[0][0])


async def test_parameters_and_plans_are_refused_in_a_sentence(open_redis: OpenRedis, database: int) -> None:
    adapter = open_redis(database)
    with pytest.raises(InvalidStatement):
        await adapter.query.run(QueryRequest('["GET", "s"]', ("x",)))
    with pytest.raises(UnsupportedCapability, match="no query planner"):
        await adapter.query.explain(QueryRequest('["GET", "s"]'))


async def _busy(server: RedisServer, seconds: float) -> None:
    """Keep the server busy with somebody else's script, so that nobody is answered."""
    script = "local e = redis.call('TIME') local s = e[1] + e[2] / 1e6 repeat local n = redis.call('TIME') until n[1] + n[2] / 1e6 > s + ARGV[1]"
    await anyio.to_thread.run_sync(lambda: server.run("EVAL", script, "0", str(seconds)))


@pytest.mark.parametrize("how", ["cancel", "limit"])
async def test_a_command_that_waits_is_given_up_and_its_connection_is_gone_a_second_later(
    how: str, open_redis: OpenRedis, redis_server: RedisServer, database: int
) -> None:
    """A busy server executes what it has been sent once it can; our connection is closed and killed at once."""
    adapter = open_redis(database)
    await _run(adapter, "PING")
    async with anyio.create_task_group() as group:
        group.start_soon(_busy, redis_server, 3.0)
        with anyio.fail_after(5):
            while (started := time.monotonic()) and await _answers(adapter):
                pass
        if how == "cancel":
            with anyio.move_on_after(0.1) as scope:
                await _run(adapter, "GET", "s")
            assert scope.cancelled_caught
        else:
            with pytest.raises(QueryTimeout):
                await _run(adapter, "GET", "s", timeout_seconds=0.1)
        assert time.monotonic() - started < 1.5
    deadline = time.monotonic() + 1
    while any(
        "cmd=eval_ro" in line for line in redis_server.run("CLIENT", "LIST").splitlines() if f"db={database} " in line
    ):
        assert time.monotonic() < deadline
    assert (await _run(adapter, "PING")).rows == (("PONG",),)


async def _answers(adapter: RedisAdapter) -> bool:
    try:
        await _run(adapter, "PING", timeout_seconds=0.1)
    except QueryTimeout:
        return False
    return True


async def test_twenty_at_once_take_no_more_than_four_connections_with_our_name(
    open_redis: OpenRedis, redis_server: RedisServer, database: int
) -> None:
    adapter = open_redis(database)
    await _fill(adapter, *(("SET", f"n:{n}", n) for n in range(20)))
    answers: dict[int, object] = {}
    most = 0

    async def ask(number: int) -> None:
        nonlocal most
        answers[number] = (await _run(adapter, "GET", f"n:{number}")).rows[0][0]
        most = max(most, len(adapter.sessions._busy) + len(adapter.sessions._idle))

    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(ask, number)
    assert answers == {number: str(number) for number in range(20)}
    assert most <= 4
    ours = [line for line in redis_server.run("CLIENT", "LIST").splitlines() if f"db={database} " in line]
    assert 1 <= len(ours) <= 4
    assert all("name=dbmanager " in line for line in ours)


async def test_a_call_cancelled_at_any_moment_leaves_nothing_waiting(open_redis: OpenRedis, database: int) -> None:
    query = open_redis(database).query
    with anyio.fail_after(60):
        for turn in range(60):
            async with anyio.create_task_group() as group:
                for _ in range(4):
                    group.start_soon(query.fetch, '["PING"]')
                for _ in range(turn % 12):
                    await anyio.lowlevel.checkpoint()
                group.cancel_scope.cancel()
        assert await query.fetch('["PING"]') == [("PONG",)]


async def test_a_server_that_is_not_there_and_a_wrong_password_are_told_apart(
    open_redis: OpenRedis, redis_server: RedisServer, database: int
) -> None:
    with pytest.raises(AuthenticationFailed) as wrong:
        await _run(open_redis(database, password="not this one"), "PING")
    assert "not this one" not in wrong.value.sentence()
    lost = open_redis(database)
    lost.sessions.url = lost.sessions.url.model_copy(update={"port": 1})
    with pytest.raises(ConnectionFailed, match="nothing answers"):
        await _run(lost, "PING")


async def test_a_restricted_user_is_told_what_it_lacks(
    open_redis: OpenRedis, redis_server: RedisServer, database: int
) -> None:
    """As on managed services: no CONFIG, no ACL, no scripts; keys of one prefix."""
    redis_server.run(
        "ACL",
        "SETUSER",
        "reader",
        "on",
        ">reader-secret",
        "~shop:*",
        "+@read",
        "+@connection",
        "-@dangerous",
        "-@admin",
    )
    try:
        await _fill(open_redis(database), ("SET", "shop:1", "v"), ("SET", "else:1", "v"))
        adapter = open_redis(database, user="reader", password="reader-secret")
        assert (await _run(adapter, "GET", "shop:1")).rows == (("v",),)
        with pytest.raises(PermissionDenied):
            await _run(adapter, "GET", "else:1")
        with pytest.raises(PermissionDenied):
            await _run(adapter, "CONFIG", "GET", "maxmemory")
        info = await adapter.catalog.server_info()
        assert (info.role, info.is_superuser) == ("reader", False)
        assert any("read-only script" in warning for warning in info.warnings)
        assert any("may not look at its own ACL" in warning for warning in info.warnings)
        assert {t.name for t in (await adapter.catalog.read_schema()).tables} >= {"shop:*"}
    finally:
        redis_server.run("ACL", "DELUSER", "reader")


async def test_a_scripting_user_gets_its_own_denials_from_inside_the_script(
    open_redis: OpenRedis, redis_server: RedisServer, database: int
) -> None:
    redis_server.run("ACL", "SETUSER", "scripter", "on", ">scripter-secret", "~shop:*", "+@all")
    try:
        adapter = open_redis(database, user="scripter", password="scripter-secret")
        assert (await adapter.sessions.server()).confines
        with pytest.raises(PermissionDenied):
            await _run(adapter, "GET", "else:1")
    finally:
        redis_server.run("ACL", "DELUSER", "scripter")


async def test_a_read_only_connection_writes_nothing(open_redis: OpenRedis, database: int) -> None:
    from dbmanager.adapters.facets import Statement

    adapter = open_redis(database, access="read_only")
    with pytest.raises(AccessDenied):
        await adapter.execute.execute(
            [Statement('["SET", "a", "1"]')], atomic=True, lock_timeout_seconds=1, timeout_seconds=5
        )
    assert (await _run(adapter, "EXISTS", "a")).rows == ((0,),)
