"""PostgreSQL's settings: each rule seen to speak for its counter and to be silent without; applied, verified, undone."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterator

import pytest

from dbmanager.adapters.postgresql.adapter import PostgresAdapter
from dbmanager.adapters.postgresql.tuning import RULES
from dbmanager.adapters.postgresql.tuning.overridden import options_of, with_unit
from dbmanager.model.changes import ChangePlan, ChangeState
from dbmanager.model.tuning import MB, Measured, Proposed, Recommendation
from tests.checks.test_health_postgresql import QUOTED, Place, _crowd, _reads, _spills, opened
from tests.conftest import needed
from tests.engines import postgresql
from tests.engines.postgresql import PASSWORD, PostgresServer
from tests.services.conftest import approve
from tests.tuning.conftest import MakeServices, apply_verify_and_roll_back, of, told

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with needed(), postgresql.running(
        max_connections="14", max_wal_size="32MB", min_wal_size="32MB", shared_buffers="1MB", work_mem="64kB",
        effective_cache_size="16MB", track_io_timing="on",
    ) as found:  # fmt: skip
        yield found


async def _churn(place: Place) -> None:
    place.run(
        f"CREATE TABLE {QUOTED} AS SELECT n, 0 AS m FROM generate_series(1, 30000) AS n; UPDATE {QUOTED} SET m = 1 WHERE n <= 12000"
    )


async def _checkpoints(place: Place) -> None:
    place.run("SELECT pg_stat_reset_shared('bgwriter')")
    for _ in range(11):
        place.run("CHECKPOINT")


async def _idle(place: Place) -> None:
    sessions = [await place.connect() for _ in range(9)]
    for session in sessions:
        await session.execute("BEGIN")
    await place.until(
        "SELECT min(now() - xact_start) > '1.3 s' FROM pg_stat_activity WHERE state = 'idle in transaction'"
    )
    for session in sessions:
        await session.execute("ROLLBACK")
        await session.close()
    await place.until(
        "SELECT idle_in_transaction_time >= 10000 FROM pg_stat_database WHERE datname = current_database()"
    )


SEEDED: dict[str, tuple[Callable[[Place], Awaitable[None]], str]] = {
    "work_mem": (_spills, "12MB"),
    "shared_buffers": (_reads, "128MB"),
    "effective_cache_size": (_reads, "5735MB"),
    "max_wal_size": (_checkpoints, "128MB"),
    "autovacuum_vacuum_scale_factor": (_churn, "0.033"),
    "random_page_cost": (_reads, "1.1"),
    "idle_in_transaction_session_timeout": (_idle, "10min"),
    "max_connections": (_crowd, "21"),
}


@pytest.mark.parametrize("setting", sorted(SEEDED))
async def test_a_setting_is_proposed_by_its_counter_and_not_without(setting: str, server: PostgresServer) -> None:
    seed, value = SEEDED[setting]
    database = server.create_database()
    server.run_sql("postgres", "SELECT pg_stat_reset_shared('bgwriter')")
    async with opened(server, database) as adapter:
        assert of(await told(adapter, only=[setting]), setting) == []
        async with contextlib.AsyncExitStack() as stack:
            await seed(Place(server, database, stack))
            (found,) = of(await told(adapter, only=[setting]), setting)
    assert found.evidence
    assert all(figure is not None for figure in found.evidence.values())
    if setting == "work_mem":
        assert MB < int(found.proposed.value.removesuffix("MB")) * MB <= 64 * MB
    else:
        assert found.proposed.value == value
    server.drop_database(database)


def test_every_rule_of_postgresql_has_its_counter_seeded() -> None:
    assert {rule.setting for rule in RULES} == set(SEEDED)


async def test_memory_that_nobody_told_is_asked_for_and_not_guessed(server: PostgresServer) -> None:
    database = server.create_database()
    async with contextlib.AsyncExitStack() as stack, opened(server, database) as adapter:
        await _reads(Place(server, database, stack))
        report = await told(adapter, memory_bytes=None)
        assert of(report, "shared_buffers") == []
        assert "memory_bytes" in report.not_run["shared_buffers"]
        assert "unknown" in report.machine.source
    server.drop_database(database)


@pytest.mark.promise("P3.3")
async def test_settings_are_applied_verified_and_rolled_back(
    server: PostgresServer, open_services: MakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PW", PASSWORD)
    database = server.create_database()
    async with contextlib.AsyncExitStack() as stack:
        place = Place(server, database, stack)
        await _reads(place)
        place.run(
            "CREATE TABLE churned AS SELECT n, 0 AS m FROM generate_series(1, 30000) AS n; UPDATE churned SET m = 1 WHERE n <= 12000"
        )
    services = open_services(url=server.url(database), password={"env": "PW"})

    def look() -> str:
        return server.run_sql(
            database, "SELECT current_setting('random_page_cost'), current_setting('effective_cache_size'), "
            "(SELECT reloptions FROM pg_class WHERE relname = 'churned')",
        )  # fmt: skip

    server.run_sql(database, "ALTER SYSTEM SET random_page_cost = 3.5")
    server.run_sql(database, "SELECT pg_reload_conf()")
    await place.until("SELECT current_setting('random_page_cost') = '3.5'")
    adapter = await services.connections.adapter("db")
    assert of(await told(adapter), "random_page_cost")[0].proposed.current == "3.5"
    before, applied, after = await apply_verify_and_roll_back(
        services, look, "random_page_cost", "autovacuum_vacuum_scale_factor"
    )
    assert before.startswith("3.5|16MB|")
    assert applied.startswith("1.1|16MB|{autovacuum_vacuum_scale_factor=0.0")
    assert after == before
    fixed = await told(adapter, only=["effective_cache_size"])
    assert of(fixed, "effective_cache_size")
    assert fixed.steps == ()
    assert "command line" in fixed.by_hand[0]
    server.drop_database(database)


async def test_a_setting_that_waits_for_a_restart_is_written_verified_and_taken_back(
    server: PostgresServer, open_services: MakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PW", PASSWORD)
    database = server.create_database()
    services = open_services(url=server.url(database), password={"env": "PW"})
    adapter = await services.connections.adapter("db")
    assert isinstance(adapter, PostgresAdapter)
    (rule,) = [rule for rule in RULES if rule.setting == "shared_buffers"]
    wanted = Recommendation(rule, Proposed("128MB", "1MB"), {})
    steps = (*adapter.tuning.steps(wanted, Measured({"shared_buffers": "1MB"})), *adapter.tuning.finish())
    assert "Restart" in str(adapter.tuning.by_hand(wanted, Measured({})))
    written = "SELECT setting FROM pg_file_settings WHERE name = 'shared_buffers'"
    plan = ChangePlan(
        connection="db",
        title="more memory",
        reason="misses",
        steps=steps,
        precondition=await adapter.catalog.fingerprint(),
    )
    change = await services.changes.propose(plan)
    await approve(services, change)
    await services.changes.apply(change.id)
    assert (await services.changes.verify(change.id)).state is ChangeState.VERIFIED
    assert server.run_sql(database, written).splitlines()[-1] == "128MB"
    await services.changes.roll_back(change.id)
    assert "128MB" not in server.run_sql(database, written).splitlines()[1:]
    server.drop_database(database)


async def test_a_value_of_the_role_or_database_is_not_taken_for_the_servers(server: PostgresServer) -> None:
    """From the command line, from a file with ALTER SYSTEM, and from nowhere: the server's default."""
    database = server.create_database()
    server.run_sql(database, "ALTER SYSTEM SET random_page_cost = 3.5")
    server.run_sql(database, "SELECT pg_reload_conf()")
    for name, value in (
        ("work_mem", "32MB"), ("random_page_cost", "9"), ("idle_in_transaction_session_timeout", "5min"),
        ("effective_cache_size", "1GB"),
    ):  # fmt: skip
        server.run_sql(database, f"ALTER DATABASE {database} SET {name} = '{value}'")
    server.run_sql(database, "CREATE ROLE apart LOGIN PASSWORD 'secret'; ALTER ROLE apart SET work_mem = '16MB'")
    async with opened(server, database) as adapter:
        measured = await adapter.tuning.measured()
        assert isinstance(measured, Measured)
        figures = measured.figures
        assert (figures["work_mem"], figures["work_mem_bytes"], figures["work_mem.source"]) == (
            "64kB",
            65_536,
            "command line",
        )
        assert (figures["random_page_cost"], figures["random_page_cost.altered"]) == ("3.5", True)
        assert figures["effective_cache_size_bytes"] == 16 * MB
        assert figures["idle_in_transaction_session_timeout_ms"] == 0
        assert measured.unknown == {}
        (rule,) = [rule for rule in RULES if rule.setting == "random_page_cost"]
        (step,) = adapter.tuning.steps(Recommendation(rule, Proposed("1.1", "3.5"), {}), measured)
        assert step.inverse[0] == "ALTER SYSTEM SET random_page_cost = '3.5'"
    async with opened(server, database, user="apart", password="secret") as restricted:
        report = await told(restricted)
        assert "value of its own" in report.not_run["work_mem"]
        assert "value of its own" in report.not_run["random_page_cost"]
        assert "max_wal_size" not in report.not_run
    server.run_sql(database, "DROP ROLE apart; ALTER SYSTEM RESET random_page_cost")
    server.run_sql(database, "SELECT pg_reload_conf()")
    server.drop_database(database)


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        ("4096", "kB", "4096kB"),
        ("524288", "8kB", "4194304kB"),
        ("64MB", "kB", "64MB"),
        ("4", None, "4"),
        ("0", "ms", "0"),
    ],
)
def test_a_bare_number_counts_its_units(value: str, unit: str | None, shown: str) -> None:
    assert with_unit(value, unit) == shown


def test_the_command_line_is_read_in_both_spellings() -> None:
    line = '/usr/bin/postgres "-D" "/data" "-c" "work_mem=64kB" "--max-connections=14" "-cport=5433"'
    assert options_of(line) == {"work_mem": "64kB", "max_connections": "14", "port": "5433"}
