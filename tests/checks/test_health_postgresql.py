"""PostgreSQL's checks of health: each is silent on a sound server, and tells of a fault made on the real one."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import asyncpg
import pytest
from pydantic import SecretStr

from dbmanager.adapters.facets import Statement, Unsupported
from dbmanager.adapters.postgresql.adapter import PostgresAdapter
from dbmanager.adapters.postgresql.checks import CHECKS
from dbmanager.adapters.postgresql.checks.versions import KNOWN_ON
from dbmanager.model.configuration import Access, ConnectionSettings, ResolvedUrl
from dbmanager.model.findings import Finding, Severity
from dbmanager.services.checking import run_checks
from tests.conftest import needed
from tests.engines import postgresql
from tests.engines.postgresql import PASSWORD, SUPERUSER, PostgresServer

pytestmark = pytest.mark.anyio
HEALTH = {check.id: check for check in CHECKS if check.pack == "health"}
ODD = 'odd "%s" {quoted} 100%'
"""A name that breaks every text which is put together carelessly."""
QUOTED = '"' + ODD.replace('"', '""') + '"'


@pytest.fixture(scope="module")
def strained() -> Iterator[PostgresServer]:
    """A server with bounds so low that faults can be made, and with some that stand."""
    with needed(), postgresql.running(
        max_connections="14", max_wal_size="32MB", min_wal_size="32MB", deadlock_timeout="20ms", shared_buffers="1MB",
        autovacuum_freeze_max_age="100000", autovacuum_multixact_freeze_max_age="10000", archive_mode="on",
        archive_command="false", max_prepared_transactions="5", work_mem="64kB", max_slot_wal_keep_size="-1",
    ) as server:  # fmt: skip
        yield server


@pytest.fixture(scope="module")
def sound() -> Iterator[PostgresServer]:
    """A server as it comes, but for its port."""
    with needed(), postgresql.running(fsync="on", autovacuum="on") as server:
        yield server


@contextlib.asynccontextmanager
async def opened(
    server: PostgresServer, database: str, access: Access = "read_only", *, user: str = SUPERUSER, password: str = PASSWORD
) -> AsyncIterator[PostgresAdapter]:  # fmt: skip
    url = ResolvedUrl(
        engine="postgresql", host=server.host, port=server.port, user=user, password=SecretStr(password),
        database=database,
    )  # fmt: skip
    adapter = PostgresAdapter("test", url, ConnectionSettings(url=server.url(database), access=access))
    try:
        yield adapter
    finally:
        await adapter.close()


@dataclass
class Place:
    """A database to make faults in, and sessions that are held open while it is looked at."""

    server: PostgresServer
    database: str
    stack: contextlib.AsyncExitStack
    sessions: list[asyncpg.Connection[Any]] = field(default_factory=list)

    def run(self, sql: str) -> str:
        """Run statements, and see their session gone: what it counted is told to others when it ends."""
        told = self.server.run_sql(self.database, sql)
        deadline = time.monotonic() + 20
        gone = "SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'psql' AND pid <> pg_backend_pid()"
        while self.server.run_sql("postgres", f"{gone} AND datname = '{self.database}'") != "t":
            assert time.monotonic() < deadline, sql
        return told

    async def connect(self) -> asyncpg.Connection[Any]:
        session = await asyncpg.connect(
            host=self.server.host, port=self.server.port, user=SUPERUSER, password=PASSWORD, database=self.database
        )
        self.stack.push_async_callback(session.close)
        self.sessions.append(session)
        return session

    async def until(self, sql: str, seconds: float = 20) -> None:
        """Look until the statement gives true; a deadline instead of a wait."""
        deadline = time.monotonic() + seconds
        while await anyio.to_thread.run_sync(self.run, sql) != "t":
            assert time.monotonic() < deadline, sql


async def _found(
    server: PostgresServer, database: str, id_: str, bound: tuple[str, str] | None = None
) -> list[Finding]:
    """Run one check; with `bound` that part of its statement is replaced, so that nobody has to wait an hour."""
    check = HEALTH[id_]
    if bound is not None:
        assert bound[0] in check.query
        check = dataclasses.replace(check, query=check.query.replace(*bound))
    async with opened(server, database) as adapter:
        facts = await adapter.security.facts(check)
    assert not isinstance(facts, Unsupported), facts
    return check.findings(facts)


async def _crowd(place: Place) -> None:
    for _ in range(9):
        await place.connect()


async def _left_open(place: Place) -> None:
    session = await place.connect()
    await session.execute("BEGIN; SELECT 'secret-4711'")


async def _computing(place: Place) -> None:
    session = await place.connect()
    await session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 'secret-4711'")


async def _deadlocks(place: Place) -> None:
    place.run("CREATE TABLE d (id int PRIMARY KEY, n int); INSERT INTO d VALUES (1, 0), (2, 0)")
    one, two = await place.connect(), await place.connect()
    for _ in range(3):
        await one.execute("BEGIN; UPDATE d SET n = 1 WHERE id = 1")
        await two.execute("BEGIN; UPDATE d SET n = 1 WHERE id = 2")
        crossed = await asyncio.gather(
            one.execute("UPDATE d SET n = 1 WHERE id = 2"), two.execute("UPDATE d SET n = 1 WHERE id = 1"),
            return_exceptions=True,
        )  # fmt: skip
        assert any(isinstance(result, asyncpg.DeadlockDetectedError) for result in crossed)
        await one.execute("ROLLBACK")
        await two.execute("ROLLBACK")
    await one.close()
    await two.close()


async def _rollbacks(place: Place) -> None:
    place.run("BEGIN; SELECT 1; ROLLBACK;" * 1000)


async def _dead(place: Place) -> None:
    place.run(
        f"CREATE TABLE {QUOTED} AS SELECT n FROM generate_series(1, 10000) AS n; ANALYZE; DELETE FROM {QUOTED} WHERE n > 4000"
    )


async def _changed(place: Place) -> None:
    place.run(f"CREATE TABLE {QUOTED} (n int); ANALYZE; INSERT INTO {QUOTED} SELECT generate_series(1, 3000)")


async def _old_rows(place: Place) -> None:
    await (await place.connect()).execute(
        "BEGIN; SELECT txid_current()"
    )  # holds the age, whatever autovacuum does meanwhile
    place.run(
        f"CREATE TABLE {QUOTED} (n int); DO $$ BEGIN FOR i IN 1..100050 LOOP BEGIN PERFORM txid_current(); "
        f"INSERT INTO {QUOTED} VALUES (i); EXCEPTION WHEN division_by_zero THEN NULL; END; END LOOP; END $$"
    )


async def _old_multixacts(place: Place) -> None:
    holder = await place.connect()
    place.run("CREATE TABLE held (n int PRIMARY KEY); INSERT INTO held VALUES (0)")
    other = await place.connect()
    for session in (holder, other):
        await session.execute("BEGIN; SELECT * FROM held WHERE n = 0 FOR SHARE")
    place.run(
        f"CREATE TABLE {QUOTED} (n int PRIMARY KEY, m int); INSERT INTO {QUOTED} SELECT n, 0 FROM generate_series(1, 10050) AS n;"
        f"DO $$ BEGIN PERFORM * FROM {QUOTED} FOR KEY SHARE; FOR i IN 1..10050 LOOP BEGIN UPDATE {QUOTED} SET m = 1 WHERE n = i; "
        "EXCEPTION WHEN division_by_zero THEN NULL; END; END LOOP; END $$"
    )


async def _index_bound(place: Place) -> None:
    place.run(
        f"CREATE TABLE {QUOTED} (id int PRIMARY KEY, n int); CREATE INDEX ON {QUOTED} (n);"
        f"INSERT INTO {QUOTED} SELECT i, i FROM generate_series(1, 10000) AS i; UPDATE {QUOTED} SET n = n + 1"
    )


async def _air(place: Place) -> None:
    place.run(
        f"CREATE TABLE {QUOTED} (id int, t text); INSERT INTO {QUOTED} SELECT i, repeat('x', 40) FROM generate_series(1, 300000) AS i;"
        f"DELETE FROM {QUOTED} WHERE id % 5 > 0; VACUUM ANALYZE {QUOTED}"
    )


async def _index_air(place: Place) -> None:
    place.run(
        f"CREATE TABLE t (id int); INSERT INTO t SELECT i FROM generate_series(1, 900000) AS i; CREATE INDEX {QUOTED} ON t (id);"
        "DELETE FROM t WHERE id % 10 > 0; VACUUM ANALYZE t"
    )


async def _invalid_index(place: Place) -> None:
    place.run("CREATE TABLE t (a int); INSERT INTO t VALUES (1), (1)")
    with pytest.raises(AssertionError, match="could not create unique index"):
        place.run(f"CREATE UNIQUE INDEX CONCURRENTLY {QUOTED} ON t (a)")


async def _reads(place: Place) -> None:
    place.run(f"CREATE TABLE {QUOTED} AS SELECT repeat('x', 500) AS t FROM generate_series(1, 10000) AS i")
    place.run(f"SELECT count(*) FROM {QUOTED};" * 40)


async def _spills(place: Place) -> None:
    place.run("SELECT count(*) FROM (SELECT i FROM generate_series(1, 450000) AS i ORDER BY -i) AS s;" * 22)


async def _segments(place: Place) -> None:
    for _ in range(4):
        place.run("SELECT pg_logical_emit_message(false, 'x', 'x'); SELECT pg_switch_wal()")


async def _idle_slot(place: Place) -> None:
    place.run(f"SELECT pg_create_physical_replication_slot('idle_{place.database}', true)")
    place.stack.callback(place.run, f"SELECT pg_drop_replication_slot('idle_{place.database}')")
    await _segments(place)


async def _late_replica(place: Place) -> None:
    folder = place.stack.enter_context(tempfile.TemporaryDirectory())
    receiver = subprocess.Popen(
        [str(place.server.bindir / "pg_receivewal"), "-D", folder, "--no-loop", "--synchronous", "-s", "1", "-h", place.server.host, "-p", str(place.server.port),
         "-U", SUPERUSER], env={"PGPASSWORD": PASSWORD, "PATH": os.environ["PATH"], "PGAPPNAME": "late"},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip

    def end() -> None:
        receiver.send_signal(signal.SIGCONT)
        receiver.kill()
        receiver.wait()

    place.stack.callback(end)
    await place.until(
        "SELECT count(*) > 0 FROM pg_stat_replication WHERE state = 'streaming' AND write_lsn IS NOT NULL"
    )
    receiver.send_signal(signal.SIGSTOP)
    await _segments(place)


async def _unarchived(place: Place) -> None:
    await _segments(place)
    await place.until("SELECT failed_count > 0 FROM pg_stat_archiver")


async def _prepared(place: Place) -> None:
    place.run("BEGIN; CREATE TABLE p (); PREPARE TRANSACTION 'left {behind} 100%'")
    place.stack.callback(place.run, "ROLLBACK PREPARED 'left {behind} 100%'")


async def _restart(place: Place) -> None:
    place.run("ALTER SYSTEM SET max_connections = 77")
    place.run("SELECT pg_reload_conf()")
    place.stack.callback(
        lambda: (place.run("ALTER SYSTEM RESET max_connections"), place.run("SELECT pg_reload_conf()"))
    )
    await place.until("SELECT pending_restart FROM pg_settings WHERE name = 'max_connections'")


async def _belonging(place: Place) -> None:
    place.run(
        f"CREATE TABLE {QUOTED} (city int, zip int, other int); INSERT INTO {QUOTED} SELECT i % 100, i % 100 * 7, i / 100 FROM "
        f"generate_series(1, 20000) AS i; CREATE INDEX ON {QUOTED} (city, zip); CREATE INDEX ON {QUOTED} (city, other); ANALYZE {QUOTED}"
    )


async def _ungathered(place: Place) -> None:
    place.run(
        f"CREATE TABLE {QUOTED} AS SELECT i % 10 AS a, i % 10 AS b FROM generate_series(1, 2000) AS i; ANALYZE {QUOTED};"
        f"CREATE STATISTICS waits ON a, b FROM {QUOTED}"
    )


async def _holding(place: Place) -> None:
    session = await place.connect()
    await session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 'secret-4711'")
    place.run("SELECT txid_current();" * 8)


def _by(*statements: str) -> Callable[[Place], Awaitable[None]]:
    async def seed(place: Place) -> None:
        for statement in statements:
            place.run(statement)

    return seed


async def _carried_out(
    server: PostgresServer, database: str, statements: Sequence[str], inverse: Sequence[str] = ()
) -> None:
    """Carry a fix out as a change set would: each statement its own step, in a transaction where that may be."""
    async with opened(server, database, access="admin") as adapter:
        schema = await adapter.catalog.read_schema()
        for statement in statements:
            step = adapter.steps.change_step(schema, statement, inverse=next(iter(inverse), None))
            await adapter.execute.execute(
                [Statement(step.statement)], atomic=step.transactional, lock_timeout_seconds=5, timeout_seconds=60
            )


@dataclass(frozen=True)
class Case:
    """A fault: how it is made, what the finding is about, a bound that is lowered because nobody waits an hour for it."""

    seed: Callable[[Place], Awaitable[None]]
    about: str = ODD
    bound: tuple[str, str] | None = None
    mends: bool = True
    elsewhere: bool = False
    """Whether the clean case is another server: this one's counters are not clean for long."""


CASES = {
    "PG-201": Case(_crowd, "max_connections"),
    "PG-202": Case(_left_open, "session ", ("5 minutes", "0 seconds"), mends=False),
    "PG-203": Case(_computing, "session ", ("1 hour", "0 seconds")),
    "PG-205": Case(_deadlocks, "test_"),
    "PG-206": Case(_rollbacks, "test_"),
    "PG-207": Case(_dead),
    "PG-208": Case(_by(f"CREATE TABLE {QUOTED} (n int) WITH (autovacuum_enabled = off)")),
    "PG-210": Case(_changed),
    "PG-211": Case(_old_rows, mends=False),
    "PG-212": Case(_old_multixacts, mends=False),
    "PG-213": Case(_prepared, "left {behind} 100%", ("1 hour", "0 seconds")),
    "PG-214": Case(_index_bound),
    "PG-215": Case(_air),
    "PG-216": Case(_index_air),
    "PG-217": Case(_invalid_index),
    "PG-218": Case(_by(f"CREATE TABLE t ({QUOTED} serial)", "SELECT setval(pg_get_serial_sequence('t', $n$" + ODD + "$n$), 1700000000)"), "t_odd"),
    "PG-220": Case(_reads, "test_"),
    "PG-221": Case(_reads),
    "PG-222": Case(_spills, "test_"),
    "PG-223": Case(_by("SELECT pg_stat_reset_shared('bgwriter')", *["CHECKPOINT"] * 10), "checkpoints", elsewhere=True),
    "PG-224": Case(_idle_slot, "idle_"),
    "PG-225": Case(_late_replica, "late"),
    "PG-226": Case(_unarchived, "archive_command", elsewhere=True),
    "PG-229": Case(_restart, "max_connections"),
    "PG-230": Case(
        _by('CREATE COLLATION "odd {collation}" (provider = icu, locale = \'de-DE\')',
            "UPDATE pg_collation SET collversion = '1.0' WHERE collname = 'odd {collation}'"), "odd {collation}"),
    "PG-231": Case(_by("CREATE EXTENSION pgcrypto", "UPDATE pg_extension SET extversion = '1.2' WHERE extname = 'pgcrypto'"), "pgcrypto"),
    "PG-233": Case(_belonging, f"{ODD}(city, zip)"),
    "PG-234": Case(_ungathered),
    "PG-236": Case(_holding, "session ", ("1000000", "6")),
}  # fmt: skip
STANDING = {"PG-209": "autovacuum", "PG-219": "test_", "PG-227": "fsync"}
"""Faults of the strained server itself: switches of the command line, and its age."""
APART = {"PG-204": "blocking chains", "PG-228": "checksums", "PG-232": "a standby", "PG-235": "versions"}
"""Checks with tests of their own, below."""


async def _told_in_time(server: PostgresServer, database: str, id_: str, case: Case) -> list[Finding]:
    """Return the findings about the seeded fault; what a session counted is seen a little after it has ended."""
    deadline = time.monotonic() + 10
    while True:
        about = [f for f in await _found(server, database, id_, case.bound) if case.about in f.object_name]
        if about or time.monotonic() > deadline:
            return about
        await anyio.sleep(0.1)


@pytest.mark.parametrize("id_", sorted(CASES))
async def test_a_seeded_fault_of_health_is_found_and_mended(
    id_: str, strained: PostgresServer, sound: PostgresServer
) -> None:
    case = CASES[id_]
    database = strained.create_database()
    try:
        clean = (sound, "postgres") if case.elsewhere else (strained, database)
        assert [f for f in await _found(*clean, id_, case.bound) if case.about in f.object_name] == []
        async with contextlib.AsyncExitStack() as stack:
            place = Place(strained, database, stack)
            await case.seed(place)
            about = await _told_in_time(strained, database, id_, case)
            assert about
            if case.bound:
                assert [f for f in await _found(strained, database, id_) if case.about in f.object_name] == []
            for finding in about:
                assert finding.threshold
                assert finding.caveat
                assert finding.fix is not None
                assert finding.fix.advice
                assert "secret-4711" not in str(finding.evidence)
                await _carried_out(strained, database, finding.fix.statements, finding.fix.inverse)
                if finding.fix.statements and case.mends:
                    assert finding.object_name not in {f.object_name for f in await _found(strained, database, id_)}
                await _carried_out(strained, database, finding.fix.inverse)
    finally:
        strained.drop_database(database)


@pytest.mark.parametrize("id_", sorted(STANDING))
async def test_a_fault_that_stands_is_found_there_and_not_on_a_sound_server(
    id_: str, strained: PostgresServer, sound: PostgresServer
) -> None:
    database = strained.create_database()
    assert STANDING[id_] in " ".join(f.object_name for f in await _found(strained, database, id_))
    if id_ == "PG-219":
        database = strained.create_database()
        assert await _found(strained, database, id_, ("1 day", "0 seconds")) == []
    else:
        assert await _found(sound, "postgres", id_) == []


async def test_a_blocking_chain_is_told_whole_and_without_a_value(strained: PostgresServer) -> None:
    database = strained.create_database()
    async with contextlib.AsyncExitStack() as stack:
        place = Place(strained, database, stack)
        place.run("CREATE TABLE t (id int PRIMARY KEY, n text); INSERT INTO t VALUES (1, ''), (2, '')")
        first, second, third = [await place.connect() for _ in range(3)]
        await first.execute("BEGIN")
        await first.execute("UPDATE t SET n = 'secret-4711' WHERE id = 1")
        assert await _found(strained, database, "PG-204") == []
        await second.execute("BEGIN; UPDATE t SET n = 'secret-4711' WHERE id = 2")
        waits = asyncio.create_task(second.execute("UPDATE t SET n = 'secret-4711' WHERE id = 1"))
        waiting = "SELECT count(*) = %d FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND now() - state_change > '30ms'"
        await place.until(waiting % 1)
        waits_too = asyncio.create_task(third.execute("DELETE FROM t WHERE id = 2"))
        await place.until(waiting % 2)
        (finding,) = await _found(strained, database, "PG-204")
        pids = [session.get_server_pid() for session in (first, second, third)]
        assert finding.object_name == f"session {pids[0]}"
        chain = finding.evidence["chain"]
        assert isinstance(chain, list)
        assert [str(line).lstrip("> ").partition(":")[0] for line in chain] == [str(pid) for pid in pids]
        assert [str(line).count("> ") for line in chain] == [0, 1, 2]
        assert "idle in transaction, UPDATE" in str(chain[0])
        assert "DELETE" in str(chain[2])
        assert "secret-4711" not in str(finding.evidence)
        await first.execute("ROLLBACK")
        await waits
        await second.execute("ROLLBACK")
        await waits_too
        assert await _found(strained, database, "PG-204") == []
    strained.drop_database(database)


async def test_a_healthy_fresh_postgresql_has_nothing_above_low(sound: PostgresServer) -> None:
    database = sound.create_database()
    async with opened(sound, database) as adapter:
        report = await run_checks(adapter.security, engine="postgresql", pack="health")
    assert set(report.checked) == set(HEALTH)
    assert report.not_run == {}
    assert [f for f in report.findings if f.severity.order < Severity.LOW.order] == []
    sound.drop_database(database)


async def test_a_role_without_rights_is_told_what_it_can_see(sound: PostgresServer) -> None:
    database = sound.create_database()
    sound.run_sql(database, "CREATE ROLE small LOGIN PASSWORD 'small-4711'")
    url = ResolvedUrl(engine="postgresql", host=sound.host, port=sound.port, user="small", password=SecretStr("small-4711"),
                      database=database)  # fmt: skip
    adapter = PostgresAdapter("test", url, ConnectionSettings(url=sound.url(database, "small"), access="read_only"))
    report = await run_checks(adapter.security, engine="postgresql", pack="health")
    await adapter.close()
    assert {*report.checked, *report.not_run} == set(HEALTH)
    assert {"PG-201", "PG-202", "PG-203", "PG-204", "PG-225"} <= set(report.not_run)
    assert all("pg_monitor" in report.not_run[id_] for id_ in ("PG-201", "PG-204"))
    assert "PG-207" in report.checked
    sound.drop_database(database)
    sound.run_sql("postgres", "DROP ROLE small")


async def test_what_another_session_holds_stops_the_check_that_looks_at_it_and_no_other(sound: PostgresServer) -> None:
    database = sound.create_database()
    sound.run_sql(database, "CREATE SEQUENCE numbers; SELECT nextval('numbers')")
    holder = await asyncpg.connect(
        host=sound.host, port=sound.port, user=SUPERUSER, password=PASSWORD, database=database
    )
    await holder.execute("BEGIN; ALTER SEQUENCE numbers INCREMENT BY 2")
    async with opened(sound, database) as adapter:
        report = await run_checks(adapter.security, engine="postgresql", pack="health")
    await holder.close()
    assert "PG-218" in report.not_run
    assert "lock" in report.not_run["PG-218"]
    assert {"PG-207", "PG-217"} <= set(report.checked)
    sound.drop_database(database)


def test_every_health_check_of_postgresql_has_its_case() -> None:
    assert set(CASES) | set(STANDING) | set(APART) == set(HEALTH)


async def test_a_page_with_a_wrong_checksum_is_told_after_it_was_read() -> None:
    with needed(), postgresql.running(initdb=("--data-checksums",), shared_buffers="1MB") as server:
        assert await _found(server, "postgres", "PG-228") == []
        server.run_sql(
            "postgres",
            "CREATE TABLE torn AS SELECT 1 AS a; CREATE TABLE filler (id int PRIMARY KEY, t text);"
            "INSERT INTO filler SELECT i, repeat('x', 900) FROM generate_series(1, 4000) AS i; CHECKPOINT;"
            "SET enable_seqscan = off; SELECT max(t) FROM filler WHERE id > 0;",
        )
        at = "SELECT current_setting('data_directory') || '/' || pg_relation_filepath('torn')"
        file = Path(server.run_sql("postgres", at))
        page = bytearray(file.read_bytes())
        page[8000] ^= 1
        file.write_bytes(page)
        with pytest.raises(AssertionError, match="invalid page"):
            server.run_sql("postgres", "SELECT * FROM torn")
        (finding,) = await _found(server, "postgres", "PG-228")
        assert finding.severity is Severity.CRITICAL


async def test_an_independent_pair_of_columns_is_no_finding(strained: PostgresServer) -> None:
    database = strained.create_database()
    async with contextlib.AsyncExitStack() as stack:
        await _belonging(Place(strained, database, stack))
    assert [f.object_name.rpartition("(")[2] for f in await _found(strained, database, "PG-233")] == ["city, zip)"]
    strained.drop_database(database)


@pytest.mark.parametrize(
    ("number", "today", "severity"),
    [("150018", "2026-06-01", None), ("150017", "2026-06-01", "low"), ("150001", "2026-06-01", "medium"),
     ("130023", "2026-06-01", "high"), ("150018", "2027-12-01", "high"), ("990000", "2026-06-01", None)],
)  # fmt: skip
async def test_a_server_behind_the_table_of_versions_is_told_with_the_day_of_the_table(
    strained: PostgresServer, number: str, today: str, severity: str | None
) -> None:
    check = HEALTH["PG-235"]
    query = check.query.replace("current_setting('server_version_num')::int", number).replace(
        "current_date", f"date '{today}'"
    )
    async with opened(strained, "postgres") as adapter:
        facts = await adapter.security.facts(dataclasses.replace(check, query=query))
    assert not isinstance(facts, Unsupported)
    found = check.findings(facts)
    assert [str(finding.severity) for finding in found] == ([severity] if severity else [])
    assert all(finding.evidence["table_of"] == KNOWN_ON for finding in found)
    assert KNOWN_ON in check.caveat


@pytest.mark.slow
async def test_reads_that_a_standby_cancels_are_counted_there() -> None:
    with (
        needed(),
        postgresql.running(wal_level="replica") as primary,
        postgresql.standby_of(primary, max_standby_streaming_delay="0") as standby,
    ):
        primary.run_sql("postgres", "CREATE TABLE t AS SELECT i FROM generate_series(1, 100) AS i")
        place = Place(standby, "postgres", contextlib.AsyncExitStack())
        await place.until("SELECT to_regclass('t') IS NOT NULL")
        async with place.stack:
            reader = await place.connect()
            for number in range(3):
                assert await _found(standby, "postgres", "PG-232") == []
                await reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM t")
                primary.run_sql("postgres", f"DELETE FROM t WHERE i % 3 = {number}; VACUUM t")
                await place.until(
                    f"SELECT confl_snapshot > {number} FROM pg_stat_database_conflicts WHERE datname = 'postgres'"
                )
                with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
                    await reader.execute("SELECT count(*) FROM t")
                reader = await place.connect()
            (finding,) = await _found(standby, "postgres", "PG-232")
            assert finding.evidence["by_cleaning"] == 3
            assert await _found(primary, "postgres", "PG-232") == []


async def test_large_tables_whose_statistics_the_role_may_not_read_are_told(sound: PostgresServer) -> None:
    database = sound.create_database()
    sound.run_sql(
        database,
        "CREATE TABLE aired (id int, note text); INSERT INTO aired SELECT i, repeat('x', 200) FROM generate_series(1, 120000) AS n (i); "
        "CREATE INDEX aired_id ON aired (id, note); DELETE FROM aired WHERE id % 10 <> 0; VACUUM ANALYZE aired; "
        "CREATE ROLE looks LOGIN PASSWORD 'secret'; GRANT SELECT (id) ON aired TO looks",
    )
    async with opened(sound, database, user="looks", password="secret") as adapter:
        report = await run_checks(adapter.security, engine="postgresql", pack="health")
        for id_, name in (("PG-215", "public.aired"), ("PG-216", "public.aired_id")):
            told = "in part: the role may not read the statistics of 1 of the large ones, such as "
            assert report.not_run[id_].startswith(told + name), "some columns would make it seem emptier than it is"
        assert not [one for one in report.findings if one.id in ("PG-215", "PG-216")]
    sound.run_sql(database, "GRANT SELECT ON aired TO looks")
    async with opened(sound, database, user="looks", password="secret") as adapter:
        report = await run_checks(adapter.security, engine="postgresql", pack="health")
        assert not {"PG-215", "PG-216"} & report.not_run.keys()
        assert {one.id for one in report.findings if "aired" in one.object_name} >= {"PG-215", "PG-216"}
    sound.run_sql(database, "DROP OWNED BY looks; DROP ROLE looks")
    sound.drop_database(database)


async def test_a_slot_whose_wal_is_gone_already_is_told(sound: PostgresServer) -> None:
    sound.run_sql("postgres", "ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'")
    sound.run_sql("postgres", "SELECT pg_reload_conf(); SELECT pg_create_physical_replication_slot('gone', true)")
    try:
        async with contextlib.AsyncExitStack() as stack:
            place = Place(sound, "postgres", stack)
            for _ in range(3):
                await _segments(place)
                place.run("CHECKPOINT")
            await place.until("SELECT wal_status = 'lost' FROM pg_replication_slots WHERE slot_name = 'gone'")
            (finding,) = await _found(sound, "postgres", "PG-224")
        assert (finding.object_name, finding.evidence["wal_status"]) == ("gone", "lost")
    finally:
        sound.run_sql("postgres", "SELECT pg_drop_replication_slot('gone')")
        sound.run_sql("postgres", "ALTER SYSTEM RESET max_slot_wal_keep_size")
        sound.run_sql("postgres", "SELECT pg_reload_conf()")
