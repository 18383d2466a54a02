"""The second ring: the newest PostgreSQL, Redis and Valkey, extracted from Debian's unstable suite."""

from __future__ import annotations

from contextlib import AbstractContextManager

from tests.engines import postgresql, redis
from tests.engines.extracted import program, root


def newest_postgresql(**settings: str) -> AbstractContextManager[postgresql.PostgresServer]:
    """Run the PostgreSQL that carries DocumentDB; hypopg and pgaudit are with it."""
    return postgresql.running(next(root("documentdb").glob("usr/lib/postgresql/*/bin")), initdb=(), **settings)


def newest_redis(**settings: str) -> AbstractContextManager[redis.RedisServer]:
    """Run the newest Redis; its former modules (JSON, search, Bloom) are not built in."""
    return redis.running(program("redis", "redis-server").parent, **settings)


def valkey(**settings: str) -> AbstractContextManager[redis.RedisServer]:
    """Run Valkey; it says `server_name:valkey` and keeps `redis_version` at the last common one."""
    return redis.running(program("valkey", "valkey-server").parent, **settings)
