"""The private Redis server does what the other tests rely on."""

from __future__ import annotations

import os

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError

from tests.conftest import needed
from tests.engines.instance import given_url
from tests.engines.redis import DATABASES, PASSWORD, SUPERUSER, RedisServer, running


def _client(server: RedisServer, database: int, password: str = PASSWORD) -> Redis:
    return Redis(
        host=server.host, port=server.port, db=database, username=SUPERUSER, password=password, decode_responses=True,
        retry=Retry(NoBackoff(), 0),
    )  # fmt: skip


def test_says_its_version(redis_server: RedisServer) -> None:
    assert redis_server.version.split()[1][0].isdigit()


@pytest.mark.anyio
async def test_a_driver_logs_in_and_runs_commands_in_an_empty_database(redis_server: RedisServer) -> None:
    number = redis_server.create_database()
    client = _client(redis_server, number)
    assert await client.dbsize() == 0
    await client.hset("h", mapping={"name": "ü€𝄞"})
    assert await client.hgetall("h") == {"name": "ü€𝄞"}
    redis_server.drop_database(number)
    assert await client.dbsize() == 0
    await client.aclose()


@pytest.mark.anyio
async def test_refuses_a_wrong_password(redis_server: RedisServer) -> None:
    client = _client(redis_server, 0, "wrong")
    with pytest.raises(AuthenticationError):
        await client.ping()
    await client.aclose()


def test_nobody_gets_in_without_a_password(redis_server: RedisServer) -> None:
    with pytest.raises(AssertionError, match="WRONGPASS"):
        redis_server.run("PING", user="default", password="wrong")


def test_does_not_run_as_root(redis_server: RedisServer) -> None:
    if given_url("redis"):
        pytest.skip("not a private server")
    facts = redis_server.run("INFO", "server").splitlines()
    pid = next(line.split(":")[1] for line in facts if line.startswith("process_id:"))
    assert os.stat(f"/proc/{pid}").st_uid != 0


def test_databases_are_handed_out_empty_again_and_again(redis_server: RedisServer) -> None:
    for _ in range(DATABASES):
        number = redis_server.create_database()
        assert redis_server.run("DBSIZE", database=number) == "0"
        redis_server.run("SET", "left", "over", database=number)


def test_settings_reach_the_server() -> None:
    with needed(), running(maxmemory="7mb", maxmemory_policy="allkeys-lfu") as server:
        assert server.run("CONFIG", "GET", "maxmemory").split() == ["maxmemory", "7340032"]
        assert server.run("CONFIG", "GET", "maxmemory-policy").split()[1] == "allkeys-lfu"
