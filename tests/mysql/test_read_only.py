"""The read-only gate on MySQL and MariaDB with every right: seen to harm when nothing guards, then refused, with no effect."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pymysql
import pytest
from pymysql.err import MySQLError

from dbmanager.adapters.mysql.adapter import MysqlAdapter
from dbmanager.errors import DbManagerError, StatementRefused
from dbmanager.model.queries import QueryLimits, QueryRequest
from tests.engines.instance import login
from tests.engines.mysql_family import MySqlServer, driver_password, open_mysql
from tests.mysql.corpora import BENIGN, HOSTILE, MARIADB, MYSQL, SCHEMA, Case

pytestmark = pytest.mark.anyio
LIMITS = QueryLimits(timeout_seconds=1.0)
CASES = [
    *((engine, case) for engine in ("mysql", "mariadb") for case in HOSTILE),
    *(("mariadb", case) for case in MARIADB),
    *(("mysql", case) for case in MYSQL),
]
_NOT_ON = frozenset((("mysql", "reset"), ("mysql", "change master"), ("mariadb", "time limit lifted by hint")))
VISIBLE = [(engine, case) for engine, case in CASES if case[2] != "none" and (engine, case[0]) not in _NOT_ON]
ENGINE_CASE = pytest.mark.parametrize(("engine", "case"), CASES, ids=[f"{e}-{c[0]}" for e, c in CASES])
_STATE = (
    "SELECT GROUP_CONCAT(SHA2(JSON_ARRAY(id, name, price), 256) ORDER BY id) FROM items",
    "SELECT GROUP_CONCAT(SHA2(JSON_ARRAY(id, item_id, note), 256) ORDER BY id) FROM parts",
    "SELECT GROUP_CONCAT(TABLE_NAME, TABLE_TYPE ORDER BY TABLE_NAME) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()",
    "SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE()",
    "SELECT COUNT(*) FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE()",
    "SELECT GROUP_CONCAT(ROUTINE_NAME ORDER BY ROUTINE_NAME) FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE()",
    "SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()",
    "SELECT COUNT(*) FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE()",
    "SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE 'evil%'",
    "SELECT COUNT(*) FROM mysql.user WHERE User LIKE 'evil%'",
)
_SEQUENCE = "SELECT next_not_cached_value FROM seq"
_SERVER = "SELECT @@GLOBAL.max_connect_errors, LOAD_FILE('{out}') IS NULL, (SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID = {victim})"
_LEFT = "SELECT @evil, IS_USED_LOCK('evil') = CONNECTION_ID(), @@SESSION.sql_mode, @@SESSION.autocommit, @@SESSION.foreign_key_checks"
_LEFT_BEHIND = ("EXECUTE evil", "SELECT COUNT(*) FROM evil_temporary", "HANDLER items READ FIRST")


def _bare(server: MySqlServer, database: str, **options: Any) -> pymysql.connections.Connection:
    user, _ = login(server.engine)
    return pymysql.connect(
        host=server.host, port=server.port, user=user, password=driver_password(server.engine), database=database,
        autocommit=True, charset="utf8mb4", **options,
    )  # fmt: skip


def _fetched(raw: pymysql.connections.Connection, sql: str) -> object:
    with raw.cursor() as cursor:
        try:
            cursor.execute(sql)
            return cursor.fetchall()
        except MySQLError as gone:
            return gone.args[0]


class Bench:
    """A fresh database, another connection to be killed, and a look at both and at the server."""

    def __init__(self, server: MySqlServer) -> None:
        self.server = server
        self.database = server.create_database(SCHEMA)
        if server.engine == "mariadb":
            server.run_sql(self.database, "CREATE SEQUENCE seq")
        self.watch = _bare(server, self.database)
        self.victim = _bare(server, self.database)
        self.number = self.victim.thread_id()
        self.out = f"./{self.database}.out"

    def filled(self, statement: str) -> str:
        for name, value in (
            ("db", self.database),
            ("out", self.out),
            ("victim", str(self.number)),
            ("loaded", "/etc/hostname"),
        ):
            statement = statement.replace("{" + name + "}", value)
        return statement

    def state(self) -> list[object]:
        found = [_fetched(self.watch, sql) for sql in _STATE]
        return [*found, _fetched(self.watch, _SEQUENCE)] if self.server.engine == "mariadb" else found

    def around(self) -> list[object]:
        return [
            _fetched(self.watch, self.filled(_SERVER)),
            _fetched(self.watch, "SHOW GLOBAL STATUS LIKE 'Com_flush'"),
        ]

    def close(self) -> None:
        with self.watch.cursor() as cursor:
            cursor.execute("SET GLOBAL max_connect_errors = 100")
            cursor.execute("DROP USER IF EXISTS evil_user")
            cursor.execute(f"DROP DATABASE IF EXISTS evil_{self.database}")
            if self.server.engine == "mariadb":
                cursor.execute("RESET SLAVE ALL")
        for raw in (self.watch, self.victim):
            with contextlib.suppress(MySQLError):
                raw.close()
        self.server.drop_database(self.database)


@pytest.fixture
def bench(request: pytest.FixtureRequest, engine: str) -> Iterator[Bench]:
    made = Bench(request.getfixturevalue(f"{engine}_server"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def benches(mysql_server: MySqlServer, mariadb_server: MySqlServer) -> Iterator[dict[str, Bench]]:
    """One for each engine, for what must leave it as it was."""
    made = {server.engine: Bench(server) for server in (mysql_server, mariadb_server)}
    yield made
    for one in made.values():
        one.close()


@pytest.fixture
def kept(engine: str, benches: dict[str, Bench]) -> Bench:
    return benches[engine]


@pytest.fixture
async def open_here(kept: Bench) -> AsyncIterator[Callable[[], MysqlAdapter]]:
    opened: list[MysqlAdapter] = []

    def open_() -> MysqlAdapter:
        opened.append(open_mysql(kept.server, kept.database))
        return opened[-1]

    yield open_
    for adapter in opened:
        await adapter.close()


def _left(raw: pymysql.connections.Connection) -> list[object]:
    return [_fetched(raw, _LEFT), *(_fetched(raw, sql) for sql in _LEFT_BEHIND)]


@pytest.mark.parametrize(("engine", "case"), VISIBLE, ids=[f"{e}-{c[0]}" for e, c in VISIBLE])
def test_each_hostile_statement_has_its_effect_when_nothing_guards(engine: str, case: Case, bench: Bench) -> None:
    _, statement, effect = case
    state, around = bench.state(), bench.around()
    raw = _bare(bench.server, bench.database, read_timeout=0.7 if effect == "time" else 10)
    clean = _left(raw)
    number = raw.thread_id()
    result = _fetched(raw, bench.filled(statement))
    if effect == "time":
        assert result == 2013  # the driver gave up waiting
        _fetched(bench.watch, f"KILL {number}")
        return
    left = _left(raw)
    raw.close()
    if effect == "state":
        assert bench.state() != state, result
    elif effect == "server":
        assert bench.around() != around, result
    elif effect == "session":
        assert left != clean, result
    else:
        assert isinstance(result, tuple)
        assert result[0][0] is not None or len(result) > 1


@ENGINE_CASE
async def test_no_hostile_statement_passes_the_gate_or_has_an_effect(
    engine: str, case: Case, kept: Bench, open_here: Callable[[], MysqlAdapter]
) -> None:
    _, statement, _ = case
    state, around = kept.state(), kept.around()
    adapter = open_here()
    await adapter.query.run(QueryRequest("SELECT 1"))
    with pytest.raises(StatementRefused) as refused:
        await adapter.query.run(QueryRequest(kept.filled(statement), limits=LIMITS))
    assert refused.value.hint
    assert (kept.state(), kept.around()) == (state, around)
    assert await _left_on(adapter) == await _left_on(open_here())


async def _left_on(adapter: MysqlAdapter) -> list[object]:
    found: list[object] = []
    for sql in (_LEFT, *_LEFT_BEHIND):
        try:
            async with adapter._sessions._acquired() as raw:
                await raw.run("SET NAMES utf8mb4")
                found.append(await raw.fetch(sql))
        except DbManagerError as refused:
            found.append(type(refused).__name__)
    return found


@ENGINE_CASE
async def test_the_engine_alone_lets_no_write_through_and_leaves_nothing_on_the_connection(
    engine: str, case: Case, kept: Bench, open_here: Callable[[], MysqlAdapter]
) -> None:
    name, statement, _ = case
    if name in ("shutdown", "restart"):
        pytest.skip("the engine does not refuse it to an account with the right; the gate alone does")
    state = kept.state()
    adapter = open_here()
    with contextlib.suppress(DbManagerError):
        await adapter.query._run_ungated(QueryRequest(kept.filled(statement), limits=LIMITS))
    if name not in ENGINE_LETS:
        assert kept.state() == state
    assert await _left_on(adapter) == await _left_on(open_here())


ENGINE_LETS: frozenset[str] = frozenset()
"""Writes that the read-only session does not stop; the gate does."""


@pytest.mark.parametrize("engine", ["mysql", "mariadb"])
async def test_every_benign_statement_passes(engine: str, kept: Bench, open_here: Callable[[], MysqlAdapter]) -> None:
    adapter = open_here()
    for statement in BENIGN:
        try:
            result = await adapter.query.run(QueryRequest(statement, limits=QueryLimits(timeout_seconds=5)))
        except DbManagerError as refused:
            raise AssertionError(f"{statement}: {refused.sentence()}") from refused
        assert result.columns, statement


@pytest.mark.parametrize("engine", ["mysql", "mariadb"])
async def test_the_protocol_takes_one_statement(
    engine: str, kept: Bench, open_here: Callable[[], MysqlAdapter]
) -> None:
    async with open_here()._sessions.administering() as raw:
        with pytest.raises(MySQLError) as refused:
            await raw.run("SELECT 1; SELECT 2")
    assert refused.value.args[0] == 1064


def test_the_corpora_are_large_enough() -> None:
    assert min(len(HOSTILE) + len(MARIADB), len(HOSTILE) + len(MYSQL)) >= 80
    assert len(BENIGN) >= 80
