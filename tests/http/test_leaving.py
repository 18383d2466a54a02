"""How the server leaves, and what becomes of a statement whose client leaves."""

from __future__ import annotations

import contextlib
import re
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from tests.engines.postgresql import PASSWORD, PostgresServer
from tests.http.serving import ERAS, HttpServer, client_of, serving, shop
from tests.server.processes import call, until

pytestmark = pytest.mark.anyio
LEAVE_SECONDS = 1.5
PG_SLOW = "SELECT count(*) AS slowest FROM generate_series(1, 3000000000) AS g(n) WHERE n % 7 = 3"


def _shop_on_postgres(folder: Path, server: PostgresServer, database: str, *tables: str) -> Path:
    shop(folder, *tables)
    with (folder / "dbmanager.toml").open("a") as file:
        file.write(f'[connections.pg]\nurl = "{server.url(database)}"\npassword = {{ env = "PW" }}\n')
    return folder


def _running(server: PostgresServer) -> Callable[[], bool]:
    """Whether the slow statement runs on the engine."""
    asked = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%slowest%' AND pid <> pg_backend_pid()"
    return lambda: server.run_sql("postgres", asked) != "0"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
@pytest.mark.parametrize("mode", ERAS)
async def test_a_signal_stops_the_statement_and_the_process(
    tmp_path: Path, pg_server: PostgresServer, pg_database: str, mode: str, number: signal.Signals, code: int
) -> None:
    running, answered = _running(pg_server), list[object]()
    with serving(_shop_on_postgres(tmp_path, pg_server, pg_database), env={"PW": PASSWORD}) as server:

        async def ask() -> None:
            with contextlib.suppress(Exception):  # whatever the client makes of a cut connection
                async with client_of(server, mode=mode) as client:
                    answered.append(await call(client, "run_query", connection="pg", sql=PG_SLOW))

        async with anyio.create_task_group() as group:
            group.start_soon(ask)
            await until(running, "the statement")
            began = time.monotonic()
            server.process.send_signal(number)
            assert await anyio.to_thread.run_sync(server.process.wait, 10) == code
            took = time.monotonic() - began
            assert took < LEAVE_SECONDS
            assert not running()
            group.cancel_scope.cancel()
        assert answered == []
        text = server.log.read_text()
        assert "Traceback" not in text
        assert "Cancel" not in text


def _post_and_hang_up(server: HttpServer, sql: str, running: Callable[[], bool], version: str) -> None:
    """Send a call as a program would that is killed: the connection closes while the statement runs."""
    host, port = server.origin.removeprefix("http://").split(":")
    meta = (
        f'"_meta":{{"io.modelcontextprotocol/protocolVersion":"{version}","io.modelcontextprotocol/clientCapabilities":{{}}}},'
        if version > "2026" else ""
    )  # fmt: skip
    body = (
        f'{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{{meta}"name":"run_query","arguments":{{"connection":"pg","sql":"{sql}"}}}}}}'
    ).encode()
    head = (
        f"POST /mcp HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\nMCP-Protocol-Version: {version}\r\n"
        f"Mcp-Method: tools/call\r\nMcp-Name: run_query\r\n"
        f"Accept: application/json, text/event-stream\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    with socket.create_connection((host, int(port))) as raw:
        raw.sendall(head + body)
        deadline = time.monotonic() + 20
        while not running():
            assert time.monotonic() < deadline, raw.recv(2000)
            time.sleep(0.02)


@pytest.mark.parametrize("version", ["2025-11-25", "2026-07-28"])
@pytest.mark.parametrize("responses", ["stream", "json"])
async def test_a_client_that_hangs_up_ends_its_statement(
    tmp_path: Path, pg_server: PostgresServer, pg_database: str, version: str, responses: str
) -> None:
    running = _running(pg_server)
    table = f'[http]\nresponses = "{responses}"\n'
    with serving(_shop_on_postgres(tmp_path, pg_server, pg_database, table), env={"PW": PASSWORD}) as server:
        await anyio.to_thread.run_sync(_post_and_hang_up, server, PG_SLOW, running, version)
        began = time.monotonic()
        await until(lambda: not running(), "the end of the statement")
        assert time.monotonic() - began < 2


@pytest.mark.parametrize("mode", ERAS)
async def test_cancelling_a_call_ends_its_statement(
    tmp_path: Path, pg_server: PostgresServer, pg_database: str, mode: str
) -> None:
    running = _running(pg_server)
    with serving(_shop_on_postgres(tmp_path, pg_server, pg_database), env={"PW": PASSWORD}) as server:
        async with client_of(server, mode=mode) as client, anyio.create_task_group() as group:
            group.start_soon(lambda: call(client, "run_query", connection="pg", sql=PG_SLOW))
            await until(running, "the statement")
            group.cancel_scope.cancel()
        await until(lambda: not running(), "the end of the statement")


@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize("responses", ["stream", "json"])
async def test_progress_arrives_in_streams_and_answers_arrive_in_both(
    tmp_path: Path, mode: str, responses: str
) -> None:
    heard: list[float] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append(progress)

    with serving(shop(tmp_path, f'[http]\nresponses = "{responses}"\n')) as server:
        async with client_of(server, mode=mode) as client:
            result = await client.call_tool("check_database", {"connection": "shop"}, progress_callback=hear)
            assert not result.is_error
            text, facts, failed = await call(
                client, "propose_change", connection="shop", title="Move one", reason="she asked",
                steps=[{"sql": "UPDATE customers SET city = 'York' WHERE id = 1"}],
            )  # fmt: skip
            assert not failed
            token = re.search(r"confirm_token='([^']+)'", text)
            assert token
            await client.call_tool(
                "apply_change", {"change": facts["change"], "confirm_token": token[1]}, progress_callback=hear
            )
            state = (await call(client, "review_change", change=facts["change"]))[1]["state"]
    assert state == "verified"
    assert bool(heard) is (responses == "stream")
