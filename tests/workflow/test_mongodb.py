"""What a person does with MongoDB beside the six phases: look, read, explain, change and change back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from tests.engines.mongodb import MongoServer
from tests.server.processes import call, client_in
from tests.workflow import shops

pytestmark = pytest.mark.anyio


@pytest.fixture
def folder(mongodb_server: MongoServer, tmp_path: Path) -> Iterator[Path]:
    """Return a folder whose configuration names a shop on MongoDB."""
    name = mongodb_server.create_database()
    with mongodb_server.client() as driver:
        shops.fill_mongodb(driver[name])
    (tmp_path / "dbmanager.toml").write_text(
        f'[store]\ndata_dir = "state"\n[connections.shop]\nurl = "{mongodb_server.url(name)}"\n'
        'password = { env = "SHOP_PASSWORD" }\naccess = "read_write"\n'
    )
    yield tmp_path
    mongodb_server.drop_database(name)


async def _done(client: Client, tool: str, **arguments: Any) -> tuple[str, dict[str, Any]]:
    text, facts, failed = await call(client, tool, **arguments)
    assert not failed, text
    assert shops.PERSON not in text
    return text, facts


@pytest.mark.promise("X4")
async def test_documents_are_looked_at_read_explained_changed_and_put_back(folder: Path) -> None:
    one = {"find": "customers", "filter": {"_id": 7}}
    async with client_in(folder) as client:
        text, _ = await _done(client, "list_connections", check=True)
        assert "mongodb" in text
        text, _ = await _done(client, "describe_schema", connection="shop", detail="full")
        assert "customer_id" in text
        text, _ = await _done(client, "run_query", connection="shop", command=one)
        assert "[email:" in text
        assert "Leeds" in text
        text, _ = await _done(client, "explain_query", connection="shop", command=shops.MONGODB_LOOKUP)
        assert "orders" in text
        update = {"update": "customers", "updates": [{"q": {"_id": 7}, "u": {"$set": {"city": "York"}}}]}
        text, planned = await _done(
            client, "propose_change", connection="shop", title="move", reason="moved", steps=[{"command": update}]
        )
        text, _ = await _done(client, "review_change", change=planned["change"])
        token = text.partition("confirm_token='")[2].partition("'")[0]
        await _done(client, "apply_change", change=planned["change"], confirm_token=token)
        assert "York" in (await _done(client, "run_query", connection="shop", command=one))[0]
        _, undone = await _done(client, "roll_back_change", change=planned["change"])
        assert undone["state"] == "rolled_back"
        assert "Leeds" in (await _done(client, "run_query", connection="shop", command=one))[0]


@pytest.mark.promise("X4")
@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ({"delete": "customers", "deletes": [{"q": {}, "limit": 0}]}, "propose_change"),
        ({"aggregate": "customers", "pipeline": [{"$facet": {"a": [{"$out": "stolen"}]}}]}, "$out"),
        ({"find": "customers", "filter": {"$where": "sleep(1000)"}}, "$where"),
        ({"find": "customers", "fliter": {}}, "filter"),
    ],
)
async def test_what_only_reads_may_not_do_is_refused_with_advice(
    command: dict[str, Any], sentence: str, folder: Path
) -> None:
    async with client_in(folder) as client:
        text, _, failed = await call(client, "run_query", connection="shop", command=command)
        assert failed
        assert sentence in text
