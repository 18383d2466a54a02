"""What a person does with MySQL and MariaDB beside the six phases: look, read, explain, change and change back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from tests.engines.mysql_family import MySqlServer
from tests.server.processes import call, client_in
from tests.workflow import shops

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["mysql", "mariadb"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a folder whose configuration names a shop on the engine."""
    server: MySqlServer = request.getfixturevalue(f"{request.param}_server")
    name = server.create_database(shops.MYSQL)
    monkeypatch.setenv("PATH", f"{server.programs}{os.pathsep}{os.environ['PATH']}")
    (tmp_path / "dbmanager.toml").write_text(
        f'[store]\ndata_dir = "state"\n[connections.shop]\nurl = "{server.url(name)}"\n'
        'password = { env = "SHOP_PASSWORD" }\naccess = "read_write"\n'
    )
    yield tmp_path
    server.drop_database(name)


async def _done(client: Client, tool: str, **arguments: Any) -> tuple[str, dict[str, Any]]:
    text, facts, failed = await call(client, tool, **arguments)
    assert not failed, text
    assert shops.PERSON not in text
    return text, facts


@pytest.mark.promise("X6")
async def test_rows_are_looked_at_read_explained_changed_and_put_back(folder: Path) -> None:
    one = "SELECT id, email, city FROM customers WHERE id = 7"
    async with client_in(folder) as client:
        text, _ = await _done(client, "list_connections", check=True)
        assert "shop: m" in text
        text, _ = await _done(client, "describe_schema", connection="shop", detail="full")
        assert "customer_id" in text
        text, _ = await _done(client, "run_query", connection="shop", sql=one)
        assert "[email:" in text
        assert "Leeds" in text
        text, _ = await _done(client, "explain_query", connection="shop", sql=shops.LOOKUP, analyze=True)
        assert "orders" in text
        steps = [{"sql": "UPDATE customers SET city = 'York' WHERE id = 7"}, {"sql": "DELETE FROM orders WHERE id = 9"}]
        _, planned = await _done(client, "propose_change", connection="shop", title="move", reason="moved", steps=steps)
        text, _ = await _done(client, "review_change", change=planned["change"])
        token = text.partition("confirm_token='")[2].partition("'")[0]
        await _done(client, "apply_change", change=planned["change"], confirm_token=token)
        assert "York" in (await _done(client, "run_query", connection="shop", sql=one))[0]
        _, undone = await _done(client, "roll_back_change", change=planned["change"])
        assert undone["state"] == "rolled_back"
        assert "Leeds" in (await _done(client, "run_query", connection="shop", sql=one))[0]


@pytest.mark.promise("X6")
@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM orders", "SELECT load_file('/etc/passwd')", "SELECT 1 INTO OUTFILE '/tmp/stolen'",
        "SELECT get_lock('a', 1)", "/*!50000 DELETE FROM orders */", "SELECT @a := 1",
    ],
)  # fmt: skip
async def test_what_only_reads_may_not_do_is_refused_with_advice(sql: str, folder: Path) -> None:
    async with client_in(folder) as client:
        text, _, failed = await call(client, "run_query", connection="shop", sql=sql)
        assert failed
        assert text.startswith("statement_refused")
