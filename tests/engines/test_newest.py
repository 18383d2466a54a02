"""The second ring starts, and is newer than what the distribution has."""

from __future__ import annotations

import asyncpg
import pytest

from tests.conftest import needed
from tests.engines import newest
from tests.engines.postgresql import PASSWORD, SUPERUSER, PostgresServer
from tests.engines.redis import RedisServer

pytestmark = pytest.mark.slow


def _number(version: str) -> int:
    return int(version.split(".")[0])


@pytest.mark.anyio
async def test_postgresql_with_its_extensions(pg_server: PostgresServer) -> None:
    with needed(), newest.newest_postgresql() as server:
        versions = [_number(one.run_sql("postgres", "SHOW server_version")) for one in (server, pg_server)]
        assert versions[0] >= versions[1]
        name = server.create_database()
        server.run_sql(name, "CREATE EXTENSION hypopg; CREATE EXTENSION pgaudit; CREATE EXTENSION pg_stat_statements")
        connection = await asyncpg.connect(
            host=server.host, port=server.port, user=SUPERUSER, password=PASSWORD, database=name
        )
        assert await connection.fetchval("SELECT 1") == 1
        await connection.close()
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(host=server.host, port=server.port, user=SUPERUSER, password="wrong", database=name)
        server.drop_database(name)


def test_redis(redis_server: RedisServer) -> None:
    with needed(), newest.newest_redis() as server:
        assert _number(server.version.split()[1]) >= _number(redis_server.version.split()[1])
        number = server.create_database()
        assert server.run("HSET", "h", "a", "1", database=number) == "1"
        assert server.run("HEXPIRE", "h", "100", "FIELDS", "1", "a", database=number) == "1"


def test_valkey() -> None:
    with needed(), newest.valkey() as server:
        assert server.version.startswith("valkey ")
        assert server.run("ACL", "WHOAMI") == "app"
        with pytest.raises(AssertionError, match="WRONGPASS"):
            server.run("PING", password="wrong")
