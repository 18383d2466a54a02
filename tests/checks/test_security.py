"""Every security check: a clean case, a seeded fault, its fix, and the fix undone; on the real engine."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dbmanager.adapters.facets import Unsupported
from dbmanager.adapters.postgresql.adapter import PostgresAdapter
from dbmanager.adapters.postgresql.checks import CHECKS as PG_CHECKS
from dbmanager.adapters.postgresql.checks.settings import SETTINGS
from dbmanager.adapters.sqlite.adapter import SqliteAdapter
from dbmanager.adapters.sqlite.checks import CHECKS as SQLITE_CHECKS
from dbmanager.model.findings import Finding, QueryCheck
from tests.engines import postgresql
from tests.engines.certificates import write_certificate
from tests.engines.instance import give_away
from tests.engines.postgresql import PostgresServer

pytestmark = pytest.mark.anyio

PG_SEEDED: dict[str, tuple[str, str]] = {
    "PG-010": ('CREATE ROLE "Too Strong" SUPERUSER', 'DROP ROLE "Too Strong"'),
    "PG-011": ("CREATE ROLE maker CREATEDB", "DROP ROLE maker"),
    "PG-012": ("CREATE ROLE runner; GRANT pg_execute_server_program TO runner", "DROP ROLE runner"),
    "PG-013": ("GRANT CREATE ON SCHEMA public TO PUBLIC", ""),
    "PG-014": ('CREATE TABLE "open table" (a int); GRANT SELECT, INSERT ON "open table" TO PUBLIC', ""),
    "PG-016": (
        "CREATE ROLE lesser; GRANT CREATE ON SCHEMA public TO lesser; SET ROLE lesser;"
        "CREATE FUNCTION definer(a int) RETURNS int SECURITY DEFINER LANGUAGE sql AS 'SELECT a'; RESET ROLE",
        "DROP FUNCTION definer(int); REVOKE CREATE ON SCHEMA public FROM lesser; DROP ROLE lesser",
    ),
    "PG-017": (
        "CREATE FUNCTION strong(a int) RETURNS int SECURITY DEFINER SET search_path = pg_catalog LANGUAGE sql "
        "AS 'SELECT a'",
        "",
    ),
    "PG-018": ("CREATE TABLE guarded (a int); CREATE POLICY p ON guarded USING (a > 0)", ""),
    "PG-020": ("CREATE TABLE silent (a int); ALTER TABLE silent ENABLE ROW LEVEL SECURITY", "DROP TABLE silent"),
    "PG-023": (
        "CREATE LANGUAGE wild HANDLER plpgsql_call_handler; UPDATE pg_language SET lanpltrusted = false "
        "WHERE lanname = 'wild'",
        "DROP LANGUAGE wild",
    ),
    "PG-053": (
        "CREATE ROLE reader; GRANT EXECUTE ON FUNCTION pg_read_file(text) TO reader",
        "REVOKE EXECUTE ON FUNCTION pg_read_file(text) FROM reader; DROP ROLE reader",
    ),
}
Open = Callable[..., PostgresAdapter]


def _check(id_: str) -> QueryCheck:
    return next(check for check in (*PG_CHECKS, *SQLITE_CHECKS) if check.id == id_)


async def _found(adapter: PostgresAdapter | SqliteAdapter, id_: str) -> list[Finding]:
    check = _check(id_)
    facts = await adapter.security.facts(check)
    assert not isinstance(facts, Unsupported)
    return check.findings(facts)


@pytest.mark.parametrize("id_", sorted(PG_SEEDED))
async def test_a_seeded_fault_is_found_mended_and_found_again(
    id_: str, pg_server: PostgresServer, pg_database: str, open_postgres: Open
) -> None:
    seed, undo = PG_SEEDED[id_]
    adapter = open_postgres(pg_database, access="read_only")
    assert await _found(adapter, id_) == []
    pg_server.run_sql(pg_database, seed)
    try:
        (finding,) = await _found(adapter, id_)
        assert finding.fix is not None
        assert finding.fix.advice
        if finding.fix.statements:
            pg_server.run_sql(pg_database, ";".join(finding.fix.statements))
            assert await _found(adapter, id_) == []
            if finding.fix.inverse:
                pg_server.run_sql(pg_database, ";".join(finding.fix.inverse))
                assert [f.object_name for f in await _found(adapter, id_)] == [finding.object_name]
    finally:
        pg_server.run_sql(pg_database, undo)
    if undo:
        assert await _found(adapter, id_) == []


@pytest.fixture(scope="module")
def other_settings() -> Iterator[PostgresServer]:
    """A server whose settings are the opposite of the usual test server's in every way the checks judge."""
    folder = Path(tempfile.mkdtemp(prefix="dbmanager-tls-"))
    try:
        certificate, key = write_certificate(folder)
        give_away(folder, certificate, key)
        with postgresql.running(
            ssl="on", ssl_cert_file=str(certificate), ssl_key_file=str(key), log_connections="on",
            shared_preload_libraries="", password_encryption="md5",
        ) as server:  # fmt: skip
            yield server
    finally:
        shutil.rmtree(folder)


FAULTY_THERE = {"PG-006", "PG-040"}
"""The other server has these faults; the usual one has the rest."""


@pytest.mark.parametrize("id_", [check.id for check in SETTINGS])
async def test_a_setting_is_judged_both_ways(
    id_: str, pg_database: str, open_postgres: Open, other_settings: PostgresServer
) -> None:
    usual = open_postgres(pg_database)
    other = open_postgres("postgres")
    other._sessions.url = other._sessions.url.model_copy(update={"port": other_settings.port})
    verdicts = bool(await _found(usual, id_)), bool(await _found(other, id_))
    assert verdicts == ((False, True) if id_ in FAULTY_THERE else (True, False))


def test_every_postgresql_check_has_its_pair() -> None:
    assert set(PG_SEEDED) | {check.id for check in SETTINGS} == {c.id for c in PG_CHECKS if c.pack == "security"}


def _file(folder: Path, script: str = "CREATE TABLE t (a INTEGER) STRICT;", name: str = "data.db") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    path = folder / name
    raw = sqlite3.connect(path)
    raw.executescript(script)
    raw.close()
    path.chmod(0o600)
    return path


def _open_to_others(folder: Path) -> Path:
    path = _file(folder)
    path.chmod(0o644)
    return path


def _open_folder(folder: Path) -> Path:
    path = _file(folder)
    folder.chmod(0o777)
    return path


def _freed(folder: Path) -> Path:
    return _file(
        folder,
        "PRAGMA auto_vacuum = NONE; CREATE TABLE t (a TEXT) STRICT; CREATE TABLE u (a TEXT) STRICT;"
        "INSERT INTO u SELECT hex(zeroblob(50000)); DROP TABLE u;",
    )


def _orphans(folder: Path) -> Path:
    return _file(
        folder,
        "CREATE TABLE p (id INTEGER PRIMARY KEY) STRICT; CREATE TABLE c (p INTEGER REFERENCES p) STRICT;"
        "INSERT INTO c VALUES (7);",
    )


def _damaged(folder: Path) -> Path:
    path = _file(folder, "CREATE TABLE t (a TEXT) STRICT; INSERT INTO t SELECT hex(zeroblob(3000)) FROM "
                         "(VALUES (1), (2), (3), (4), (5));")  # fmt: skip
    data = bytearray(path.read_bytes())
    data[4096 : 2 * 4096] = bytes(4096)
    path.write_bytes(data)
    return path


def _sidecar(folder: Path) -> Path:
    path = _file(folder)
    (folder / "data.db-wal").write_bytes(b"")
    (folder / "data.db-wal").chmod(0o644)
    return path


def _journal(folder: Path) -> Path:
    path = _file(folder)
    (folder / "data.db-journal").write_bytes(b"\0" * 512)
    (folder / "data.db-journal").chmod(0o600)
    return path


def _copy(folder: Path) -> Path:
    path = _file(folder)
    shutil.copy(path, folder / "data.db.bak")
    return path


SQLITE_SEEDED: dict[str, Callable[[Path], Path]] = {
    "SQ-001": _open_to_others,
    "SQ-002": _open_folder,
    "SQ-005": _freed,
    "SQ-007": _orphans,
    "SQ-008": _damaged,
    "SQ-011": lambda folder: _file(folder, "CREATE VIEW v AS SELECT load_extension('x');"),
    "SQ-012": lambda folder: _file(folder, "CREATE TABLE loose (a INTEGER);"),
    "SQ-016": _sidecar,
    "SQ-017": _journal,
    "SQ-021": lambda folder: _file(folder, "PRAGMA writable_schema = ON; INSERT INTO sqlite_schema VALUES ('table', "
                                           "'outside', 'outside', 0, 'CREATE VIRTUAL TABLE outside USING csv(f)');"),
    "SQ-022": _copy,
    "SQ-023": lambda folder: _file(folder / "public_html"),
}  # fmt: skip


@pytest.mark.parametrize("id_", sorted(SQLITE_SEEDED))
async def test_a_seeded_sqlite_fault_is_found_and_a_clean_file_is_not(
    id_: str, tmp_path: Path, open_sqlite: Callable[..., SqliteAdapter]
) -> None:
    assert await _found(open_sqlite(_file(tmp_path / "clean"), read_only=True), id_) == []
    (finding,) = await _found(open_sqlite(SQLITE_SEEDED[id_](tmp_path / "faulty"), read_only=True), id_)
    assert finding.fix is not None
    assert finding.fix.advice


def test_every_sqlite_check_has_its_pair() -> None:
    assert set(SQLITE_SEEDED) == {c.id for c in SQLITE_CHECKS if c.pack == "security"}
