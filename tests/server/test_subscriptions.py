"""Who is subscribed hears of what changes, whichever process changes it, in both eras of the protocol."""

from __future__ import annotations

import os
import pty
import re
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import psutil
import pytest
from mcp import Client, MCPError
from mcp.client.subscriptions import ResourceUpdated
from mcp.types import ResourceUpdatedNotification, TextResourceContents

from tests.engines.postgresql import PostgresServer
from tests.server.processes import PATIENCE_SECONDS, call, client_in, configure_copy, stop_workers, until

pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("ignore::mcp.MCPDeprecationWarning")]
ERAS = pytest.mark.parametrize("era", ["legacy", "auto"])
"""`auto` discovers and speaks 2026-07-28."""


@pytest.fixture
async def folder(tmp_path: Path) -> AsyncIterator[Path]:
    configure_copy(
        tmp_path, '[connections.guarded]\nurl = "sqlite:///there.db"\naccess = "read_write"\napproval = "person"\n'
    )
    yield tmp_path
    stop_workers(tmp_path)


class Ear:
    """A client that counts what it is told, by address."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.heard: dict[str, int] = {}

    def note(self, uri: str) -> None:
        self.heard[uri] = self.heard.get(uri, 0) + 1

    @asynccontextmanager
    async def on(self, *uris: str) -> AsyncIterator[None]:
        """Be subscribed, by the means of the client's era."""
        if self.client.protocol_version < "2026":
            for uri in uris:
                await self.client.subscribe_resource(uri)
            yield
            for uri in uris:
                await self.client.unsubscribe_resource(uri)
            return
        async with self.client.listen(resource_subscriptions=uris) as stream, anyio.create_task_group() as group:

            async def hear() -> None:
                async for event in stream:
                    assert isinstance(event, ResourceUpdated)
                    self.note(event.uri)

            group.start_soon(hear)
            yield
            group.cancel_scope.cancel()

    async def text(self, uri: str) -> str:
        found = (await self.client.read_resource(uri)).contents[0]
        assert isinstance(found, TextResourceContents)
        return found.text

    async def until(self, uri: str, more_than: int, what: str) -> int:
        await until(lambda: self.heard.get(uri, 0) > more_than, what)
        return self.heard[uri]


@asynccontextmanager
async def ear_in(folder: Path, era: str) -> AsyncIterator[Ear]:
    ears: list[Ear] = []

    async def handle(message: object) -> None:
        if isinstance(message, ResourceUpdatedNotification):
            ears[0].note(str(message.params.uri))

    async with client_in(folder, mode=era, message_handler=handle if era == "legacy" else None) as client:
        ears.append(Ear(client))
        yield ears[0]


async def _planned_copy(client: Client) -> tuple[str, str]:
    text, facts, failed = await call(client, "plan_migration", source="here", target="there")
    assert not failed, text
    return str(facts["change"]), text.partition("confirm_token='")[2].partition("'")[0]


@ERAS
async def test_progress_and_end_of_a_job_that_the_worker_does_are_told(folder: Path, era: str) -> None:
    async with ear_in(folder, era) as ear:
        change, token = await _planned_copy(ear.client)
        change_uri = f"dbm://changes/{change}"
        async with ear.on(change_uri, "dbm://jobs"):
            _, begun, _ = await call(ear.client, "apply_change", change=change, confirm_token=token, background=True)
            job_uri = f"dbm://jobs/{begun['job']}"
            async with ear.on(job_uri):
                heard, texts = 0, list[str]()
                while not texts or "done" not in texts[-1].splitlines()[0]:
                    heard = await ear.until(job_uri, heard, "progress of the job")
                    texts.append(await ear.text(job_uri))
                assert len(set(texts)) > 1, "nothing was told between the beginning and the end"
            await ear.until(change_uri, 0, "word of the change set")
            await ear.until("dbm://jobs", 0, "word of the list of jobs")


@ERAS
async def test_an_approval_that_another_process_records_is_told(folder: Path, era: str) -> None:
    async with ear_in(folder, era) as ear:
        _, proposed, _ = await call(
            ear.client, "propose_change", connection="guarded", title="a table", reason="to be told",
            steps=[{"sql": "CREATE TABLE told (id INTEGER PRIMARY KEY)"}],
        )  # fmt: skip
        uri = f"dbm://changes/{proposed['change']}"
        async with ear.on(uri):
            assert not ear.heard
            await anyio.to_thread.run_sync(_approve, folder, str(proposed["change"]))
            await ear.until(uri, 0, "word of the approval")
            assert "(terminal), good until" in await ear.text(uri)


def _approve(folder: Path, change: str) -> None:
    """Do at a terminal what a person does there: read the plan, type the word that it asks for."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "dbmanager_server", "approve", change], cwd=folder, stdin=theirs, stdout=theirs,
        stderr=theirs, env={"PATH": os.environ["PATH"], "HOME": str(folder)},
    ) as person:  # fmt: skip
        os.close(theirs)
        shown = ""
        while (asked := re.search(r"Type (\w+) to approve", shown)) is None:
            shown += os.read(ours, 4096).decode()
        os.write(ours, f"{asked.group(1)}\n".encode())
        while "Approved until" not in shown:
            shown += os.read(ours, 4096).decode()
        assert person.wait(PATIENCE_SECONDS) == 0
    os.close(ours)


@ERAS
@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
async def test_a_table_that_somebody_else_makes_is_told(
    folder: Path, era: str, engine: str, request: pytest.FixtureRequest
) -> None:
    make: Callable[[str], Any]
    if engine == "sqlite":
        make = lambda sql: _run(folder / "there.db", sql)  # noqa: E731 - two ways to do the same
        name = "there"
    else:
        server: PostgresServer = request.getfixturevalue("pg_server")
        database: str = request.getfixturevalue("pg_database")
        with (folder / "dbmanager.toml").open("a") as file:
            file.write(f'[connections.pg]\nurl = "{server.url(database)}"\npassword = {{ env = "SHOP_PASSWORD" }}\n')
        make = lambda sql: server.run_sql(database, sql)  # noqa: E731 - two ways to do the same
        name = "pg"
    uri = f"dbm://connections/{name}/schema"
    async with ear_in(folder, era) as ear, ear.on(uri):
        assert "unheard_of" not in await ear.text(uri)
        make("CREATE TABLE unheard_of (id INTEGER PRIMARY KEY)")
        await ear.until(uri, 0, "word of the new table")
        assert "unheard_of" in await ear.text(uri)


def _run(file: Path, sql: str) -> None:
    raw = sqlite3.connect(file)
    raw.execute(sql)
    raw.close()


async def test_a_schema_that_a_change_set_altered_is_told_at_once(folder: Path) -> None:
    async with ear_in(folder, "legacy") as ear, ear.on("dbm://connections/there/schema"):
        text, proposed, _ = await call(
            ear.client, "propose_change", connection="there", title="a table", reason="to be told",
            steps=[{"sql": "CREATE TABLE ours (id INTEGER PRIMARY KEY)"}],
        )  # fmt: skip
        token = text.partition("confirm_token='")[2].partition("'")[0]
        _, applied, _ = await call(ear.client, "apply_change", change=proposed["change"], confirm_token=token)
        assert applied["state"] == "verified"
        with anyio.fail_after(5):  # well before the next look at a catalog that nobody of ours has changed
            await ear.until("dbm://connections/there/schema", 0, "word of the table")


@pytest.mark.parametrize(
    ("uri", "told"),
    [("dbm://jobs/job_none", "job 'job_none' does not exist"), ("dbm://changes/chg_none", "does not exist"),
     ("dbm://connections/hree/schema", "Did you mean 'here'"), ("dbm://guides/1", "Valid: dbm://changes"),
     ("file:///etc/passwd", "Valid: dbm://changes")],
)  # fmt: skip
async def test_what_can_not_be_watched_is_refused_or_not_acknowledged(folder: Path, uri: str, told: str) -> None:
    async with client_in(folder, mode="legacy") as client:
        with pytest.raises(MCPError, match=told):
            await client.subscribe_resource(uri)
    async with (
        client_in(folder) as client,
        client.listen(resource_subscriptions=[uri, "dbm://jobs"], tools_list_changed=True) as stream,
    ):
        assert stream.honored.resource_subscriptions == ["dbm://jobs"]
        assert not stream.honored.tools_list_changed


async def test_after_unsubscribing_nothing_is_told(folder: Path) -> None:
    async with ear_in(folder, "legacy") as ear:
        await ear.client.subscribe_resource("dbm://changes")
        async with ear.on("dbm://jobs"):
            pass
        await _planned_copy(ear.client)
        await ear.until("dbm://changes", 0, "word of the change sets")
        _, begun, _ = await call(ear.client, "run_backup", connection="here", background=True)
        _, ended, _ = await call(ear.client, "get_job", job=begun["job"], wait_seconds=40)
        assert ended["state"] == "done"
        heard = ear.heard["dbm://changes"]
        await _planned_copy(ear.client)
        await ear.until("dbm://changes", heard, "word of the second change set")
        assert "dbm://jobs" not in ear.heard


@ERAS
async def test_capabilities_say_what_is_true(folder: Path, era: str) -> None:
    async with client_in(folder, mode=era) as client:
        said = client.server_capabilities
        assert said.resources is not None
        assert said.resources.subscribe is True
        for part in (said.resources, said.tools, said.prompts):
            assert part is not None
            assert not part.list_changed


@ERAS
async def test_nothing_is_left_of_a_client_that_leaves_while_subscribed(folder: Path, era: str) -> None:
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    with anyio.fail_after(PATIENCE_SECONDS):
        async with ear_in(folder, era) as ear, ear.on("dbm://jobs", "dbm://connections/here/schema"):
            own = [child for child in psutil.Process().children(recursive=True) if child.pid not in before]
            assert own
        await until(lambda: not any(child.is_running() for child in own), "the server's end")
