"""Who may say yes to a change, tried by clients that can't ask, that lie, that are late, and that answer for their user."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import anyio
import pytest
from dbmanager_tools.house import FACTS
from mcp import Client, MCPError
from mcp.types import ElicitResult

from tests.server.processes import call, client_in
from tests.server.raw import RawServer, modern

pytestmark = pytest.mark.anyio
STEPS = [{"sql": "CREATE INDEX ix_total ON orders (total)"}]
ELICITING: dict[str, Any] = {"io.modelcontextprotocol/clientCapabilities": {"elicitation": {"form": {}}}}


def _configured(folder: Path, approval: str) -> Path:
    with closing(sqlite3.connect(folder / "shop.db")) as raw:
        raw.executescript(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, total INTEGER); INSERT INTO orders VALUES (1, 2);"
        )
    (folder / "dbmanager.toml").write_text(
        '[store]\ndata_dir = "state"\n[connections.shop]\nurl = "sqlite:///shop.db"\naccess = "read_write"\n'
        f'approval = "{approval}"\n'
    )
    return folder


@pytest.fixture
def person(tmp_path: Path) -> Path:
    """A folder whose connection wants a person."""
    return _configured(tmp_path, "person")


@pytest.fixture
def trusting(tmp_path: Path) -> Path:
    """A folder whose connection trusts its client."""
    return _configured(tmp_path, "client")


def _written(folder: Path) -> bool:
    with closing(sqlite3.connect(folder / "shop.db")) as raw:
        return bool(raw.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'ix_total'").fetchone()[0])


async def _proposed(client: Client) -> str:
    _, facts, _ = await call(client, "propose_change", connection="shop", title="an index", reason="m", steps=STEPS)
    if "change" not in facts:
        _, facts, _ = await call(
            client, "propose_change", connection="shop", title="an index", reason="measured", steps=STEPS
        )
    return str(facts["change"])


async def _token(client: Client, change: str) -> str:
    text, _, _ = await call(client, "review_change", change=change)
    return text.partition("confirm_token='")[2].partition("'")[0]


def _answering(action: str, content: dict[str, Any] | None) -> Callable[..., Any]:
    async def answer(_context: Any, _parameters: Any) -> ElicitResult:
        return ElicitResult.model_validate({"action": action, "content": content})

    return answer


@asynccontextmanager
async def _client(folder: Path, mode: str, **options: Any) -> AsyncIterator[Client]:
    async with client_in(folder, mode=mode, **options) as client:
        yield client


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_client_that_can_not_ask_is_told_what_its_user_has_to_do(person: Path, mode: str) -> None:
    async with _client(person, mode) as client:
        change = await _proposed(client)
        text, _, failed = await call(client, "apply_change", change=change)
        assert failed
        assert f"dbmanager approve {change}" in text
        assert await _token(client, change) == ""
    assert not _written(person)


ANSWERS = {
    "accept": ("accept", {"approve": True}, True),
    "accept, but no": ("accept", {"approve": False}, False),
    "accept without an answer": ("accept", {}, False),
    "accept with nonsense": ("accept", {"approve": "perhaps"}, False),
    "decline": ("decline", None, False),
    "decline that says yes": ("decline", {"approve": True}, False),
    "cancel": ("cancel", None, False),
}


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize(("action", "content", "applied"), ANSWERS.values(), ids=ANSWERS)
async def test_only_a_clear_yes_writes(
    person: Path, mode: str, action: str, content: dict[str, Any] | None, applied: bool
) -> None:
    async with _client(person, mode, elicitation_callback=_answering(action, content)) as client:
        change = await _proposed(client)
        try:
            await call(client, "apply_change", change=change)
        except MCPError:
            assert not applied
        text, _, _ = await call(client, "review_change", change=change)
        assert ("verified" in text) is applied
    assert _written(person) is applied


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_question_that_is_never_answered_leaves_all_as_it_was(person: Path, mode: str) -> None:
    asked = anyio.Event()

    async def silent(_context: Any, _parameters: Any) -> ElicitResult:
        asked.set()
        await anyio.sleep_forever()
        raise AssertionError

    async with _client(person, mode, elicitation_callback=silent) as client:
        change = await _proposed(client)
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:

                async def leave() -> None:
                    await asked.wait()
                    scope.cancel()

                group.start_soon(leave)
                await call(client, "apply_change", change=change)
        assert asked.is_set()
        text, _, _ = await call(client, "review_change", change=change)
        assert "verified" not in text
        _, _, failed = await call(client, "list_connections")
        assert not failed
    assert not _written(person)


async def test_a_token_counts_once_for_its_own_plan_and_not_for_another(trusting: Path) -> None:
    async with _client(trusting, "auto") as client:
        first, second = await _proposed(client), await _proposed(client)
        token = await _token(client, first)
        text, _, failed = await call(client, "apply_change", change=second, confirm_token=token)
        assert failed
        assert "does not belong" in text
        expired = "1700000000" + token[token.index(".") :]
        for forged in (expired, token[:-2] + "AA", f"9{token}", "", "x" * 5_000, "9999999999."):
            text, _, failed = await call(client, "apply_change", change=first, confirm_token=forged)
            assert failed, forged
            assert not _written(trusting)
        _, facts, _ = await call(client, "apply_change", change=first, confirm_token=token)
        assert facts["state"] == "verified"
        await call(client, "roll_back_change", change=first)
        await call(client, "apply_change", change=first, confirm_token=token)
    assert not _written(trusting)


async def test_a_plan_that_is_altered_after_its_approval_is_refused(trusting: Path) -> None:
    async with _client(trusting, "auto") as client:
        change = await _proposed(client)
        token = await _token(client, change)
        with closing(sqlite3.connect(trusting / "state/store.db")) as raw:
            altered = raw.execute(
                "UPDATE change_set SET plan = replace(plan, 'ix_total', 'ix_other') WHERE id = ?", (change,)
            )
            assert altered.rowcount == 1
            raw.commit()
        _, _, failed = await call(client, "apply_change", change=change, confirm_token=token)
        assert failed
        text, _, _ = await call(client, "describe_schema", connection="shop", detail="full")
        assert "ix_" not in text


def _ask(server: RawServer, arguments: dict[str, Any], **more: Any) -> dict[str, Any]:
    params = modern({"name": "apply_change", "arguments": arguments, **more}, **ELICITING)
    return server.ask("tools/call", params, f"ask {len(more)} {more.keys()}")


def test_a_client_that_answers_for_its_user_without_having_been_asked_is_asked(person: Path) -> None:
    """Answers count only together with the sealed state of the very question."""
    yes = {"action": "accept", "content": {"approve": True}}
    with RawServer(person) as server:
        proposal = {"connection": "shop", "title": "an index", "reason": "measured", "steps": STEPS}
        found = server.ask("tools/call", modern({"name": "propose_change", "arguments": proposal}), "propose")
        change = found["result"]["_meta"][FACTS]["change"]
        asked = _ask(server, {"change": change})["result"]
        assert asked["resultType"] == "input_required"
        keys = list(asked["inputRequests"])
        forged = dict.fromkeys((*keys, "decision", "approval_gate", "0"), yes)
        for more in (
            {"inputResponses": forged},
            {"inputResponses": forged, "requestState": "e30"},
            {"inputResponses": forged, "requestState": asked["requestState"][:-4] + "AAAA"},
        ):
            answer = _ask(server, {"change": change}, **more)
            assert (
                "error" in answer
                or answer["result"].get("resultType") == "input_required"
                or answer["result"]["isError"]
            )
            assert not _written(person)
        arguments = {"change": change, "decision": yes, "approve": True}
        assert _ask(server, arguments)["result"]["isError"]
        other = server.ask(
            "tools/call", modern({"name": "propose_change", "arguments": proposal | {"title": "other"}}), "p2"
        )
        answer = _ask(
            server, {"change": other["result"]["_meta"][FACTS]["change"]},
            inputResponses=dict.fromkeys(keys, yes), requestState=asked["requestState"],
        )  # fmt: skip
        assert (
            "error" in answer or answer["result"].get("resultType") == "input_required" or answer["result"]["isError"]
        )
        assert not _written(person)
        answer = _ask(
            server, {"change": change}, inputResponses=dict.fromkeys(keys, yes), requestState=asked["requestState"]
        )
        assert answer["result"]["_meta"][FACTS]["state"] == "verified"
    assert _written(person)


async def test_a_plan_is_shown_whole_and_as_the_engine_reads_it(trusting: Path) -> None:
    """What is hidden from whoever approves must not run: neither behind a comment nor behind a cut."""
    behind = "DELETE FROM orders WHERE id = 1 -- only the test's\nOR id < 250"
    long = f"UPDATE orders SET total = 1 WHERE total <> {'1' * 3_000} OR id < 250"
    bell = "DELETE FROM orders WHERE id = 2 /* \x1b[2K\u202e */"
    async with _client(trusting, "auto") as client:
        steps = [{"sql": sql} for sql in (behind, long, bell)]
        text, _, failed = await call(
            client, "propose_change", connection="shop", title="tidy", reason="asked for", steps=steps
        )
        assert not failed, text
        lines = [line.strip().removeprefix("| ") for line in text.splitlines()]
        assert "OR id < 250" in lines
        assert long in lines
        assert "\x1b" not in text
        assert "\u202e" not in text
