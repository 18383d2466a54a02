"""The server as a client sees it: a real process over stdio."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mcp.types import ElicitResult

from tests.conftest import MakeFile
from tests.engines.postgresql import PASSWORD, PostgresServer
from tests.server.processes import call, client_in

pytestmark = pytest.mark.anyio
SHOP = """
CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL, joined DATE, blob BLOB);
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers(id), total DECIMAL(10,2), paid BOOLEAN, at TIMESTAMP);
CREATE TABLE log (line TEXT);
INSERT INTO customers SELECT value, 'Name ' || value, 'secret.person' || value || '@example.org', '2024-01-01', x'00ff'
  FROM (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 12000) SELECT value FROM n);
INSERT INTO orders SELECT id, id, id * 1.5, id % 2, '2024-02-03 04:05:06' FROM customers;
INSERT INTO log SELECT 'line ' || id FROM customers LIMIT 100;
CREATE INDEX ix_never ON orders (paid);
"""


def _write(folder: Path, text: str) -> None:
    (folder / "dbmanager.toml").write_text('[store]\ndata_dir = "state"\n' + text)


@pytest.fixture
def shop(sqlite_file: MakeFile, tmp_path: Path) -> Path:
    sqlite_file(SHOP, "shop.db")
    _write(tmp_path, '[connections.shop]\nurl = "sqlite:///shop.db"\naccess = "read_write"\n')
    return tmp_path


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_both_protocol_eras_list_tools_and_read_masked_rows(shop: Path, mode: str) -> None:
    async with client_in(shop, mode=mode) as client:
        tools = (await client.list_tools()).tools
        assert len(tools) <= 40
        assert all(tool.description and tool.input_schema["additionalProperties"] is False for tool in tools)
        text, _, failed = await call(
            client, "run_query", connection="shop", sql="SELECT id, email FROM customers LIMIT 2"
        )
        assert not failed
        assert "secret.person" not in text
        assert "[email:" in text


async def test_errors_are_self_contained_and_name_the_next_tool(shop: Path) -> None:
    async with client_in(shop) as client:
        text, _, failed = await call(client, "run_query", connection="shp", sql="SELECT 1")
        assert failed
        assert "Did you mean 'shop'" in text
        text, _, failed = await call(client, "run_query", connection="shop", sql="DELETE FROM orders")
        assert failed
        assert "propose_change" in text
        text, _, failed = await call(client, "run_query", connection="shop", sqll="SELECT 1")
        assert failed
        assert "Did you mean 'sql'" in text
        text, _, failed = await call(client, "run_query", connection="shop", sql="SELECT 1", max_rows=None)
        assert not failed


async def test_a_big_result_is_cut_and_paged(shop: Path) -> None:
    async with client_in(shop) as client:
        sql = "SELECT id FROM orders ORDER BY id"
        text, _, _ = await call(client, "run_query", connection="shop", sql=sql)
        assert len(text) <= 200_000
        cursor = text.partition("cursor='")[2].partition("'")[0]
        text, _, _ = await call(client, "run_query", connection="shop", sql=sql, cursor=cursor)
        assert "|1001|" in text
        text, _, failed = await call(client, "run_query", connection="shop", sql="SELECT 1", cursor=cursor)
        assert failed
        assert "another statement" in text


@pytest.mark.promise("P2.3", "P3.2", "P5.3", "X7", "E2")
async def test_an_index_is_advised_applied_measured_and_undone(shop: Path) -> None:
    queries = ["SELECT total FROM orders WHERE customer_id = 77"]
    async with client_in(shop) as client:
        _, facts, _ = await call(client, "update_project", goal="faster", connections=["shop"])
        project = facts["project"]
        text, facts, _ = await call(
            client,
            "advise_indexes",
            connection="shop",
            queries=queries,
            propose=True,
            drop_unused=True,
            project=project,
        )
        assert "orders(customer_id)" in text
        assert "ix_never" in text
        change = facts["change"]
        text, _, failed = await call(client, "apply_change", change=change)
        assert failed
        text, _, _ = await call(client, "review_change", change=change)
        token = text.partition("confirm_token='")[2].partition("'")[0]
        text, facts, failed = await call(client, "apply_change", change=change, confirm_token=token)
        assert not failed, text
        assert facts["state"] == "verified"
        _, facts, _ = await call(client, "measure_queries", connection="shop", queries=queries, project=project)
        assert facts["work_after"] < facts["work_before"] / 10
        text, facts, failed = await call(client, "roll_back_change", change=change)
        assert facts["state"] == "rolled_back", text
        text, _, _ = await call(client, "describe_schema", connection="shop", detail="full")
        assert "ix_never" in text
        assert "ix_orders_customer_id" not in text
        text, facts, _ = await call(client, "verify_audit_log")
        assert facts["intact"]


async def test_a_hostile_client_that_replays_every_text_fails_on_a_person_connection(shop: Path) -> None:
    _write(shop, '[connections.shop]\nurl = "sqlite:///shop.db"\naccess = "read_write"\nenvironment = "production"\n')
    async with client_in(shop) as client:
        heard: list[str] = []
        text, facts, _ = await call(
            client, "propose_change", connection="shop", title="drop it", reason="because",
            steps=[{"sql": "CREATE INDEX ix_evil ON orders (total)"}],
        )  # fmt: skip
        change = facts["change"]
        heard.append(text)
        for _ in range(3):
            text, _, _ = await call(client, "review_change", change=change)
            heard.append(text)
            words = {word.strip("`'\".,()=") for said in heard for word in said.split()}
            words |= {part for word in words for part in word.split("=")}
            for word in sorted(words):
                text, _, failed = await call(client, "apply_change", change=change, confirm_token=word)
                assert failed
                heard.append(text)
        assert "dbmanager approve" in heard[-1]
        text, _, _ = await call(client, "describe_schema", connection="shop", detail="full")
        assert "ix_evil" not in text


@pytest.mark.parametrize(("action", "applied"), [("accept", True), ("decline", False), ("cancel", False)])
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_elicitation_asks_the_person(shop: Path, action: str, applied: bool, mode: str) -> None:
    _write(shop, '[connections.shop]\nurl = "sqlite:///shop.db"\naccess = "read_write"\nenvironment = "production"\n')
    asked: list[str] = []

    async def answer(context: Any, parameters: Any) -> ElicitResult:
        asked.append(parameters.message)
        if action == "accept":
            return ElicitResult(action="accept", content={"approve": True})
        return ElicitResult(action=action)

    async with client_in(shop, mode=mode, elicitation_callback=answer) as client:
        _, facts, _ = await call(
            client, "propose_change", connection="shop", title="an index", reason="measured",
            steps=[{"sql": "CREATE INDEX ix_total ON orders (total)"}],
        )  # fmt: skip
        text, facts, _ = await call(client, "apply_change", change=facts["change"])
        assert "CREATE INDEX ix_total" in asked[0]
        assert (facts.get("state") == "verified") is applied, text


@pytest.mark.promise("P3.1")
async def test_rows_changed_by_a_statement_can_be_put_back(shop: Path) -> None:
    async with client_in(shop) as client:
        before, _, _ = await call(client, "run_query", connection="shop", sql="SELECT sum(total), count(*) FROM orders")
        _, facts, _ = await call(
            client, "propose_change", connection="shop", title="round", reason="asked",
            steps=[{"sql": "UPDATE orders SET total = 0 WHERE id <= 500"}, {"sql": "DELETE FROM orders WHERE id > 11990"}],
        )  # fmt: skip
        change = facts["change"]
        text, _, _ = await call(client, "review_change", change=change)
        token = text.partition("confirm_token='")[2].partition("'")[0]
        text, facts, failed = await call(client, "apply_change", change=change, confirm_token=token)
        assert not failed, text
        assert "500 rows changed" in text
        await call(client, "roll_back_change", change=change)
        after, _, _ = await call(client, "run_query", connection="shop", sql="SELECT sum(total), count(*) FROM orders")
        assert after.splitlines()[2] == before.splitlines()[2]


@pytest.mark.promise("P4.1", "P4.2", "P4.3", "P4.4", "E3")
async def test_tables_are_copied_from_sqlite_to_postgresql_and_compared(
    shop: Path, pg_server: PostgresServer, pg_database: str
) -> None:
    _write(
        shop,
        '[connections.shop]\nurl = "sqlite:///shop.db"\n'
        f'[connections.target]\nurl = "{pg_server.url(pg_database)}"\naccess = "read_write"\npassword = {{ env = "SHOP_PASSWORD" }}\n',
    )
    async with client_in(shop) as client:
        text, facts, failed = await call(client, "plan_migration", source="shop", target="target")
        assert not failed, text
        token = text.partition("confirm_token='")[2].partition("'")[0]
        text, _, failed = await call(client, "apply_change", change=facts["change"], confirm_token=token)
        assert not failed, text
        assert "each checked" in text
        text, facts, failed = await call(client, "verify_data", source="shop", target="target")
        assert facts["equal"], text
        assert facts["rows"] == 24_100
        assert PASSWORD not in text
    assert (
        pg_server.run_sql(pg_database, "SELECT count(*) FROM orders o JOIN customers c ON c.id = o.customer_id")
        == "12000"
    )
    assert pg_server.run_sql(pg_database, "SELECT count(*) FROM pg_constraint WHERE contype = 'f'") == "1"


def _start(folder: Path) -> subprocess.Popen[bytes]:
    child = subprocess.Popen(
        [sys.executable, "-m", "dbmanager_server", "serve"], cwd=folder, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={"PATH": os.environ["PATH"], "HOME": str(folder)},
    )  # fmt: skip
    hello = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "0"}}}  # fmt: skip
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(json.dumps(hello).encode() + b"\n")
    child.stdin.flush()
    assert b"dbmanager" in child.stdout.readline()
    return child


def _eof(child: subprocess.Popen[bytes]) -> None:
    assert child.stdin is not None
    child.stdin.close()


@pytest.mark.parametrize(
    ("leave", "code"),
    [(_eof, 0), (lambda c: c.send_signal(signal.SIGTERM), 143), (lambda c: c.send_signal(signal.SIGINT), 130)],
    ids=["eof", "sigterm", "sigint"],
)
def test_the_process_leaves_with_good_manners(
    shop: Path, leave: Callable[[subprocess.Popen[bytes]], None], code: int
) -> None:
    with _start(shop) as child:
        started = time.monotonic()
        leave(child)
        assert child.wait(5) == code
        assert time.monotonic() - started < 2
        assert child.stdout is not None
        assert child.stdout.read() == b""


def _mistake(folder: Path, text: str) -> str:
    _write(folder, text)
    done = subprocess.run(
        [sys.executable, "-m", "dbmanager_server.cli", "doctor"], cwd=folder, capture_output=True, text=True, check=False,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
    )  # fmt: skip
    assert done.returncode
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def test_the_doctor_tells_what_is_wrong_with_each_connection(shop: Path) -> None:
    told = _mistake(
        shop, '[connections.a]\nurl = "sqlite:///none.db"\n[connections.b]\nurl = "postgresql://u@127.0.0.1:1/d"\n'
    )
    assert "there is no database file" in told
    assert "nothing answers at 127.0.0.1:1" in told
    assert "connections.a.acces is not a known key, did you mean 'access'?" in _mistake(
        shop, '[connections.a]\nurl = "sqlite:///none.db"\nacces = "admin"\n'
    )
