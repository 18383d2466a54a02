"""Health and settings as a person asks for them through a client, on every engine."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mcp import Client

from dbmanager.analyzers.alerting.rules import STANDARD
from tests.engines.mongodb import MongoServer
from tests.engines.mysql_family import MySqlServer
from tests.engines.postgresql import PostgresServer
from tests.engines.redis import RedisServer
from tests.server.processes import call, client_in

pytestmark = pytest.mark.anyio
GROWN = (
    "CREATE TABLE t (a TEXT) STRICT; INSERT INTO t WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n WHERE v < 400) "
    "SELECT hex(zeroblob(1500)) FROM n;"
)


def _configure(folder: Path, url: str) -> Path:
    password = "" if url.startswith("sqlite") else 'password = { env = "SHOP_PASSWORD" }\n'
    (folder / "dbmanager.toml").write_text(
        f'[store]\ndata_dir = "state"\n[connections.shop]\nurl = "{url}"\naccess = "admin"\n{password}'
    )
    return folder


@pytest.fixture
def sqlite(tmp_path: Path) -> Path:
    raw = sqlite3.connect(tmp_path / "shop.db")
    raw.executescript(GROWN)
    raw.close()
    return _configure(tmp_path, "sqlite:///shop.db")


@pytest.fixture
def postgresql(pg_server: PostgresServer, pg_database: str, tmp_path: Path) -> Path:
    return _configure(tmp_path, pg_server.url(pg_database))


@pytest.fixture
def mysql(mysql_server: MySqlServer, tmp_path: Path) -> Iterator[Path]:
    name = mysql_server.create_database()
    yield _configure(tmp_path, mysql_server.url(name))
    mysql_server.drop_database(name)


@pytest.fixture
def mariadb(mariadb_server: MySqlServer, tmp_path: Path) -> Iterator[Path]:
    name = mariadb_server.create_database()
    yield _configure(tmp_path, mariadb_server.url(name))
    mariadb_server.drop_database(name)


@pytest.fixture
def redis(redis_server: RedisServer, tmp_path: Path) -> Path:
    return _configure(tmp_path, redis_server.url(redis_server.create_database()))


@pytest.fixture
def mongodb(mongodb_server: MongoServer, tmp_path: Path) -> Iterator[Path]:
    name = mongodb_server.create_database()
    yield _configure(tmp_path, mongodb_server.url(name))
    mongodb_server.drop_database(name)


@pytest.mark.promise("P3.3")
@pytest.mark.parametrize("engine", ["sqlite", "postgresql", "mysql", "mariadb", "redis", "mongodb"])
async def test_health_and_settings_are_told_on_every_engine(engine: str, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(engine)
    async with client_in(folder) as client:
        text, _, failed = await call(client, "check_database", connection="shop", pack="health")
        assert not failed, text
        assert "findings from" in text
        if "- **" in text:
            assert "Bound: " in text
            assert "May be wrong: " in text
        text, _, failed = await call(client, "plan_tuning", connection="shop")
        if engine == "mongodb":
            assert failed
            assert "does not execute serverStatus" in text
            return
        assert not failed, text
        assert "Counted since" in text
        assert "settings to change" in text
        text, _, failed = await call(client, "plan_tuning", connection="shop", settings=["join_buffer_size"])
        assert failed
        assert "join_buffer_size" in text


@pytest.mark.promise("P3.5")
@pytest.mark.parametrize("engine", ["sqlite", "postgresql", "mysql", "mariadb", "redis", "mongodb"])
async def test_every_engine_is_measured_and_too_little_history_is_said(
    engine: str, request: pytest.FixtureRequest
) -> None:
    folder: Path = request.getfixturevalue(engine)
    async with client_in(folder) as client:
        for moments in (1, 2):
            text, facts, failed = await call(client, "plan_tuning", connection="shop", kind="monitoring")
            assert not failed, text
            assert facts["moments"] == moments
            assert "too little history (" in text
            assert "12 over 3 days are needed" in text
            assert f"Alerts: 0 firing of {len(STANDARD)} rules" in text


async def _change(client: Client, look: Callable[[], str]) -> list[str]:
    seen = [look()]
    text, planned, failed = await call(
        client, "plan_tuning", connection="shop", settings=["journal_mode"], propose=True
    )
    assert not failed, text
    text, _, _ = await call(client, "review_change", change=planned["change"])
    token = text.partition("confirm_token='")[2].partition("'")[0]
    text, facts, failed = await call(client, "apply_change", change=planned["change"], confirm_token=token)
    assert facts.get("state") == "verified", text
    seen.append(look())
    text, _, failed = await call(client, "roll_back_change", change=planned["change"])
    assert not failed, text
    return [*seen, look()]


@pytest.mark.promise("P3.3")
async def test_a_setting_is_proposed_approved_applied_verified_and_taken_back(sqlite: Path) -> None:
    def look() -> str:
        raw = sqlite3.connect(sqlite / "shop.db")
        try:
            return str(raw.execute("PRAGMA journal_mode").fetchone()[0])
        finally:
            raw.close()

    async with client_in(sqlite) as client:
        _, begun, _ = await call(client, "update_project", goal="tune", connections=["shop"])
        text, _, failed = await call(client, "plan_tuning", connection="shop", project=begun["project"])
        assert not failed, text
        assert await _change(client, look) == ["delete", "wal", "delete"]
