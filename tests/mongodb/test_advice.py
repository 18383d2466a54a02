"""Index advice from commands, and plans of a mongod as its manual shows them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dbmanager.adapters.mongodb.explain import query_plan
from dbmanager.analyzers.indexing.documents import column_uses
from dbmanager.model.schema import Column, DatabaseSchema, DataType, PrimaryKey, Table, TypeKind
from dbmanager.phases.optimization.advise import advise
from tests.engines.mongodb import Client, MongoServer
from tests.mongodb.conftest import Open

INT = DataType(TypeKind.INTEGER, "int")


def _table(name: str, *columns: str) -> Table:
    return Table(name, None, tuple(Column(c, INT) for c in ("_id", *columns)), primary_key=PrimaryKey(("_id",)))


SCHEMA = DatabaseSchema("mongodb", "7.0", (_table("orders", "a", "b", "c", "d.e"), _table("people", "x", "y")), "f")
Uses = tuple[list[str], list[str], list[str], list[str]]
CASES: list[tuple[dict[str, Any], dict[str, Uses]]] = [
    ({"find": "orders", "filter": {"a": 1}}, {"orders": (["a"], [], [], [])}),
    ({"find": "orders", "filter": {"a": {"$in": [1]}, "b": {"$gt": 2}}, "sort": {"c": -1}}, {"orders": (["a"], ["b"], [], ["c"])}),
    ({"find": "orders", "filter": {"d.e": {"$oid": "65e000000000000000000001"}}}, {"orders": (["d.e"], [], [], [])}),
    ({"find": "orders", "filter": {"$and": [{"a": 1}, {"b": {"$lt": 1}}]}}, {"orders": (["a"], ["b"], [], [])}),
    ({"find": "orders", "filter": {"$or": [{"a": 1}, {"b": 1}]}}, {}),
    ({"find": "orders", "filter": {"$expr": {"$eq": ["$a", 1]}}}, {"orders": (["a"], [], [], [])}),
    ({"find": "orders", "filter": {"a": {"$regex": "x"}, "unseen": 1, "_id": 5}}, {}),
    ({"count": "orders", "query": {"b": {"$gte": 1}}}, {"orders": ([], ["b"], [], [])}),
    ({"distinct": "orders", "key": "a", "query": {"b": 1}}, {"orders": (["b"], [], [], [])}),
    ({"aggregate": "orders", "pipeline": [{"$match": {"a": 1}}, {"$sort": {"b": 1}}]}, {"orders": (["a"], [], [], ["b"])}),
    ({"aggregate": "orders", "pipeline": [{"$group": {"_id": "$a"}}, {"$match": {"b": 1}}]}, {}),
    ({"aggregate": "orders", "pipeline": [{"$lookup": {"from": "people", "localField": "a", "foreignField": "x", "as": "p"}}]},
     {"people": ([], [], ["x"], [])}),
    ({"aggregate": "orders", "pipeline": [{"$lookup": {"from": "people", "as": "p", "let": {"k": "$a"}, "pipeline": [
        {"$match": {"$expr": {"$and": [{"$eq": ["$x", "$$k"]}, {"$gt": ["$y", 1]}]}}}]}}]}, {"people": (["x"], ["y"], [], [])}),
]  # fmt: skip


@pytest.mark.parametrize(("command", "expected"), CASES)
def test_the_use_of_fields_is_understood(command: dict[str, Any], expected: dict[str, Uses]) -> None:
    found = column_uses(json.dumps(command), SCHEMA)
    assert {use.table.name: (use.equal, use.ranged, use.joined, use.ordered) for use in found} == expected


@pytest.mark.parametrize("text", ["", "[]", "5", '{"find": 5}', '{"aggregate": "orders", "pipeline": [1]}'])
def test_what_is_not_understood_gives_no_advice(text: str) -> None:
    assert column_uses(text, SCHEMA) == []


@pytest.mark.anyio
async def test_advice_follows_equality_sort_range(mongo: Client, database: str, open_mongo: Open) -> None:
    mongo[database].k.insert_many([{"_id": n, "a": n % 50, "b": n, "c": n % 9} for n in range(3_000)])
    command = {"find": "k", "filter": {"a": 5}, "sort": {"b": 1}}
    report = await advise(open_mongo(), [json.dumps(command)])
    assert [[key.name for key in advice.index.keys] for advice in report.create] == [["a", "b"]]
    assert "rules only" in report.method
    assert report.before[0].full_scans == ("k",)


@pytest.mark.anyio
async def test_a_stale_estimate_of_the_engine_hides_no_advice(
    mongo: Client, mongodb_server: MongoServer, database: str, open_mongo: Open
) -> None:
    mongo[database].k.insert_one({"_id": 0, "a": 0, "b": 0})
    mongodb_server.analyze()
    mongo[database].k.insert_many([{"_id": n, "a": n % 50, "b": n} for n in range(1, 3_000)])
    if not mongodb_server.real:
        assert mongo[database].command({"collStats": "k"})["count"] < 100
    adapter = open_mongo()
    assert (await adapter.catalog.read_schema()).table("k").row_estimate == 3_000
    report = await advise(adapter, [json.dumps({"find": "k", "filter": {"a": 5}, "sort": {"b": 1}})])
    assert [[key.name for key in advice.index.keys] for advice in report.create] == [["a", "b"]]


# proven_on: recorded. The replies of a mongod 7.0 as its manual's "Explain Results" shows them; no mongod runs here.
FIND = {
    "explainVersion": "1",
    "queryPlanner": {
        "namespace": "shop.orders",
        "winningPlan": {
            "stage": "FETCH", "filter": {"b": {"$gt": 1}},
            "inputStage": {"stage": "IXSCAN", "indexName": "a_1", "keyPattern": {"a": 1}, "indexBounds": {"a": ["[5, 5]"]}},
        },
    },
    "executionStats": {
        "nReturned": 3, "executionTimeMillis": 2, "totalKeysExamined": 4, "totalDocsExamined": 4,
        "executionStages": {"stage": "FETCH", "nReturned": 3, "executionTimeMillisEstimate": 1,
                            "inputStage": {"stage": "IXSCAN", "nReturned": 4, "executionTimeMillisEstimate": 0}},
    },
}  # fmt: skip
AGGREGATE = {
    "explainVersion": "1",
    "stages": [
        {"$cursor": {"queryPlanner": {"namespace": "shop.orders", "winningPlan": {"stage": "COLLSCAN", "direction": "forward"}},
                     "executionStats": {"nReturned": 9, "executionTimeMillis": 5, "totalKeysExamined": 0, "totalDocsExamined": 9,
                                        "executionStages": {"stage": "COLLSCAN", "nReturned": 9}}}},
        {"$lookup": {"from": "people"}, "nReturned": 9},
    ],
}  # fmt: skip
SLOT_BASED = {
    "explainVersion": "2",
    "queryPlanner": {"namespace": "shop.orders", "winningPlan": {
        "queryPlan": {"stage": "GROUP", "planNodeId": 2, "inputStage": {"stage": "COLLSCAN", "planNodeId": 1}}, "slotBasedPlan": {}}},
}  # fmt: skip


def test_a_recorded_find_is_read() -> None:
    plan = query_plan(FIND, analyzed=True)
    assert [(n.operation, n.access, n.index, n.rows_actual) for n in plan.nodes()] == [
        ("FETCH", "other", None, 3), ("IXSCAN", "index_scan", "a_1", 4),
    ]  # fmt: skip
    assert (plan.cost, plan.execution_ms) == (8.0, 2)


def test_a_recorded_aggregation_is_read() -> None:
    plan = query_plan(AGGREGATE, analyzed=True)
    assert [(n.operation, n.access, n.table) for n in plan.nodes()] == [
        ("$lookup", "join", None), ("COLLSCAN", "full_scan", "orders"),
    ]  # fmt: skip
    assert plan.cost == 9.0


def test_a_recorded_slot_based_plan_is_read() -> None:
    plan = query_plan(SLOT_BASED, analyzed=False)
    assert [(n.operation, n.access) for n in plan.nodes()] == [("GROUP", "other"), ("COLLSCAN", "full_scan")]
    assert plan.cost is None
