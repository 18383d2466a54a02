"""The masking exit: every attempt first shows a value in clear, then shows none; plain questions stay readable."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from dbmanager.errors import DbManagerError
from dbmanager.model.configuration import Configuration
from dbmanager.services.configuration import LoadedConfiguration
from dbmanager.services.container import Services
from tests.engines.instance import login
from tests.engines.mysql_family import MySqlServer
from tests.engines.postgresql import PASSWORD, PostgresServer
from tests.policy.leaks import (
    _CARDS,
    BENIGN,
    CARD,
    EMAIL,
    MARIADB_CAN_NOT,
    MYSQL_LEAKS,
    POSTGRESQL_LEAKS,
    SCHEMA,
    SQLITE_LEAKS,
)

pytestmark = pytest.mark.anyio
PIECES = (EMAIL, CARD, "lovelace", "LOVELACE", "ecalevol", EMAIL.encode().hex(), EMAIL.encode().hex().upper(), "41111111",
          "ZXhhbXBsZS5vcmc", "411111", "Ada", "example.com", "example.org", "exbmple", "YWRhL", "ada", *_CARDS)  # fmt: skip


@pytest.fixture(scope="module")
def pg_leaky(pg_server: PostgresServer) -> Iterator[str]:
    name = pg_server.create_database()
    pg_server.run_sql(name, ";".join((*SCHEMA, "ANALYZE")) + ";")
    yield name
    pg_server.drop_database(name)


@pytest.fixture(scope="module")
def family_leaky(mysql_server: MySqlServer, mariadb_server: MySqlServer) -> Iterator[dict[str, str]]:
    script = ";".join(SCHEMA) + ";"
    made = {server.engine: server.create_database(script) for server in (mysql_server, mariadb_server)}
    yield made
    for server in (mysql_server, mariadb_server):
        server.drop_database(made[server.engine])


@pytest.fixture
async def services(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Services]:
    """Services over `db`: the engine that the test's first parameter names."""
    engine = request.getfixturevalue("engine")
    raw = sqlite3.connect(tmp_path / "data.db")
    raw.executescript(";".join(SCHEMA) + ";")
    raw.close()
    connection: dict[str, object] = {"url": "sqlite:///data.db"}
    if engine == "postgresql":
        server, database = request.getfixturevalue("pg_server"), request.getfixturevalue("pg_leaky")
        (tmp_path / "password").write_text(PASSWORD)
        (tmp_path / "password").chmod(0o600)
        connection = {"url": server.url(database), "password": {"file": str(tmp_path / "password")}}
    elif engine in ("mysql", "mariadb"):
        server, database = request.getfixturevalue(f"{engine}_server"), request.getfixturevalue("family_leaky")[engine]
        (tmp_path / "password").write_text(login(engine)[1])
        (tmp_path / "password").chmod(0o600)
        connection = {"url": server.url(database), "password": {"file": str(tmp_path / "password")}}
    configuration = Configuration.model_validate({"connections": {"db": connection}, "store": {"data_dir": "state"}})
    made = Services(LoadedConfiguration(configuration, (), tmp_path))
    yield made
    await made.close()


LEAKS = [("sqlite", sql) for sql in SQLITE_LEAKS] + [("postgresql", sql) for sql in POSTGRESQL_LEAKS]
LEAKS += [(engine, sql) for engine in ("mysql", "mariadb") for sql in MYSQL_LEAKS if (engine, sql) != MARIADB_CAN_NOT]
ENGINE_SPECIFIC = ("engine", "sql")


@pytest.mark.parametrize(ENGINE_SPECIFIC, LEAKS, ids=[f"{e}:{sql[:70]}" for e, sql in LEAKS])
async def test_no_attempt_shows_a_value(engine: str, sql: str, services: Services) -> None:
    try:
        page = await services.reader.query("db", sql)
        shown = json.dumps([[c.name for c in page.masked.result.columns], page.masked.result.rows], ensure_ascii=False)
    except DbManagerError as failed:
        shown = failed.sentence() + repr(failed.__cause__)
    shown = re.sub(r"\[[a-z_]+:[0-9a-f]{10}\]", "[token]", shown)
    assert not [piece for piece in PIECES if piece in shown], shown
    assert "97, 100, 97" not in shown
    assert '"a", ' not in shown.replace('"a", "b"', "")


@pytest.mark.parametrize(ENGINE_SPECIFIC, LEAKS, ids=[f"{e}:{sql[:70]}" for e, sql in LEAKS])
async def test_each_attempt_shows_a_value_when_nothing_masks(engine: str, sql: str, services: Services) -> None:
    adapter = await services.connections.adapter("db")
    if engine == "postgresql":
        shown = await _plainly(adapter._sessions.url, sql)  # type: ignore[attr-defined]
    elif engine in ("mysql", "mariadb"):
        async with adapter._sessions.administering() as wire:  # type: ignore[attr-defined]
            await wire.run("SET NAMES utf8mb4")
            shown = repr(await wire.fetch(sql))
    else:
        raw = sqlite3.connect(services.loaded.base / "data.db")
        shown = repr(raw.execute(sql).fetchall())
        raw.close()
    assert [piece for piece in PIECES if piece in shown] or _spelled(shown), shown[:500]


async def _plainly(url: Any, sql: str) -> str:
    """What an ordinary client would show, its error included."""
    raw = await asyncpg.connect(host=url.host, port=url.port, user=url.user, password=PASSWORD, database=url.database)
    try:
        return "".join(str(row[0]) for row in await raw.fetch(f"SELECT to_jsonb(s)::text FROM ({sql}) AS s"))
    except asyncpg.PostgresError as failed:
        return f"{failed} {failed.as_dict()}"
    finally:
        await raw.close()


def _spelled(shown: str) -> bool:
    """Whether the value stands there in single characters, their codes or their places."""
    letters = "".join(a or b for a, b in re.findall(r"'(.)'|\"(.)\"", shown)).replace("g", "")
    numbers = [int(n) for n in re.findall(r"\d+", shown)]
    codes = [ord(c) for c in EMAIL]
    return (
        "lovelace" in letters
        or "ada" in letters
        or numbers[:2] == codes[:2]
        or {97, 100} <= set(numbers)
        or numbers[:3] == [1, 2, 13]
    )


@pytest.mark.parametrize("engine", ["sqlite", "postgresql", "mysql", "mariadb"])
@pytest.mark.parametrize(("sql", "clear"), BENIGN, ids=[sql[:70] for sql, _ in BENIGN])
async def test_plain_questions_are_not_masked(
    engine: str, sql: str, clear: tuple[str, ...], services: Services
) -> None:
    page = await services.reader.query("db", sql)
    assert [c.name for c in page.masked.result.columns] == list(clear)
    assert page.masked.masked == {}


@pytest.mark.parametrize("engine", ["sqlite", "postgresql", "mysql", "mariadb"])
async def test_tokens_join_and_group(engine: str, services: Services) -> None:
    page = await services.reader.query("db", "SELECT email, c4 FROM customer ORDER BY id LIMIT 3")
    rows = page.masked.result.rows
    assert all(str(a).startswith("[email:") and a == b for a, b in rows)
    assert len({row[0] for row in rows}) == 3
    again = await services.reader.query("db", "SELECT email FROM customer WHERE id = 1")
    assert again.masked.result.rows[0][0] == rows[0][0]


def test_there_are_enough_of_them() -> None:
    assert min(len(set(SQLITE_LEAKS)), len(set(POSTGRESQL_LEAKS)), len(set(MYSQL_LEAKS))) >= 80
    assert len(BENIGN) >= 30
