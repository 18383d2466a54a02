"""Statistics, bulk, copies between databases, backups and their restore."""

from __future__ import annotations

import datetime as dt
import random
from pathlib import Path
from typing import Any

import bson
import pytest

from dbmanager.adapters.facets import Unsupported
from dbmanager.adapters.mongodb.adapter import MongoAdapter
from dbmanager.adapters.mongodb.session import RAW
from dbmanager.errors import UnsupportedCapability, VerificationFailed
from dbmanager.phases.migration.copy import plan_copy, register
from dbmanager.phases.migration.verify import compare
from dbmanager.services.checksums import table_digest
from dbmanager.services.container import Services
from tests.conftest import MakeFile
from tests.engines.mongodb import PASSWORD, Client, MongoServer
from tests.mongodb.conftest import Open
from tests.services.conftest import make_services

pytestmark = pytest.mark.anyio
IDS: list[Any] = [
    None, 1, 2.5, bson.Int64(2**40), bson.Decimal128("7.10"), "a", "b", {"x": 1}, {"y": [1, 2]}, b"\x01", bson.Binary(b"\x02" * 16, 4),
    bson.ObjectId("65e000000000000000000001"), True, False, dt.datetime(2024, 1, 1), bson.Timestamp(1, 1), bson.MinKey(), bson.MaxKey(),
]  # fmt: skip


def _raws(mongo: Client, database: str, collection: str) -> list[bytes]:
    found: Any = mongo[database].get_collection(collection, codec_options=RAW).find()
    return sorted(document.raw for document in found)


def fill(mongo: Client, database: str) -> None:
    """Make collections with every sort of thing that must come back."""
    mongo[database].mixed.insert_many(
        [{"_id": id_, "z": n, "a": {"d": bson.Decimal128("1.10"), "f": float(n)}} for n, id_ in enumerate(IDS)]
    )
    mongo[database].create_collection("people", validator={"n": {"$gte": 0}}, validationAction="error")
    mongo[database].people.insert_many(
        [{"_id": n, "n": n, "email": f"p{n}@example.org", "tags": ["a"] * (n % 3)} for n in range(3_000)]
    )
    mongo[database].command("createIndexes", "people", indexes=[
        {"key": {"n": 1}, "name": "n", "unique": True}, {"key": {"email": 1}, "name": "e", "partialFilterExpression": {"n": {"$gt": 5}}},
        {"key": {"at": 1}, "name": "ttl", "expireAfterSeconds": 3_600},
    ])  # fmt: skip
    mongo[database].command("create", "seen", viewOn="people", pipeline=[{"$project": {"n": 1}}])
    mongo[database].create_collection("empty")


async def test_sizes_and_use_are_told(mongo: Client, database: str, open_mongo: Open) -> None:
    fill(mongo, database)
    statistics = open_mongo().statistics
    found = {entry.table: entry for entry in await statistics.tables(exact_up_to_rows=10_000)}
    assert set(found) == {"empty", "mixed", "people"}
    assert (found["people"].row_count, found["people"].exact_rows) == (3_000, True)
    assert (found["people"].table_bytes or 0) > 0
    assert (found["people"].index_bytes or 0) > 0
    usage = await statistics.index_usage()
    assert not isinstance(usage, Unsupported)
    assert {use.index for use in usage if use.table == "people"} == {"_id_", "n", "e", "ttl"}


async def test_fields_are_sampled_and_profiled(mongo: Client, database: str, open_mongo: Open) -> None:
    mongo[database].k.insert_many(
        [{"_id": n, "a": n % 4, "b": None if n % 2 else "x", "l": [{"m": "x@example.org"}, {"m": "y@example.org"}],
          **({"rare": 5} if n == 1_999 else {})} for n in range(2_000)]
    )  # fmt: skip
    adapter = open_mongo()
    table = (await adapter.catalog.read_schema()).table("k")
    sample = await adapter.statistics.sample(table, rows=50)
    assert set(sample.values("l.m")) == {"x@example.org", "y@example.org"}
    profiles = {p.column: p for p in await adapter.statistics.profile(table, ["a", "b", "_id"])}
    assert (profiles["a"].distinct, profiles["a"].null_ratio) == (4, 0.0)
    assert (profiles["b"].distinct, profiles["b"].null_ratio) == (1, 0.5)
    assert (profiles["_id"].distinct, profiles["_id"].sampled_rows) == (2_000, 2_000)


async def test_orphans_are_counted(mongo: Client, database: str, open_mongo: Open) -> None:
    mongo[database].customers.insert_many([{"_id": n} for n in range(10)])
    mongo[database].orders.insert_many([{"_id": n, "customer_id": n % 12} for n in range(24)] + [{"_id": 99}])
    adapter = open_mongo()
    schema = await adapter.catalog.read_schema()
    found = await adapter.statistics.count_orphans(
        schema.table("orders"), "customer_id", schema.table("customers"), "_id"
    )
    assert not isinstance(found, Unsupported)
    assert (found.rows, found.orphans) == (24, 4)
    await adapter.query.check(found.query)


async def test_chunks_follow_the_order_of_mixed_ids(mongo: Client, database: str, open_mongo: Open) -> None:
    fill(mongo, database)
    adapter = open_mongo()
    table = (await adapter.catalog.read_schema()).table("mixed")
    for size in (1, 4, 100):
        after, seen = None, []
        while True:
            chunk = await adapter.bulk.read_chunk(table, ["_id", "document"], ["_id"], after, size)
            if not chunk.rows:
                break
            seen += [row[0] for row in chunk.rows]
            after = chunk.last_key
        assert len(seen) == len(set(seen)) == len(IDS)


async def test_documents_move_without_loss(
    mongo: Client, database: str, mongodb_server: MongoServer, open_mongo: Open
) -> None:
    fill(mongo, database)
    other = mongodb_server.create_database()
    try:
        source, target = open_mongo(), open_mongo(other)
        table = (await source.catalog.read_schema()).table("mixed")
        mongo[other].create_collection("mixed")
        landed = (await target.catalog.read_schema()).table("mixed")
        async for batch in source.bulk.scan(table, ["_id", "document"], batch_rows=5):
            await target.bulk.write_chunk(landed, ["_id", "document"], ["_id"], batch)
            await target.bulk.write_chunk(landed, ["_id", "document"], ["_id"], batch)
        assert _raws(mongo, database, "mixed") == _raws(mongo, other, "mixed")
        assert await table_digest(source, table) == await table_digest(target, landed)
        assert await target.bulk.count(landed) == len(IDS)
        await target.bulk.empty(landed)
        assert await target.bulk.count(landed) == 0
    finally:
        mongodb_server.drop_database(other)


async def _services(tmp_path: Path, server: MongoServer, source: str, target: str) -> Services:
    (tmp_path / "password").write_text(PASSWORD)
    password = {"file": str(tmp_path / "password")}
    services = make_services(tmp_path, url=server.url(target), password=password)
    register(services.changes)
    settings = services.loaded.configuration.connections
    settings["shop"] = settings["db"].model_copy(update={"url": server.url(source)})
    return services


async def test_a_database_is_copied_and_verified(
    mongo: Client, database: str, mongodb_server: MongoServer, tmp_path: Path
) -> None:
    fill(mongo, database)
    other = mongodb_server.create_database()
    services = await _services(tmp_path, mongodb_server, database, other)
    try:
        source, target = await services.connections.adapter("shop"), await services.connections.adapter("db")
        plan, _ = await plan_copy(source, target, "shop", "db", [], None)
        change = await services.changes.propose(plan)
        await services.approvals.approve(
            change, approver="tester", method="terminal", mode=services.connections.settings("db").approval_mode
        )
        await services.changes.apply(change.id)
        assert (await services.changes.verify(change.id)).state.value == "verified"
        compared = await compare(source, target, [], None)
        assert {c.table: c.equal for c in compared} == {"empty": True, "mixed": True, "people": True}
        assert _raws(mongo, database, "people") == _raws(mongo, other, "people")
        assert set(mongo[other].people.index_information()) == {"_id_", "n", "e", "ttl"}
        mongo[other].people.update_one({"_id": 5}, {"$set": {"email": "other"}})
        assert {c.table: c.equal for c in await compare(source, target, [], None)}["people"] is False
        await services.changes.roll_back(change.id)
        assert mongo[other].list_collection_names() == []
    finally:
        await services.close()
        mongodb_server.drop_database(other)


async def test_documents_are_not_turned_into_rows(
    mongo: Client, database: str, open_mongo: Open, sqlite_file: MakeFile, open_sqlite: Any
) -> None:
    mongo[database].k.insert_one({"_id": 1})
    sqlite = open_sqlite(sqlite_file("CREATE TABLE t (id INTEGER PRIMARY KEY)"))
    for source, target in ((open_mongo(), sqlite), (sqlite, open_mongo())):
        with pytest.raises(UnsupportedCapability) as refused:
            await plan_copy(source, target, "a", "b", [], None)
        assert refused.value.hint


async def test_a_backup_comes_back_as_it_was(
    mongo: Client, database: str, mongodb_server: MongoServer, open_mongo: Open, tmp_path: Path
) -> None:
    fill(mongo, database)
    adapter = open_mongo(access="read_only")
    artifact = await adapter.backup.back_up(tmp_path / "shop.backup")
    assert not isinstance(artifact, Unsupported)
    assert "one snapshot" in artifact.method
    raws = {name: _raws(mongo, database, name) for name in ("mixed", "people", "empty")}
    mongo[database].people.delete_many({})
    async with adapter.backup.restore_to_scratch(artifact) as scratch:
        assert isinstance(scratch, MongoAdapter)
        place = scratch._sessions.database
        assert place.startswith("dbmanager_scratch_")
        assert {name: _raws(mongo, place, name) for name in raws} == raws
        schema, before = await scratch.catalog.read_schema(), await adapter.catalog.read_schema()
        for table in before.tables:
            assert schema.table(table.name).indexes == table.indexes
            assert schema.table(table.name).checks == table.checks
            assert schema.table(table.name).kind is table.kind
        assert place in mongo.list_database_names()
    assert place not in mongo.list_database_names()


async def test_a_backup_is_of_one_moment(
    mongo: Client, database: str, open_mongo: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two collections that always agree are written to between them; the backup has them agree."""
    for name in ("a", "b"):
        mongo[database][name].insert_one({"_id": 1, "n": 0})
    adapter = open_mongo()

    async def progress(done: float, total: float | None, message: str) -> None:
        if message == "dumping b":
            for name in ("a", "b"):
                mongo[database][name].update_one({"_id": 1}, {"$inc": {"n": 1}})

    artifact = await adapter.backup.back_up(tmp_path / "x.backup", progress)
    assert not isinstance(artifact, Unsupported)
    async with adapter.backup.restore_to_scratch(artifact) as scratch:
        assert isinstance(scratch, MongoAdapter)
        place = mongo[scratch._sessions.database]
        assert [place[name].find_one() for name in ("a", "b")] == [{"_id": 1, "n": 0}] * 2


async def test_a_flipped_bit_is_noticed(mongo: Client, database: str, open_mongo: Open, tmp_path: Path) -> None:
    fill(mongo, database)
    adapter = open_mongo()
    artifact = await adapter.backup.back_up(tmp_path / "shop.backup")
    assert not isinstance(artifact, Unsupported)
    content = bytearray(artifact.path.read_bytes())
    content[random.Random(1).randrange(len(content))] ^= 4
    artifact.path.write_bytes(content)
    with pytest.raises(VerificationFailed):
        async with adapter.backup.restore_to_scratch(artifact):
            pass
    assert not [name for name in mongo.list_database_names() if name.startswith("dbmanager_scratch_")]


async def test_a_scratch_place_goes_even_after_a_failure(
    mongo: Client, database: str, open_mongo: Open, tmp_path: Path
) -> None:
    fill(mongo, database)
    adapter = open_mongo()
    artifact = await adapter.backup.back_up(tmp_path / "shop.backup")
    assert not isinstance(artifact, Unsupported)
    with pytest.raises(ZeroDivisionError):
        async with adapter.backup.restore_to_scratch(artifact):
            raise ZeroDivisionError
    assert not [name for name in mongo.list_database_names() if name.startswith("dbmanager_scratch_")]
