"""Audit log, approvals and store: what they refuse and what they find."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dbmanager.errors import ApprovalRequired, StoreError
from dbmanager.services.approvals import TOKEN_SECONDS
from dbmanager.services.container import Services
from dbmanager.services.store import Store
from tests.services.conftest import propose

pytestmark = pytest.mark.anyio
Open = Callable[..., Services]
ROOT = Path(__file__).parents[2]


def _store(folder: Path, sql: str) -> None:
    raw = sqlite3.connect(folder / "state" / "store.db")
    raw.execute(sql)
    raw.commit()
    raw.close()


async def _logged(services: Services, entries: int = 8) -> None:
    for number in range(entries):
        await services.audit.record("test", f"object {number}", "done", {"rows": number})


@pytest.mark.parametrize(
    ("tampering", "told"),
    [
        ("UPDATE audit_log SET object = 'other' WHERE number = 3", "entry 3 was changed"),
        ("UPDATE audit_log SET actor = 'nobody' WHERE number = 8", "entry 8 was changed"),
        ("DELETE FROM audit_log WHERE number = 4", "entries 4 to 4 are missing"),
        ("DELETE FROM audit_log WHERE number > 5", "cut off after entry 5"),
        ("DELETE FROM audit_log", "cut off after entry 0"),
    ],
)
async def test_tampering_with_the_log_is_found(folder: Path, open_services: Open, tampering: str, told: str) -> None:
    services = open_services()
    await _logged(services)
    assert (await services.audit.verify()).intact
    _store(folder, tampering)
    verdict = await services.audit.verify()
    assert any(told in problem for problem in verdict.problems), verdict


async def test_a_forged_or_missing_checkpoint_is_found(folder: Path, open_services: Open) -> None:
    services = open_services()
    await _logged(services)
    file = folder / "state" / "audit.checkpoint"
    kept = json.loads(file.read_text())
    _store(folder, "DELETE FROM audit_log WHERE number > 5")
    file.write_text(json.dumps({**kept, "number": 5}))
    assert not (await services.audit.verify()).intact
    file.unlink()
    assert not (await services.audit.verify()).intact


async def test_two_processes_keep_one_chain(folder: Path, open_services: Open) -> None:
    script = (
        "import anyio, sys; from pathlib import Path; from tests.services.conftest import make_services\n"
        "async def main():\n    s = make_services(Path(sys.argv[1]))\n"
        "    for n in range(25): await s.audit.record('test', str(n), 'done')\n    await s.close()\nanyio.run(main)"
    )
    children = [subprocess.Popen([sys.executable, "-c", script, str(folder)], cwd=ROOT) for _ in range(2)]
    assert [child.wait(60) for child in children] == [0, 0]
    verdict = await open_services().audit.verify()
    assert verdict.entries == 50
    assert verdict.intact, verdict


async def test_a_person_connection_gives_and_takes_no_token(open_services: Open) -> None:
    services = open_services(approval="person")
    change = await propose(services, "CREATE INDEX a ON accounts (owner)")
    with pytest.raises(ApprovalRequired, match="person"):
        services.approvals.issue_token(change, "person")
    token = services.approvals.issue_token(change, "client")
    with pytest.raises(ApprovalRequired, match="person"):
        await services.approvals.redeem(change, token, "person")
    with pytest.raises(ApprovalRequired, match="person"):
        await services.approvals.approve(change, approver="x", method="confirm_token", mode="person")


async def test_only_the_right_token_is_taken_and_only_once(
    open_services: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = open_services()
    first = await propose(services, "CREATE INDEX a ON accounts (owner)")
    second = await propose(services, "CREATE INDEX a ON accounts (owner)")
    token = services.approvals.issue_token(first, "client")
    for wrong in ("", "1", "x.y", token[:-1], token + "x", token.replace(".", "."), "9" * 400 + "." + "a"):
        if wrong != token:
            with pytest.raises(ApprovalRequired):
                await services.approvals.redeem(first, wrong, "client")
    with pytest.raises(ApprovalRequired, match="does not belong"):
        await services.approvals.redeem(second, token, "client")
    await services.approvals.redeem(first, token, "client")
    with pytest.raises(ApprovalRequired, match="used before"):
        await services.approvals.redeem(first, token, "client")
    late = services.approvals.issue_token(second, "client")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + TOKEN_SECONDS + 1)
    with pytest.raises(ApprovalRequired, match="expired"):
        await services.approvals.redeem(second, late, "client")


async def test_an_altered_plan_has_lost_its_approval(folder: Path, open_services: Open) -> None:
    services = open_services()
    change = await propose(services, "CREATE INDEX a ON accounts (owner)")
    await services.approvals.approve(change, approver="x", method="terminal", mode="person")
    _store(
        folder,
        "UPDATE change_set SET plan = replace(plan, 'CREATE INDEX a ON accounts (owner)', 'DROP TABLE accounts')",
    )
    altered = await services.changes.get(change.id)
    with pytest.raises(ApprovalRequired, match="altered"):
        await services.approvals.require(altered)
    with pytest.raises(ApprovalRequired):
        await services.changes.apply(change.id)


async def test_a_newer_store_is_refused(folder: Path, open_services: Open) -> None:
    services = open_services()
    await _logged(services, 1)
    await services.store.close()
    _store(folder, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match="newer"):
        await services.projects.ids()
    assert not list((folder / "state").glob("*.bak"))


async def test_many_processes_open_a_fresh_store_at_once(folder: Path, open_services: Open) -> None:
    script = (
        "import anyio, sys; from pathlib import Path; from tests.services.conftest import make_services\n"
        "async def main():\n    s = make_services(Path(sys.argv[1])); await s.projects.create('g', ['db']); await s.close()\n"
        "anyio.run(main)"
    )
    children = [subprocess.Popen([sys.executable, "-c", script, str(folder)], cwd=ROOT) for _ in range(4)]
    assert [child.wait(60) for child in children] == [0] * 4
    assert len(await open_services().projects.ids()) == 4


async def test_a_store_that_can_not_be_made_says_so(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(StoreError, match="store"):
        async with Store(blocked).read():
            pass


async def test_an_older_store_is_backed_up_and_upgraded_with_all_it_held(folder: Path, open_services: Open) -> None:
    services = open_services()
    project = await services.projects.create("keep me", ["db"])
    await services.close()
    raw = sqlite3.connect(services.store.data_dir / "store.db")
    for table in ("job", "worker", "kept_result", "decided_label", "disclosure", "job_log", "scratch", "workload", "metric_moment",
                  "alert_state", "review"):  # fmt: skip
        raw.execute(f"DROP TABLE {table}")
    raw.execute("UPDATE alembic_version SET version_num = '0001'")
    raw.commit()
    raw.close()
    upgraded = open_services()
    assert (await upgraded.projects.get(project.id)).goal == "keep me"
    assert await upgraded.jobs.newest() == []
    copy = sqlite3.connect(services.store.data_dir / "store.0001.bak")
    assert copy.execute("SELECT goal FROM project").fetchall() == [("keep me",)]
    copy.close()
