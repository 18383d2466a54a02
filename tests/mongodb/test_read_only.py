"""The gate: hostile commands have their effect ungated and none gated; benign ones pass and run."""

from __future__ import annotations

import json
from typing import Any

import pytest
from bson import json_util
from pymongo.errors import PyMongoError

from dbmanager.adapters.mongodb.gate import parse_read
from dbmanager.errors import InvalidStatement, StatementRefused
from dbmanager.model.queries import QueryRequest
from tests.engines.mongodb import Client, MongoServer
from tests.mongodb.conftest import Open
from tests.mongodb.corpora import BENIGN, CHANGED, HOSTILE, SEED, UNCLEAR, Hostile

pytestmark = pytest.mark.anyio


@pytest.fixture
def seeded(mongo: Client, database: str) -> str:
    for name, documents in SEED.items():
        mongo[database][name].insert_many(documents)
    mongo[database].people.create_index("city")
    return database


def _named(value: Any, database: str) -> Any:
    """Put the database's name where a command wants it."""
    return json_util.loads(json_util.dumps(value).replace("{db}", database))


def _state(mongo: Client, database: str) -> Any:
    found = {}
    for entry in mongo[database].list_collections():
        name = entry["name"]
        indexes = [] if entry["type"] == "view" else sorted(mongo[database][name].index_information())
        documents = sorted(json_util.dumps(d) for d in mongo[database][name].find())
        found[name] = (entry["type"], repr(entry["options"]), indexes, documents)
    return found, sorted(u["user"] for u in mongo.admin.command("usersInfo")["users"])


def _run(mongo: Client, database: str, case: Hostile) -> Any:
    return mongo[case.database or database].command(_named(case.command, database))


@pytest.mark.parametrize("case", HOSTILE, ids=lambda case: case.name)
def test_ungated_it_has_its_effect(case: Hostile, mongo: Client, mongodb_server: MongoServer, seeded: str) -> None:
    if mongodb_server.real and not case.executed:
        pytest.skip("what a server of its own would do is not looked at")
    before = _state(mongo, seeded)
    if not case.executed:
        with pytest.raises(PyMongoError):
            _run(mongo, seeded, case)
        return
    try:
        answer = _run(mongo, seeded, case)
        if case.effect == CHANGED:
            assert _state(mongo, seeded) != before
        elif case.effect == "cursor":
            assert answer["cursor"]["id"]
        else:
            assert answer
    finally:
        for command in case.undo:
            mongo[case.database or seeded].command(command)


@pytest.mark.parametrize("case", HOSTILE, ids=lambda case: case.name)
async def test_gated_it_is_refused_with_advice(case: Hostile, mongo: Client, seeded: str, open_mongo: Open) -> None:
    before = _state(mongo, seeded)
    adapter = open_mongo()
    with pytest.raises((StatementRefused, InvalidStatement)) as refused:
        await adapter.query.run(QueryRequest(json.dumps(_named(case.command, seeded))))
    assert refused.value.hint
    assert _state(mongo, seeded) == before
    assert (await adapter.query.run(QueryRequest('{"count": "people"}'))).rows == ((100,),)


@pytest.mark.parametrize("name", UNCLEAR)
def test_what_is_not_understood_is_refused(name: str) -> None:
    with pytest.raises((StatementRefused, InvalidStatement)) as refused:
        parse_read(UNCLEAR[name])
    assert refused.value.hint


@pytest.mark.parametrize("number", range(len(BENIGN)))
async def test_an_ordinary_read_passes_and_runs(number: int, seeded: str, open_mongo: Open) -> None:
    await open_mongo(access="read_only").query.run(QueryRequest(json.dumps(BENIGN[number])))


def test_the_corpora_are_as_large_as_promised() -> None:
    assert len([case for case in HOSTILE if case.executed]) >= 50
    assert len(BENIGN) >= 50


def test_an_unknown_field_is_told_with_the_nearest() -> None:
    with pytest.raises(InvalidStatement, match="filtre") as refused:
        parse_read('{"find": "people", "filtre": {}}')
    assert "'filter'" in str(refused.value.hint)


@pytest.mark.parametrize(("stage", "action"), [("$out", "propose_change"), ("$merge", "propose_change")])
def test_a_writing_stage_leads_to_a_change_set(stage: str, action: str) -> None:
    with pytest.raises(StatementRefused) as refused:
        parse_read(json.dumps({"aggregate": "people", "pipeline": [{stage: "x"}]}))
    assert action in refused.value.next_actions
