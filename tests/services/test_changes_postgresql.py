"""A change set on PostgreSQL whose process is killed: the state is told truthfully, and it goes on or back."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from dbmanager.model.changes import ChangeState, StepState
from dbmanager.services.container import Services
from tests.engines.postgresql import PASSWORD, PostgresServer
from tests.services.conftest import approve, make_services, propose

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[2]
TABLES = (
    "CREATE TABLE accounts (id int PRIMARY KEY, owner text NOT NULL, opened timestamptz, kept interval, balance numeric);"
    "INSERT INTO accounts SELECT n, 'owner ' || n, now(), '3 days', n * 1.10 FROM generate_series(1, 20000) AS n;"
    "CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN PERFORM count(*) FROM generate_series(1, 2000); RETURN new; END $$;"
    "CREATE TRIGGER slowly BEFORE UPDATE ON accounts FOR EACH ROW EXECUTE FUNCTION slowly();"
)
STEPS = (
    "DELETE FROM accounts WHERE id > 19990",
    "UPDATE accounts SET balance = balance * 2, kept = '1 year 2 days'",
    "CREATE INDEX CONCURRENTLY ix_owner ON accounts (owner)",
)
STATE = "SELECT md5(string_agg(a::text, ',' ORDER BY id)) FROM accounts AS a"

RUNNING = (
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE query LIKE 'UPDATE accounts%' AND state <> 'idle' AND pid <> pg_backend_pid()"
)


@pytest.fixture
async def services(
    tmp_path: Path, pg_server: PostgresServer, pg_database: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Services]:
    pg_server.run_sql(pg_database, TABLES)
    (tmp_path / "address").write_text(pg_server.url(pg_database))
    monkeypatch.setenv("PW", PASSWORD)
    services = make_services(tmp_path, url=pg_server.url(pg_database), password={"env": "PW"})
    yield services
    await services.close()


async def _killed(services: Services, folder: Path, moment: float) -> str:
    """Kill the applying process `moment` seconds into its second step."""
    change = await propose(services, *STEPS)
    await approve(services, change)
    child = subprocess.Popen([sys.executable, "-m", "tests.services.applying", str(folder), change.id], cwd=ROOT)
    try:
        with anyio.fail_after(40):
            while (await services.changes.get(change.id)).steps[1].state is not StepState.RUNNING:
                assert child.poll() is None
                await anyio.sleep(0.02)
            await anyio.sleep(moment)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    deadline = time.monotonic() + 30
    while (await services.changes.get(change.id)).state not in (ChangeState.INTERRUPTED, ChangeState.APPLIED):
        assert time.monotonic() < deadline
        await anyio.sleep(0.2)
    return change.id


@pytest.mark.parametrize("moment", [0.0, 0.4, 1.2])
async def test_after_a_kill_the_change_goes_on_or_back(
    moment: float, services: Services, tmp_path: Path, pg_server: PostgresServer, pg_database: str
) -> None:
    before = pg_server.run_sql(pg_database, STATE)
    doubled = "SELECT count(*) FROM accounts WHERE kept = '1 year 2 days'"
    id_ = await _killed(services, tmp_path, moment)
    deadline = time.monotonic() + 5
    while pg_server.run_sql(pg_database, RUNNING).strip() != "0":
        assert time.monotonic() < deadline
    told = await services.changes.reconcile(id_)
    assert told.steps[0].state is StepState.APPLIED
    changed = pg_server.run_sql(pg_database, doubled).strip()
    assert told.steps[1].state is {"0": StepState.FAILED, "19990": StepState.APPLIED}[changed]
    done = await services.changes.apply(id_)
    assert [step.state for step in done.steps] == [StepState.APPLIED] * 3
    assert pg_server.run_sql(pg_database, doubled).strip() == "19990"
    assert (await services.changes.verify(id_)).state is ChangeState.VERIFIED
    await services.changes.roll_back(id_)
    assert pg_server.run_sql(pg_database, STATE) == before
    assert pg_server.run_sql(pg_database, "SELECT count(*) FROM pg_indexes WHERE indexname = 'ix_owner'").strip() == "0"
