"""The tool that analyses what a database is asked, through a client over stdio, on every engine."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

from tests.engines.instance import login
from tests.engines.mysql_family import MySqlServer
from tests.engines.postgresql import PostgresServer
from tests.engines.redis import RedisServer
from tests.server.processes import call

pytestmark = pytest.mark.anyio
TABLE = "CREATE TABLE users (id INTEGER PRIMARY KEY, mail VARCHAR(80));"
SQL = "SELECT id FROM users WHERE mail = 'zebedee@example.org';\nSELECT id FROM users WHERE mail = 'other';\nSELECT gone FROM nowhere;\n"


@asynccontextmanager
async def _client(folder: Path, url: str, password: str = "") -> AsyncIterator[Client]:
    secret = 'password = { env = "SHOP_PASSWORD" }\n' if password else ""
    (folder / "dbmanager.toml").write_text(f'[store]\ndata_dir = "state"\n[connections.shop]\nurl = "{url}"\n{secret}')
    parameters = StdioServerParameters(
        command=sys.executable, args=["-m", "dbmanager_server", "serve"], cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "SHOP_PASSWORD": password},
    )  # fmt: skip
    async with Client(parameters) as client:
        yield client


def _place(engine: str, request: pytest.FixtureRequest, folder: Path) -> tuple[str, str]:
    """Return the address of a database with a table of users on the engine, and the password."""
    if engine == "sqlite":
        with sqlite3.connect(folder / "shop.db") as raw:
            raw.executescript(TABLE)
        return "sqlite:///shop.db", ""
    server: Any = request.getfixturevalue("pg_server" if engine == "postgresql" else f"{engine}_server")
    name = server.create_database()
    request.addfinalizer(lambda: server.drop_database(name))
    if isinstance(server, PostgresServer | MySqlServer):
        server.run_sql(name, TABLE)
    elif not isinstance(server, RedisServer):
        with server.client() as client:
            client[name].users.insert_one({"mail": "zebedee@example.org"})
    return server.url(name), login(engine)[1]


@pytest.mark.parametrize("engine", ["sqlite", "postgresql", "mysql", "mariadb", "mongodb", "redis"])
async def test_a_workload_is_analysed_on_every_engine(
    engine: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url, password = _place(engine, request, tmp_path)
    every: dict[str, list[Any]] = {
        "mongodb": [{"find": "users", "filter": {"mail": f"zebedee{n}@example.org"}} for n in range(2)],
        "redis": [["GET", f"user:{n}"] for n in range(2)],
    }  # fmt: skip
    commands = every.get(engine)
    lines = "\n".join(json.dumps(command) for command in commands) + "\n{broken\n" if commands else SQL
    (tmp_path / "asked.txt").write_text(lines)
    async with _client(tmp_path, url, password) as client:
        _, begun, _ = await call(client, "update_project", goal="faster", connections=["shop"])
        text, facts, failed = await call(
            client, "analyze_workload", connection="shop", file="asked.txt", project=begun["project"]
        )
        assert not failed, text
        assert facts["statements"] == 1
        assert "1 statements, 2 calls" in text
        assert ("nowhere" in text) or ("Skipped" in text)
        assert "zebedee" not in text
        given = {"statements": commands or SQL.split(";\n")[:2]}
        text, again, failed = await call(
            client, "analyze_workload", connection="shop", compare_with=facts["snapshot"], **given
        )
        assert not failed, text
        assert f"Compared with snapshot {facts['snapshot']}: 0 statements are new" in text
        assert again["snapshot"] != facts["snapshot"]
        text, _, failed = await call(client, "export_deliverables", project=begun["project"], folder="out")
        assert not failed, text
    told = (tmp_path / "out/optimization/queries/workload.md").read_text()
    assert "users" in told or "user:" in told
    assert "zebedee" not in told


async def test_what_can_not_be_done_is_told_with_what_to_do(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    url, _ = _place("sqlite", request, tmp_path)
    async with _client(tmp_path, url) as client:
        for arguments, part in (
            ({}, "give a file of them or the statements themselves"),
            ({"file": "../elsewhere.sql"}, "no file below the project folder"),
            ({"file": "a.sql", "statements": ["SELECT 1"]}, "give one of source, file and statements"),
            ({"statements": ["SELECT 1"], "compare_with": "wl_0"}, "wl_0"),
        ):
            text, _, failed = await call(client, "analyze_workload", connection="shop", **arguments)
            assert failed
            assert part in text
