"""The checks of health of MySQL and MariaDB: silent on a sound server, and telling a fault made on the real one."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

import anyio.to_thread
import pytest

from dbmanager.adapters.facets import Statement, Unsupported
from dbmanager.adapters.mysql.checks import CHECKS
from dbmanager.adapters.mysql.wire import DriverError, Wire
from dbmanager.model.findings import Finding, Severity
from dbmanager.services.checking import run_checks
from tests.conftest import needed
from tests.engines import mariadb, mysql
from tests.engines.mysql_family import MySqlServer, open_mysql

pytestmark = pytest.mark.anyio
HEALTH = {check.id: check for check in CHECKS if check.pack == "health"}
ODD = "odd `%s` {quoted} 100%"
QUOTED = "`" + ODD.replace("`", "``") + "`"
RUNNING = {"mysql": mysql.running, "mariadb": mariadb.running}
REDO = {"mysql": {"innodb_redo_log_capacity": "8M"}, "mariadb": {"innodb_log_file_size": "4M"}}


@pytest.fixture(scope="module", params=["mysql", "mariadb"])
def product(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def strained(product: str) -> Iterator[MySqlServer]:
    """A server that is short of everything."""
    with needed(), RUNNING[product](
        max_connections="12", innodb_buffer_pool_size="6M", innodb_read_ahead_threshold="0", table_open_cache="10",
        table_open_cache_instances="1", thread_cache_size="0", performance_schema="ON", **REDO[product],
    ) as server:  # fmt: skip
        yield server


@pytest.fixture(scope="module")
def sound(product: str) -> Iterator[MySqlServer]:
    """A server as it comes, but for its port."""
    with needed(), RUNNING[product](innodb_doublewrite="1", performance_schema="ON") as server:
        yield server


@dataclass
class Place:
    """A database to make faults in, and sessions that are held open while it is looked at."""

    server: MySqlServer
    database: str
    stack: contextlib.AsyncExitStack

    def run(self, sql: str) -> str:
        return self.server.run_sql(self.database, sql)

    async def connect(self) -> Wire:
        adapter = open_mysql(self.server, self.database)
        self.stack.push_async_callback(adapter.close)
        return await self.stack.enter_async_context(adapter._sessions.administering())


async def _found(server: MySqlServer, database: str, id_: str, bound: tuple[str, str] | None = None) -> list[Finding]:
    check = HEALTH[id_]
    if bound is not None:
        assert bound[0] in check.query
        check = dataclasses.replace(check, query=check.query.replace(*bound))
    adapter = open_mysql(server, database, access="read_only")
    try:
        facts = await adapter.security.facts(check)
    finally:
        await adapter.close()
    assert not isinstance(facts, Unsupported), facts
    return check.findings(facts)


async def _crowd(place: Place) -> None:
    for _ in range(10):
        await place.connect()


async def _left_open(place: Place) -> None:
    place.run("CREATE TABLE t (n int); INSERT INTO t VALUES (1)")
    session = await place.connect()
    await session.run("BEGIN")
    await session.run("UPDATE t SET n = 4711")


async def _deadlocks(place: Place) -> None:
    place.run("CREATE TABLE d (id int PRIMARY KEY, n int) ENGINE = InnoDB; INSERT INTO d VALUES (1, 0), (2, 0)")
    one, two = await place.connect(), await place.connect()
    for _ in range(3):
        for number, session in enumerate((one, two), 1):
            await session.run("BEGIN")
            await session.run(f"UPDATE d SET n = 1 WHERE id = {number}")
        crossed = await asyncio.gather(
            one.run("UPDATE d SET n = 1 WHERE id = 2"),
            two.run("UPDATE d SET n = 1 WHERE id = 1"),
            return_exceptions=True,
        )
        assert any(isinstance(result, DriverError) for result in crossed)
        await one.run("ROLLBACK")
        await two.run("ROLLBACK")


async def _refused(place: Place) -> None:
    for _ in range(20):
        with pytest.raises(AssertionError):
            place.server.run_sql("", "SELECT 1", user="nobody", password="wrong-4711")


async def _threads(place: Place) -> None:
    for _ in range(100):
        place.run("SELECT 1")


async def _replica(place: Place) -> None:
    of_mysql = place.server.engine == "mysql"
    place.run(
        "CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_USER = 'x'" if of_mysql
        else "CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_USER = 'x'"
    )  # fmt: skip
    place.stack.callback(place.run, "RESET REPLICA ALL" if of_mysql else "RESET SLAVE ALL")


FILL = (
    f"CREATE TABLE {QUOTED} (id int AUTO_INCREMENT PRIMARY KEY, t varchar(900)) ENGINE = InnoDB;"
    f"INSERT INTO {QUOTED} (t) VALUES (REPEAT('x', 900));" + f"INSERT INTO {QUOTED} (t) SELECT t FROM {QUOTED};" * 15
)


async def _reads(place: Place) -> None:
    place.run(FILL)
    place.run(f"SELECT COUNT(t) FROM {QUOTED};" * 8)


async def _written(place: Place) -> None:
    place.run(FILL)


async def _on_disk(place: Place) -> None:
    place.run(
        "CREATE TABLE t (n int, t text); INSERT INTO t VALUES (1, REPEAT('x', 5000)), (2, 'b'), (3, 'c');"
        "SET SESSION tmp_table_size = 1024, max_heap_table_size = 16384;"
        + ("SET SESSION internal_tmp_mem_storage_engine = MEMORY;" if place.server.engine == "mysql" else "")
        + "SELECT t, COUNT(*) FROM t GROUP BY t ORDER BY COUNT(*);" * 400
    )


async def _merges(place: Place) -> None:
    place.run(FILL)
    place.run(
        "SET SESSION sort_buffer_size = 32768;"
        + f"SELECT t FROM {QUOTED} ORDER BY CONCAT(id % 7919, t) LIMIT 20000, 1;" * 6
    )


async def _full_joins(place: Place) -> None:
    place.run(
        "CREATE TABLE a (n int); CREATE TABLE b (n int); INSERT INTO a VALUES (1), (2); INSERT INTO b VALUES (1), (3)"
    )
    place.run("SELECT COUNT(*) FROM a JOIN b ON a.n = b.n;" * 120)


async def _many_tables(place: Place) -> None:
    place.run("".join(f"CREATE TABLE t{n} (a int);" for n in range(40)))
    place.run("".join(f"SELECT COUNT(*) FROM t{n};" for n in range(40)) * 30)


async def _history(place: Place) -> None:
    place.run("CREATE TABLE t (id int PRIMARY KEY, n int) ENGINE = InnoDB; INSERT INTO t VALUES (1, 0)")
    reader = await place.connect()
    await reader.run("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    await reader.run("START TRANSACTION WITH CONSISTENT SNAPSHOT")
    place.run("UPDATE t SET n = n + 1;" * 11_000)


async def _running_out(place: Place) -> None:
    place.run(f"CREATE TABLE {QUOTED} (id tinyint AUTO_INCREMENT PRIMARY KEY) AUTO_INCREMENT = 125")


async def _outgrown(place: Place) -> None:
    place.run(f"CREATE TABLE {QUOTED} (id int AUTO_INCREMENT PRIMARY KEY, t int) ENGINE = InnoDB STATS_AUTO_RECALC = 0")
    place.run(f"INSERT INTO {QUOTED} (t) VALUES (1); ANALYZE TABLE {QUOTED}")
    place.run("".join(f"INSERT INTO {QUOTED} (t) SELECT t FROM {QUOTED};" for _ in range(12)))


async def _air(place: Place) -> None:
    place.run(FILL)
    place.run(f"DELETE FROM {QUOTED} WHERE id % 1000 > 0 OR id > 100")
    free = "SELECT DATA_FREE >= 12000000 AND DATA_FREE > DATA_LENGTH + INDEX_LENGTH FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()"
    deadline = time.monotonic() + 30
    while "1" not in (await anyio.to_thread.run_sync(place.run, f"ANALYZE TABLE {QUOTED}; {free}")).splitlines():
        assert time.monotonic() < deadline


async def _carried_out(server: MySqlServer, database: str, statement: str) -> None:
    """Carry a fix out as a change set would."""
    adapter = open_mysql(server, database, access="admin")
    step = adapter.steps.change_step(await adapter.catalog.read_schema(), statement)
    await adapter.execute.execute(
        [Statement(step.statement)], atomic=step.transactional, lock_timeout_seconds=5, timeout_seconds=60
    )
    await adapter.close()


@dataclass(frozen=True)
class Case:
    """A fault: how it is made, what it is about, and a bound that is lowered because nobody waits ten minutes for it."""

    seed: Callable[[Place], Awaitable[None]]
    about: str
    bound: tuple[str, str] | None = None


CASES = {
    "MY-201": Case(_crowd, "max_connections"),
    "MY-202": Case(_left_open, "session ", (">= 600", ">= 0")),
    "MY-204": Case(_deadlocks, "deadlocks"),
    "MY-205": Case(_refused, "aborted_connects"),
    "MY-206": Case(_threads, "thread_cache_size"),
    "MY-207": Case(_replica, "replica"),
    "MY-209": Case(_reads, "innodb_buffer_pool_size"),
    "MY-210": Case(_on_disk, "tmp_table_size"),
    "MY-211": Case(_merges, "sort_buffer_size"),
    "MY-212": Case(_full_joins, "select_full_join"),
    "MY-213": Case(_many_tables, "table_open_cache"),
    "MY-214": Case(_history, "history list"),
    "MY-215": Case(_written, "redo log"),
    "MY-216": Case(_running_out, ODD),
    "MY-217": Case(_air, ODD),
}
STANDING = {"MY-208", "MY-218", "MY-219"}
APART = {"MY-203", "MY-220"}


@pytest.mark.parametrize("id_", sorted(CASES))
async def test_a_seeded_fault_of_health_is_found(id_: str, strained: MySqlServer, sound: MySqlServer) -> None:
    case = CASES[id_]
    clean = sound.create_database()
    assert await _found(sound, clean, id_, case.bound) == []
    sound.drop_database(clean)
    database = strained.create_database()
    try:
        async with contextlib.AsyncExitStack() as stack:
            await case.seed(Place(strained, database, stack))
            (finding,) = [f for f in await _found(strained, database, id_, case.bound) if case.about in f.object_name]
            if case.bound:
                assert await _found(strained, database, id_) == []
            assert finding.threshold
            assert finding.caveat
            assert finding.fix is not None
            assert finding.fix.advice
            for statement in finding.fix.statements:
                await _carried_out(strained, database, statement)
                strained.run_sql(database, f"ANALYZE TABLE {QUOTED}")  # MySQL tells old figures until then
                assert [f for f in await _found(strained, database, id_) if case.about in f.object_name] == []
    finally:
        strained.drop_database(database)


async def test_statistics_that_a_table_has_outgrown_are_told_until_it_is_analyzed(sound: MySqlServer) -> None:
    database, now = sound.create_database(), ("INTERVAL 60 SECOND", "INTERVAL -9 SECOND")
    async with contextlib.AsyncExitStack() as stack:
        await _outgrown(Place(sound, database, stack))
    assert await _found(sound, database, "MY-220") == []  # gathered within the last minute
    (finding,) = await _found(sound, database, "MY-220", now)
    assert (finding.object_name, finding.evidence["rows_then"]) == (ODD, 1)
    assert finding.fix is not None
    await _carried_out(sound, database, *finding.fix.statements)
    assert await _found(sound, database, "MY-220", now) == []
    sound.drop_database(database)


async def test_what_stands_is_told_where_it_is_so(sound: MySqlServer, product: str) -> None:
    with needed(), RUNNING[product](innodb_doublewrite="0", performance_schema="OFF") as bare:
        database = bare.create_database()
        for id_ in sorted(STANDING):
            assert await _found(bare, database, id_), id_
        assert await _found(sound, sound.create_database(), "MY-218") == []
        assert await _found(sound, sound.create_database(), "MY-219") == []


async def test_joins_without_an_index_are_answered_by_an_index_and_never_by_a_larger_buffer(
    strained: MySqlServer,
) -> None:
    database = strained.create_database()
    async with contextlib.AsyncExitStack() as stack:
        await _full_joins(Place(strained, database, stack))
    (finding,) = await _found(strained, database, "MY-212")
    assert finding.fix is not None
    assert finding.fix.statements == ()
    assert "advise_indexes" in finding.fix.advice
    strained.drop_database(database)


async def test_a_chain_of_waiting_sessions_is_told_without_a_value(strained: MySqlServer) -> None:
    database = strained.create_database()
    async with contextlib.AsyncExitStack() as stack:
        place = Place(strained, database, stack)
        place.run(
            "CREATE TABLE t (id int PRIMARY KEY, n varchar(20)) ENGINE = InnoDB; INSERT INTO t VALUES (1, ''), (2, '')"
        )
        first, second, third = [await place.connect() for _ in range(3)]
        await first.run("BEGIN")
        await first.run("UPDATE t SET n = 'secret-4711' WHERE id = 1")
        assert await _found(strained, database, "MY-203") == []
        await second.run("BEGIN")
        await second.run("UPDATE t SET n = 'secret-4711' WHERE id = 2")
        waits = [
            asyncio.create_task(second.run("UPDATE t SET n = 'secret-4711' WHERE id = 1")),
            asyncio.create_task(third.run("DELETE FROM t WHERE id = 2 AND n <> 'secret-4711'")),
        ]
        deadline = time.monotonic() + 20
        while not (found := await _found(strained, database, "MY-203")) or found[0].evidence["held_up"] != 2:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.2)  # MariaDB renews what it tells of locks when nobody has read it for 0.1 s
        assert found[0].object_name == f"session {first.thread}"
        assert "secret-4711" not in str(found[0].evidence)
        assert "UPDATE" in str(found[0].evidence)
        assert "DELETE" in str(found[0].evidence)
        await first.run("ROLLBACK")
        await waits[0]
        await second.run("ROLLBACK")
        await waits[1]
    strained.drop_database(database)


async def test_a_healthy_fresh_server_has_nothing_above_low(sound: MySqlServer) -> None:
    adapter = open_mysql(sound, sound.create_database(), access="read_only")
    report = await run_checks(adapter.security, engine="mysql", pack="health")
    await adapter.close()
    assert report.not_run == {}
    assert set(report.checked) == set(HEALTH)
    assert [f for f in report.findings if f.severity.order < Severity.LOW.order] == []


@pytest.mark.parametrize(("kind", "next_value"), [("bigint", 8 * 10**18), ("bigint unsigned", 17 * 10**18)])
async def test_the_largest_numbers_of_rows_are_judged_too(sound: MySqlServer, kind: str, next_value: int) -> None:
    database = sound.create_database()
    sound.run_sql(
        database,
        f"CREATE TABLE young (id {kind} AUTO_INCREMENT PRIMARY KEY) AUTO_INCREMENT = {next_value // 3};"
        f"CREATE TABLE old (id {kind} AUTO_INCREMENT PRIMARY KEY) AUTO_INCREMENT = {next_value};",
    )
    (finding,) = await _found(sound, database, "MY-216")
    assert (finding.object_name, str(finding.evidence["next_value"])) == ("old", str(next_value))
    sound.drop_database(database)


def test_every_health_check_of_mysql_has_its_case() -> None:
    assert set(CASES) | STANDING | APART == set(HEALTH)
