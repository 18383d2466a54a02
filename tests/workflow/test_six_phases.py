"""The main job on each engine: six phases driven by a client over stdio, every gate passed by evidence and by nothing else."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from tests.engines.mongodb import MongoServer
from tests.engines.mysql_family import MySqlServer
from tests.engines.postgresql import PostgresServer
from tests.server.processes import call, client_in
from tests.workflow import shops

pytestmark = pytest.mark.anyio
GATES = [str(number) for number in range(1, 7)]


@pytest.fixture(params=["sqlite", "postgresql", "mysql", "mariadb", "mongodb"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """Return a folder whose configuration names a shop on the engine and an empty place to copy it to."""
    place = 'url = "sqlite:///copy.db"'
    remove: list[tuple[MongoServer | MySqlServer, str]] = []
    if request.param == "mongodb":
        mongodb: MongoServer = request.getfixturevalue("mongodb_server")
        names = [mongodb.create_database(), mongodb.create_database()]
        with mongodb.client() as driver:
            shops.fill_mongodb(driver[names[0]])
        shop, place = (f'url = "{mongodb.url(name)}"\npassword = {{ env = "SHOP_PASSWORD" }}' for name in names)
        remove = [(mongodb, name) for name in names]
    elif request.param == "sqlite":
        _sqlite(tmp_path / "shop.db", shops.SQLITE)
        shop = 'url = "sqlite:///shop.db"'
    elif request.param in ("mysql", "mariadb"):
        family: MySqlServer = request.getfixturevalue(f"{request.param}_server")
        name = family.create_database(shops.MYSQL)
        remove = [(family, name)]
        request.getfixturevalue("monkeypatch").setenv("PATH", f"{family.programs}{os.pathsep}{os.environ['PATH']}")
        shop = f'url = "{family.url(name)}"\npassword = {{ env = "SHOP_PASSWORD" }}'
    else:
        server: PostgresServer = request.getfixturevalue("pg_server")
        database: str = request.getfixturevalue("pg_database")
        server.run_sql(database, shops.POSTGRESQL)
        shop = f'url = "{server.url(database)}"\npassword = {{ env = "SHOP_PASSWORD" }}'
    _sqlite(tmp_path / "copy.db", "PRAGMA user_version = 1")
    (tmp_path / "dbmanager.toml").write_text(
        f'[store]\ndata_dir = "state"\n[connections.shop]\n{shop}\naccess = "read_write"\n'
        f'[connections.copy]\n{place}\naccess = "read_write"\n'
    )
    yield tmp_path
    for server_of, name in remove:
        server_of.drop_database(name)


@pytest.fixture
def engine(request: pytest.FixtureRequest, folder: Path) -> str:
    """Return the engine that the shop stands on."""
    return str(request.node.callspec.params["folder"])


@pytest.fixture
def lookup(engine: str) -> Any:
    """Return the query that wants an index."""
    return shops.MONGODB_LOOKUP if engine == "mongodb" else shops.LOOKUP


def _spoil(engine: str, folder: Path, server: MongoServer | None) -> None:
    """Change the copy behind the server's back."""
    if server is None:
        _sqlite(
            folder / "copy.db", "UPDATE customers SET city = 'York' WHERE id = 17; DELETE FROM orders WHERE id = 99"
        )
        return
    name = str(tomllib.loads((folder / "dbmanager.toml").read_text())["connections"]["copy"]["url"])
    with server.client() as driver:
        database = driver[name.rpartition("/")[2].partition("?")[0]]
        database.customers.update_one({"_id": 17}, {"$set": {"city": "York"}})
        database.orders.delete_one({"_id": 99})


def _sqlite(path: Path, script: str) -> None:
    raw = sqlite3.connect(path)
    raw.executescript(script)
    raw.close()
    path.chmod(0o600)


async def _done(client: Client, tool: str, **arguments: Any) -> tuple[str, dict[str, Any]]:
    text, facts, failed = await call(client, tool, **arguments)
    assert not failed, text
    return text, facts


async def _applied(client: Client, reviewed: str, change: str) -> None:
    token = reviewed.partition("confirm_token='")[2].partition("'")[0]
    _, facts = await _done(client, "apply_change", change=change, confirm_token=token)
    assert facts["state"] == "verified"


async def _gates(client: Client, project: str) -> dict[str, str]:
    _, facts = await _done(client, "project_status", project=project)
    return {number: facts[number] for number in GATES}


@pytest.mark.promise(
    "P1.1", "P1.4", "P2.2", "P2.3", "P3.1", "P3.2", "P4.1", "P4.2", "P4.4", "P5.1", "P5.2", "P5.3", "P6.2", "P6.4", "X3", "X7",
    "E2", "D1", "D4", "D5",
)  # fmt: skip
async def test_every_gate_is_passed_by_evidence(folder: Path, engine: str, lookup: Any) -> None:
    async with client_in(folder) as client:
        _, begun = await _done(client, "update_project", goal="a good shop", connections=["shop"])
        at = {"connection": "shop", "project": begun["project"]}
        project = begun["project"]
        assert set((await _gates(client, project)).values()) == {"open"}
        text, _ = await _done(client, "assess_database", **at)
        assert str(shops.ORDERS) in text
        assert "no backup of it that a restore has proved" in text
        assert (await _gates(client, project))["1"] == "in_progress"
        await _done(client, "check_database", **at)
        await _done(client, "classify_data", **at)
        asked = {"command": lookup} if isinstance(lookup, dict) else {"sql": lookup}
        _, traced = await _done(client, "trace_lineage", **asked, **at)
        assert traced["columns"]
        text, advice = await _done(client, "advise_indexes", queries=[lookup], propose=True, **at)
        await _applied(client, text, advice["change"])
        _, measured = await _done(client, "measure_queries", queries=[lookup], **at)
        assert measured["work_after"] < measured["work_before"] / 2
        await _done(client, "verify_audit_log", project=project)
        assert (await _gates(client, project))["3"] == "in_progress"
        await _done(client, "plan_tuning", kind="monitoring", **at)
        assert (await _gates(client, project))["3"] == "passed"
        text, planned = await _done(client, "plan_migration", source="shop", target="copy", project=project)
        assert (await _gates(client, project))["4"] == "open"
        await _applied(client, text, planned["change"])
        _, compared = await _done(client, "verify_data", source="shop", target="copy", project=project)
        assert compared == {"equal": True, "tables": 2, "rows": shops.PEOPLE + shops.ORDERS}
        await _done(client, "check_database", pack="security", **at)
        await _done(client, "run_backup", **at)
        _, drilled = await _done(client, "run_drill", **at)
        assert drilled["passed"] is True
        text, _ = await _done(client, "assess_database", **at)
        assert "no backup of it" not in text
        assert await _gates(client, project) == dict.fromkeys(GATES, "passed")
        await _done(client, "export_deliverables", project=project)
    _assert_delivered(folder / "database-system", "jsonl" if engine == "mongodb" else "sql")


def _assert_delivered(root: Path, ending: str) -> None:
    """Every file has the figures that were measured, and no value of a person."""
    texts = {str(file.relative_to(root)): file.read_text() for file in root.rglob("*") if file.is_file()}
    assert "customer_id" in texts[f"architecture/schemas/shop.{ending}"]
    assert "erDiagram" in texts["architecture/relationships/shop.md"]
    assert f"{shops.PEOPLE + shops.ORDERS}" in texts["migration/validation/comparison.md"]
    assert f"{shops.PEOPLE + shops.ORDERS}" in texts["migration/etl-processes/copy.md"]
    assert any(path.startswith("backup-recovery/testing/") for path in texts)
    assert any("customers.email" in text for text in texts.values())
    assert not [path for path, text in texts.items() if shops.PERSON in text]


@pytest.mark.promise("P4.4", "Q3")
async def test_a_copy_that_differs_is_told_and_passes_no_gate(
    folder: Path, engine: str, request: pytest.FixtureRequest
) -> None:
    async with client_in(folder) as client:
        _, begun = await _done(client, "update_project", goal="copy", connections=["shop"])
        text, planned = await _done(client, "plan_migration", source="shop", target="copy", project=begun["project"])
        await _applied(client, text, planned["change"])
        _spoil(engine, folder, request.getfixturevalue("mongodb_server") if engine == "mongodb" else None)
        text, facts = await _done(client, "verify_data", source="shop", target="copy", project=begun["project"])
        assert facts["equal"] is False
        assert text.count("DIFFERENT") == 2
        assert (await _gates(client, begun["project"]))["4"] == "in_progress"


@pytest.mark.promise("P4.4")
async def test_nothing_to_compare_is_no_evidence(tmp_path: Path) -> None:
    for name in ("a", "b"):
        _sqlite(tmp_path / f"{name}.db", "PRAGMA user_version = 1")
    (tmp_path / "dbmanager.toml").write_text(
        '[store]\ndata_dir = "state"\n[connections.a]\nurl = "sqlite:///a.db"\n[connections.b]\nurl = "sqlite:///b.db"\n'
    )
    async with client_in(tmp_path) as client:
        _, begun = await _done(client, "update_project", goal="copy", connections=["a"])
        text, _, failed = await call(client, "verify_data", source="a", target="b", project=begun["project"])
        assert failed
        assert "no tables to compare" in text
        assert (await _gates(client, begun["project"]))["4"] == "open"


@pytest.mark.promise("P6.4", "A15")
async def test_a_backup_that_holds_other_rows_fails_its_drill_and_passes_no_gate(tmp_path: Path) -> None:
    _sqlite(tmp_path / "shop.db", shops.SQLITE)
    (tmp_path / "dbmanager.toml").write_text(
        'backup_dir = "backups"\n[store]\ndata_dir = "state"\n[connections.shop]\nurl = "sqlite:///shop.db"\n'
    )
    async with client_in(tmp_path) as client:
        _, begun = await _done(client, "update_project", goal="recover", connections=["shop"])
        at = {"connection": "shop", "project": begun["project"]}
        await _done(client, "run_backup", **at)
        file = next((tmp_path / "backups").iterdir())
        _sqlite(file, "DELETE FROM orders WHERE id = 5")
        text, _, failed = await call(client, "run_drill", **at)
        assert failed
        assert "has changed since it was made" in text
        _believe(tmp_path, file)
        text, facts = await _done(client, "run_drill", **at)
        assert facts["passed"] is False
        assert f"orders: {shops.ORDERS} rows" in text
        assert (await _gates(client, begun["project"]))["6"] == "in_progress"


def _believe(folder: Path, file: Path) -> None:
    """Make the registry take the altered file for the one that was written."""
    store = sqlite3.connect(folder / "state/store.db")
    artifact = json.loads(store.execute("SELECT artifact FROM backup").fetchone()[0])
    artifact["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
    store.execute("UPDATE backup SET artifact = ?", (json.dumps(artifact),))
    store.commit()
    store.close()
