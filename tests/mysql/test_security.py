"""Every security check of MySQL and MariaDB: a clean case, a seeded fault, its fix, and the fix undone; on the real server."""

from __future__ import annotations

import pytest

from dbmanager.adapters.facets import Unsupported
from dbmanager.adapters.mysql.adapter import MysqlAdapter
from dbmanager.adapters.mysql.checks import CHECKS
from dbmanager.model.findings import Finding
from tests.engines.mysql_family import MySqlServer, open_mysql

pytestmark = pytest.mark.anyio
_MADE = "CREATE USER evil_user@'10.1.2.3' IDENTIFIED BY 'Secret-4711'"
_GONE = "DROP USER IF EXISTS evil_user@'10.1.2.3'"

SEEDED: dict[str, tuple[str, str, str]] = {
    "MY-001": ("CREATE USER ''@'10.1.2.3'", "DROP USER IF EXISTS ''@'10.1.2.3'", "anonymous@10.1.2.3"),
    "MY-002": ("CREATE USER evil_user@'10.1.2.3'", _GONE, "evil_user@10.1.2.3"),
    "MY-003": ("CREATE USER evil_user@'%' IDENTIFIED BY 'Secret-4711'", "DROP USER evil_user@'%'", "evil_user@%"),
    "MY-006": (f"{_MADE}; GRANT SUPER ON *.* TO evil_user@'10.1.2.3'", _GONE, "'evil_user'@'10.1.2.3'"),
    "MY-007": (f"{_MADE}; GRANT FILE ON *.* TO evil_user@'10.1.2.3'", _GONE, "'evil_user'@'10.1.2.3'"),
    "MY-008": (f"{_MADE}; GRANT PROCESS ON *.* TO evil_user@'10.1.2.3'", _GONE, "'evil_user'@'10.1.2.3'"),
    "MY-009": (f"{_MADE}; GRANT SHUTDOWN ON *.* TO evil_user@'10.1.2.3'", _GONE, "'evil_user'@'10.1.2.3'"),
    "MY-010": (f"{_MADE}; GRANT CREATE USER ON *.* TO evil_user@'10.1.2.3'", _GONE, "'evil_user'@'10.1.2.3'"),
    "MY-048": (f"{_MADE}; GRANT SELECT ON evil_place.* TO evil_user@'10.1.2.3' WITH GRANT OPTION", _GONE,
               "'evil_user'@'10.1.2.3' on evil_place"),
    "MY-049": (f"{_MADE}; GRANT SELECT ON mysql.* TO evil_user@'10.1.2.3'", _GONE, "'evil_user'@'10.1.2.3'"),
    "MY-015": ("SET GLOBAL require_secure_transport = OFF", "SET GLOBAL require_secure_transport = OFF", "require_secure_transport"),
    "MY-016": ("SET GLOBAL local_infile = ON", "SET GLOBAL local_infile = OFF", "local_infile"),
    "MY-024": ("SET GLOBAL sql_mode = 'NO_ENGINE_SUBSTITUTION'", "SET GLOBAL sql_mode = DEFAULT", "sql_mode"),
    "MY-026": ("CREATE DATABASE test", "DROP DATABASE test", "test"),
    "MY-033": ("SET GLOBAL general_log = ON", "SET GLOBAL general_log = OFF", "general_log"),
    "MY-038": ("SET GLOBAL default_password_lifetime = 0", "SET GLOBAL default_password_lifetime = 0", "default_password_lifetime"),
    "MY-042": ("CREATE TABLE `odd ``name` (a int) ENGINE = MyISAM", "DROP TABLE `odd ``name`", "odd `name"),
    "MY-043": ("SET GLOBAL innodb_flush_log_at_trx_commit = 2", "SET GLOBAL innodb_flush_log_at_trx_commit = 0",
               "innodb_flush_log_at_trx_commit"),
}  # fmt: skip
BY_PERSON = frozenset(("MY-002", "MY-003", "MY-026"))
"""Faults that only a person can mend."""
CLEAN = {
    "MY-016": "SET GLOBAL local_infile = OFF",
    "MY-038": "SET GLOBAL default_password_lifetime = 180",
    "MY-043": "SET GLOBAL innodb_flush_log_at_trx_commit = 1",
}
STANDING = {
    "MY-004": "accounts of the tests use the servers' defaults, which MariaDB counts among the weak",
    "MY-015": "TLS can't be demanded while the tests come without it",
    "MY-017": "secure_file_priv is a start-up option",
    "MY-034": "log_bin is a start-up option",
    "MY-040": "max_user_connections can't be set while it was 0 at the start",
}
"""Checks whose clean and faulty case are not both to be had on a running server; one of the two is shown."""


@pytest.fixture(params=["mysql", "mariadb"])
def server(request: pytest.FixtureRequest) -> MySqlServer:
    found: MySqlServer = request.getfixturevalue(f"{request.param}_server")
    return found


async def _found(adapter: MysqlAdapter, id_: str) -> dict[str, Finding]:
    check = next(check for check in CHECKS if check.id == id_)
    facts = await adapter.security.facts(check)
    assert not isinstance(facts, Unsupported)
    return {finding.object_name: finding for finding in check.findings(facts)}


@pytest.mark.parametrize("id_", sorted(set(SEEDED) - set(STANDING)))
async def test_a_seeded_fault_is_found_mended_and_found_again(id_: str, server: MySqlServer) -> None:
    seed, undo, name = SEEDED[id_]
    database = server.create_database(CLEAN.get(id_, ""))
    adapter = open_mysql(server, database, access="read_only")
    try:
        assert name not in await _found(adapter, id_)
        server.run_sql(database, seed)
        finding = (await _found(adapter, id_))[name]
        assert finding.fix is not None
        assert bool(finding.fix.statements) != (id_ in BY_PERSON)
        for statement in finding.fix.statements:
            server.run_sql(database, statement)
            assert name not in await _found(adapter, id_)
        for statement in finding.fix.inverse:
            server.run_sql(database, statement)
            assert name in await _found(adapter, id_)
    finally:
        server.run_sql(database, undo)
        await adapter.close()
        server.drop_database(database)


@pytest.mark.parametrize("id_", sorted(STANDING))
async def test_a_check_of_what_stands_tells_what_the_server_says(id_: str, server: MySqlServer) -> None:
    adapter = open_mysql(server, server.create_database(), access="read_only")
    found = await _found(adapter, id_)
    assert {finding.id for finding in found.values()} <= {id_}
    if id_ == "MY-034":
        assert bool(found) == (server.run_sql("", "SELECT @@log_bin") == "0")
    await adapter.close()


def test_every_check_has_its_case() -> None:
    assert {check.id for check in CHECKS if check.pack == "security"} == set(SEEDED) | set(STANDING)
    assert len(CHECKS) >= 10


async def test_an_account_that_may_not_look_is_told_so(server: MySqlServer) -> None:
    database = server.create_database()
    server.run_sql(
        database,
        f"CREATE USER evil_small@'%' IDENTIFIED BY 'Secret-4711'; GRANT SELECT ON {database}.* TO evil_small@'%'",
    )
    adapter = open_mysql(server, database, user="evil_small", password="Secret-4711", access="read_only")
    try:
        facts = await adapter.security.facts(next(check for check in CHECKS if check.id == "MY-001"))
        assert isinstance(facts, Unsupported)
        assert "denied" in facts.reason
        info = await adapter.catalog.server_info()
        assert not info.is_superuser
        assert not [warning for warning in info.warnings if "account" in warning]
    finally:
        await adapter.close()
        server.run_sql(database, "DROP USER evil_small@'%'")
        server.drop_database(database)
