"""Figures of a moment of Redis: memory, keys, limits."""

from __future__ import annotations

import pytest

from dbmanager.model.metrics import MetricMoment
from tests.engines.redis import RedisServer
from tests.redis.conftest import OpenRedis

pytestmark = pytest.mark.anyio


async def test_memory_keys_and_limits_are_told(redis_server: RedisServer, database: int, open_redis: OpenRedis) -> None:
    adapter = open_redis(database, access="read_only")
    before = await adapter.metrics.moment()
    redis_server.run(
        "EVAL", "for n = 1, 500 do redis.call('SET', 'k' .. n, string.rep('x', 1000)) end", "0", database=database
    )
    after = await adapter.metrics.moment()
    assert isinstance(before, MetricMoment)
    assert isinstance(after, MetricMoment)
    assert (after.value("keys") or 0) - (before.value("keys") or 0) == 500
    assert (after.value("memory_bytes") or 0) > (before.value("memory_bytes") or 0) + 400_000
    assert (after.value("operations") or 0) > (before.value("operations") or 0)
    assert (after.value("memory_limit_bytes") or 0) > (after.value("memory_bytes") or 0)
    assert (after.value("connections_max") or 0) >= 100
    assert after.not_told == ()
