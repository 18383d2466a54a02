"""What a token may do: the lesser of its scopes and the connection's access, and nothing of another principal's."""

from __future__ import annotations

import getpass
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from tests.http.serving import ERAS, TOKEN_TABLES, TOKENS, HttpServer, client_of, serving, shop
from tests.server.processes import call, stop_workers

pytestmark = pytest.mark.anyio
STEP = {"sql": "UPDATE customers SET city = 'York' WHERE id = 1"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpServer]:
    folder = shop(tmp_path_factory.mktemp("scopes"), TOKEN_TABLES)
    with serving(folder) as running:
        yield running
    stop_workers(folder)


async def _proposed(client: Client, **step: Any) -> tuple[str, str]:
    """Propose a change; return its id and, when one was given, the confirm token."""
    text, facts, failed = await call(
        client, "propose_change", connection="shop", title="Move a customer", reason="she said so", steps=[step or STEP]
    )
    assert not failed, text
    token = re.search(r"confirm_token='([^']+)'", text)
    return facts["change"], token[1] if token else ""


@pytest.mark.parametrize("mode", ERAS)
async def test_a_token_with_write_applies_and_undoes_and_the_audit_log_names_it(server: HttpServer, mode: str) -> None:
    async with client_of(server, TOKENS["writer"], mode=mode) as client:
        change, token = await _proposed(client)
        text, facts, failed = await call(client, "apply_change", change=change, confirm_token=token)
        assert (failed, facts["state"]) == (False, "verified"), text
        assert "writer" in (await call(client, "review_change", change=change))[0]
        text, facts, failed = await call(client, "roll_back_change", change=change)
        assert (failed, facts["state"]) == (False, "rolled_back"), text
        audit = str((await client.read_resource("dbm://audit")).contents[0])
        assert re.search(rf"\|writer\|approve\|{change}", audit)
        assert re.search(rf"\|writer\|apply_step\|{change}/1", audit)


@pytest.mark.parametrize("mode", ERAS)
async def test_a_token_with_read_reads_and_proposes_but_applies_nothing(server: HttpServer, mode: str) -> None:
    async with client_of(server, TOKENS["reader"], mode=mode) as client:
        assert "300" in (await call(client, "run_query", connection="shop", sql="SELECT count(*) FROM customers"))[0]
        change, token = await _proposed(client)
        for tool, arguments in (("apply_change", {"confirm_token": token}), ("roll_back_change", {})):
            text, _, failed = await call(client, tool, change=change, **arguments)
            assert failed
            assert "insufficient_scope" in text
            assert "'write'" in text
        text, _, failed = await call(client, "run_backup", connection="shop")
        assert failed
        assert "insufficient_scope" in text
        state = (await call(client, "review_change", change=change))[1]["state"]
        assert state == "proposed"


async def test_a_token_without_a_scope_of_ours_is_told_by_the_protocol(server: HttpServer) -> None:
    refused = server.post(token=TOKENS["nobody"])
    assert refused.status_code == 403
    assert 'error="insufficient_scope"' in refused.headers["WWW-Authenticate"]


@pytest.mark.parametrize("token", [None, "wrong" * 10, TOKENS["reader"] + "x", TOKENS["reader"][:-1]])
async def test_without_a_good_token_nothing_is_answered(server: HttpServer, token: str | None) -> None:
    refused = server.post(token=token)
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].startswith("Bearer ")
    assert "tools" not in refused.text
    assert server.get("/metrics", token=token).status_code == 401


async def test_a_confirm_token_is_of_no_use_to_another(server: HttpServer) -> None:
    async with client_of(server, TOKENS["writer"]) as client:
        change, token = await _proposed(client)
    async with client_of(server, TOKENS["other"]) as stranger:
        text, _, failed = await call(stranger, "apply_change", change=change, confirm_token=token)
        assert failed
        assert "does not belong" in text
    async with client_of(server, TOKENS["writer"]) as client:
        assert (await call(client, "apply_change", change=change, confirm_token=token))[1]["state"] == "verified"


async def test_a_long_answer_is_read_on_by_whom_it_was_given(server: HttpServer) -> None:
    async with client_of(server, TOKENS["reader"]) as client:
        text, _, _ = await call(
            client,
            "run_query",
            connection="shop",
            sql="SELECT a.id, b.id FROM customers a, customers b",
            max_rows=20_000,
        )
        found = re.search(r"result='(res_\w+)'", text)
        if found is None:
            text, _, _ = await call(
                client, "run_query", connection="shop", sql="SELECT hex(zeroblob(4000)), id FROM customers LIMIT 15"
            )
            found = re.search(r"result='(res_\w+)'", text)
        assert found, text[-400:]
        assert not (await call(client, "read_result", result=found[1]))[2]
    for name in ("writer", "chief"):
        async with client_of(server, TOKENS[name]) as stranger:
            text, _, failed = await call(stranger, "read_result", result=found[1])
            assert failed
            assert "does not exist" in text
            with pytest.raises(Exception, match="does not exist"):
                await stranger.read_resource(f"dbm://results/{found[1]}")


async def test_what_was_disclosed_to_one_stays_masked_for_another(server: HttpServer) -> None:
    sql = "SELECT email FROM customers WHERE id = 7"
    async with client_of(server, TOKENS["writer"]) as client:
        change, token = await _proposed(client, disclose={"columns": ["customers.email"], "rows": 50})
        text, _, failed = await call(client, "apply_change", change=change, confirm_token=token)
        assert failed, "what everybody is shown is not decided with the scope of a writer"
        assert "'admin'" in text
    async with client_of(server, TOKENS["chief"]) as client:
        change, token = await _proposed(client, disclose={"columns": ["customers.email"], "rows": 50})
        assert (await call(client, "apply_change", change=change, confirm_token=token))[1]["state"] == "verified"
        assert "zebedee.quill7@" in (await call(client, "run_query", connection="shop", sql=sql))[0]
    for name in ("reader", "other", "writer"):
        async with client_of(server, TOKENS[name]) as stranger:
            text = (await call(stranger, "run_query", connection="shop", sql=sql))[0]
            assert "zebedee" not in text
            assert "[email:" in text


async def test_a_masking_token_means_nothing_in_another_hand(server: HttpServer) -> None:
    query = {"connection": "shop", "sql": "SELECT email FROM customers WHERE id = 9"}
    found: dict[str, str] = {}
    for name in ("reader", "other"):
        async with client_of(server, TOKENS[name]) as client:
            text = (await call(client, "run_query", **query))[0]
            found[name] = re.findall(r"\[email:\w+\]", text)[0]
    assert found["reader"] != found["other"]
    asked = {"connection": "shop", "sql": "SELECT id FROM customers WHERE email = ?", "parameters": [found["reader"]]}
    async with client_of(server, TOKENS["reader"]) as client:
        assert not (await call(client, "run_query", **asked))[2]
    async with client_of(server, TOKENS["other"]) as stranger:
        text, _, failed = await call(stranger, "run_query", **asked)
        assert failed
        assert "was not given" in text


async def test_a_job_is_done_under_its_principal_and_stopped_by_it_or_by_an_administrator(server: HttpServer) -> None:
    async with client_of(server, TOKENS["writer"]) as client:
        change, token = await _proposed(client, sql="UPDATE customers SET city = 'Hull' WHERE id = 2")
        text, facts, failed = await call(client, "apply_change", change=change, confirm_token=token, background=True)
        assert not failed, text
        job = facts["job"]
        done = await call(client, "get_job", job=job, wait_seconds=40)
        assert done[1]["state"] == "done", done[0]
        audit = str((await client.read_resource("dbm://audit")).contents[0])
        assert f"|writer|apply_step|{change}/1|done|" in audit
    async with client_of(server, TOKENS["other"]) as stranger:
        text, _, failed = await call(stranger, "cancel_job", job=job)
        assert failed
        assert "insufficient_scope" in text
    async with client_of(server, TOKENS["chief"]) as chief:
        assert "is done already" in (await call(chief, "cancel_job", job=job))[0]
    async with client_of(server, TOKENS["reader"]) as reader:
        text, _, failed = await call(reader, "run_backup", connection="shop", background=True)
        assert failed
        assert "insufficient_scope" in text


async def test_nothing_the_server_wrote_holds_a_token(server: HttpServer) -> None:
    folder: Path = server.log.parent
    for file in folder.rglob("*"):
        if file.is_file() and "backups" not in file.parts:
            content = file.read_bytes()
            assert not any(token.encode() in content for token in TOKENS.values()), file


async def test_the_answer_of_a_job_belongs_to_whoever_queued_it(server: HttpServer) -> None:
    async with client_of(server, TOKENS["writer"]) as client:
        _, queued, _ = await call(client, "run_backup", connection="shop", background=True)
        text, ended, _ = await call(client, "get_job", job=queued["job"], wait_seconds=40)
        assert ended["state"] == "done", text
        assert "sha256" in text
    async with client_of(server, TOKENS["reader"]) as stranger:
        text, facts, failed = await call(stranger, "get_job", job=queued["job"])
        assert not failed
        assert "belongs to writer" in text
        assert "result" not in facts
        assert "sha256" not in str(await stranger.read_resource(f"dbm://jobs/{queued['job']}"))
    async with client_of(server, TOKENS["chief"]) as chief:
        assert "sha256" in (await call(chief, "get_job", job=queued["job"]))[0]


async def test_a_reader_stops_its_own_job_and_nobody_elses(server: HttpServer) -> None:
    async with client_of(server, TOKENS["writer"]) as client:
        assert not (await call(client, "run_backup", connection="shop"))[2]
        _, theirs, _ = await call(client, "run_drill", connection="shop", background=True)
    async with client_of(server, TOKENS["reader"]) as reader:
        text, _, failed = await call(reader, "cancel_job", job=theirs["job"])
        assert failed
        assert "'admin'" in text
        _, own, _ = await call(reader, "run_drill", connection="shop", background=True)
        text, _, failed = await call(reader, "cancel_job", job=own["job"])
        assert "scope" not in text
        assert not failed or "already" in text


async def test_a_reader_writes_into_no_project_and_a_proposal_names_its_author(server: HttpServer) -> None:
    async with client_of(server, TOKENS["writer"]) as client:
        _, begun, _ = await call(client, "update_project", goal="faster", connections=["shop"])
    async with client_of(server, TOKENS["reader"]) as reader:
        decision = {"project": begun["project"], "decision": "production may be dropped", "reason": "none"}
        for tool, arguments in (
            ("update_project", decision),
            ("assess_database", {"connection": "shop", "project": begun["project"]}),
        ):
            text, _, failed = await call(reader, tool, **arguments)
            assert failed, tool
            assert "'write'" in text
        text, _, failed = await call(reader, "project_status", project=begun["project"])
        assert not failed
        assert "dropped" not in text
        change, _ = await _proposed(reader, sql="UPDATE customers SET city = 'Hull' WHERE id = 3")
        audit = str(await reader.read_resource("dbm://audit"))
        assert any("reader" in line and "propose" in line and change in line for line in audit.split("\\n"))


def test_a_token_may_not_pass_for_the_user_of_the_process(tmp_path: Path) -> None:
    folder = shop(
        tmp_path, f'[http.tokens.{getpass.getuser()}]\ntoken = {{ env = "TOKEN_READER" }}\nscopes = ["read"]\n'
    )
    done = subprocess.run(
        [sys.executable, "-m", "dbmanager_server", "serve", "--http", "127.0.0.1:0"], cwd=folder, capture_output=True,
        text=True, check=False, timeout=60,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "TOKEN_READER": TOKENS["reader"]},
    )  # fmt: skip
    assert done.returncode == 2
    assert "another name" in done.stderr
