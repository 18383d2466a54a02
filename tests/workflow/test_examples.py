"""The worked examples, followed: a client does what each prompt says, step after step, and the gates are passed."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.types import TextContent

from tests.engines.postgresql import PostgresServer
from tests.server.processes import call, client_in, stop_workers
from tests.workflow import shops

pytestmark = pytest.mark.anyio
STEP = re.compile(r"^\d+\. `([a-z_]+)`", re.M)
Facts = dict[str, Any]
NUMBERS = "WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n WHERE v < {count}) SELECT"
DESIGN = (
    "CREATE TABLE customers (id INTEGER PRIMARY KEY NOT NULL, email TEXT NOT NULL UNIQUE, city TEXT NOT NULL)",
    "CREATE TABLE products (id INTEGER PRIMARY KEY NOT NULL, title TEXT NOT NULL, price_cents INTEGER NOT NULL CHECK "
    "(price_cents >= 0), stock INTEGER NOT NULL CHECK (stock >= 0))",
    "CREATE TABLE orders (id INTEGER PRIMARY KEY NOT NULL, customer_id INTEGER NOT NULL REFERENCES customers(id), "
    "placed_at TEXT NOT NULL, state TEXT NOT NULL)",
    "CREATE TABLE order_lines (order_id INTEGER NOT NULL REFERENCES orders(id), product_id INTEGER NOT NULL REFERENCES "
    "products(id), quantity INTEGER NOT NULL, price_cents INTEGER NOT NULL, PRIMARY KEY (order_id, product_id))",
    "CREATE INDEX orders_customer ON orders (customer_id)",
    "CREATE INDEX order_lines_product ON order_lines (product_id)",
)
ROWS = (
    f"INSERT INTO customers {NUMBERS.format(count=500)} v, 'buyer' || v || '@example.org', 'Leeds' FROM n",
    f"INSERT INTO products {NUMBERS.format(count=300)} v, 'thing ' || v, v * 100, v FROM n",
    f"INSERT INTO orders {NUMBERS.format(count=5000)} v, v % 500 + 1, '2026-01-02', "
    "CASE WHEN v % 100 = 0 THEN 'open' ELSE 'sent' END FROM n",
    f"INSERT INTO order_lines {NUMBERS.format(count=5000)} v, v % 300 + 1, 1, 100 FROM n",
)
OPEN_ORDERS = "SELECT id, placed_at FROM orders WHERE state = 'open'"


class Follower:
    """Does the steps of a prompt in their order, carrying over what an answer gave to the next one."""

    def __init__(self, client: Client, given: Mapping[str, Sequence[Facts]]) -> None:
        """Take the arguments of each tool's first, second, ... step; the last ones serve for all that follow."""
        self._client = client
        self._given = {tool: list(calls) for tool, calls in given.items()}
        self._known: Facts = {}
        self.facts: dict[str, list[Facts]] = {}

    async def follow(self, prompt: str) -> list[str]:
        got = await self._client.get_prompt(prompt, {"connection": "shop", "target": "copy"})
        text = "".join(m.content.text for m in got.messages if isinstance(m.content, TextContent))
        steps = STEP.findall(text)
        for tool in steps:
            await self._do(tool)
        return steps

    async def _do(self, tool: str) -> None:
        calls = self._given.get(tool, [{}])
        arguments = {**self._carried(tool), **(calls.pop(0) if len(calls) > 1 else calls[0])}
        text, facts, failed = await call(self._client, tool, **arguments)
        assert not failed, (tool, text)
        self.facts.setdefault(tool, []).append(facts)
        for name in ("project", "change", "job"):
            if facts.get(name):
                self._known[name] = facts[name]
        token = re.search(r"confirm_token='([^']+)'", text)
        if token is not None:
            self._known["confirm_token"] = token.group(1)

    def _carried(self, tool: str) -> Facts:
        """Return what earlier answers gave, as far as a tool takes it."""
        wanted = {
            "apply_change": ("change", "confirm_token"), "review_change": ("change",), "get_job": ("job",),
            **dict.fromkeys(("list_connections", "describe_schema", "explain_query"), ()),
        }.get(tool, ("project",))  # fmt: skip
        return {name: self._known[name] for name in wanted if name in self._known}

    async def gates(self) -> Facts:
        _, facts, _ = await call(self._client, "project_status", project=self._known["project"])
        return {number: facts[number] for number in map(str, range(1, 7))}


def _file(path: Path, script: str = "PRAGMA user_version = 1") -> None:
    raw = sqlite3.connect(path)
    raw.executescript(script)
    raw.close()
    path.chmod(0o600)


def _configured(folder: Path, copy: str = 'url = "sqlite:///copy.db"') -> None:
    (folder / "dbmanager.toml").write_text(
        '[store]\ndata_dir = "state"\n[connections.shop]\nurl = "sqlite:///shop.db"\naccess = "read_write"\n'
        f'[connections.copy]\n{copy}\naccess = "read_write"\n'
    )


SHOP: Facts = {"connection": "shop"}
BOTH: Facts = {"source": "shop", "target": "copy"}
DECIDED: Facts = {"decision": "decided", "reason": "as the prompt asks, with alternatives"}


@pytest.mark.promise("E1")
async def test_an_ecommerce_shop_is_designed_through_all_six_phases(tmp_path: Path) -> None:
    _file(tmp_path / "shop.db")
    _file(tmp_path / "copy.db")
    _configured(tmp_path)
    about: Facts = {**SHOP, "reason": "requirements of the project"}
    async with client_in(tmp_path) as client:
        follower = Follower(client, {
            "update_project": [{"goal": "a shop", "connections": ["shop"]}, DECIDED],
            "plan_schema": [{**SHOP, "design": DESIGN}], "plan_tuning": [{**SHOP, "kind": "monitoring"}],
            "propose_change": [{**about, "title": "rows to measure with", "steps": [{"sql": sql} for sql in ROWS]}],
            "describe_schema": [{**SHOP, "detail": "diagram"}],
            "advise_indexes": [{**SHOP, "queries": [OPEN_ORDERS], "propose": True}],
            "measure_queries": [{**SHOP, "queries": [OPEN_ORDERS]}],
            "check_database": [{**SHOP, "pack": "schema"}, {**SHOP, "pack": "security"}],
            "plan_migration": [BOTH], "verify_data": [BOTH],
            **{tool: [SHOP] for tool in ("assess_database", "classify_data", "run_backup", "run_drill")},
        })  # fmt: skip
        steps = await follower.follow("ecommerce_architecture")
        assert len(steps) >= 20
        assert set((await follower.gates()).values()) == {"passed"}
        (measured,) = follower.facts["measure_queries"]
        assert measured["work_after"] < measured["work_before"]
        assert follower.facts["verify_data"] == [{"equal": True, "tables": 4, "rows": 500 + 300 + 5000 + 5000}]
    assert "erDiagram" in (tmp_path / "database-system/architecture/relationships/shop.md").read_text()


@pytest.mark.promise("E2")
async def test_a_database_is_made_faster(tmp_path: Path) -> None:
    _file(tmp_path / "shop.db", shops.SQLITE)
    _file(tmp_path / "copy.db")
    _configured(tmp_path)
    async with client_in(tmp_path) as client:
        follower = Follower(client, {
            "update_project": [{"goal": "order history within 5 ms", "connections": ["shop"]}, DECIDED],
            "assess_database": [SHOP], "check_database": [{**SHOP, "pack": "schema"}],
            "measure_queries": [{**SHOP, "queries": [shops.LOOKUP]}],
            "plan_tuning": [SHOP, {**SHOP, "kind": "monitoring"}],
            "explain_query": [{**SHOP, "sql": shops.LOOKUP, "analyze": True}],
            "advise_indexes": [{**SHOP, "queries": [shops.LOOKUP], "propose": True}],
        })  # fmt: skip
        await follower.follow("faster_database")
        assert (await follower.gates())["3"] == "passed"
        measured = follower.facts["measure_queries"][-1]
        assert measured["work_after"] < measured["work_before"] / 2
    assert list((tmp_path / "database-system/optimization").rglob("*.*"))


@pytest.mark.promise("E3")
async def test_a_legacy_database_is_moved(tmp_path: Path, pg_server: PostgresServer, pg_database: str) -> None:
    _file(tmp_path / "shop.db", shops.SQLITE)
    _configured(tmp_path, f'url = "{pg_server.url(pg_database)}"\npassword = {{ env = "SHOP_PASSWORD" }}')
    query = "SELECT sum(total) FROM orders WHERE customer_id = 42"
    try:
        async with client_in(tmp_path) as client:
            follower = Follower(client, {
                "update_project": [{"goal": "leave the legacy database", "connections": ["shop", "copy"]}, DECIDED],
                "list_connections": [{"check": True}], "assess_database": [SHOP], "classify_data": [SHOP],
                "check_database": [{**SHOP, "pack": "schema"}],
                "plan_migration": [BOTH], "apply_change": [{"background": True}], "get_job": [{"wait_seconds": 50}],
                "verify_data": [BOTH], "measure_queries": [{"connection": "copy", "queries": [query]}],
                "run_backup": [{"connection": "copy"}], "run_drill": [{"connection": "copy"}],
            })  # fmt: skip
            await follower.follow("legacy_migration")
            gates = await follower.gates()
            assert (gates["4"], gates["6"]) == ("passed", "passed")
            assert follower.facts["get_job"][-1]["state"] == "done"
            assert follower.facts["verify_data"][-1]["rows"] == shops.PEOPLE + shops.ORDERS
            assert follower.facts["run_drill"][-1]["passed"] is True
    finally:
        stop_workers(tmp_path)
    assert pg_server.run_sql(pg_database, "SELECT count(*) FROM orders").strip() == str(shops.ORDERS)
