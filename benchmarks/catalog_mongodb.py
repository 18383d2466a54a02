"""Reading the catalog of 1,000 collections: our schema model beside the same commands sent by the bare driver."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from bson.raw_bson import RawBSONDocument
from pydantic import SecretStr
from pymongo import AsyncMongoClient, IndexModel

from benchmarks.catalog import read_twice
from benchmarks.outcome import Outcome, Ratio
from benchmarks.place import Place
from benchmarks.timing import Sampler, Series, rounds
from dbmanager.adapters.mongodb.adapter import MongoAdapter
from dbmanager.model.configuration import ConnectionSettings, ResolvedUrl
from tests.engines import mongodb
from tests.engines.mongodb import PASSWORD, SUPERUSER, MongoServer

COLLECTIONS = 1_000
DOCUMENTS = 20
AT_ONCE = 3
REPETITIONS = 5
SECONDS = 40.0
TARGET = 2.0
SETTING = """\
1,000 collections of 20 documents with 8 fields (one an object, one a list) and two indexes besides `_id`, on DocumentDB \
behind the gateway of the tests: there is no mongod here, so read the ratios only. The floor is the same commands by the \
bare driver, three at once as ours: listCollections, then per collection listIndexes, a $sample of 500 documents left \
undecoded and collStats; cold is `catalog.read_schema()` with nothing known, which also decodes the samples and infers \
fields, warm the same call again (a fingerprint over all collections' indexes, then the same model)."""
Client = AsyncMongoClient[RawBSONDocument]


async def measure(place: Place) -> Outcome:
    """Make the collections and read them in turn."""
    with mongodb.running() as server:
        database = server.create_database()
        _fill(server, database)
        series = await _read(server, database)
        floor = "MongoDB's wire, same commands"
        ratios = (
            Ratio("MongoDB's wire, read_schema cold", floor, TARGET),
            Ratio("MongoDB's wire, read_schema warm", floor),
        )
        return Outcome(
            "catalog_mongodb", "Catalog of 1,000 collections", SETTING, series, ratios,
            engines={"MongoDB's wire": server.version},
        )  # fmt: skip


def _documents(collection: int) -> list[dict[str, Any]]:
    return [
        {
            "_id": number, "name": f"thing {number}", "amount": number * 7, "rate": number / 3, "open": number % 2 == 0,
            "place": {"city": "Leeds", "number": collection}, "tags": ["a", str(number)], f"own_{collection}": None,
        }
        for number in range(DOCUMENTS)
    ]  # fmt: skip


def _fill(server: MongoServer, database: str) -> None:
    with server.client() as client:
        for number in range(COLLECTIONS):
            collection = client[database][f"entity_{number:04d}"]
            collection.insert_many(_documents(number))
            collection.create_indexes([IndexModel([("name", 1)]), IndexModel([("amount", -1), ("open", 1)])])


async def _read(server: MongoServer, database: str) -> tuple[Series, ...]:
    url = ResolvedUrl(
        engine="mongodb", scheme="mongodb", hosts=f"{server.host}:{server.port}", host=server.host, port=server.port,
        user=SUPERUSER, password=SecretStr(PASSWORD), database=database,
        options={"authSource": "admin", "directConnection": "true"},
    )  # fmt: skip

    async def once(kept: Sampler) -> None:
        client: Client = AsyncMongoClient(
            server.host, server.port, username=SUPERUSER, password=PASSWORD, authSource="admin", directConnection=True,
            maxPoolSize=AT_ONCE, document_class=RawBSONDocument,
        )  # fmt: skip
        await client.admin.command("ping")
        with kept.time_settled("MongoDB's wire, same commands"):
            await _same_commands(client, database)
        await client.close()
        adapter = MongoAdapter("benchmark", url, ConnectionSettings(url=server.url(database)))
        await adapter.catalog.server_info()
        await read_twice(kept, "MongoDB's wire", adapter.catalog, COLLECTIONS)
        await adapter.close()

    return await rounds(once, warm_up=1, repetitions=REPETITIONS, seconds=SECONDS)


async def _same_commands(client: Client, database: str) -> None:
    stored = client[database]
    names = await stored.list_collection_names()
    for commands in (_indexes(names), _samples(names)):
        await asyncio.gather(*(_sent(client, database, commands) for _ in range(AT_ONCE)))


async def _sent(client: Client, database: str, commands: Iterator[list[dict[str, Any]]]) -> None:
    for several in commands:
        for command in several:
            await client[database].command(command)


def _indexes(names: list[str]) -> Iterator[list[dict[str, Any]]]:
    return iter([[{"listIndexes": name}] for name in names])


def _samples(names: list[str]) -> Iterator[list[dict[str, Any]]]:
    return iter(
        [
            [
                {"aggregate": name, "pipeline": [{"$sample": {"size": 500}}], "cursor": {"batchSize": 100}},
                {"collStats": name},
            ]
            for name in names
        ]
    )
