"""What MySQL and MariaDB counted by digest is recovered exactly, with samples byte for byte; their slow logs are read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from dbmanager.adapters.facets import Unsupported
from dbmanager.adapters.mysql.adapter import MysqlAdapter
from dbmanager.analyzers.workload.difference import difference
from dbmanager.analyzers.workload.gathering import understood
from dbmanager.errors import PermissionDenied
from dbmanager.model.workload import Workload
from dbmanager.phases.optimization.workload import from_file
from tests.conftest import needed
from tests.engines import mariadb
from tests.engines.mysql_family import MySqlServer, open_mysql

pytestmark = pytest.mark.anyio
TABLES = """
CREATE TABLE Orders (id INT PRIMARY KEY, customer_id INT, note TEXT);
INSERT INTO Orders VALUES (1, 1, 'a'), (2, 1, 'b'), (3, 2, 'c');
DELIMITER $$
CREATE PROCEDURE spent(IN p_id INT)
BEGIN
  DECLARE v INT;
  SELECT COUNT(*) INTO v FROM Orders WHERE customer_id = p_id;
  UPDATE Orders SET note = 'seen' WHERE id = p_id;
END $$
DELIMITER ;
"""
ASKED = [
    "SELECT * FROM Orders WHERE id = 1", "select * from Orders where id = 2", "SELECT note FROM Orders WHERE id IN (1, 2)",
    "SELECT note FROM Orders WHERE id IN (1,2,3)", "UPDATE Orders SET note = 'It''s MiXeD Case' WHERE id = 1",
]  # fmt: skip


@pytest.fixture(scope="module")
def counting_mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MySqlServer]:
    """A MariaDB that counts and keeps what its sessions sent, as it does not by default; it logs every statement as slow."""
    settings = {
        "performance_schema": "ON", "performance_schema_consumer_events_statements_current": "ON",
        "performance_schema_consumer_events_statements_history_long": "ON", "slow_query_log": "ON",
        "long_query_time": "0", "slow_query_log_file": "slow.log", "log_output": "FILE",
    }  # fmt: skip
    with needed(), mariadb.running(**settings) as server:
        yield server


@pytest.fixture(params=["mysql", "mariadb"])
def server(request: pytest.FixtureRequest) -> MySqlServer:
    name = "mysql_server" if request.param == "mysql" else "counting_mariadb"
    found: MySqlServer = request.getfixturevalue(name)
    return found


@pytest.fixture
async def open_shop(server: MySqlServer) -> AsyncIterator[Callable[..., MysqlAdapter]]:
    opened: list[MysqlAdapter] = []
    # what other tests sent may have filled the table of digests, which then counts no statement that is new to it
    server.run_sql("", "TRUNCATE performance_schema.events_statements_summary_by_digest")
    name = server.create_database(TABLES)

    def open_(**options: str) -> MysqlAdapter:
        opened.append(open_mysql(server, name, **options))  # type: ignore[arg-type]
        return opened[-1]

    yield open_
    for adapter in opened:
        await adapter.close()
    server.drop_database(name)


async def _collected(adapter: MysqlAdapter) -> Workload:
    found = await adapter.workload.collect()
    assert isinstance(found, Workload), found
    return understood(found, "mysql")


def _name(adapter: MysqlAdapter) -> str:
    return adapter.sessions.url.database


async def test_a_seeded_workload_is_recovered_with_samples_and_without_our_statements(
    server: MySqlServer, open_shop: Callable[..., MysqlAdapter]
) -> None:
    adapter = open_shop()
    before = await _collected(adapter)
    for statement in ASKED:
        server.run_sql(_name(adapter), statement)
    await adapter.catalog.read_schema()
    await adapter.statistics.tables(exact_up_to_rows=10_000)
    workload = await _collected(adapter)
    period = difference(before, workload).period
    assert sorted((s.calls, s.rows, s.kind) for s in period.statements) == [
        (1, 1, "write"),
        (2, 2, "read"),
        (2, 5, "read"),
    ]
    samples = {sample for s in period.statements for sample in s.samples}
    assert "UPDATE Orders SET note = 'It''s MiXeD Case' WHERE id = 1" in samples
    assert samples <= set(ASKED)
    assert period.table_writes == {"Orders": 1}
    assert all(s.total_ms for s in period.statements)
    assert all(s.rows_examined is not None for s in period.statements)


async def test_a_routine_is_profiled_and_its_statements_are_found(
    server: MySqlServer, open_shop: Callable[..., MysqlAdapter]
) -> None:
    adapter = open_shop()
    server.run_sql(_name(adapter), "CALL spent(1); CALL spent(2);")
    workload = await _collected(adapter)
    routine = workload.routines[0]
    assert (routine.name, routine.calls, routine.arguments, len(routine.statements)) == ("spent", 2, ("p_id",), 2)
    assert {(s.text, s.calls) for s in workload.statements if s.routine == "spent"} == {
        ("SELECT COUNT(*) FROM Orders WHERE customer_id = NULL", 2), ("UPDATE Orders SET note = 'seen' WHERE id = NULL", 2),
    }  # fmt: skip


async def test_an_account_without_rights_is_told_what_to_grant(
    server: MySqlServer, open_shop: Callable[..., MysqlAdapter]
) -> None:
    adapter = open_shop()
    server.run_sql(
        "", f"CREATE USER 'blind'@'%' IDENTIFIED BY 'blind-Secret-1'; GRANT SELECT ON {_name(adapter)}.* TO 'blind'@'%'"
    )
    try:
        blind = open_shop(user="blind", password="blind-Secret-1", access="read_only")
        with pytest.raises(PermissionDenied) as denied:
            await blind.workload.collect()
        assert "SELECT ON performance_schema" in denied.value.sentence()
    finally:
        server.run_sql("", "DROP USER 'blind'@'%'")


async def test_a_server_that_does_not_count_says_what_to_switch_on(mariadb_server: MySqlServer) -> None:
    name = mariadb_server.create_database(TABLES)
    adapter = open_mysql(mariadb_server, name)
    try:
        told = await adapter.workload.collect()
        assert isinstance(told, Unsupported)
        assert "performance_schema = ON" in told.reason
    finally:
        await adapter.close()
        mariadb_server.drop_database(name)


async def test_a_slow_log_of_the_real_server_is_read(counting_mariadb: MySqlServer) -> None:
    name, other = counting_mariadb.create_database(TABLES), counting_mariadb.create_database(TABLES)
    adapter = open_mysql(counting_mariadb, name)
    try:
        for statement in ASKED:
            counting_mariadb.run_sql(name, statement)
        counting_mariadb.run_sql(other, ASKED[0])
        folder = counting_mariadb.run_sql("", "SELECT @@datadir")
        workload = await from_file(adapter, (Path(folder) / "slow.log").read_bytes(), counting_mariadb.url(name))
        asked = {s.samples[0][:20]: (s.calls, s.rows) for s in workload.statements if s.samples and "Orders" in s.text}
        assert workload.source == "file (slow log)"
        assert (asked["SELECT * FROM Orders"], asked["SELECT note FROM Ord"], asked["UPDATE Orders SET no"]) == (
            (2, 2),
            (2, 5),
            (1, 1),
        )
        assert all(s.total_ms is not None and s.total_ms < 60_000 for s in workload.statements)
    finally:
        await adapter.close()
        counting_mariadb.drop_database(name)
        counting_mariadb.drop_database(other)
