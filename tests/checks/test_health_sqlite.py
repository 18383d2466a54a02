"""SQLite's checks of health: silent on a sound file, and telling a fault made in a real one."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dbmanager.adapters.facets import Statement, Unsupported
from dbmanager.adapters.sqlite.adapter import SqliteAdapter
from dbmanager.adapters.sqlite.checks import CHECKS
from dbmanager.model.findings import Finding, Severity
from dbmanager.services.checking import run_checks

pytestmark = pytest.mark.anyio
HEALTH = {check.id: check for check in CHECKS if check.pack == "health"}
ODD = '"odd ""%s"" {quoted} 100%"'
SOUND = (
    f"PRAGMA journal_mode = WAL; CREATE TABLE {ODD} (id INTEGER PRIMARY KEY, t TEXT) STRICT; CREATE INDEX i ON {ODD} (t);"
    f"INSERT INTO {ODD} (t) WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n WHERE v < 7000) "
    f"SELECT 'row number ' || v || ' of a table that takes some room' FROM n; ANALYZE;"
)
Open = Callable[..., SqliteAdapter]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Return a maker of files; a connection that leaves its write-ahead log alone stays open to keep it."""
    held: list[sqlite3.Connection] = []
    numbers = itertools.count()

    def made(script: str) -> Path:
        path = tmp_path / f"file{next(numbers)}.db"
        held.append(sqlite3.connect(path))
        held[-1].executescript(script)
        path.chmod(0o600)
        if "wal_autocheckpoint" not in script:
            held.pop().close()
        return path

    yield made
    for raw in held:
        raw.close()


SEEDED = {
    "SQ-201": SOUND.replace("journal_mode = WAL", "journal_mode = DELETE"),
    "SQ-202": SOUND.replace("ANALYZE;", ""),
    "SQ-203": SOUND + f"DELETE FROM {ODD} WHERE id > 100; ANALYZE; INSERT INTO {ODD} (t) SELECT t || x.id FROM {ODD} AS y, "
              f"(SELECT id FROM {ODD} LIMIT 50) AS x;".replace("SELECT t || x.id", "SELECT y.t || x.id"),
    "SQ-204": SOUND + f"PRAGMA wal_autocheckpoint = 0; UPDATE {ODD} SET t = t || hex(zeroblob(4000));",
    "SQ-205": "PRAGMA page_size = 512; " + SOUND,
}  # fmt: skip


async def _found(adapter: SqliteAdapter, id_: str) -> list[Finding]:
    facts = await adapter.security.facts(HEALTH[id_])
    assert not isinstance(facts, Unsupported)
    return HEALTH[id_].findings(facts)


@pytest.mark.parametrize("id_", sorted(SEEDED))
async def test_a_seeded_fault_of_a_file_is_found_and_mended(
    id_: str, make: Callable[[str], Path], open_sqlite: Open
) -> None:
    assert await _found(open_sqlite(make(SOUND), read_only=True), id_) == []
    faulty = make(SEEDED[id_])
    adapter = open_sqlite(faulty, read_only=True)
    (finding,) = await _found(adapter, id_)
    assert finding.threshold
    assert finding.caveat
    assert finding.fix is not None
    assert finding.fix.advice
    await adapter.close()
    for statement in finding.fix.statements:
        await _carried_out(open_sqlite(faulty), statement)
        again = open_sqlite(faulty, read_only=True)
        assert await _found(again, id_) == []
        await again.close()
    for statement in finding.fix.inverse:
        await _carried_out(open_sqlite(faulty), statement)
        assert await _found(open_sqlite(faulty, read_only=True), id_)


async def _carried_out(adapter: SqliteAdapter, statement: str) -> None:
    """Carry a fix out as a change set would."""
    step = adapter.steps.change_step(await adapter.catalog.read_schema(), statement)
    await adapter.execute.execute(
        [Statement(step.statement)], atomic=step.transactional, lock_timeout_seconds=5, timeout_seconds=60
    )
    await adapter.close()


async def test_a_healthy_fresh_file_has_nothing_above_low(make: Callable[[str], Path], open_sqlite: Open) -> None:
    report = await run_checks(
        open_sqlite(make("CREATE TABLE t (a INTEGER) STRICT;"), read_only=True).security, engine="sqlite", pack="health"
    )
    assert set(report.checked) == set(HEALTH)
    assert [f for f in report.findings if f.severity.order < Severity.LOW.order] == []


def test_every_health_check_of_sqlite_has_its_case() -> None:
    assert set(SEEDED) == set(HEALTH)
