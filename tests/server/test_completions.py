"""Arguments of prompts and addresses are completed from what is there, in both eras, quickly or not at all."""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import anyio
import pytest
from dbmanager_resources import completions, words
from dbmanager_resources.experts import BY_NAME
from mcp import Client
from mcp.types import PromptReference, ResourceTemplateReference

from tests.server.processes import call, client_in

pytestmark = pytest.mark.anyio
TABLE = ResourceTemplateReference(type="ref/resource", uri="dbm://connections/{connection}/tables/{table}")


@pytest.fixture
def deaf() -> Iterator[int]:
    """A port that takes a connection and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=8) as server:
        yield int(server.getsockname()[1])


@pytest.fixture
def folder(tmp_path: Path, deaf: int) -> Path:
    raw = sqlite3.connect(tmp_path / "shop.db")
    raw.executescript(
        "CREATE TABLE customers (id INTEGER PRIMARY KEY); CREATE TABLE old_customers (id INTEGER PRIMARY KEY);"
    )
    raw.executescript("".join(f"CREATE TABLE many_{n:03} (id INTEGER PRIMARY KEY);" for n in range(150)))
    raw.close()
    (tmp_path / "dbmanager.toml").write_text(
        '[store]\ndata_dir = "state"\n[connections.shop]\nurl = "sqlite:///shop.db"\naccess = "read_write"\n'
        '[connections.bookshop]\nurl = "sqlite:///gone/none.db"\n'
        f'[connections.deaf]\nurl = "postgresql://app@127.0.0.1:{deaf}/x"\n'
    )
    return tmp_path


@pytest.fixture(params=["auto", "legacy"])
async def client(request: pytest.FixtureRequest, folder: Path) -> AsyncIterator[Client]:
    async with client_in(folder, mode=request.param) as found:
        yield found


def _template(address: str) -> ResourceTemplateReference:
    return ResourceTemplateReference(type="ref/resource", uri=address)


def _prompt(name: str) -> PromptReference:
    return PromptReference(type="ref/prompt", name=name)


async def _values(
    client: Client, ref: PromptReference | ResourceTemplateReference, name: str, value: str, **given: str
) -> list[str]:
    return list((await client.complete(ref, {"name": name, "value": value}, given or None)).completion.values)


async def test_connections_and_tables_begin_with_what_was_typed_before_they_hold_it(client: Client) -> None:
    assert await _values(client, TABLE, "connection", "shop") == ["shop", "bookshop"]
    assert await _values(client, _prompt("phase_2"), "connection", "SHO") == ["shop", "bookshop"]
    assert await _values(client, _prompt("implement"), "target", "") == ["shop"], "only what can be written to"
    assert await _values(client, TABLE, "table", "cust", connection="shop") == ["customers", "old_customers"]


async def test_a_completion_is_bounded_and_says_how_many_there_are(client: Client) -> None:
    found = (await client.complete(TABLE, {"name": "table", "value": "many"}, {"connection": "shop"})).completion
    assert len(found.values) == completions.MOST
    assert (found.total, found.has_more) == (150, True)


async def test_words_belong_to_their_prompt(client: Client) -> None:
    assert await _values(client, _prompt("analyze"), "format", "") == list(words.ANALYSIS_FORMAT)
    assert await _values(client, _prompt("design"), "format", "") == list(words.DESIGN_FORMAT)
    assert await _values(client, _prompt("implement"), "feature", "data") == [
        "database-optimization", "data-migration", "data-governance"]  # fmt: skip
    assert await _values(client, _prompt("analyze"), "depth", "d") == ["deep"]
    assert await _values(client, _prompt("implement"), "safe", "t") == ["true"]
    assert await _values(client, _prompt("analyze"), "nonsense", "") == []


async def test_guides_and_experts_are_completed_and_each_can_be_read(client: Client) -> None:
    guides = await _values(client, _template("dbm://guides/{guide}"), "guide", "")
    assert guides == completions.guide_names()
    assert len(guides) > 15
    for guide in guides:
        assert (await client.read_resource(f"dbm://guides/{guide}")).contents
    assert await _values(client, _template("dbm://experts/{expert}"), "expert", "") == list(BY_NAME)


async def test_changes_jobs_projects_and_deliverables_are_completed_the_newest_first(client: Client) -> None:
    changes = []
    for number in (1, 2):
        _, facts, _ = await call(
            client, "propose_change", connection="shop", title=f"table {number}", reason="to be completed",
            steps=[{"sql": f"CREATE TABLE made_{number} (id INTEGER PRIMARY KEY)"}],
        )  # fmt: skip
        changes.append(facts["change"])
    _, begun, _ = await call(client, "update_project", goal="order", connections=["shop"])
    await call(client, "check_database", connection="shop", project=begun["project"])
    await call(client, "export_deliverables", project=begun["project"])
    _, backup, _ = await call(client, "run_backup", connection="shop", background=True)
    assert await _values(client, _template("dbm://changes/{change}"), "change", "chg_") == changes[::-1]
    assert await _values(client, _template("dbm://jobs/{job}"), "job", "job_") == [backup["job"]]
    assert await _values(client, _prompt("phase_3"), "project", "") == [begun["project"]]
    files = await _values(client, _template("dbm://deliverables/{+path}"), "path", "arch")
    assert files
    for file in files:
        assert (await client.read_resource(f"dbm://deliverables/{file}")).contents
    await call(client, "get_job", job=backup["job"], wait_seconds=30)


@pytest.mark.parametrize("connection", ["none", "bookshop", "deaf", ""])
async def test_a_connection_that_fails_completes_nothing_and_keeps_nobody_waiting(
    client: Client, connection: str
) -> None:
    with anyio.fail_after(completions.SECONDS + 4):
        assert await _values(client, TABLE, "table", "c", connection=connection) == []
    assert await _values(client, TABLE, "table", "customers", connection="shop") == ["customers", "old_customers"]
