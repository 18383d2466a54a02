"""What a stateless transport carries and what it can't: questions, notifications, and both forms of an answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import anyio
import httpx2
import pytest
from mcp.types import ElicitResult

from tests.http.serving import ERAS, JSON_HEADERS, LIST, HttpServer, client_of, serving, shop
from tests.server.processes import call

pytestmark = pytest.mark.anyio
PLAN: dict[str, Any] = {
    "connection": "shop", "title": "Move a customer", "reason": "she said so",
    "steps": [{"sql": "UPDATE customers SET city = 'York' WHERE id = 1"}],
}  # fmt: skip


@pytest.fixture(scope="module", params=["stream", "json"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpServer]:
    """A server in either form of answering, whose changes a person approves."""
    folder = shop(
        tmp_path_factory.mktemp("transport"), f'[http]\nresponses = "{request.param}"\n',
        connection='access = "read_write"\napproval = "person"',
    )  # fmt: skip
    with serving(folder, name=request.param) as running:
        yield running


@pytest.mark.parametrize("accepts", [True, False], ids=["accepting", "declining"])
@pytest.mark.parametrize("mode", ERAS)
async def test_a_question_reaches_the_user_in_the_modern_era_and_a_terminal_is_named_in_the_older(
    server: HttpServer, mode: str, accepts: bool
) -> None:
    asked: list[str] = []

    async def answer(_context: Any, question: Any) -> ElicitResult:
        asked.append(question.message)
        return ElicitResult(action="accept" if accepts else "decline", content={"approve": True} if accepts else None)

    async with client_of(server, mode=mode, elicitation_callback=answer) as client:
        change = (await call(client, "propose_change", **PLAN))[1]["change"]
        text, facts, failed = await call(client, "apply_change", change=change)
    if mode == "legacy":
        assert failed
        assert f"dbmanager approve {change}" in text
    else:
        assert facts["state"] == ("verified" if accepts else "declined"), text
    assert len(asked) == (0 if mode == "legacy" else 1)


async def test_a_subscription_is_a_stream_in_either_form(server: HttpServer) -> None:
    meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
    body = {"jsonrpc": "2.0", "id": 7, "method": "subscriptions/listen",
            "params": {"_meta": meta, "notifications": {"resourcesListChanged": True}}}  # fmt: skip
    headers = {**JSON_HEADERS, "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "subscriptions/listen"}
    with anyio.fail_after(20):
        async with (
            httpx2.AsyncClient(trust_env=False) as client,
            client.stream("POST", server.url, json=body, headers=headers, timeout=20) as answer,
        ):
            assert answer.status_code == 200
            assert answer.headers["Content-Type"].startswith("text/event-stream")
            async for line in answer.aiter_lines():
                if line.startswith("data: "):
                    heard = json.loads(line.removeprefix("data: "))
                    break
    assert heard["method"] == "notifications/subscriptions/acknowledged"


def test_an_answer_in_one_piece_is_json(server: HttpServer) -> None:
    kind = server.post(LIST).headers["Content-Type"]
    assert kind.startswith("application/json" if server.log.stem == "json" else "text/event-stream")


def test_there_are_no_sessions_to_take_over(server: HttpServer) -> None:
    opened = server.post({
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
    })  # fmt: skip
    assert opened.status_code == 200
    assert "mcp-session-id" not in opened.headers
    assert server.post(LIST, **{"Mcp-Session-Id": "made-up"}).status_code == 200
