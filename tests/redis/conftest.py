"""Adapters on the private Redis server, each test on an empty logical database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from pydantic import SecretStr

from dbmanager.adapters.redis.adapter import RedisAdapter
from dbmanager.model.configuration import ConnectionSettings, ResolvedUrl
from tests.engines.redis import PASSWORD, SUPERUSER, RedisServer

OpenRedis = Callable[..., RedisAdapter]


def adapter_on(
    server: RedisServer, database: int, *, user: str = SUPERUSER, password: str = PASSWORD, access: str = "read_write"
) -> RedisAdapter:
    """Return an adapter on a server."""
    url = ResolvedUrl(
        engine="redis", scheme="redis", host=server.host, port=server.port, user=user, password=SecretStr(password),
        database=str(database),
    )  # fmt: skip
    settings = ConnectionSettings.model_validate({"url": server.url(database, user), "access": access})
    return RedisAdapter("test", url, settings)


@pytest.fixture
def database(redis_server: RedisServer) -> Iterator[int]:
    """Return the number of an empty database."""
    number = redis_server.create_database()
    yield number
    redis_server.drop_database(number)


@pytest.fixture
async def open_redis(redis_server: RedisServer) -> AsyncIterator[OpenRedis]:
    """Return an opener of adapters that are closed after the test."""
    opened: list[RedisAdapter] = []

    def open_(database: int, **options: str) -> RedisAdapter:
        opened.append(adapter_on(redis_server, database, **options))
        return opened[-1]

    yield open_
    for adapter in opened:
        await adapter.close()
