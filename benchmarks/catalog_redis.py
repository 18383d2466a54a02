"""Reading a key space of 1,000 groups: our schema model beside the same commands sent by the bare driver."""

from __future__ import annotations

import random
from collections import defaultdict

from pydantic import SecretStr
from redis.asyncio import Redis

from benchmarks.catalog import read_twice
from benchmarks.outcome import Outcome, Ratio
from benchmarks.place import Place
from benchmarks.timing import Sampler, Series, rounds
from dbmanager.adapters.redis.adapter import RedisAdapter
from dbmanager.model.configuration import ConnectionSettings, ResolvedUrl
from tests.engines import redis
from tests.engines.redis import PASSWORD, SUPERUSER, RedisServer

FIRST, SECOND, KEYS = 100, 10, 20
GROUPS = FIRST * SECOND
LOOKED_INTO = 5
COMMANDS: dict[bytes, tuple[tuple[str | int, ...], ...]] = {
    b"hash": (("PTTL",), ("OBJECT ENCODING",), ("MEMORY USAGE",), ("HLEN",), ("HSCAN", 0, "COUNT", 100)),
    b"string": (("PTTL",), ("OBJECT ENCODING",), ("MEMORY USAGE",), ("STRLEN",), ("GETRANGE", 0, 4095)),
}
BATCH = 1_000
REPETITIONS = 12
SEED = 20_26
TARGET = 2.0
SETTING = """\
20,000 keys in 1,000 groups (`word:word:number`), hashes and strings in turn, on a private server. The floor is the same \
commands by the bare driver without a pause: SCAN of all keys by 1,000, then type, expiry, encoding, memory, length and \
content of five keys of each group, 200 keys to a pipeline, nothing built of the replies; cold is `catalog.read_schema()` \
with nothing known, which rests between batches as long as they took and learns the groups from the keys; warm is the \
same call again within the minute that the model serves."""


async def measure(place: Place) -> Outcome:
    """Make the keys and read them in turn."""
    with redis.running() as server:
        database = server.create_database()
        await _fill(server, database)
        series = await _read(server, database)
        ratios = (
            Ratio("Redis, read_schema cold", "Redis, same commands", TARGET),
            Ratio("Redis, read_schema warm", "Redis, same commands"),
        )
        return Outcome(
            "catalog_redis", "Catalog of 1,000 key groups", SETTING, series, ratios, engines={"Redis": server.version}
        )


def _client(server: RedisServer, database: int) -> Redis:
    return Redis(host=server.host, port=server.port, db=database, username=SUPERUSER, password=PASSWORD, protocol=2)


def _words(count: int, chance: random.Random) -> list[str]:
    letters = "bdfgklmnprst"
    found: dict[str, None] = {}
    while len(found) < count:
        found["".join(f"{chance.choice(letters)}{chance.choice('aeiou')}" for _ in range(4))] = None
    return list(found)


async def _fill(server: RedisServer, database: int) -> None:
    chance = random.Random(SEED)
    second = _words(SECOND, chance)
    async with _client(server, database) as client:
        for word in _words(FIRST, chance):
            pipe = client.pipeline(transaction=False)
            for place, part in enumerate(second):
                for number in range(KEYS):
                    name = f"{word}:{part}:{number}"
                    if place % 2:
                        pipe.set(name, "x" * 20, ex=86_400)
                    else:
                        pipe.hset(name, mapping={"name": f"thing {number}", "amount": number})
            await pipe.execute()


async def _read(server: RedisServer, database: int) -> tuple[Series, ...]:
    url = ResolvedUrl(
        engine="redis", scheme="redis", host=server.host, port=server.port, user=SUPERUSER,
        password=SecretStr(PASSWORD), database=str(database),
    )  # fmt: skip

    async def once(kept: Sampler) -> None:
        async with _client(server, database) as client:
            await client.ping()
            with kept.time_settled("Redis, same commands"):
                await _same_commands(client)
        adapter = RedisAdapter("benchmark", url, ConnectionSettings(url=server.url(database)))
        await adapter.query.fetch('["PING"]')
        await read_twice(kept, "Redis", adapter.catalog, GROUPS)
        await adapter.close()

    return await rounds(once, warm_up=1, repetitions=REPETITIONS)


async def _same_commands(client: Redis) -> None:
    groups: dict[bytes, list[bytes]] = defaultdict(list)
    cursor = b"0"
    while True:
        cursor, keys = await client.execute_command(  # type: ignore[no-untyped-call]
            "SCAN", cursor, "COUNT", BATCH
        )
        for key in keys:
            groups[key.rpartition(b":")[0]].append(key)
        if cursor in (0, b"0"):
            break
    chosen = [key for keys in groups.values() for key in keys[:LOOKED_INTO]]
    for start in range(0, len(chosen), 200):
        await _looked_at(client, chosen[start : start + 200])


async def _looked_at(client: Redis, keys: list[bytes]) -> None:
    kinds = client.pipeline(transaction=False)
    for key in keys:
        kinds.execute_command("TYPE", key)
    details = client.pipeline(transaction=False)
    for key, kind in zip(keys, await kinds.execute(), strict=True):
        for command in COMMANDS[kind]:
            details.execute_command(*str(command[0]).split(), key, *command[1:])
    await details.execute()
