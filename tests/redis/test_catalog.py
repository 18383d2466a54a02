"""Key patterns and the model learnt from them: no person in a name, the same model whatever the order, bounded looks."""

from __future__ import annotations

import json
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dbmanager.adapters.redis import catalog as catalog_module
from dbmanager.adapters.redis.groups import learn_patterns
from dbmanager.errors import UnsupportedCapability
from dbmanager.model.keys import KeyPatterns, may_overlap
from dbmanager.model.queries import Row
from tests.engines.redis import RedisServer
from tests.redis.conftest import OpenRedis

pytestmark = pytest.mark.anyio
PATTERNS = (
    ([f"user:{n}" for n in range(9)], {"user:*"}),
    (["user:john@example.org", "user:mary@example.com"], {"user:*"}),
    (["user:john"], {"user:*"}),
    (["user:john:cart", "user:mary:cart", "user:count"], {"user:*:cart", "user:count"}),
    (["email:ada.lovelace@example.org:id"], {"email:*:id"}),
    (["session:9f86d081884c7d659a2feaa0c55ad015"], {"session:*"}),
    ([f"order:6f9619ff-8b86-d011-b42d-00cf4fc964f{n}:items" for n in range(5)], {"order:*:items"}),
    (["cart-42", "cart-43"], {"cart-*"}),
    (["shard1", "shard22"], {"shard*"}),
    (["config:main", "config:backup", "jobs"], {"config:main", "config:backup", "jobs"}),
    (["events:2026-01-02", "events:2026-01-03"], {"events:*"}),
    (["api:v1:GET:count", "api:v2:GET:count"], {"api:v1:GET:count", "api:v2:GET:count"}),
    (["name:Ada Lovelace"], {"name:*"}),
    (["chat:1:john", "chat:2:mary"], {"chat:*:*"}),
    (["john:cart", "mary:cart", "peter:cart", "paul:cart", "anna:cart"], {"*:cart"}),
    (["login/jürgen", "login/ada"], {"login/*"}),
    (["\\x00ff"], {"*"}),
    (["app.cache.user.17", "app.cache.user.18"], {"app.cache.user.*"}),
    (["+44 20 7946 0958"], {"*"}),
    (["a*b"], {"*"}),
)


@pytest.mark.parametrize(("keys", "expected"), PATTERNS, ids=[keys[0][:40] for keys, _ in PATTERNS])
def test_what_varies_is_left_open(keys: list[str], expected: set[str]) -> None:
    assert set(learn_patterns(keys)) == expected


_KEYS = st.lists(st.text(alphabet=st.sampled_from("ab1:_-./@ü*\0 Z{}|#"), min_size=0, max_size=14), max_size=25)


@given(_KEYS, st.randoms(use_true_random=False))
@settings(max_examples=300, deadline=None)
def test_every_key_fits_a_pattern_whatever_their_order(keys: list[str], dice: random.Random) -> None:
    learnt = learn_patterns(keys)
    patterns = KeyPatterns(learnt)
    assert all(patterns.find(key) in learnt for key in keys)
    dice.shuffle(keys)
    assert learn_patterns(keys) == learnt


@given(st.emails(), st.sampled_from(["{}", "user:{}", "u:{}:cart", "x/{}/y", "mail-{}"]))
def test_no_address_ever_stands_in_a_pattern(address: str, form: str) -> None:
    assert not any("@" in pattern for pattern in learn_patterns([form.format(address)]))


@pytest.mark.parametrize(
    ("glob", "pattern", "overlaps"),
    [("user:*", "user:*", True), ("*", "a:*", True), ("order:*", "user:*", False), ("user:1", "user:*", True), ("us*", "user:*", True),
     ("user:1*", "user:*:cart", True), ("jobs", "jobs", True), ("jobs", "jobs:*", False), ("x*", "*", True)],
)  # fmt: skip
def test_a_scan_touches_only_groups_that_its_glob_can_meet(glob: str, pattern: str, overlaps: bool) -> None:
    assert may_overlap(glob, pattern) is overlaps


async def test_groups_become_tables_with_their_facts(
    open_redis: OpenRedis, redis_server: RedisServer, database: int
) -> None:
    for n in range(12):
        redis_server.run("HSET", f"user:{n}", "plan", "free", "type", "x", database=database)
        redis_server.run("SET", f"doc:{n}", json.dumps({"title": "t", "size": n}), "EX", "500", database=database)
    redis_server.run("HSET", "ages", "john", "3", "mary", "4", database=database)
    redis_server.run("ZADD", "board", "1", "a", database=database)
    schema = await open_redis(database).catalog.read_schema()
    columns = {table.name: [column.name for column in table.columns] for table in schema.tables}
    assert columns == {
        "ages": ["key", "type", "ttl_seconds", "field", "value"],
        "board": ["key", "type", "ttl_seconds", "value", "score"],
        "doc:*": ["key", "type", "ttl_seconds", "value", "value.size", "value.title"],
        "user:*": ["key", "type", "ttl_seconds", "plan", "type (field)"],
    }
    docs = schema.table("doc:*")
    assert docs.row_estimate == 12
    assert "TTL on 12/12 sampled" in (docs.comment or "")
    assert "type:string=12" in docs.options
    assert any(option.startswith("bytes:median=") for option in docs.options)


async def test_the_fingerprint_changes_with_the_structure_and_not_with_the_keys(
    open_redis: OpenRedis, redis_server: RedisServer, database: int
) -> None:
    catalog = open_redis(database).catalog
    for n in range(5):
        redis_server.run("SET", f"a:{n}", "1", database=database)
    first = await catalog.fingerprint()
    redis_server.run("SET", "a:77", "2", database=database)
    catalog.forget()
    assert await catalog.fingerprint() == first
    redis_server.run("RPUSH", "b:1", "1", database=database)
    assert await catalog.fingerprint() == first, "the model serves for a while"
    catalog.forget()
    assert await catalog.fingerprint() != first


async def test_a_large_key_space_is_sampled_and_said_to_be(
    open_redis: OpenRedis, redis_server: RedisServer, database: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog_module, "MAX_KEYS", 2_000)
    adapter = open_redis(database)
    async with adapter.sessions.writing(timeout_seconds=60) as wire:
        for start in range(0, 20_000, 5_000):
            await wire.call("MSET", *(part for n in range(start, start + 5_000) for part in (f"item:{n}", "v")))
    model = await adapter.catalog.model()
    assert 0.05 < model.share < 0.3
    tables = {table.name: table for table in model.schema.tables}
    assert set(tables) == {"item:*", "*"}
    assert abs((tables["item:*"].row_estimate or 0) - 20_000) < 2_000
    assert "estimate from" in (tables["item:*"].comment or "")
    figures = {f.table: f for f in await adapter.statistics.tables()}
    assert figures["item:*"].exact_rows is False


async def test_the_look_rests_as_long_as_it_works(
    open_redis: OpenRedis, redis_server: RedisServer, database: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog_module, "MAX_SECONDS", 0.2)
    adapter = open_redis(database)
    async with adapter.sessions.writing(timeout_seconds=60) as wire:
        for start in range(0, 100_000, 10_000):
            await wire.call("MSET", *(part for n in range(start, start + 10_000) for part in (f"k:{n}", "v")))
        started = time.monotonic()
        keys, share = await catalog_module.scan_keys(wire)
    assert time.monotonic() - started < 2
    assert share <= 1.0
    assert keys


async def test_statistics_tell_what_redis_has_and_why_not_the_rest(
    open_redis: OpenRedis, redis_server: RedisServer, database: int
) -> None:
    adapter = open_redis(database)
    for n in range(30):
        redis_server.run("HSET", f"user:{n}", "plan", "free", "nr", str(n), database=database)
    schema = await adapter.catalog.read_schema()
    table = schema.table("user:*")
    figures = (await adapter.statistics.tables())[0]
    assert (figures.row_count, figures.exact_rows) == (30, True)
    assert figures.table_bytes
    sample = await adapter.statistics.sample(table, rows=10)
    assert len(sample.rows) == 10
    assert set(sample.values("plan")) == {"free"}
    assert all(str(value).isdigit() for value in sample.values("key"))
    profile = {p.column: p for p in await adapter.statistics.profile(table, ["plan", "nr", "ttl_seconds"])}
    assert (profile["plan"].distinct, profile["nr"].distinct, profile["ttl_seconds"].null_ratio) == (1, 30, 1.0)
    reasons = [
        await adapter.statistics.index_usage(),
        await adapter.statistics.count_orphans(table, "plan", table, "key"),
        await adapter.statistics.count_dependency(table, "plan", "nr"),
        await adapter.statistics.largest(table, "nr"),
        adapter.emit,
        adapter.what_if,
    ]
    assert all(getattr(reason, "reason", "") for reason in reasons)


async def test_keys_are_moved_whole_and_come_back_equal(
    open_redis: OpenRedis, redis_server: RedisServer, database: int
) -> None:
    adapter = open_redis(database)
    await _one_of_each(adapter)
    other = redis_server.create_database()
    copy = open_redis(other)
    for table in (await adapter.catalog.read_schema()).tables:
        names = [column.name for column in adapter.bulk.columns(table)]
        after: Row | None = None
        found: list[Row] = []
        while (chunk := await adapter.bulk.read_chunk(table, names, ["key"], after, 3)).rows:
            await copy.bulk.write_chunk(table, names, ["key"], chunk.rows)
            await copy.bulk.write_chunk(table, names, ["key"], chunk.rows)
            found += chunk.rows
            after = chunk.last_key
        assert len(found) == await adapter.bulk.count(table)
        copied = [row async for batch in copy.bulk.scan(table, names) for row in batch]
        assert sorted(map(repr, copied)) == sorted(map(repr, found))
        await copy.bulk.empty(table)
        assert await copy.bulk.count(table) == 0
    with pytest.raises(UnsupportedCapability):
        await adapter.bulk.read_chunk(table, ["plan"], ["key"], None, 1)
    redis_server.drop_database(other)


async def _one_of_each(adapter: object) -> None:
    async with adapter.sessions.writing(timeout_seconds=60) as wire:  # type: ignore[attr-defined]
        for command in (
            ("SET", "s:1", "ü"), ("SET", "s:2", b"\x00\xff"), ("SET", "s:3", "\\x41"), ("SET", "s:4", "", "EX", "5000"),
            ("HSET", "h:1", "a", "1", b"\xff", b"\xfe"), ("RPUSH", "l:1", *range(1200), b"\x80"), ("SADD", "set:1", *range(1500)),
            ("ZADD", "z:1", "1.5", "m", "-inf", "n", "0.1", b"\xff"), ("XADD", "x:1", "1-1", "f", "v"), ("XADD", "x:1", "2-1", b"\xff", "v"),
            ("XGROUP", "CREATE", "x:1", "g", "1-1"), ("PFADD", "hll:1", "a", "b"), ("GEOADD", "geo:1", "1", "2", "p"), ("SET", b"\xff\x00", "odd key"),
        ):  # fmt: skip
            await wire.call(*command)
