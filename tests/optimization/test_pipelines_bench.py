"""Small collections keep to indexes and validators, are made in a scratch database alone, and leave nothing behind."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from dbmanager.adapters.facets import need
from dbmanager.analyzers.rewriting.pipelines.collections import CollectionGenerator
from dbmanager.analyzers.rewriting.pipelines.commands import command_of
from dbmanager.analyzers.rewriting.pipelines.hints import hints_of_commands
from dbmanager.errors import AccessDenied, StatementRefused
from dbmanager.phases.optimization.rewriting import Effort, benched, gate_of
from dbmanager.services.container import Services
from tests.engines.mongodb import Client, MongoServer
from tests.optimization.documents import SECRET, filled, services_on

pytestmark = pytest.mark.anyio
NAMES = '{"find": "people", "filter": {"email": "a@b.c", "level": {"$gt": 3}}}'
Filled = tuple[str, Client]


@pytest.fixture
def shop(mongodb_server: MongoServer) -> Iterator[Filled]:
    """A filled database of its own, with a collection that demands something."""
    with filled(mongodb_server) as (name, client):
        rules = {"bsonType": "object", "required": ["email", "kind"], "properties": {
            "email": {"bsonType": "string"}, "level": {"bsonType": "int"}, "kind": {"enum": ["x", "y"]},
            "marks": {"bsonType": "array", "items": {"bsonType": "string"}}}}  # fmt: skip
        client[name].create_collection("people", validator={"$jsonSchema": rules})
        client[name]["people"].create_index("email", unique=True)
        client[name]["people"].insert_one({"email": "one@example.org", "kind": "x", "level": 1})
        yield name, client


@pytest.fixture
async def services(mongodb_server: MongoServer, shop: Filled, tmp_path: Path) -> AsyncIterator[Services]:
    """Services that may make a scratch database beside the source."""
    made = services_on(mongodb_server, shop[0], tmp_path, scratch="server")
    yield made
    await made.close()


async def test_the_same_seed_makes_the_same_collections_and_the_engine_takes_them(services: Services) -> None:
    adapter = await services.connections.adapter("db")
    gate = await gate_of(adapter, "db", NAMES)
    command = command_of(NAMES)
    assert command is not None
    one, other = (CollectionGenerator(gate.schema, hints_of_commands([command], gate.schema), 7) for _ in range(2))
    made = [one.made(number) for number in range(1, 100)]
    assert made == [other.made(number) for number in range(1, 100)]
    async with benched(services.scratches, "db", gate):
        assert gate.bench is not None
        found = [await gate.bench.answers(database.loads("mongodb", "mongodb"), [NAMES]) for database in made]
    assert [answers for answers in found if isinstance(answers, str)] == [], "indexes and validators are honoured"
    documents = [document for database in made for document in database.tables[0].rows]
    assert len(documents) > 100
    assert any("level" not in document for document in documents), "what is not required is missing at times"


async def test_a_rewrite_that_is_right_under_a_validator_alone_is_not_refuted(services: Services) -> None:
    adapter = await services.connections.adapter("db")
    original = '{"find": "people", "filter": {"kind": {"$ne": "x"}}}'
    gate = await gate_of(adapter, "db", original, Effort(cases=100))
    async with benched(services.scratches, "db", gate):
        verdict = await gate.judge('{"find": "people", "filter": {"kind": "y"}}')
        assert verdict.decision == "supported", verdict
        verdict = await gate.judge('{"find": "people", "filter": {"kind": "x"}}')
        assert verdict.decision == "refuted"
        pipeline = '[{{"$match": {{"{0}": "a"}}}}, {{"$unwind": "${0}"}}, {{"$match": {{"{0}": "a"}}}}]'
        for collection, field, decision in (("people", "marks", "supported"), ("orders", "tags", "refuted")):
            after = f'[{{"$unwind": "${field}"}}, {{"$match": {{"{field}": "a"}}}}]'
            other = await gate_of(
                adapter, "db", f'{{"aggregate": "{collection}", "pipeline": {after}}}', Effort(cases=400)
            )
            other.bench = gate.bench
            verdict = await other.judge(f'{{"aggregate": "{collection}", "pipeline": {pipeline.format(field)}}}')
            assert verdict.decision == decision, "arrays in arrays escape a $match before $unwind, if there may be any"


async def test_what_no_sampled_document_has_is_told_beside_a_counter_example(services: Services, shop: Filled) -> None:
    name, client = shop
    client[name]["plain"].insert_many({"_id": n, "level": n, "word": "x"} for n in range(30))
    adapter = await services.connections.adapter("db")
    gate = await gate_of(adapter, "db", '{"find": "plain", "filter": {"level": {"$not": {"$gt": 7}}}}')
    async with benched(services.scratches, "db", gate):
        verdict = await gate.judge('{"find": "plain", "filter": {"level": {"$lte": 7}}}')
        assert verdict.decision == "refuted"
        assert any("no sampled document of plain" in n and "level is" in n for n in verdict.notes), verdict.notes
        verdict = await gate.judge('{"find": "plain", "filter": {"level": {"$gt": 7}}}')
        assert verdict.decision == "refuted"


async def test_documents_are_never_written_beside_a_scratch_database(services: Services, shop: Filled) -> None:
    adapter = await services.connections.adapter("db")
    with pytest.raises(AccessDenied):
        async with need(adapter.comparison, "db").bench(timeout_seconds=5):
            pass
    async with benched(services.scratches, "db", await gate_of(adapter, "db", NAMES)) as gate:
        assert gate.bench is not None
        load = [json.dumps({"insert": "orders", "documents": [{"_id": 1}]})]
        answers = await gate.bench.answers(
            load,
            ['{"find": "orders"}', '{"delete": "orders", "deletes": [{"q": {}, "limit": 0}]}', '{"find": "orders"}'],
        )
        assert not isinstance(answers, str)
        assert [answer.rows for answer in answers] == [(('{"_id": 1}',),), (), (('{"_id": 1}',),)]
        assert answers[1].problem
        again = await gate.bench.answers([], ['{"find": "orders"}'])
        assert not isinstance(again, str)
        assert again[0].rows == (), "nothing is left for the next"
        with pytest.raises(StatementRefused):
            await gate.judge('{"aggregate": "people", "pipeline": [{"$out": "elsewhere"}]}')
    name, client = shop
    assert client[name]["orders"].count_documents({}) == 61


async def test_views_get_no_documents_of_ours(services: Services, shop: Filled) -> None:
    name, client = shop
    client[name].command("create", "open_orders", viewOn="orders", pipeline=[{"$match": {"status": "open"}}])
    adapter = await services.connections.adapter("db")
    gate = await gate_of(adapter, "db", '{"find": "open_orders"}')
    async with benched(services.scratches, "db", gate):
        verdict = await gate.judge('{"find": "open_orders", "filter": {"status": "open"}}')
        assert verdict.decision == "supported"
        assert verdict.on_data == "equal"
        assert any("open_orders can't be filled" in note for note in verdict.notes), verdict.notes


async def test_where_no_scratch_database_may_be_made_the_data_is_compared(
    mongodb_server: MongoServer, shop: Filled, tmp_path: Path
) -> None:
    services = services_on(mongodb_server, shop[0], tmp_path, scratch=False)
    adapter = await services.connections.adapter("db")
    gate = await gate_of(adapter, "db", '{"find": "orders", "filter": {"qty": {"$gt": 2}}}')
    async with benched(services.scratches, "db", gate):
        verdict = await gate.judge('{"find": "orders", "filter": {"$and": [{"qty": {"$gt": 2}}, {"qty": {"$gt": 1}}]}}')
        assert (verdict.decision, verdict.on_data) == ("supported", "equal")
        assert any("no small databases" in note and "scratch = false" in note for note in verdict.notes)
        verdict = await gate.judge('{"find": "orders", "filter": {"qty": {"$gt": 3}}}')
        assert (verdict.decision, verdict.on_data) == ("refuted", "differ")
        assert SECRET not in repr(verdict)
        ordered = await gate_of(adapter, "db", '{"find": "orders", "sort": {"qty": 1}}')
        verdict = await ordered.judge('{"find": "orders", "sort": {"qty": -1}}')
        assert (verdict.decision, verdict.reason) == ("refuted", "on the real data the order differs")
        verdict = await ordered.judge('{"find": "orders", "sort": {"qty": 1, "amount": 1}}')
        assert verdict.on_data == "equal", "what the order leaves equal may change places"
    await services.close()


async def test_data_that_changes_while_it_is_compared_refutes_nothing(services: Services, shop: Filled) -> None:
    name, client = shop
    stop = threading.Event()

    def write() -> None:
        number = 1_000
        while not stop.is_set():
            number += 1
            client[name]["orders"].insert_one({"_id": number, "qty": 3})

    adapter = await services.connections.adapter("db")
    every = '{"find": "orders"}'
    writer = threading.Thread(target=write)
    writer.start()
    try:
        verdict = await (await gate_of(adapter, "db", every)).judge('{"aggregate": "orders", "pipeline": []}')
    finally:
        stop.set()
        writer.join()
    assert verdict.decision != "refuted", verdict
    assert verdict.on_data == "equal" or "changed each time" in verdict.on_data


async def test_the_real_data_is_read_up_to_its_bound(services: Services, shop: Filled) -> None:
    name, client = shop
    client[name]["many"].insert_many({"_id": n} for n in range(4_000))
    adapter = await services.connections.adapter("db")
    gate = await gate_of(adapter, "db", '{"find": "many"}', Effort(most_rows=1_500))
    verdict = await gate.judge('{"aggregate": "many", "pipeline": [{"$match": {}}]}')
    assert verdict.on_data == "cut: more than 1,500 rows"
    assert verdict.decision == "undecided"
