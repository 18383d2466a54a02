"""What tests may rely on of MongoDB: commands with the part of the answer that is certain. New cases are added here.

Each begins in a fresh database whose collection `k` holds SEED.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

from bson import Decimal128, Int64, Regex

DAY_ONE = datetime.datetime(2026, 1, 1)
SEED = [
    {"_id": i, "n": i * 10, "s": f"x{i}", "q": i % 3, "tags": [i, i + 1], "price": Decimal128(f"{i}.50"),
     "at": DAY_ONE + datetime.timedelta(days=i), "big": Int64(2**60), "raw": b"\0\1", "sub": {"a": i}}
    for i in range(20)
]  # fmt: skip
Command = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """A command, where to look in its answer (keys and positions parted by dots), and what is there."""

    command: Command
    path: str
    expected: Any


@dataclass(frozen=True, slots=True)
class Refused:
    """A command that fails, and its code."""

    command: Command
    code: int


def find(expected: Any, **more: Any) -> Step:
    return Step({"find": "k", "projection": {"_id": 1}, **more}, "cursor.firstBatch", expected)


def aggregate(expected: Any, *pipeline: Command, path: str = "cursor.firstBatch") -> Step:
    return Step({"aggregate": "k", "pipeline": list(pipeline), "cursor": {}}, path, expected)


def count(expected: int, query: Command | None = None, collection: str = "k") -> Step:
    """Count with a condition always: without one the engine answers from its statistics, which lag behind."""
    return Step({"count": collection, "query": query or {"_id": {"$exists": True}}}, "n", expected)


def update(query: Command, change: Any, expected: int, **more: Any) -> Step:
    return Step({"update": "k", "updates": [{"q": query, "u": change, **more}]}, "nModified", expected)


def index(keys: Command, **more: Any) -> Step:
    return Step({"createIndexes": "k", "indexes": [{"key": keys, "name": "made", **more}]}, "numIndexesAfter", 2)


def ids(*numbers: int) -> list[Command]:
    return [{"_id": number} for number in numbers]


PROBES: dict[str, list[Step | Refused]] = {
    "find keeps every type": [Step({"find": "k", "filter": {"_id": 5}}, "cursor.firstBatch.0", SEED[5])],
    "find by range, sorted, skipped, limited": [find(ids(17, 16), filter={"n": {"$gte": 100}}, sort={"n": -1}, skip=2, limit=2)],
    "find by array element": [find(ids(3, 4), filter={"tags": 4}, sort={"_id": 1})],
    "find by embedded field": [find(ids(7), filter={"sub.a": 7})],
    "find by date": [find(ids(19), filter={"at": {"$gt": DAY_ONE + datetime.timedelta(days=18)}})],
    "find by decimal": [find(ids(0, 1), filter={"price": {"$lt": Decimal128("2.00")}}, sort={"_id": 1})],
    "find by regular expression": [count(11, {"s": Regex("^x1")})],
    "find by $expr": [count(1, {"$expr": {"$gt": ["$sub.a", 18]}})],
    "find refuses an unknown operator": [Refused({"find": "k", "filter": {"n": {"$nosuch": 1}}}, 2)],
    "count": [count(7, {"q": 1})],
    "distinct": [Step({"distinct": "k", "key": "q"}, "values", [0, 1, 2])],
    "group": [aggregate([{"_id": 0, "c": 7}], {"$group": {"_id": "$q", "c": {"$sum": 1}}}, {"$sort": {"_id": 1}}, {"$limit": 1})],
    "lookup": [
        aggregate(
            2, {"$match": {"_id": 4}},
            {"$lookup": {"from": "k", "localField": "tags", "foreignField": "_id", "as": "j"}},
            {"$project": {"_id": 0, "c": {"$size": "$j"}}}, path="cursor.firstBatch.0.c",
        )
    ],
    "facet": [
        aggregate([{"a": [{"c": 20}], "b": ids(0)}],
                  {"$facet": {"a": [{"$count": "c"}], "b": [{"$sort": {"_id": 1}}, {"$limit": 1}, {"$project": {"_id": 1}}]}})
    ],
    "sample": [aggregate(3, {"$sample": {"size": 3}}, {"$count": "c"}, path="cursor.firstBatch.0.c")],
    "unwind": [aggregate(40, {"$unwind": "$tags"}, {"$count": "c"}, path="cursor.firstBatch.0.c")],
    "window fields": [
        aggregate(
            3, {"$setWindowFields": {"sortBy": {"n": 1}, "output": {"r": {"$documentNumber": {}}}}},
            {"$match": {"_id": 2}}, path="cursor.firstBatch.0.r",
        )
    ],
    "merge": [aggregate([], {"$match": {"n": {"$lt": 50}}}, {"$merge": "made"}), count(5, collection="made")],
    "out": [aggregate([], {"$match": {"n": {"$lt": 30}}}, {"$out": "made"}), count(3, collection="made")],
    "index statistics": [aggregate("_id_", {"$indexStats": {}}, path="cursor.firstBatch.0.name")],
    "collection statistics by stage": [
        aggregate(20, {"$collStats": {"count": {}}}, path="cursor.firstBatch.0.count")
    ],
    "insert": [Step({"insert": "k", "documents": [{"_id": 100}, {"_id": 101}]}, "n", 2), count(22)],
    "insert refuses a duplicate": [Step({"insert": "k", "documents": [{"_id": 1}]}, "writeErrors.0.code", 11000)],
    "update with operators": [update({"q": 1}, {"$inc": {"n": 1}, "$push": {"tags": 99}}, 7, multi=True), count(7, {"tags": 99})],
    "update with a pipeline": [update({"_id": 1}, [{"$set": {"z": {"$add": ["$n", 5]}}}], 1), count(1, {"z": 15})],
    "update of array elements": [
        update({"_id": 3}, {"$set": {"tags.$[e]": 0}}, 1, arrayFilters=[{"e": {"$gt": 3}}]), find(ids(0, 3), filter={"tags": 0}, sort={"_id": 1}),
    ],
    "upsert": [Step({"update": "k", "updates": [{"q": {"_id": 77}, "u": {"$set": {"n": 1}}, "upsert": True}]}, "upserted.0._id", 77)],
    "find and modify": [
        Step({"findAndModify": "k", "query": {"_id": 2}, "update": {"$set": {"y": 1}}, "new": True, "fields": {"y": 1}},
             "value", {"_id": 2, "y": 1})
    ],
    "delete": [Step({"delete": "k", "deletes": [{"q": {"n": {"$gte": 150}}, "limit": 0}]}, "n", 5), count(15)],
    "unique index refuses": [index({"q": 1}) , Refused({"createIndexes": "k", "indexes": [{"key": {"big": 1}, "name": "u", "unique": True}]}, 11000)],
    "partial index": [index({"n": 1}, partialFilterExpression={"n": {"$gt": 5}})],
    "TTL index": [index({"at": 1}, expireAfterSeconds=99_999_999)],
    "text index finds": [index({"s": "text"}), count(1, {"$text": {"$search": "x4"}})],
    "geographic index finds": [
        Step({"createIndexes": "g", "indexes": [{"key": {"at": "2dsphere"}, "name": "made"}]}, "numIndexesAfter", 2),
        Step({"insert": "g", "documents": [{"_id": 1, "at": {"type": "Point", "coordinates": [1, 2]}}]}, "n", 1),
        Step({"find": "g", "filter": {"at": {"$near": {"$geometry": {"type": "Point", "coordinates": [1, 2]}}}}},
             "cursor.firstBatch.0._id", 1),
    ],
    "indexes are listed and dropped": [
        index({"n": 1}), Step({"listIndexes": "k"}, "cursor.firstBatch.1.key", {"n": 1}),
        Step({"dropIndexes": "k", "index": "made"}, "nIndexesWas", 2), Step({"listIndexes": "k"}, "cursor.firstBatch.0.name", "_id_"),
    ],
    "explain names the index": [
        Step({"insert": "k", "documents": [{"n": 1000 + i} for i in range(2000)]}, "n", 2000),
        index({"n": 1}),
        Step({"explain": {"find": "k", "filter": {"n": 50}}, "verbosity": "queryPlanner"},
             "queryPlanner.winningPlan.inputStage.indexName", "made"),
    ],
    "explain counts documents": [
        Step({"explain": {"find": "k", "filter": {"n": 50}}, "verbosity": "executionStats"}, "executionStats.totalDocsExamined", 20)
    ],
    "collections are listed": [Step({"listCollections": 1, "nameOnly": True}, "cursor.firstBatch.0.name", "k")],
    "collections are made, renamed and dropped": [
        Step({"create": "c"}, "ok", 1), Refused({"create": "k", "viewOn": "c", "pipeline": []}, 48), Step({"drop": "c"}, "ok", 1),
    ],
    "a validator refuses": [
        Step({"create": "v", "validator": {"$jsonSchema": {"bsonType": "object", "required": ["a"]}}}, "ok", 1),
        Step({"insert": "v", "documents": [{"b": 1}]}, "writeErrors.0.code", 121),
    ],
    "a validator is changed": [
        Step({"collMod": "k", "validator": {"n": {"$lt": 1000}}, "validationLevel": "strict"}, "ok", 1),
        Step({"insert": "k", "documents": [{"_id": 500, "n": 1000}]}, "writeErrors.0.code", 121),
    ],
    "views": [
        Step({"create": "w", "viewOn": "k", "pipeline": [{"$match": {"q": 2}}]}, "ok", 1), count(6, collection="w"),
    ],
    "collection statistics": [Step({"collStats": "k"}, "count", 20)],
    "database statistics": [Step({"dbStats": 1}, "collections", 1)],
    "a missing index cannot be dropped": [Refused({"dropIndexes": "k", "index": "none"}, 27)],
}  # fmt: skip

NOT_EXECUTED = [
    "serverStatus", "profile", "replSetGetStatus", "getCmdLineOpts", "getParameter", "hostInfo", "top", "getLog", "listShards",
    "connPoolStats", "setParameter", "fsync", "shutdown", "nonsense",
]  # fmt: skip
