"""The masking exit over documents: every attempt shows a value when nothing masks, and none when it does."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo.errors import PyMongoError

from dbmanager.errors import DbManagerError
from dbmanager.model.configuration import Configuration
from dbmanager.services.configuration import LoadedConfiguration
from dbmanager.services.container import Services
from tests.engines.mongodb import PASSWORD, Client, MongoServer
from tests.mongodb.leaks import BENIGN, LEAKS, ORDERS, PEOPLE, Doc

pytestmark = pytest.mark.anyio
PIECES = re.compile(r"lovelace|hopper|turing|@example|ada\b|grace|4111|5500|example\.(org|com)", re.IGNORECASE)
TOKEN = re.compile(r"\[[a-z_]+:[0-9a-f]{10}\]")


@pytest.fixture(scope="module")
def leaky(mongo: Client, mongodb_server: MongoServer) -> Iterator[str]:
    name = mongodb_server.create_database()
    mongo[name].people.insert_many(PEOPLE)
    mongo[name].orders.insert_many(ORDERS)
    mongo[name].late.insert_many([{"_id": n, "city": "York", "home": {"street": "Mill Lane"}} for n in range(30)])
    mongo[name].command("create", "view", viewOn="people", pipeline=[{"$project": {"reach": "$email", "country": 1}}])
    yield name
    mongodb_server.drop_database(name)


@pytest.fixture
async def services(leaky: str, mongo: Client, mongodb_server: MongoServer, tmp_path: Path) -> AsyncIterator[Services]:
    (tmp_path / "password").write_text(PASSWORD)
    connection = {"url": mongodb_server.url(leaky), "password": {"file": str(tmp_path / "password")}}
    configuration = Configuration.model_validate({"connections": {"db": connection}, "store": {"data_dir": "state"}})
    made = Services(LoadedConfiguration(configuration, (), tmp_path))
    mongo[leaky].late.delete_one({"_id": 100})
    adapter = await made.connections.adapter("db")
    await adapter.catalog.read_schema()
    mongo[leaky].late.insert_one(
        {"_id": 100, "new": {"email": "ada@example.org"}, "home": {"street": "x", "second": "ada@example.org"},
         "ada@example.com": 1}
    )  # fmt: skip
    yield made
    await made.close()


def _plainly(mongo: Client, database: str, command: Doc) -> str:
    sent = {**command, "cursor": {}} if "aggregate" in command else command
    try:
        return repr(mongo[database].command(sent))
    except PyMongoError as failed:
        return str(failed)


@pytest.mark.parametrize("number", range(len(LEAKS)))
async def test_no_attempt_shows_a_value(number: int, services: Services) -> None:
    statement = json.dumps(LEAKS[number])
    try:
        page = await services.reader.query("db", statement)
        result = page.masked.result
        shown = json.dumps([[(c.name, c.paths) for c in result.columns], result.rows], ensure_ascii=False)
        shown += json.dumps(page.masked.masked)
    except DbManagerError as failed:
        shown = failed.sentence() + repr(failed.__cause__)
    assert not PIECES.search(TOKEN.sub("[token]", shown)), (statement, shown[:600])


@pytest.mark.parametrize("number", range(len(LEAKS)))
async def test_each_attempt_shows_a_value_when_nothing_masks(
    number: int, mongo: Client, leaky: str, services: Services
) -> None:
    shown = _plainly(mongo, leaky, LEAKS[number])
    if "not supported" in shown or "Unrecognized" in shown or "FailedToConvert" in shown:
        pytest.skip("the engine does not execute it")
    assert PIECES.search(shown), (LEAKS[number], shown[:500])


@pytest.mark.parametrize("number", range(len(BENIGN)))
async def test_plain_questions_are_not_masked(number: int, services: Services) -> None:
    command, clear = BENIGN[number]
    page = await services.reader.query("db", json.dumps(command))
    assert page.masked.masked == {}, command
    assert tuple(sorted(c.name for c in page.masked.result.columns)) == clear


async def test_equal_values_have_equal_tokens(services: Services) -> None:
    found: Any = await services.reader.query("db", '{"find": "people", "projection": {"email": 1, "c4": 1}}')
    names = [column.name for column in found.masked.result.columns]
    rows = [dict(zip(names, row, strict=True)) for row in found.masked.result.rows]
    assert all(str(row["email"]).startswith("[email:") and row["email"] == row["c4"] for row in rows)


def test_there_are_enough_of_them() -> None:
    assert len(LEAKS) >= 60
    assert len(BENIGN) >= 30


async def test_a_value_is_not_written_down_in_what_it_is_compared_with(
    services: Services, mongo: Client, leaky: str
) -> None:
    letters = ["a", "d", "x", "z"]
    command: Doc = {"aggregate": "people", "pipeline": [
        {"$match": {"_id": 1}}, {"$addFields": {"ch": letters, "at": [0, 1, 2]}}, {"$unwind": "$ch"}, {"$unwind": "$at"},
        {"$match": {"$expr": {"$eq": ["$ch", {"$substrCP": ["$email", "$at", 1]}]}}},
        {"$project": {"_id": 0, "at": 1, "ch": 1}}]}  # fmt: skip
    found = mongo[leaky].command({**command, "cursor": {}})["cursor"]["firstBatch"]
    assert sorted((one["at"], one["ch"]) for one in found) == [(0, "a"), (1, "d"), (2, "a")], "it tells the address"
    page = await services.reader.query("db", json.dumps(command))
    assert page.masked.result.rows
    assert all(str(cell).startswith("[") for row in page.masked.result.rows for cell in row)
