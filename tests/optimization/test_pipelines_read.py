"""Whatever passes the gate is read: benign commands of the gate's corpus give collections, odd ones say why not."""

from __future__ import annotations

import json

import pytest
from bson import json_util

from dbmanager.adapters.mongodb.gate import parse_read
from dbmanager.analyzers.rewriting.languages import language_of
from dbmanager.model.schema import DatabaseSchema
from tests.mongodb.corpora import BENIGN

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
