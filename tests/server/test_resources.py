"""What a client reads: resources, completions, long answers."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from mcp import Client, MCPError
from mcp.types import ResourceTemplateReference, TextResourceContents

from tests.server.processes import call, client_in

pytestmark = pytest.mark.anyio
TABLES = """
CREATE TABLE customers (id INTEGER PRIMARY KEY, email TEXT NOT NULL);
CREATE TABLE notes (id INTEGER PRIMARY KEY, line TEXT NOT NULL);
INSERT INTO customers VALUES (1, 'secret.person@example.org');
INSERT INTO notes SELECT value, 'an ordinary line of text number ' || value FROM
  (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 900) SELECT value FROM n);
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    raw = sqlite3.connect(tmp_path / "shop.db")
    raw.executescript(TABLES)
    raw.close()
    (tmp_path / "dbmanager.toml").write_text(
        '[store]\ndata_dir = "state"\n[connections.shop]\nurl = "sqlite:///shop.db"\naccess = "read_write"\n'
    )
    return tmp_path


async def _read(client: Client, uri: str) -> str:
    found = (await client.read_resource(uri)).contents[0]
    assert isinstance(found, TextResourceContents)
    return found.text


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_every_resource_and_template_can_be_read(folder: Path, mode: str) -> None:
    async with client_in(folder, mode=mode) as client:
        _, begun, _ = await call(client, "update_project", goal="order", connections=["shop"])
        await call(client, "check_database", connection="shop", project=begun["project"])
        await call(client, "export_deliverables", project=begun["project"])
        _, proposed, _ = await call(
            client, "propose_change", connection="shop", title="tidy", reason="one note",
            steps=[{"sql": "DELETE FROM notes WHERE id = 1"}],
        )  # fmt: skip
        given = {
            "{connection}": "shop", "{table}": "customers", "{project}": begun["project"], "{change}": proposed["change"],
            "{guide}": "slow-queries", "{expert}": "database_architect", "{+path}": "README.md",
        }  # fmt: skip
        fixed = [str(resource.uri) for resource in (await client.list_resources()).resources]
        templates = [t.uri_template for t in (await client.list_resource_templates()).resource_templates]
        read = {}
        for template in [*fixed, *templates]:
            if "{job}" in template or "{result}" in template:
                continue
            uri = template
            for name, value in given.items():
                uri = uri.replace(name, value)
            read[template] = await _read(client, uri)
            assert read[template]
        assert len(read) == 16
        assert "- shop: sqlite, read_write" in read["dbm://connections"]
        assert "customers" in read["dbm://connections/{connection}/schema"]
        assert "email" in read["dbm://connections/{connection}/tables/{table}"]
        assert "DELETE FROM notes" in read["dbm://changes/{change}"]
        assert "confirm_token" not in read["dbm://changes/{change}"]
        assert not [uri for uri, text in read.items() if "secret.person" in text]


@pytest.mark.parametrize(
    "uri",
    ["dbm://connections/none/schema", "dbm://connections/shop/tables/custmers", "dbm://changes/chg_none",
     "dbm://jobs/job_none", "dbm://results/res_none", "dbm://guides/9", "dbm://guides/slow-querys", "dbm://guides/..%2Fphases", "dbm://experts/nobody",
     "dbm://deliverables/../dbmanager.toml", "dbm://deliverables/..%2Fdbmanager.toml", "dbm://deliverables/none.md"],
)  # fmt: skip
async def test_what_is_not_there_is_said_so_and_nothing_else_is_read(folder: Path, uri: str) -> None:
    async with client_in(folder) as client:
        with pytest.raises(MCPError) as refused:
            await _read(client, uri)
        assert "store" not in str(refused.value)
        assert "Traceback" not in str(refused.value)


async def test_a_link_out_of_the_exported_tree_is_not_followed(folder: Path) -> None:
    async with client_in(folder) as client:
        _, begun, _ = await call(client, "update_project", goal="order", connections=["shop"])
        await call(client, "export_deliverables", project=begun["project"])
        (folder / "database-system/leak.md").symlink_to(folder / "dbmanager.toml")
        with pytest.raises(MCPError, match="does not exist"):
            await _read(client, "dbm://deliverables/leak.md")


async def test_arguments_are_completed(folder: Path) -> None:
    async with client_in(folder) as client:
        ref = ResourceTemplateReference(type="ref/resource", uri="dbm://connections/{connection}/tables/{table}")
        found = await client.complete(ref, {"name": "connection", "value": "sh"})
        assert found.completion.values == ["shop"]
        found = await client.complete(ref, {"name": "table", "value": "cust"}, {"connection": "shop"})
        assert found.completion.values == ["customers"]
        found = await client.complete(ref, {"name": "table", "value": ""}, {"connection": "none"})
        assert found.completion.values == []


async def test_a_long_answer_is_cut_and_read_on_without_losing_a_line(folder: Path) -> None:
    async with client_in(folder) as client:
        result = await client.call_tool("run_query", {"connection": "shop", "sql": "SELECT * FROM notes ORDER BY id"})
        links = [block for block in result.content if block.type == "resource_link"]
        text, _, _ = await call(client, "run_query", connection="shop", sql="SELECT * FROM notes ORDER BY id")
        assert len(text) < 28_000
        id_ = text.partition("result='")[2].partition("'")[0]
        start = int(text.rpartition("start=")[2].rstrip("."))
        parts = [text.rpartition("\n\nCharacters")[0]]
        while True:
            part, _, failed = await call(client, "read_result", result=id_, start=start)
            assert not failed, part
            body, _, note = part.rpartition("\n\nCharacters")
            parts.append(body)
            if "start=" not in note:
                break
            start = int(note.rpartition("start=")[2].rstrip("."))
        whole = "\n".join(parts)
        assert all(f"|{number}|an ordinary line of text number {number}|" in whole for number in range(1, 901))
        assert await _read(client, str(links[0].uri))
    assert b"an ordinary line" not in b"".join(
        file.read_bytes() for file in (folder / "state").rglob("*") if file.is_file()
    )
