"""Two server processes on one store in PostgreSQL: what one begins the other goes on with."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import ElicitResult

from tests.engines.postgresql import PASSWORD, PostgresServer
from tests.http.serving import ERAS, TOKEN_TABLES, TOKENS, HttpServer, bearer, client_of, serving, shop
from tests.server.processes import call, stop_workers

pytestmark = pytest.mark.anyio
Replicas = tuple[HttpServer, HttpServer]
PLAN: dict[str, Any] = {
    "connection": "shop", "title": "Move a customer", "reason": "she said so",
    "steps": [{"sql": "UPDATE customers SET city = 'York' WHERE id = 1"}],
}  # fmt: skip


def _configured(folder: Path, url: str, connection: str) -> Path:
    """A folder of its own for each replica: nothing but the store and the database is shared."""
    folder.mkdir(exist_ok=True)
    (folder / "dbmanager.toml").write_text(
        f'[store]\ndata_dir = "state"\nurl = "{url}"\npassword = {{ env = "PW" }}\nkey = {{ env = "STORE_KEY" }}\n'
        + TOKEN_TABLES + f'[connections.shop]\nurl = "sqlite:///{folder.parent / "shop.db"}"\n{connection}\n'
    )  # fmt: skip
    return folder


@pytest.fixture(params=["client", "person"])
def replicas(
    request: pytest.FixtureRequest, tmp_path: Path, pg_server: PostgresServer, pg_database: str
) -> Iterator[Replicas]:
    """Two replicas; changes of their connection are approved by the parameter."""
    shop(tmp_path)
    url = pg_server.url(pg_database).replace("postgresql://", "postgresql+asyncpg://")
    access = f'access = "read_write"\napproval = "{request.param}"'
    env = {"PW": PASSWORD, "STORE_KEY": "one key for all replicas, and nobody else"}
    folders = [_configured(tmp_path / name, url, access) for name in ("a", "b")]
    with ExitStack() as stack:
        first, second = (stack.enter_context(serving(folder, env=env)) for folder in folders)
        yield first, second
    for folder in folders:
        stop_workers(folder)


@asynccontextmanager
async def _balanced(replicas: Replicas, **options: Any) -> AsyncIterator[tuple[Client, list[str]]]:
    """Yield a client whose requests go to one replica and the other by turns, and where they went."""
    turns, went = cycle(replica.origin for replica in replicas), list[str]()

    class ByTurns(httpx2.AsyncHTTPTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            went.append(next(turns))
            target = httpx2.URL(went[-1])
            request.url = request.url.copy_with(port=target.port)
            request.headers["Host"] = f"{target.host}:{target.port}"
            return await super().handle_async_request(request)

    async with (
        httpx2.AsyncClient(headers=bearer(TOKENS["writer"]), transport=ByTurns(), timeout=60) as http,
        Client(streamable_http_client(replicas[0].url, http_client=http), **options) as client,
    ):
        yield client, went


@pytest.mark.parametrize("replicas", ["client"], indirect=True)
@pytest.mark.parametrize("mode", ERAS)
async def test_a_change_proposed_on_one_is_reviewed_approved_and_applied_on_the_other(
    replicas: Replicas, mode: str
) -> None:
    first, second = replicas
    async with client_of(first, TOKENS["writer"], mode=mode) as client:
        text, facts, failed = await call(client, "propose_change", **PLAN)
        assert not failed, text
        change = facts["change"]
        from_first = re.search(r"confirm_token='([^']+)'", text)
        assert from_first
    async with client_of(second, TOKENS["writer"], mode=mode) as client:
        assert "Move a customer" in (await call(client, "review_change", change=change))[0]
        text, facts, failed = await call(client, "apply_change", change=change, confirm_token=from_first[1])
        assert (failed, facts.get("state")) == (False, "verified"), text
        text, facts, _ = await call(client, "verify_audit_log")
        assert facts["intact"], text
    async with client_of(first, TOKENS["writer"], mode=mode) as client:
        assert (await call(client, "review_change", change=change))[1]["state"] == "verified"
        text, facts, _ = await call(client, "verify_audit_log")
        assert facts["intact"], text


@pytest.mark.parametrize("replicas", ["client"], indirect=True)
async def test_an_audit_log_that_one_wrote_and_somebody_cut_off_is_broken_for_the_other(
    replicas: Replicas, pg_server: PostgresServer, pg_database: str
) -> None:
    first, second = replicas
    async with client_of(first, TOKENS["writer"]) as client:
        facts = (await call(client, "propose_change", **PLAN))[1]
        found = re.search(r"confirm_token='([^']+)'", (await call(client, "review_change", change=facts["change"]))[0])
        assert found
        await call(client, "apply_change", change=facts["change"], confirm_token=found[1])
    async with client_of(second, TOKENS["reader"]) as client:
        assert (await call(client, "verify_audit_log"))[1]["intact"]
        pg_server.run_sql(pg_database, "DELETE FROM audit_log WHERE number = (SELECT max(number) FROM audit_log)")
        text, facts, _ = await call(client, "verify_audit_log")
        assert not facts["intact"]
        assert "cut off" in text


@pytest.mark.parametrize("replicas", ["client"], indirect=True)
async def test_a_job_queued_on_one_is_followed_on_the_other(replicas: Replicas) -> None:
    first, second = replicas
    async with client_of(first, TOKENS["writer"]) as client:
        text, facts, failed = await call(client, "run_backup", connection="shop", background=True)
        assert not failed, text
    async with client_of(second, TOKENS["writer"]) as client:
        text, found, _ = await call(client, "get_job", job=facts["job"], wait_seconds=40)
        assert found["state"] == "done", text


class Agreeing:
    """Answers yes to whatever it is asked, as a program does."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def __call__(self, _context: Any, question: Any) -> ElicitResult:
        self.asked.append(question.message)
        return ElicitResult(action="accept", content={"approve": True})


@pytest.mark.parametrize("replicas", ["client"], indirect=True)
async def test_a_question_asked_by_one_is_answered_to_the_other(replicas: Replicas) -> None:
    agreeing = Agreeing()
    async with _balanced(replicas, mode="2026-07-28", elicitation_callback=agreeing) as (client, went):
        text, facts, failed = await call(client, "propose_change", **PLAN)
        assert not failed, text
        began = len(went)
        text, done, failed = await call(client, "apply_change", change=facts["change"])
        assert (failed, done.get("state")) == (False, "verified"), text
        assert len(agreeing.asked) == 1
        assert len(set(went[began:])) == 2, "the question and its answer met different replicas"


@pytest.mark.parametrize("replicas", ["person"], indirect=True)
async def test_whoever_holds_a_token_answers_for_no_person(replicas: Replicas) -> None:
    agreeing = Agreeing()
    async with client_of(replicas[0], TOKENS["chief"], mode="2026-07-28", elicitation_callback=agreeing) as client:
        facts = (await call(client, "propose_change", **PLAN))[1]
        text, _, failed = await call(client, "apply_change", change=facts["change"])
        assert failed
        assert f"dbmanager approve {facts['change']}" in text
        assert agreeing.asked == []


@pytest.mark.parametrize("replicas", ["person"], indirect=True)
@pytest.mark.parametrize("mode", ERAS)
async def test_a_client_that_can_ask_nobody_is_sent_to_a_person(replicas: Replicas, mode: str) -> None:
    async with client_of(replicas[0], TOKENS["writer"], mode=mode) as client:
        facts = (await call(client, "propose_change", **PLAN))[1]
        text, _, failed = await call(client, "apply_change", change=facts["change"])
        assert failed
        assert f"dbmanager approve {facts['change']}" in text
