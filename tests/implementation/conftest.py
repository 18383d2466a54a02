"""Databases that designs are applied to, each with the folder of a server's configuration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from tests.engines.mysql_family import MySqlServer
from tests.engines.postgresql import PostgresServer
from tests.facets.contract import EngineUnderTest, Mysql, Postgres, Sqlite
from tests.server.processes import call


@dataclass(slots=True)
class Target:
    """A database and the folder of its configuration."""

    folder: Path
    engine: EngineUnderTest
    words: dict[str, str]

    def said(self, statements: list[str]) -> list[str]:
        return [statement.format(**self.words) for statement in statements]

    def run(self, statements: list[str]) -> None:
        self.engine.run(";\n".join(self.said(statements)) + ";")

    def fetch(self, sql: str) -> list[tuple[str, ...]]:
        return self.engine.fetch(sql)


def configure(folder: Path, url: str, name: str = "shop") -> None:
    """Write a connection into a folder's configuration; its scratch databases stand beside it."""
    password = "" if url.startswith("sqlite") else 'password = { env = "SHOP_PASSWORD" }\n'
    with (folder / "dbmanager.toml").open("a") as file:
        if not file.tell():
            file.write('[store]\ndata_dir = "state"\n')
        file.write(f'[connections.{name}]\nurl = "{url}"\naccess = "admin"\nscratch = "server"\n{password}')


@pytest.fixture
def sqlite(tmp_path: Path) -> Target:
    engine = Sqlite(tmp_path)
    configure(tmp_path, f"sqlite:///{engine.path.name}")
    return Target(tmp_path, engine, {"number": "INTEGER", "prefix": ""})


@pytest.fixture
def postgresql(pg_server: PostgresServer, tmp_path: Path) -> Iterator[Target]:
    engine = Postgres(pg_server)
    configure(tmp_path, pg_server.url(engine.database))
    yield Target(tmp_path, engine, {"number": "bigint", "prefix": ""})
    pg_server.drop_database(engine.database)


def _family(server: MySqlServer, folder: Path) -> Iterator[Target]:
    engine = Mysql(server)
    configure(folder, server.url(engine.database))
    yield Target(folder, engine, {"number": "BIGINT", "prefix": "(20)"})
    server.drop_database(engine.database)


@pytest.fixture
def mysql(mysql_server: MySqlServer, tmp_path: Path) -> Iterator[Target]:
    yield from _family(mysql_server, tmp_path)


@pytest.fixture
def mariadb(mariadb_server: MySqlServer, tmp_path: Path) -> Iterator[Target]:
    yield from _family(mariadb_server, tmp_path)


@pytest.fixture
def target(request: pytest.FixtureRequest) -> Target:
    found: Target = request.getfixturevalue(request.param)
    return found


async def applied(client: Client, change: str) -> dict[str, Any]:
    """Approve by the plan's token, apply, and return what the answer says."""
    text, _, failed = await call(client, "review_change", change=change)
    assert not failed, text
    token = text.partition("confirm_token='")[2].partition("'")[0]
    assert token, text[-300:]
    text, facts, failed = await call(client, "apply_change", change=change, confirm_token=token)
    assert not failed, text
    return facts


async def planned(client: Client, **arguments: Any) -> tuple[str, dict[str, Any]]:
    """Plan a design for `shop` and return text and facts."""
    text, facts, failed = await call(client, "plan_schema", connection="shop", **arguments)
    assert not failed, text
    return text, facts
