"""Names and values of every kind go in and come out as they were."""

from __future__ import annotations

import json
from typing import Any

import pytest
from bson.int64 import Int64
from hypothesis import given
from hypothesis import strategies as st

from dbmanager.adapters.mongodb.values import cell, document_of, exact_text
from dbmanager.errors import UnsupportedCapability
from dbmanager.model.queries import QueryRequest
from tests.engines.mongodb import Client
from tests.mongodb.conftest import Open

NAMES = [
    "plain",
    "with space",
    "ünïcode \U0001f600",
    "dotted.name",
    "quote\"'`",
    "ORDER",
    "a" * 100,
    "-dash",
    "1",
    "Ω‮",
    "back\\slash",
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text() | st.binary() | st.integers(-(2**31), 2**31 - 1)
    | st.integers(-(2**63), 2**63 - 1).map(Int64),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(st.dictionaries(st.text(min_size=1, max_size=8).filter(lambda n: not n.startswith("$")), VALUES, max_size=5))
def test_text_of_a_document_reads_back_as_the_same_text(document: dict[str, Any]) -> None:
    try:
        text = exact_text(document)
    except UnsupportedCapability:
        assert "$" in str(document)
        return
    assert exact_text(document_of(text)) == text


@given(VALUES)
def test_every_cell_is_json(value: Any) -> None:
    json.dumps(cell(value), allow_nan=False)


@pytest.mark.anyio
@pytest.mark.parametrize("name", NAMES)
async def test_any_name_is_described_and_read(name: str, mongo: Client, database: str, open_mongo: Open) -> None:
    mongo[database][name].insert_one({"_id": 1, name.replace(".", "_"): "x"})
    mongo[database][name].create_index(name.replace(".", "_"), name="ix")
    adapter = open_mongo()
    table = (await adapter.catalog.read_schema()).table(name)
    assert table.has_column(name.replace(".", "_"))
    found = await adapter.query.run(QueryRequest(json.dumps({"find": name})))
    assert found.rows == ((1, "x"),)
    probe, parameters = adapter.emit.index_exists_probe(table, "ix")
    assert await adapter.query.fetch(probe, parameters) == [(1,)]
    probe, parameters = adapter.emit.table_exists_probe(table)
    assert await adapter.query.fetch(probe, parameters) == [(1,)]
