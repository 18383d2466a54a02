"""MySQL and MariaDB as they are met outside: accounts of managed services, FLOAT in logical dumps."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

import anyio
import pytest

from dbmanager.adapters.backup_files import file_digest
from dbmanager.adapters.facets import Unsupported
from dbmanager.adapters.mysql import programs
from dbmanager.adapters.mysql.adapter import MysqlAdapter
from dbmanager.adapters.mysql.grants import _covers
from dbmanager.errors import PermissionDenied
from dbmanager.model.backups import BackupArtifact
from dbmanager.model.configuration import Configuration
from dbmanager.model.jobs import Outcome
from dbmanager.model.queries import QueryRequest
from dbmanager.phases.planning.assess import assess
from dbmanager.phases.recovery.jobs import backup_work, drill_work
from dbmanager.services.checking import run_checks
from dbmanager.services.configuration import LoadedConfiguration
from dbmanager.services.container import Services
from tests.engines.instance import login
from tests.engines.mysql_family import MySqlServer, open_mysql

pytestmark = pytest.mark.anyio
SECRET = "managed-Secret-4711"
SHOP = """
CREATE TABLE mine (id int PRIMARY KEY, email varchar(40));
INSERT INTO mine VALUES (1, 'a@example.org');
CREATE TABLE kids (id int PRIMARY KEY, mine_id int, CONSTRAINT k FOREIGN KEY (mine_id) REFERENCES mine (id) ON DELETE CASCADE);
CREATE TABLE closed (id int PRIMARY KEY, secret varchar(40));
CREATE TABLE partly (id int PRIMARY KEY, secret varchar(40));
CREATE VIEW seen AS SELECT id FROM mine;
CREATE TRIGGER noted BEFORE INSERT ON mine FOR EACH ROW SET NEW.email = lower(NEW.email);
CREATE FUNCTION one() RETURNS int DETERMINISTIC RETURN 1;
CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DO SELECT 1;
"""


@dataclass(frozen=True, slots=True)
class Managed:
    """A database and an account that owns nothing on its server."""

    server: MySqlServer
    database: str

    def grant(self, rights: str, on: str = "*") -> None:
        """Grant rights on the database, or on one table of it."""
        self.server.run_sql("", f"GRANT {rights} ON {self.database}.{on} TO managed")

    def allow_scratch(self) -> None:
        """Grant what the refusal of a restore names."""
        self.server.run_sql("", r"GRANT ALL PRIVILEGES ON `dbmanager\_scratch\_%`.* TO managed")


@pytest.fixture(params=["mysql", "mariadb"])
def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> MySqlServer:
    found: MySqlServer = request.getfixturevalue(f"{request.param}_server")
    monkeypatch.setenv("PATH", f"{found.programs}{os.pathsep}{os.environ['PATH']}")
    return found


@pytest.fixture
def managed(server: MySqlServer) -> Iterator[Managed]:
    database = server.create_database(SHOP)
    server.run_sql("", f"CREATE USER managed IDENTIFIED BY '{SECRET}'")
    yield Managed(server, database)
    server.run_sql("", "DROP USER managed")
    server.drop_database(database)


@pytest.fixture
async def adapter(managed: Managed) -> AsyncIterator[MysqlAdapter]:
    made = open_mysql(managed.server, managed.database, user="managed", password=SECRET)
    yield made
    await made.close()


@pytest.fixture
async def open_services(server: MySqlServer, tmp_path: Path) -> AsyncIterator[Callable[..., Services]]:
    opened: list[Services] = []

    def open_(database: str, user: str, secret: str) -> Services:
        url = f"mysql://{user}:{quote(secret, safe='')}@{server.host}:{server.port}/{database}"
        connections = {"shop": {"url": url, "access": "read_write"}}
        settings = Configuration.model_validate({"connections": connections, "store": {"data_dir": "state"}})
        opened.append(Services(LoadedConfiguration(settings, (), tmp_path)))
        return opened[-1]

    yield open_
    for services in opened:
        await services.close()


async def _ignored(done: float, total: float | None, message: str) -> None:
    """Take progress."""


async def _drilled(services: Services) -> tuple[Outcome, Outcome]:
    made = await backup_work(services, {"connection": "shop"}, _ignored)
    return made, await drill_work(services, {"connection": "shop"}, _ignored)


async def test_a_managed_account_is_told_what_it_could_not_see(managed: Managed, adapter: MysqlAdapter) -> None:
    managed.grant("SELECT, INSERT, UPDATE, DELETE")
    info = await adapter.catalog.server_info()
    assert not info.is_superuser
    assert (await adapter.query.run(QueryRequest("SELECT id FROM mine"))).rows == ((1,),)
    (key,) = (await adapter.catalog.read_schema()).table("kids").foreign_keys
    assert (key.referred_table, key.on_delete) == ("mine", "CASCADE")
    assessment = await assess(adapter, "see", has_proved_backup=False)
    assert {entity.name for entity in assessment.record.entities} == {"mine", "kids", "closed", "partly"}
    report = await run_checks(adapter.security, engine="mysql")
    assert {"MY-001", "MY-006", "MY-048", "MY-049"} <= set(report.not_run), "its own grants are not everybody's"
    assert all("SELECT command denied" in report.not_run[id_] for id_ in ("MY-001", "MY-006"))
    assert {"MY-016", "MY-042"} <= set(report.checked)


async def test_an_account_of_single_tables_is_served_with_those(managed: Managed, adapter: MysqlAdapter) -> None:
    managed.grant("SELECT", "mine")
    managed.grant("INSERT", "closed")
    managed.grant("SELECT (id)", "partly")
    with pytest.raises(PermissionDenied, match="closed"):
        await adapter.query.run(QueryRequest("SELECT * FROM closed"))
    assessment = await assess(adapter, "see", has_proved_backup=False)
    assert {entity.name for entity in assessment.record.entities} == {"mine", "closed", "partly"}
    assert assessment.report.checked
    usage = await adapter.statistics.index_usage()
    assert isinstance(usage, Unsupported)


async def test_a_backup_names_what_the_account_may_not_dump(
    managed: Managed, open_services: Callable[..., Services], monkeypatch: pytest.MonkeyPatch
) -> None:
    managed.grant("SELECT", "mine")
    managed.grant("SELECT", "kids")
    managed.grant("INSERT", "closed")
    services = open_services(managed.database, "managed", SECRET)
    monkeypatch.setitem(programs.SERVER, managed.server.engine, ("no-such-server",))
    with pytest.raises(PermissionDenied, match="scratch database") as refused:
        await _drilled(services)
    assert r"ON `dbmanager\_scratch\_%`.* TO managed@%" in str(refused.value.hint)
    managed.allow_scratch()
    made, drilled = await _drilled(services)
    for text in (made.text, drilled.text):
        assert "NOT in it, or not exactly: table closed: the account may not read it" in text
        for what, right in (("events", "EVENT"), ("triggers", "TRIGGER"), ("routines", "EXECUTE")):
            assert f"{what}: the account lacks {right}" in text
    assert "2 tables restored" in drilled.text


async def test_a_backup_of_an_account_with_every_right_lacks_nothing(
    server: MySqlServer, managed: Managed, open_services: Callable[..., Services]
) -> None:
    made, drilled = await _drilled(open_services(managed.database, *login(server.engine)))
    assert "NOT in it" not in made.text + drilled.text
    assert "4 tables restored" in drilled.text


async def test_a_restore_of_others_triggers_names_the_right_that_is_missing(
    managed: Managed, adapter: MysqlAdapter, tmp_path: Path
) -> None:
    managed.grant("ALL PRIVILEGES")
    managed.allow_scratch()
    made = await adapter.backup.back_up(tmp_path / "made.backup")
    assert isinstance(made, BackupArtifact)
    with pytest.raises(PermissionDenied, match=r"1227|1419") as refused:
        async with adapter.backup.restore_to_scratch(made):
            pass
    wanted = "log_bin_trust_function_creators" if "1419" in refused.value.message else "definer"
    assert wanted in str(refused.value.hint)
    assert managed.server.run_sql("", "SHOW DATABASES LIKE 'dbmanager%'") == ""


@pytest.mark.parametrize(
    ("level", "database", "covered"),
    [("*.*", "shop", True), ("`shop`.*", "shop", True), ("`sh_p`.*", "shop", True), (r"`sh\_p`.*", "shop", False),
     (r"`sh\_p`.*", "sh_p", True), ("`s%`.*", "shop", True), ("`x``y`.*", "x`y", True), ("`other`.*", "shop", False)],
)  # fmt: skip
def test_a_grant_covers_the_databases_of_its_pattern(level: str, database: str, covered: bool) -> None:
    assert _covers(level, database) is covered


async def test_a_drill_of_wide_floats_says_which_columns_lost_digits(
    server: MySqlServer, open_services: Callable[..., Services]
) -> None:
    database = server.create_database(
        "CREATE TABLE measured (id int PRIMARY KEY, wide float, narrow float, exact double);"
        "INSERT INTO measured VALUES (1, 16777215, 1.5, 0.1), (2, 0.12345678, 1e30, 1e-7), (3, 1, NULL, NULL),"
        "(4, 3.4028234e38, -0.25, 0), (5, -1234567, 3, 16777215)"
    )
    try:
        made, drilled = await _drilled(open_services(database, *login(server.engine)))
        for text in (made.text, drilled.text):
            assert "column measured.wide: 4 single-precision values have more than the 6 digits" in text
            assert "narrow" not in text
            assert "exact:" not in text
        assert "is good" in drilled.text
        assert (drilled.facts or {})["passed"] is True
    finally:
        server.drop_database(database)


async def test_a_number_whose_sixth_digit_changed_fails_the_drill(
    server: MySqlServer, open_services: Callable[..., Services]
) -> None:
    database = server.create_database("CREATE TABLE measured (id int PRIMARY KEY, wide float)")
    server.run_sql(database, "INSERT INTO measured VALUES (1, 0.12345678)")
    services = open_services(database, *login(server.engine))
    try:
        await backup_work(services, {"connection": "shop"}, _ignored)
        _, artifact, digests = await services.backups.get(str(await services.backups.newest("shop")))
        artifact.path.write_bytes(artifact.path.read_bytes().replace(b"0.123457", b"0.123458"))
        forged = replace(artifact, sha256=file_digest(artifact.path))
        backup = await services.backups.add("shop", forged, digests)
        drilled = await drill_work(services, {"connection": "shop", "backup": backup}, _ignored)
        assert "DRILL FAILED:\n- measured: 1 rows" in drilled.text
    finally:
        server.drop_database(database)


@pytest.mark.parametrize("product", ["mysql", "mariadb"])
async def test_at_most_four_connections_are_opened_however_many_calls_come(
    product: str, request: pytest.FixtureRequest
) -> None:
    server: MySqlServer = request.getfixturevalue(f"{product}_server")
    database = server.create_database("CREATE TABLE t (id int PRIMARY KEY);")
    adapter = open_mysql(server, database, access="read_only")
    ours = "SELECT count(*) FROM information_schema.PROCESSLIST WHERE DB = DATABASE()"
    most = 0

    async def read() -> None:
        nonlocal most
        most = max(most, int(str((await adapter.query.fetch(ours))[0][0])))

    async with anyio.create_task_group() as group:
        for _ in range(40):
            group.start_soon(read)
            group.start_soon(adapter.catalog.server_info)
    await adapter.close()
    server.drop_database(database)
    assert 2 <= most <= 4
