"""The outsider's attempts on the mask: each first shows a value in clear, then, through the reader, none."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TypeAlias

import asyncpg
import pymysql
import pytest

from dbmanager.errors import DbManagerError
from dbmanager.model.configuration import Configuration
from dbmanager.model.queries import Cell
from dbmanager.services.configuration import LoadedConfiguration
from dbmanager.services.container import Services
from dbmanager.services.policy.tokens import TOKEN
from tests.engines.instance import login
from tests.engines.mysql_family import MySqlServer, driver_password
from tests.engines.postgresql import PASSWORD, PostgresServer
from tests.policy.outsider_leaks import ATTEMPTS, BENIGN, ERRORS, EXPLAINED, MAIL, SCHEMA, SECRETS, TOKENS, Attempt

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
ENGINES = ("sqlite", "postgresql", "mysql", "mariadb")
MOST_OVER_MASKED = 0.05
Plainly: TypeAlias = Callable[[str], Awaitable[list[tuple[object, ...]]]]
_SCRIPT = ";".join(SCHEMA) + ";"


@pytest.fixture(scope="module")
def pg_outsider(pg_server: PostgresServer) -> Iterator[str]:
    name = pg_server.create_database()
    pg_server.run_sql(name, f"{_SCRIPT}ANALYZE;")
    yield name
    pg_server.drop_database(name)


@pytest.fixture(scope="module")
def family_outsider(mysql_server: MySqlServer, mariadb_server: MySqlServer) -> Iterator[dict[str, str]]:
    made = {server.engine: server.create_database(_SCRIPT) for server in (mysql_server, mariadb_server)}
    yield made
    for server in (mysql_server, mariadb_server):
        server.drop_database(made[server.engine])


@pytest.fixture
async def services(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Services]:
    """Services over `db`: the engine that the test's parameter names."""
    engine = request.getfixturevalue("engine")
    connection: dict[str, object] = {"url": "sqlite:///data.db"}
    secret = tmp_path / "password"
    if engine == "sqlite":
        raw = sqlite3.connect(tmp_path / "data.db")
        raw.executescript(_SCRIPT)
        raw.close()
    else:
        secret.touch(0o600)
        if engine == "postgresql":
            server, database = request.getfixturevalue("pg_server"), request.getfixturevalue("pg_outsider")
            secret.write_text(PASSWORD)
        else:
            server = request.getfixturevalue(f"{engine}_server")
            database = request.getfixturevalue("family_outsider")[engine]
            secret.write_text(login(engine)[1])
        connection = {"url": server.url(database), "password": {"file": str(secret)}}
    configuration = Configuration.model_validate({"connections": {"db": connection}, "store": {"data_dir": "state"}})
    made = Services(LoadedConfiguration(configuration, (), tmp_path))
    yield made
    await made.close()


@pytest.fixture
def plainly(request: pytest.FixtureRequest, tmp_path: Path, services: Services) -> Plainly:
    """What an ordinary client of the engine gets, warnings included."""
    engine = request.getfixturevalue("engine")

    async def of_sqlite(sql: str) -> list[tuple[object, ...]]:
        raw = sqlite3.connect(tmp_path / "data.db")
        try:
            return raw.execute(sql).fetchall()
        finally:
            raw.close()

    async def of_postgresql(sql: str) -> list[tuple[object, ...]]:
        server, database = request.getfixturevalue("pg_server"), request.getfixturevalue("pg_outsider")
        wire = await asyncpg.connect(server.url(database), password=PASSWORD)
        try:
            return [tuple(map(str, row.values())) for row in await wire.fetch(sql)]
        finally:
            await wire.close()

    async def of_mysql(sql: str) -> list[tuple[object, ...]]:
        server, database = (
            request.getfixturevalue(f"{engine}_server"),
            request.getfixturevalue("family_outsider")[engine],
        )
        raw = pymysql.connect(
            host=server.host, port=server.port, user=login(engine)[0], password=driver_password(engine),
            database=database, charset="utf8mb4",
        )  # fmt: skip
        try:
            cursor = raw.cursor()
            cursor.execute(sql)
            rows = list(cursor.fetchall())
            cursor.execute("SHOW WARNINGS")
            return [
                tuple(
                    v if v is None else v.hex() + v.decode("latin-1") if isinstance(v, bytes) else str(v) for v in row
                )
                for row in rows + list(cursor.fetchall())
            ]
        finally:
            raw.close()

    return {"sqlite": of_sqlite, "postgresql": of_postgresql}.get(engine, of_mysql)


async def _read(
    services: Services, sql: str, parameters: tuple[str, ...] = ()
) -> tuple[tuple[tuple[Cell, ...], ...], str]:
    """The rows that a model gets, and all text it gets, tokens taken out."""
    try:
        page = await services.reader.query("db", sql, parameters)
    except DbManagerError as failed:
        return (), f"{failed.sentence()} {failed.__cause__!r}"
    shown = json.dumps([asdict(page.masked.result), page.masked.masked], ensure_ascii=False, default=str)
    return tuple(page.masked.result.rows), TOKEN.sub("[token]", shown)


def _secrets_in(text: str) -> list[str]:
    folded = text.casefold()
    return sorted(secret for secret in SECRETS if secret.casefold() in folded)


def _sql(attempt: Attempt) -> str:
    return attempt if isinstance(attempt, str) else attempt[0]


CASES = [(engine, attempt) for engine in ENGINES for attempt in ATTEMPTS[engine]]
IDS = [f"{engine}:{_sql(attempt)[:90]}" for engine, attempt in CASES]


@pytest.mark.parametrize(("engine", "attempt"), CASES, ids=IDS)
async def test_an_attempt_shows_a_value_until_it_goes_through_the_reader(
    engine: str, attempt: Attempt, services: Services, plainly: Plainly
) -> None:
    sql, shows = (attempt, None) if isinstance(attempt, str) else attempt
    plain = await plainly(sql)
    assert _shows(plain, shows), f"shows nothing even in clear: {plain[:2]!r}"
    rows, text = await _read(services, sql)
    assert _secrets_in(text) == [], text[:400]
    if isinstance(shows, str):
        assert shows.casefold() not in text.casefold(), text[:400]
    if isinstance(shows, int):
        cells = [row[shows] for row in rows if row[shows] is not None]
        assert [cell for cell in cells if not _is_hidden(cell)] == [], text[:400]


def _shows(rows: list[tuple[object, ...]], shows: str | int | None) -> bool:
    if isinstance(shows, int):
        return any(row[shows] is not None for row in rows)
    text = repr(rows)
    return shows.casefold() in text.casefold() if shows else bool(_secrets_in(text))


def _is_hidden(cell: Cell) -> bool:
    return isinstance(cell, str) and TOKEN.fullmatch(cell) is not None


FAILING = [(engine, sql) for engine in ENGINES for sql in ERRORS[engine]]


@pytest.mark.parametrize(("engine", "sql"), FAILING, ids=[f"{engine}:{sql}" for engine, sql in FAILING])
async def test_what_an_engine_says_of_a_failure_holds_values_until_it_goes_through_the_reader(
    engine: str, sql: str, services: Services, plainly: Plainly
) -> None:
    try:
        said = repr(await plainly(sql))
    except (sqlite3.Error, asyncpg.PostgresError, DbManagerError, pymysql.MySQLError) as failed:
        said = f"{failed} {getattr(failed, 'detail', '')} {failed.__cause__}"
    assert _secrets_in(said), said
    _, text = await _read(services, sql)
    assert _secrets_in(text) == [], text[:400]


PLANS = [(engine, sql, analyze) for engine in ENGINES for sql in EXPLAINED[engine] for analyze in (False, True)]


@pytest.mark.parametrize(("engine", "sql", "analyze"), PLANS)
async def test_a_plan_holds_no_value(engine: str, sql: str, analyze: bool, services: Services) -> None:
    try:
        text = repr(await services.reader.explain("db", sql, analyze=analyze))
    except DbManagerError as failed:
        text = f"{failed.sentence()} {failed.__cause__!r}"
    assert _secrets_in(text) == [], text[:600]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("sql", TOKENS)
async def test_a_token_passed_back_comes_back_as_no_value(engine: str, sql: str, services: Services) -> None:
    rows, _ = await _read(services, "SELECT mail FROM klient WHERE id = 1")
    (token,) = rows[0]
    assert isinstance(token, str)
    assert TOKEN.fullmatch(token)
    marked = sql.replace("?", "$1::text") if engine == "postgresql" else sql
    rows, text = await _read(services, marked, (token,))
    assert _secrets_in(text) == [], text[:400]
    assert MAIL[:8] not in text


@pytest.mark.parametrize("engine", ENGINES)
async def test_few_outputs_of_plain_questions_are_masked(engine: str, services: Services, plainly: Plainly) -> None:
    masked: list[str] = []
    total = 0
    for sql, names in BENIGN:
        plain = await plainly(sql)
        page = await services.reader.query("db", sql)
        assert plain
        total += len(names.split())
        masked += [f"{name} of {sql}" for name in names.split() if name in page.masked.masked]
    assert total >= 100
    assert len(masked) <= MOST_OVER_MASKED * total, f"{len(masked)} of {total}: {masked}"


def test_there_are_enough_attempts_and_plain_questions() -> None:
    assert min(len({_sql(one) for one in attempts}) for attempts in ATTEMPTS.values()) >= 110
    assert len(BENIGN) >= 60
