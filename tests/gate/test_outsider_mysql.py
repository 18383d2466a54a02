"""The outsider's corpus on MySQL and MariaDB: seen to work ungated, then refused with advice and without a trace."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pymysql
import pytest
from pymysql.constants import CLIENT, SERVER_STATUS
from pymysql.err import MySQLError

from dbmanager.adapters.mysql.adapter import MysqlAdapter
from dbmanager.errors import DbManagerError, StatementRefused
from dbmanager.model.queries import QueryLimits, QueryRequest
from tests.engines import mariadb, mysql
from tests.engines.instance import login
from tests.engines.mysql_family import MySqlServer, driver_password, open_mysql
from tests.gate import outsider_mysql as corpus

pytestmark = pytest.mark.anyio
LIMITS = QueryLimits(timeout_seconds=1.0)
SLOW_SECONDS = 1.5
FORBIDDEN_ELSEWHERE = {"mysql": "maria_", "mariadb": "mysql_"}
Case = tuple[str, str, str]


def _cases(engine: str, cases: Sequence[Any]) -> list[Any]:
    return [case for case in cases if not case[0].startswith(FORBIDDEN_ELSEWHERE[engine])]


HOSTILE = [(engine, case) for engine in ("mysql", "mariadb") for case in _cases(engine, corpus.HOSTILE)]
BENIGN = [(engine, case) for engine in ("mysql", "mariadb") for case in _cases(engine, corpus.BENIGN)]
CASES = pytest.mark.parametrize(("engine", "case"), HOSTILE, ids=[f"{engine}-{case[0]}" for engine, case in HOSTILE])
_SHAPE = (
    "SELECT COUNT(*), SUM(amount), GROUP_CONCAT(name ORDER BY id) FROM t",
    "SELECT COUNT(*) FROM outsider_log",
    "SELECT GROUP_CONCAT(TABLE_NAME ORDER BY TABLE_NAME) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()",
    "SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE()",
    "SELECT COUNT(*) FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE()",
    "SELECT COUNT(*) FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE()",
    "SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()",
    "SELECT COUNT(*) FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE()",
    "SELECT next_not_cached_value FROM outsider_seq",
    "SELECT COUNT(*) FROM outsider_versioned FOR SYSTEM_TIME ALL",
)
_RESTORE = (
    "SET GLOBAL max_connections = 60, general_log = OFF, read_only = OFF",
    "RESET PERSIST",
    "UNINSTALL COMPONENT 'file://component_validate_password'",
    "UNINSTALL PLUGIN outsider",
    "DROP USER IF EXISTS outsider_user, outsider_role",
    "DROP DATABASE IF EXISTS outsider_database",
    "DROP SERVER IF EXISTS outsider",
    "DROP RESOURCE GROUP outsider",
    "DROP SPATIAL REFERENCE SYSTEM IF EXISTS 999999",
    "SELECT asynchronous_connection_failover_reset()",
    "RESET REPLICA ALL",
    "RESET SLAVE 'outsider' ALL",
    "UPDATE performance_schema.setup_consumers SET ENABLED = 'YES' WHERE NAME = 'events_statements_history'",
)


class Bench:
    """A server of our own with the corpus's database, made again when a case has changed it."""

    def __init__(self, server: MySqlServer) -> None:
        self.server = server
        self.database = f"outsider_{server.engine}"
        self.admin = self.connected(database=None)
        self.data = Path(str(_rows(self.admin, "SELECT @@datadir")[0][0]))
        self.folder = self.data.parent
        rows = self.folder / "rows.xml"
        rows.write_text("<rows><row note='x'/></rows>")
        rows.chmod(0o644)
        self.run("SET GLOBAL log_bin_trust_function_creators = ON, local_infile = ON")
        self.shape: list[Any] = []
        self.renew()

    def connected(self, *, database: str | None = "", timeout: float = 20) -> pymysql.connections.Connection:
        user, _ = login(self.server.engine)
        return pymysql.connect(
            host=self.server.host, port=self.server.port, user=user, password=driver_password(self.server.engine),
            database=self.database if database == "" else database, autocommit=True, charset="utf8mb4", local_infile=True,
            client_flag=CLIENT.MULTI_STATEMENTS, read_timeout=timeout,
        )  # fmt: skip

    def run(self, *statements: str) -> None:
        for statement in statements:
            with self.admin.cursor() as cursor:
                cursor.execute(statement)

    def renew(self) -> None:
        """Make the database as the corpus wants it, unless it still is."""
        for path in self._files():
            path.unlink()
        if self.shape and self.shape == [_told(self.admin, sql) for sql in _SHAPE]:
            return
        self.run(f"DROP DATABASE IF EXISTS {self.database}", f"CREATE DATABASE {self.database}", f"USE {self.database}")
        self.run(*corpus.SCHEMA, *corpus.SETUP)
        if self.server.engine == "mariadb":
            self.run(*corpus.MARIADB_SETUP)
        self.shape = [_told(self.admin, sql) for sql in _SHAPE]

    def restore(self) -> None:
        """Undo what a case did to the server."""
        user, secret = login(self.server.engine)
        for statement in (*_RESTORE, f"ALTER USER '{user}'@'%' IDENTIFIED BY '{secret}'"):
            _told(self.admin, statement)
        self.renew()

    def _files(self) -> list[Path]:
        return [*self.folder.glob("outsider.*"), *(self.data / self.database).glob("outsider.txt")]

    def filled(self, statement: str, victim: int) -> str:
        for name, value in (("database", self.database), ("folder", str(self.folder)), ("victim", str(victim))):
            statement = statement.replace("{" + name + "}", value)
        return statement

    def writable(self) -> bool:
        other = self.connected()
        try:
            _told(other, "SET lock_wait_timeout = 1, innodb_lock_wait_timeout = 1")
            return not isinstance(_told(other, "UPDATE t SET name = name WHERE id = 1"), int)
        finally:
            other.close()

    def seen(self, raw: pymysql.connections.Connection, probe: str) -> object:
        """What a probe says, on the connection of the statement."""
        if probe == corpus.FILES:
            return len(self._files()) + (self.folder / "clone").exists()
        if probe == corpus.BLOCKS:
            return self.writable()
        if probe == corpus.TRANSACTION:
            _told(raw, "DO 0")
            return bool(raw.server_status & SERVER_STATUS.SERVER_STATUS_IN_TRANS)
        return _told(raw, probe)


def _rows(raw: pymysql.connections.Connection, sql: str) -> Any:
    with raw.cursor() as cursor:
        cursor.execute(sql)
        found = cursor.fetchall()
        while cursor.nextset():
            found = cursor.fetchall() or found
        return found


def _told(raw: pymysql.connections.Connection, sql: str) -> Any:
    """The rows of a statement, or the number of its error."""
    try:
        return _rows(raw, sql)
    except MySQLError as problem:
        return int(problem.args[0])


@pytest.fixture(scope="module")
def benches() -> Iterator[dict[str, Bench]]:
    with (
        mysql.running(skip_name_resolve="ON") as one,
        mariadb.running(skip_name_resolve="ON", log_bin="outsider-log") as two,
    ):
        made: dict[str, Bench] = {}
        for server in (one, two):
            made[server.engine] = Bench(server)
        yield made
        for bench in made.values():
            bench.admin.close()


@pytest.fixture
def bench(benches: dict[str, Bench], engine: str) -> Iterator[Bench]:
    made = benches[engine]
    made.renew()
    yield made
    made.restore()


@CASES
async def test_a_hostile_statement_is_refused_with_advice_and_leaves_no_trace(
    engine: str, case: Case, benches: dict[str, Bench]
) -> None:
    bench = benches[engine]
    name, statement, probe = case
    victim = bench.connected()
    adapter = open_mysql(bench.server, bench.database, access="read_only")
    try:
        await adapter.query.run(QueryRequest("SELECT 1"))
        outside = (
            None if probe in (corpus.RESULT, corpus.SLOW, corpus.NOTHING) else bench.filled(probe, victim.thread_id())
        )
        before = (bench.seen(bench.admin, outside) if outside else None, await _left(adapter, outside))
        outcome = "passed"
        try:
            await adapter.query.run(QueryRequest(bench.filled(statement, victim.thread_id()), limits=LIMITS))
        except StatementRefused as refused:
            outcome = "refused" if refused.hint else "refused without advice"
        except DbManagerError as stopped:
            outcome = type(stopped).__name__
        assert outcome in (("passed", "QueryTimeout") if name in corpus.BOUNDED else ("refused",))
        assert (bench.seen(bench.admin, outside) if outside else None, await _left(adapter, outside)) == before
        assert [_told(bench.admin, sql) for sql in _SHAPE] == bench.shape
    finally:
        victim.close()
        await adapter.close()


async def _left(adapter: MysqlAdapter, probe: str | None) -> object:
    """What a probe says on the adapter's own connection."""
    if probe is None or probe in (corpus.FILES, corpus.BLOCKS, corpus.TRANSACTION):
        probe = "SELECT @outsider, IS_USED_LOCK('outsider')"
    try:
        async with adapter._sessions._acquired() as raw:
            await raw.run("SET NAMES utf8mb4")
            return await raw.fetch(probe)
    except DbManagerError as problem:
        return type(problem).__name__


@pytest.mark.slow
@CASES
def test_a_hostile_statement_has_its_effect_when_nothing_guards(engine: str, case: Case, bench: Bench) -> None:
    name, statement, probe = case
    victim = bench.connected()
    raw = bench.connected(timeout=SLOW_SECONDS if probe == corpus.SLOW else 20)
    try:
        for earlier in corpus.BEFORE.get(name, ()):
            _rows(raw, earlier)
        statement, probe = bench.filled(statement, victim.thread_id()), bench.filled(probe, victim.thread_id())
        if "trx_rows_locked" in probe:
            _rows(raw, "SET autocommit = 0")
        own = probe not in (corpus.RESULT, corpus.SLOW, corpus.NOTHING)
        before = bench.seen(raw, probe) if own else None
        started = time.monotonic()
        answer = _told(raw, statement)
        if own:
            effect = _moves(bench, raw, probe, before)
        elif probe == corpus.SLOW:
            effect = answer == 2013 and time.monotonic() - started >= SLOW_SECONDS
        else:
            effect = not isinstance(answer, int) and (
                probe == corpus.NOTHING or bool(answer and answer[0][0] is not None)
            )
        if not effect:
            assert name in corpus.NOT_EXECUTED[engine], answer
            pytest.skip(f"{bench.server.version} answers {answer if isinstance(answer, int) else 'without the effect'}")
    finally:
        _told(bench.admin, f"KILL {raw.thread_id()}")
        for one in (raw, victim):
            with contextlib.suppress(MySQLError):
                one.close()


def _moves(bench: Bench, raw: pymysql.connections.Connection, probe: str, before: object) -> bool:
    """Whether a probe comes to say something else; a killed session and a lock's count take a moment."""
    patient = "INNODB_TRX" in probe or "PROCESSLIST" in probe
    deadline = time.monotonic() + (2 if patient else 0)
    while (same := bench.seen(raw, probe) == before) and time.monotonic() < deadline:
        time.sleep(0.15)  # the server keeps its list of transactions for a tenth of a second after each look
    return not same


@pytest.mark.parametrize(("engine", "case"), BENIGN, ids=[f"{engine}-{case[0]}" for engine, case in BENIGN])
async def test_a_benign_read_passes_or_is_told_its_tool(
    engine: str, case: tuple[str, str], benches: dict[str, Bench]
) -> None:
    bench = benches[engine]
    raw_answer = _told(bench.admin, case[1])
    if isinstance(raw_answer, int):
        assert case[0] in corpus.NOT_KNOWN[engine], f"error {raw_answer}"
        pytest.skip(f"{bench.server.version} answers {raw_answer}")
    adapter = open_mysql(bench.server, bench.database, access="read_only")
    try:
        if case[0] in corpus.ADVISED:
            with pytest.raises(StatementRefused) as refused:
                await adapter.query.check(case[1])
            assert refused.value.hint
            return
        result = await adapter.query.run(QueryRequest(case[1], limits=QueryLimits(timeout_seconds=10)))
        assert len(result.rows) == len(raw_answer) or (result.truncated_by and result.rows)
    finally:
        await adapter.close()


def test_the_corpus_is_large_enough() -> None:
    for engine in ("mysql", "mariadb"):
        assert len(_cases(engine, corpus.HOSTILE)) - len(corpus.NOT_EXECUTED[engine]) >= 200
        assert len(_cases(engine, corpus.BENIGN)) - len(corpus.NOT_KNOWN[engine]) - len(corpus.ADVISED) >= 75
