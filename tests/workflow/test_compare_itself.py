"""A database compared with itself proves nothing: it is refused on every engine, and no gate takes it for evidence."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines.mongodb import MongoServer
from tests.engines.mysql_family import MySqlServer
from tests.engines.postgresql import PostgresServer
from tests.engines.redis import RedisServer
from tests.server.processes import call, client_in

pytestmark = pytest.mark.anyio
SCRIPT = "CREATE TABLE t (id int PRIMARY KEY, a varchar(9)); INSERT INTO t VALUES (1, 'x'), (2, 'y');"


def _configure(folder: Path, url: str, other: str) -> None:
    """Name one database twice, the second time under another of its addresses."""
    password = "" if url.startswith("sqlite") else 'password = { env = "SHOP_PASSWORD" }\n'
    (folder / "dbmanager.toml").write_text(
        f'[store]\ndata_dir = "state"\n[connections.shop]\nurl = "{url}"\n{password}'
        f'[connections.alias]\nurl = "{other}"\n{password}'
    )


@pytest.fixture(params=["sqlite", "postgresql", "mysql", "mariadb", "mongodb", "redis"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """Return a folder whose configuration names one database of the engine twice."""
    if request.param == "sqlite":
        raw = sqlite3.connect(tmp_path / "shop.db")
        raw.executescript(SCRIPT)
        raw.close()
        (tmp_path / "alias.db").symlink_to("shop.db")
        _configure(tmp_path, "sqlite:///shop.db", "sqlite:///alias.db")
        yield tmp_path
        return
    name = "pg_server" if request.param == "postgresql" else f"{request.param}_server"
    server: PostgresServer | MySqlServer | MongoServer | RedisServer = request.getfixturevalue(name)
    database = server.create_database()
    if isinstance(server, PostgresServer | MySqlServer):
        server.run_sql(str(database), SCRIPT)
    elif isinstance(server, MongoServer):
        with server.client() as driver:
            driver[str(database)]["t"].insert_many([{"_id": n} for n in range(2)])
    else:
        server.run("MSET", "t:1", "x", "t:2", "y", database=int(database))
    url = server.url(database)  # type: ignore[arg-type]
    _configure(tmp_path, url, url.replace(server.host, "localhost"))
    yield tmp_path
    server.drop_database(database)  # type: ignore[arg-type]


@pytest.mark.promise("P4.4")
async def test_a_database_compared_with_itself_is_refused_and_is_no_evidence(folder: Path) -> None:
    async with client_in(folder) as client:
        _, begun, _ = await call(client, "update_project", goal="a move", connections=["shop"])
        for target in ("shop", "alias"):
            text, _, failed = await call(client, "verify_data", source="shop", target=target, project=begun["project"])
            assert failed
            assert "would be compared with itself, which proves nothing" in text
        status, _, _ = await call(client, "project_status", project=begun["project"])
        assert "source and target hold the same rows" in status


@pytest.mark.promise("P4.4")
async def test_two_schemas_of_one_database_can_be_compared(
    pg_server: PostgresServer, pg_database: str, tmp_path: Path
) -> None:
    pg_server.run_sql(pg_database, f"{SCRIPT} CREATE SCHEMA copied; CREATE TABLE copied.t AS TABLE t;")
    _configure(tmp_path, pg_server.url(pg_database), pg_server.url(pg_database))
    async with client_in(tmp_path) as client:
        _, begun, _ = await call(client, "update_project", goal="a move", connections=["shop"])
        asked = {"source": "shop", "target": "alias", "tables": ["public.t"], "project": begun["project"]}
        text, same, failed = await call(client, "verify_data", target_schema="copied", **asked)
        assert not failed, text
        assert (same["equal"], same["rows"]) == (True, 2)
        status, _, _ = await call(client, "project_status", project=begun["project"])
        assert "source and target hold the same rows" not in status
