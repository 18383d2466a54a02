from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from dbmanager.errors import (
    AccessDenied,
    ApprovalRequired,
    AuditUnavailable,
    ConstraintViolated,
    InvalidStatement,
    InvalidTransition,
    Irreversible,
    StaleChange,
    VerificationFailed,
)
from dbmanager.model.backups import BackupArtifact
from dbmanager.model.changes import ChangeState, StepState
from dbmanager.services.container import Services
from tests.services.conftest import approve, propose, query

pytestmark = pytest.mark.anyio
Open = Callable[..., Services]
ROOT = Path(__file__).parents[2]
SLOW = (
    "INSERT INTO big (n) WITH RECURSIVE x(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM x WHERE i < 8000000) SELECT i FROM x WHERE i % 4000 = 0",
    "DELETE FROM big",
)
FIRST = "CREATE INDEX ix_first ON accounts (owner)"
LAST = "CREATE INDEX ix_last ON accounts (balance)"


async def _killed_in_step_two(services: Services, folder: Path) -> str:
    change = await propose(services, FIRST, SLOW, LAST)
    await approve(services, change)
    child = subprocess.Popen([sys.executable, "-m", "tests.services.applying", str(folder), change.id], cwd=ROOT)
    deadline = time.monotonic() + 30
    try:
        while (await services.changes.get(change.id)).steps[1].state is not StepState.RUNNING:
            assert time.monotonic() < deadline
            assert child.poll() is None
        child.send_signal(signal.SIGKILL)
    finally:
        child.kill()
        child.wait()
    while (await services.changes.get(change.id)).state is not ChangeState.INTERRUPTED:
        assert time.monotonic() < deadline
        await anyio.sleep(0.1)
    return change.id


async def test_after_a_kill_the_state_is_told_truthfully_and_the_change_resumes(
    folder: Path, open_services: Open
) -> None:
    services = open_services()
    id_ = await _killed_in_step_two(services, folder)
    told = await services.changes.reconcile(id_)
    assert told.steps[0].state is StepState.APPLIED
    assert told.steps[1].state in (StepState.FAILED, StepState.UNKNOWN)
    assert told.steps[2].state is StepState.PENDING
    assert query(folder, "SELECT count(*) FROM big") == [(0,)]
    done = await services.changes.apply(id_)
    assert [step.state for step in done.steps] == [StepState.APPLIED] * 3
    assert query(folder, "SELECT count(*) FROM big") == [(2_000,)]
    assert query(folder, "SELECT count(*) FROM sqlite_schema WHERE name IN ('ix_first', 'ix_last')") == [(2,)]


async def test_after_a_kill_the_change_can_be_rolled_back(folder: Path, open_services: Open) -> None:
    services = open_services()
    id_ = await _killed_in_step_two(services, folder)
    done = await services.changes.roll_back(id_)
    assert done.state is ChangeState.ROLLED_BACK
    assert query(folder, "SELECT count(*) FROM sqlite_schema WHERE name = 'ix_first'") == [(0,)]
    assert query(folder, "SELECT count(*) FROM big") == [(0,)]
    assert (await services.audit.verify()).intact


async def test_changed_and_deleted_rows_come_back_and_are_kept_sealed(folder: Path, open_services: Open) -> None:
    services = open_services()
    before = query(folder, "SELECT * FROM accounts ORDER BY id")
    change = await propose(
        services,
        "UPDATE accounts SET owner = 'gone', balance = 0 WHERE id <= 50",
        "DELETE FROM accounts WHERE id > 190",
    )
    await approve(services, change)
    await services.changes.apply(change.id)
    assert query(folder, "SELECT count(*), sum(balance = 0) FROM accounts") == [(190, 50)]
    for file in [f for f in (folder / "state").iterdir() if f.is_file()]:
        assert b"plain-secret-owner" not in file.read_bytes()
    await services.changes.roll_back(change.id)
    assert query(folder, "SELECT * FROM accounts ORDER BY id") == before


async def test_a_stale_plan_is_refused(folder: Path, open_services: Open) -> None:
    services = open_services()
    change = await propose(services, FIRST)
    await approve(services, change)
    query(folder, "CREATE TABLE other (a)")
    with pytest.raises(StaleChange):
        await services.changes.apply(change.id)
    assert query(folder, "SELECT count(*) FROM sqlite_schema WHERE name = 'ix_first'") == [(0,)]
    assert (await services.changes.get(change.id)).steps[0].state is StepState.PENDING


async def test_of_two_processes_one_applies(folder: Path, open_services: Open) -> None:
    services = open_services()
    change = await propose(services, SLOW, LAST)
    await approve(services, change)
    command = [sys.executable, "-m", "tests.services.applying", str(folder), change.id]
    children = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    ends = [(child.communicate()[0].strip(), child.returncode) for child in children]
    assert sorted(ends) == [("", 0), ("invalid_transition", 3)]
    assert query(folder, "SELECT count(*) FROM big") == [(2_000,)]


async def test_a_failing_step_leaves_earlier_ones_and_the_change_resumes_or_goes_back(
    folder: Path, open_services: Open
) -> None:
    services = open_services()
    change = await propose(services, FIRST, "CREATE UNIQUE INDEX ix_unique ON big (n)", LAST)
    await approve(services, change)
    _write(folder, "INSERT INTO big (n) VALUES (1), (1)")
    with pytest.raises(ConstraintViolated):
        await services.changes.apply(change.id)
    failed = await services.changes.get(change.id)
    assert failed.state is ChangeState.FAILED
    assert [s.state for s in failed.steps] == [StepState.APPLIED, StepState.FAILED, StepState.PENDING]
    _write(folder, "DELETE FROM big")
    assert (await services.changes.apply(change.id)).state is ChangeState.APPLIED
    assert (await services.changes.roll_back(change.id)).state is ChangeState.ROLLED_BACK
    assert query(folder, "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'ix%'") == [(0,)]


def _write(folder: Path, sql: str) -> None:
    raw = sqlite3.connect(folder / "data.db")
    raw.execute(sql)
    raw.commit()
    raw.close()


async def test_what_can_not_be_undone_is_refused_as_a_whole(folder: Path, open_services: Open) -> None:
    services = open_services()
    change = await propose(services, FIRST, "ALTER TABLE big DROP COLUMN n")
    await approve(services, change)
    await services.changes.apply(change.id)
    with pytest.raises(Irreversible, match="step 2"):
        await services.changes.roll_back(change.id)
    assert query(folder, "SELECT count(*) FROM sqlite_schema WHERE name = 'ix_first'") == [(1,)]


async def test_production_wants_a_proved_backup_before_what_can_not_be_undone(
    folder: Path, open_services: Open
) -> None:
    services = open_services(environment="production")
    change = await propose(services, "ALTER TABLE big DROP COLUMN n")
    await approve(services, change)
    with pytest.raises(Irreversible, match="backup"):
        await services.changes.apply(change.id)
    adapter = await services.connections.adapter("db")
    made = await adapter.backup.back_up(services.backups.folder / "b")  # type: ignore[union-attr]
    assert isinstance(made, BackupArtifact)
    await services.backups.proved(await services.backups.add("db", made, {}), {}, passed=True)
    assert (await services.changes.apply(change.id)).state is ChangeState.APPLIED


async def test_nothing_is_applied_without_approval_access_or_audit(folder: Path, open_services: Open) -> None:
    services = open_services()
    change = await propose(services, FIRST)
    with pytest.raises(ApprovalRequired):
        await services.changes.apply(change.id)
    await approve(services, change)
    with pytest.raises(AccessDenied):
        await open_services(access="read_only").changes.apply(change.id)
    await services.store.close()
    (folder / "state" / "audit.key").write_bytes(b"short")
    with pytest.raises(AuditUnavailable):
        await services.changes.apply(change.id)
    assert query(folder, "SELECT count(*) FROM sqlite_schema WHERE name = 'ix_first'") == [(0,)]


async def test_verification_finds_an_effect_that_is_gone(folder: Path, open_services: Open) -> None:
    services = open_services()
    change = await propose(services, FIRST)
    await approve(services, change)
    await services.changes.apply(change.id)
    await services.changes.verify(change.id)
    _write(folder, "DROP INDEX ix_first")
    with pytest.raises(VerificationFailed):
        await services.changes.verify(change.id)
    with pytest.raises(InvalidTransition):
        await services.changes.apply(change.id)


async def test_an_update_that_changes_nothing_is_told_and_not_called_a_failure(
    folder: Path, open_services: Open
) -> None:
    services = open_services()
    change = await propose(services, "UPDATE accounts SET balance = balance WHERE id < 50")
    await approve(services, change)
    applied = await services.changes.apply(change.id)
    assert applied.state is ChangeState.APPLIED
    assert (await services.changes.verify(change.id)).state is ChangeState.VERIFIED
    far = await propose(services, "UPDATE accounts SET balance = CASE WHEN id > 150 THEN 0 ELSE balance END")
    await approve(services, far)
    await services.changes.apply(far.id)
    assert (await services.changes.verify(far.id)).state is ChangeState.VERIFIED


async def test_a_table_and_its_index_are_made_by_one_change_and_taken_away_again(
    folder: Path, open_services: Open
) -> None:
    services = open_services()
    change = await propose(
        services, "CREATE TABLE later (id INTEGER PRIMARY KEY, code INTEGER)", "CREATE INDEX later_code ON later (code)"
    )
    await approve(services, change)
    made = "SELECT name FROM sqlite_master WHERE name LIKE 'later%' ORDER BY name"
    assert (await services.changes.apply(change.id)).state is ChangeState.APPLIED
    assert query(folder, made) == [("later",), ("later_code",)]
    assert (await services.changes.roll_back(change.id)).state is ChangeState.ROLLED_BACK
    assert query(folder, made) == []


@pytest.mark.parametrize("name", ["ix_owner", 'odd "%s" {0} 100%'])
async def test_an_index_dropped_by_a_statement_is_made_again_by_the_roll_back(
    open_services: Callable[..., Services], folder: Path, name: str
) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    there = f"SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND name = '{name}'"
    _write(folder, f"CREATE INDEX {quoted} ON accounts (owner)")
    services = open_services()
    change = await propose(services, f"DROP INDEX {quoted}")
    await approve(services, change)
    await services.changes.apply(change.id)
    assert query(folder, there) == [(0,)]
    await services.changes.roll_back(change.id)
    assert query(folder, there) == [(1,)]


async def test_an_index_that_is_not_there_is_told_before_anything_is_planned(
    open_services: Callable[..., Services],
) -> None:
    with pytest.raises(InvalidStatement, match="no index 'nothing'"):
        await propose(open_services(), "DROP INDEX nothing")
