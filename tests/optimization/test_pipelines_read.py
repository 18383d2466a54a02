"""Whatever passes the gate is read: benign commands of the gate's corpus give collections, odd ones say why not."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from bson import json_util

from dbmanager.adapters.mongodb.gate import parse_read
from dbmanager.analyzers.rewriting.languages import language_of
from dbmanager.errors import DbManagerError, StatementRefused
from dbmanager.model.schema import DatabaseSchema
from dbmanager.phases.optimization.rewriting import Effort, benched, gate_of
from tests.engines.mongodb import MongoServer
from tests.gate.outsider_mongodb import BENIGN as OUTSIDER
from tests.mongodb.corpora import BENIGN, SEED
from tests.optimization.documents import services_on

LANGUAGE = language_of("mongodb", DatabaseSchema("mongodb", "8.0", (), ""))
ODD = (
    '{"aggregate": "t", "pipeline": [{"$project": 5}]}', '{"aggregate": "t", "pipeline": [{"$sort": "a"}]}',
    '{"aggregate": "t", "pipeline": [{"$group": 5}]}', '{"aggregate": "t", "pipeline": [{"$facet": {"a": 5}}]}',
    '{"aggregate": "t", "pipeline": [{"$group": {"_id": 1, "x": {"$top": 5}}}]}',
    '{"aggregate": "t", "pipeline": [{"$bucket": 5}]}', '{"aggregate": "t", "pipeline": [{"$unset": 5}]}',
)  # fmt: skip


@pytest.mark.parametrize("command", BENIGN, ids=lambda command: json_util.dumps(command)[:60])
def test_a_benign_command_is_understood_and_gives_collections(command: dict[str, object]) -> None:
    statement = json_util.dumps(command)
    parse_read(statement)
    assert LANGUAGE.promise(statement) is not None
    maker = LANGUAGE.maker([statement], 1)
    assert not isinstance(maker, str), maker
    made = [maker.made(number) for number in range(1, 6)]
    assert any(part.rows for database in made for part in database.tables)
    for database in made:
        for load in database.loads("mongodb", "mongodb"):
            assert json.loads(load)["documents"]


@pytest.mark.parametrize("statement", ODD)
def test_a_stage_that_is_not_built_as_it_should_be_is_not_understood(statement: str) -> None:
    parse_read(statement)
    understood = LANGUAGE.promise(statement)
    assert understood is None or not isinstance(LANGUAGE.maker([statement], 1), str)


@pytest.mark.slow
@pytest.mark.anyio
async def test_no_benign_command_is_refuted_by_itself(mongodb_server: MongoServer, tmp_path: Path) -> None:
    name = mongodb_server.create_database()
    with mongodb_server.client() as client:
        for collection, documents in SEED.items():
            client[name][collection].insert_many([dict(document) for document in documents])
    services = services_on(mongodb_server, name, tmp_path, scratch="server")
    adapter = await services.connections.adapter("db")
    decided: Counter[str] = Counter()
    wronged, failed = [], []
    async with benched(services.scratches, "db", await gate_of(adapter, "db", '{"find": "people"}')) as gate:
        for statement in [json_util.dumps(command) for command in BENIGN] + [found for _, found in OUTSIDER]:
            try:
                alone = await gate_of(adapter, "db", statement, Effort(cases=15, seconds=2.0))
                alone.bench = gate.bench
                verdict = await alone.judge(statement)
            except StatementRefused:
                decided["refused by the gate"] += 1
                continue
            except DbManagerError as problem:
                failed.append((statement, problem.message))
                continue
            decided[verdict.decision] += 1
            if verdict.is_refuted:
                wronged.append((statement, verdict.reason, verdict.counter_example))
    await services.close()
    mongodb_server.drop_database(name)
    assert wronged == []
    assert decided["supported"] > len(BENIGN) / 2, decided
    assert all('"hint"' in statement or "$geoNear" in statement for statement, _ in failed), "these want an index"
