"""What frameworks send for arguments: nulls, numbers as text, objects as text, names that are nearly right."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from tests.server.processes import call, client_in

pytestmark = pytest.mark.anyio


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    raw = sqlite3.connect(tmp_path / "shop.db")
    raw.executescript(
        "CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3);"
        "CREATE TABLE people (id INTEGER PRIMARY KEY, email TEXT); INSERT INTO people VALUES (1, 'a.b@example.org');"
    )
    raw.close()
    (tmp_path / "dbmanager.toml").write_text(
        '[store]\ndata_dir = "state"\n[connections.shop]\nurl = "sqlite:///shop.db"\naccess = "read_write"\n'
    )
    return tmp_path


CHANGE = {"connection": "shop", "title": "an index", "reason": "measured"}
STEP = {"sql": "CREATE INDEX i ON t (id)"}
DISCLOSED = {"columns": ["people.email"], "rows": None, "minutes": None}
READ = {"connection": "shop", "sql": "SELECT id FROM t ORDER BY id"}
ACCEPTED: dict[str, tuple[str, dict[str, Any]]] = {
    "every optional argument as null": ("run_query", READ | {"command": None, "max_rows": None, "cursor": None}),
    "a number as text": ("run_query", READ | {"max_rows": "2"}),
    "a whole number with a point": ("run_query", READ | {"max_rows": 2.0}),
    "a boolean as text": ("explain_query", READ | {"analyze": "true"}),
    "a list as text": ("advise_indexes", {"connection": "shop", "queries": json.dumps([READ["sql"]])}),
    "objects as text": ("propose_change", CHANGE | {"steps": json.dumps([STEP])}),
    "nulls inside of an object": ("propose_change", CHANGE | {"steps": [STEP | {"command": None, "disclose": None}]}),
    "nulls for defaults far inside": ("propose_change", CHANGE | {"steps": [{"disclose": DISCLOSED}]}),
}
REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "a name that is nearly right": ("run_query", READ | {"max_row": 2}, "Did you mean 'max_rows'?"),
    "a name from nowhere": ("run_query", READ | {"zzzz": 2}, "Arguments: connection, sql"),
    "a name inside of an object": ("propose_change", CHANGE | {"steps": [{"sqll": "x"}]}, "steps.0.sqll is unknown, did you mean 'sql'?"),
    "a name far inside": ("propose_change", CHANGE | {"steps": [{"disclose": {"columns": ["a.b"], "rowz": 5}}]}, "did you mean 'rows'?"),
    "text for a number": ("run_query", READ | {"max_rows": "many"}, "max_rows: Input should be a valid integer"),
    "a required argument left out": ("run_query", {"sql": "SELECT 1"}, "connection"),
    "null for a required argument": ("describe_schema", {"connection": None}, "connection"),
}  # fmt: skip


async def _told(client: Client, tool: str, arguments: dict[str, Any]) -> tuple[str, bool]:
    text, _, failed = await call(client, tool, **arguments)
    assert "pydantic" not in text
    assert len(text) <= 2_000 or not failed
    return text, failed


@pytest.mark.parametrize(("tool", "arguments"), ACCEPTED.values(), ids=ACCEPTED)
async def test_what_is_meant_is_understood(shop: Path, tool: str, arguments: dict[str, Any]) -> None:
    async with client_in(shop) as client:
        text, failed = await _told(client, tool, arguments)
        assert not failed, text


@pytest.mark.parametrize(("tool", "arguments", "said"), REFUSED.values(), ids=REFUSED)
async def test_what_can_not_be_meant_is_refused_in_words(
    shop: Path, tool: str, arguments: dict[str, Any], said: str
) -> None:
    async with client_in(shop) as client:
        text, failed = await _told(client, tool, arguments)
        assert failed
        assert said in text


async def test_no_schema_spends_tokens_on_titles_and_every_object_is_closed(shop: Path) -> None:
    async with client_in(shop) as client:
        listed = (await client.list_tools()).tools
        for tool in listed:
            assert '"title": "' not in json.dumps(tool.input_schema), tool.name
            assert tool.input_schema["additionalProperties"] is False
            for name, definition in tool.input_schema.get("$defs", {}).items():
                assert "properties" not in definition or definition["additionalProperties"] is False, (tool.name, name)
            assert tool.name.replace("_", "").isalnum()
            assert len(tool.name) <= 40
            assert tool.description
            assert len(tool.description) <= 600
        assert len(client.instructions or "") <= 1_800
        assert len(listed) <= 40
