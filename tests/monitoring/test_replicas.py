"""Lag of real replicas of MySQL and MariaDB: measured, alerted, ended; and a replica that stands still."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from dbmanager.adapters.mysql.adapter import MysqlAdapter
from dbmanager.model.configuration import Configuration
from dbmanager.model.metrics import MetricMoment
from dbmanager.phases.optimization.collecting import kept
from dbmanager.services.configuration import LoadedConfiguration
from dbmanager.services.container import Services
from tests.conftest import needed
from tests.engines import mariadb, mysql
from tests.engines.instance import login
from tests.engines.mysql_family import MySqlServer, open_mysql

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
HERE = "this server"
RUNNING = {"mysql": mysql.running, "mariadb": mariadb.running}


@dataclass
class Pair:
    """A source and its replica, each of the same product."""

    source: MySqlServer
    replica: MySqlServer
    database: str

    def steer(self, of_mysql: str, of_mariadb: str) -> None:
        """Run a statement on the replica in its product's words."""
        self.replica.run_sql("", of_mysql if self.replica.engine == "mysql" else of_mariadb)

    def delay(self, seconds: int) -> None:
        """Have the replica apply what comes so much later."""
        self.steer("STOP REPLICA", "STOP SLAVE")
        self.steer(
            f"CHANGE REPLICATION SOURCE TO SOURCE_DELAY = {seconds}", f"CHANGE MASTER TO MASTER_DELAY = {seconds}"
        )
        self.steer("START REPLICA", "START SLAVE")


@pytest.fixture(params=["mysql", "mariadb"])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    run = RUNNING[request.param]
    with needed(), ExitStack() as stack:
        source, replica = (
            stack.enter_context(run(log_bin="binlog", server_id=str(number), binlog_format="ROW")) for number in (1, 2)
        )
        user, password = login(request.param)
        words = f"HOST = '127.0.0.1', {{0}}_PORT = {source.port}, {{0}}_USER = '{user}', {{0}}_PASSWORD = '{password}'"
        database = source.create_database("CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, n int)")
        found = Pair(source, replica, database)
        if request.param == "mysql":
            source.run_sql("", "RESET BINARY LOGS AND GTIDS")
        else:
            source.run_sql("", "RESET MASTER")
        replica.run_sql("", f"CREATE DATABASE {database}")
        replica.run_sql(database, "CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, n int)")
        found.steer(
            f"CHANGE REPLICATION SOURCE TO SOURCE_{words.format('SOURCE')}, GET_SOURCE_PUBLIC_KEY = 1",
            f"CHANGE MASTER TO MASTER_{words.format('MASTER')}",
        )
        found.steer("START REPLICA", "START SLAVE")
        yield found
        found.steer("STOP REPLICA", "STOP SLAVE")


@pytest.fixture
async def replica(pair: Pair) -> AsyncIterator[MysqlAdapter]:
    adapter = open_mysql(pair.replica, pair.database, access="read_only")
    yield adapter
    await adapter.close()


Look = Callable[[], Awaitable[tuple[MetricMoment, set[str]]]]


@pytest.fixture
async def look(replica: MysqlAdapter, tmp_path: Path) -> AsyncIterator[Look]:
    """Return what measures the replica, keeps the moment, and tells it with what fires."""
    services = Services(
        LoadedConfiguration(Configuration.model_validate({"store": {"data_dir": "state"}}), (), tmp_path)
    )

    async def look_() -> tuple[MetricMoment, set[str]]:
        moment = await replica.metrics.moment()
        moment, states = await kept(
            services.metrics, services.alerts, services.loaded.configuration.monitoring, "shop", moment
        )
        return moment, {state.rule for state in states if state.is_firing}

    yield look_
    await services.close()


async def _until(look: Look, told: Callable[[MetricMoment, set[str]], bool]) -> tuple[MetricMoment, set[str]]:
    deadline = time.monotonic() + 60
    while True:
        found = await look()
        if told(*found):
            return found
        assert time.monotonic() < deadline, found


async def test_a_replica_that_is_late_fires_and_ends_once_it_has_caught_up(pair: Pair, look: Look) -> None:
    moment, firing = await _until(look, lambda m, _: m.value("replication_running", HERE) == 1)
    moment, firing = await _until(look, lambda m, _: m.value("replication_lag_seconds", HERE) == 0)
    assert not {"replica_behind", "replica_stopped"} & firing
    pair.delay(3_000)
    pair.source.run_sql(pair.database, "SET timestamp = UNIX_TIMESTAMP() - 600; INSERT INTO t (n) VALUES (1)")
    moment, firing = await _until(look, lambda _, fires: "replica_behind" in fires)
    assert 590 < (moment.value("replication_lag_seconds", HERE) or 0) < 700
    pair.delay(0)
    await _until(look, lambda _, fires: "replica_behind" not in fires)
    deadline = time.monotonic() + 20  # a thread that has just begun again tells 0 before it has read what is left
    while pair.replica.run_sql(pair.database, "SELECT count(*) FROM t") != "1":
        assert time.monotonic() < deadline


async def test_a_replica_that_stands_still_fires_and_its_lag_is_not_guessed(pair: Pair, look: Look) -> None:
    await _until(look, lambda m, _: m.value("replication_running", HERE) == 1)
    pair.steer("STOP REPLICA SQL_THREAD", "STOP SLAVE SQL_THREAD")
    moment, _ = await _until(look, lambda _, fires: "replica_stopped" in fires)
    assert moment.value("replication_lag_seconds", HERE) is None
    assert dict(moment.not_told)["replication_lag_seconds"] == "it stands still"
    pair.steer("START REPLICA", "START SLAVE")
    await _until(look, lambda _, fires: "replica_stopped" not in fires)


async def test_a_server_that_follows_none_has_no_lag_and_an_account_without_the_right_is_told(pair: Pair) -> None:
    adapter = open_mysql(pair.source, pair.database, access="read_only")
    moment = await adapter.metrics.moment()
    await adapter.close()
    assert list(moment.objects("replication_running")) == []
    assert "replication_lag_seconds" not in dict(moment.not_told)
    pair.source.run_sql("", f"CREATE USER plain IDENTIFIED BY 'plain-4711'; GRANT SELECT ON {pair.database}.* TO plain")
    adapter = open_mysql(pair.source, pair.database, user="plain", password="plain-4711", access="read_only")
    moment = await adapter.metrics.moment()
    await adapter.close()
    assert "REPLICATION CLIENT" in dict(moment.not_told)["replication_lag_seconds"]
