"""The catalog: collections, views, validators, indexes; fields inferred with types and presence."""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

import bson
import pytest

from dbmanager.model.schema import TableKind, TypeKind
from tests.engines.mongodb import Client
from tests.mongodb.conftest import Open

pytestmark = pytest.mark.anyio


async def test_fields_are_inferred_with_types_and_presence(mongo: Client, database: str, open_mongo: Open) -> None:
    mongo[database].k.insert_many(
        [
            {"_id": n, "name": "x", "tags": ["a"], "home": {"city": "Leeds", **({"floor": 2} if n % 4 == 0 else {})},
             "lines": [{"sku": "s", "n": 1}], "at": dt.datetime(2024, 1, 1), "price": bson.Decimal128("1.10"),
             "mixed": n if n % 2 else "n", "big": bson.Int64(n) if n % 2 else n, **({"rare": True} if n == 7 else {}),
             "void": None, "who": bson.ObjectId()}
            for n in range(100)
        ]
    )  # fmt: skip
    table = (await open_mongo().catalog.read_schema()).table("k")
    found = {column.name: column for column in table.columns}
    assert next(iter(found)) == "_id"
    assert {"home.city", "home.floor", "lines.sku", "lines.n"} <= set(found)
    kinds = {name: column.type.kind for name, column in found.items()}
    assert kinds["_id"] is TypeKind.INTEGER
    assert (kinds["tags"], found["tags"].type.element and found["tags"].type.element.kind) == (
        TypeKind.ARRAY,
        TypeKind.TEXT,
    )
    assert (kinds["home"], kinds["lines"], kinds["at"], kinds["price"]) == (
        TypeKind.JSON, TypeKind.ARRAY, TypeKind.TIMESTAMP, TypeKind.DECIMAL,
    )  # fmt: skip
    assert (kinds["mixed"], set(found["mixed"].types)) == (TypeKind.OTHER, {"int", "string"})
    assert (kinds["big"], found["big"].type.bits) == (TypeKind.INTEGER, 64)
    assert (found["rare"].presence_ratio, found["rare"].nullable) == (0.01, True)
    assert (found["name"].presence_ratio, found["name"].nullable) == (1.0, False)
    assert found["home.floor"].presence_ratio == 0.25
    assert found["void"].nullable
    assert table.row_estimate == 100
    assert table.primary_key is not None


async def test_a_map_is_one_field(mongo: Client, database: str, open_mongo: Open) -> None:
    mongo[database].k.insert_many(
        [{"_id": n, "by_day": {f"d{n}{m}": {"hits": m} for m in range(5)}} for n in range(50)]
    )
    names = [c.name for c in (await open_mongo().catalog.read_schema()).table("k").columns]
    assert names == ["_id", "by_day", "by_day.*"]


async def test_indexes_and_validators_are_described(mongo: Client, database: str, open_mongo: Open) -> None:
    schema = {
        "bsonType": "object",
        "required": ["a"],
        "properties": {"a": {"bsonType": "string", "description": "the a"}, "b": {"bsonType": "int"}},
    }
    mongo[database].create_collection("k", validator={"$jsonSchema": schema})
    mongo[database].command("createIndexes", "k", indexes=[
        {"key": {"a": 1, "b": -1}, "name": "ab"}, {"key": {"c": 1}, "name": "c", "unique": True, "partialFilterExpression": {"c": {"$gt": 0}}},
        {"key": {"t": 1}, "name": "ttl", "expireAfterSeconds": 60}, {"key": {"w": "text"}, "name": "w"},
        {"key": {"g": "2dsphere"}, "name": "g"}, {"key": {"h": "hashed"}, "name": "h"}, {"key": {"s": 1}, "name": "s", "sparse": True},
    ])  # fmt: skip
    table = (await open_mongo().catalog.read_schema()).table("k")
    indexes = {index.name: index for index in table.indexes}
    assert set(indexes) == {"_id_", "ab", "c", "ttl", "w", "g", "h", "s"}
    assert [(key.name, key.descending) for key in indexes["ab"].keys] == [("a", False), ("b", True)]
    assert (indexes["c"].unique, indexes["c"].where) == (True, '{"c": {"$gt": 0}}')
    assert "expireAfterSeconds" in str(indexes["ttl"].definition)
    assert "sparse" in str(indexes["s"].definition)
    assert [indexes[name].method for name in "wgh"] == ["text", "2dsphere", "hashed"]
    assert [key.name for key in indexes["w"].keys] == ["w"]
    assert indexes["_id_"].backs_constraint
    assert "$jsonSchema" in table.checks[0].expression
    columns = {column.name: column for column in table.columns}
    assert (columns["a"].nullable, columns["a"].type.kind, columns["a"].comment) == (False, TypeKind.TEXT, "the a")
    assert columns["b"].type.kind is TypeKind.INTEGER


async def test_views_are_no_base_tables(mongo: Client, database: str, open_mongo: Open) -> None:
    mongo[database].k.insert_one({"_id": 1, "a": 2})
    mongo[database].command("create", "v", viewOn="k", pipeline=[{"$project": {"a": 1}}])
    schema = await open_mongo().catalog.read_schema()
    assert schema.table("v").kind is TableKind.VIEW
    assert [table.name for table in schema.base_tables()] == ["k"]
    assert [column.name for column in schema.table("v").columns] == ["_id", "a"]


CHANGES: list[dict[str, Any]] = [
    {"create": "new"}, {"drop": "k"}, {"createIndexes": "k", "indexes": [{"key": {"b": 1}, "name": "b"}]},
    {"dropIndexes": "k", "index": "a_1"}, {"collMod": "k", "validator": {"a": {"$gt": 0}}},
]  # fmt: skip


@pytest.mark.parametrize("command", CHANGES, ids=lambda command: next(iter(command)))
async def test_the_fingerprint_changes_with_the_catalog(
    command: dict[str, Any], mongo: Client, database: str, open_mongo: Open
) -> None:
    mongo[database].k.create_index("a")
    catalog = open_mongo().catalog
    first = await catalog.read_schema()
    mongo[database].k.insert_one({"_id": 1})
    assert await catalog.read_schema() is first
    mongo[database].command(command)
    assert await catalog.fingerprint() != first.fingerprint
    assert (await catalog.read_schema()).fingerprint == await open_mongo().catalog.fingerprint()


async def test_the_server_is_described(mongo: Client, database: str, open_mongo: Open) -> None:
    mongo[database].k.insert_one({"_id": 1})
    info = await open_mongo(access="read_only").catalog.server_info()
    assert (info.engine, info.database, info.read_only) == ("mongodb", database, True)
    assert info.version_number >= 70_000
    assert "transactions" in info.capabilities
    assert any("role read" in warning for warning in info.warnings)


@pytest.mark.slow
async def test_a_thousand_collections_are_read(mongo: Client, database: str, open_mongo: Open) -> None:
    for number in range(1_000):
        mongo[database][f"c{number}"].insert_many([{"_id": n, "a": n, "b": "x"} for n in range(3)])
    started = time.perf_counter()
    for number in range(1_000):
        mongo[database].command("listIndexes", f"c{number}")
        mongo[database].command("collStats", f"c{number}")
        mongo[database].command("aggregate", f"c{number}", pipeline=[{"$sample": {"size": 500}}], cursor={})
    floor = time.perf_counter() - started
    catalog = open_mongo().catalog
    started = time.perf_counter()
    schema = await catalog.read_schema()
    took = time.perf_counter() - started
    started = time.perf_counter()
    await catalog.fingerprint()
    print(
        f"1,000 collections: {took:.2f} s, the same commands one by one {floor:.2f} s, fingerprint {time.perf_counter() - started:.2f} s"
    )
    assert len(schema.tables) == 1_000
    assert took < 2 * floor
