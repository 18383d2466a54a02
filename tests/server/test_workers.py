"""Workers on a store that several processes share: lanes, priorities, logs, and writes that are held."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import pairwise
from pathlib import Path

import anyio
import pytest
from dbmanager_server.app import make_services
from dbmanager_server.on_demand import Starter

from dbmanager.model.jobs import JobState, Outcome
from dbmanager.services.configuration import load
from dbmanager.services.container import Services
from dbmanager.services.jobs import Jobs
from dbmanager.services.store import Store
from tests.engines.postgresql import PASSWORD, PostgresServer

pytestmark = pytest.mark.anyio
DATABASES = 6
ROWS = 2_000
OpenServices = Callable[[], Services]


@pytest.fixture
def shared(tmp_path: Path, pg_server: PostgresServer) -> Iterator[Path]:
    """A folder whose store stands on PostgreSQL, with several SQLite files to work on."""
    name = pg_server.create_database()
    (tmp_path / "password").write_text(PASSWORD)
    (tmp_path / "password").chmod(0o600)
    url = pg_server.url(name).replace("postgresql://", "postgresql+asyncpg://")
    lines = ['[store]\ndata_dir = "state"', f'url = "{url}"', 'password = { file = "password" }', "[worker]\nslots = 3"]
    for number in range(DATABASES):
        raw = sqlite3.connect(tmp_path / f"shop{number}.db")
        raw.executescript(
            "CREATE TABLE item (id INTEGER PRIMARY KEY, label TEXT);"
            f"INSERT INTO item SELECT value, 'item ' || value FROM (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL "
            f"SELECT value + 1 FROM n WHERE value < {ROWS}) SELECT value FROM n);"
        )
        raw.close()
        lines.append(f'[connections.shop{number}]\nurl = "sqlite:///shop{number}.db"')
    (tmp_path / "dbmanager.toml").write_text("\n".join(lines))
    yield tmp_path
    pg_server.drop_database(name)


@pytest.fixture
async def services(shared: Path) -> AsyncIterator[Services]:
    made = make_services(load(path=shared / "dbmanager.toml"))
    yield made
    await made.close()


def _worker(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "dbmanager_server.cli", "worker"], cwd=folder, env={**os.environ, "HOME": str(folder)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


async def test_two_workers_on_one_store_never_do_the_same_job_and_keep_to_the_lanes(
    shared: Path, services: Services
) -> None:
    jobs = [
        await services.jobs.enqueue("verify_data", f"shop{n % DATABASES}", {"source": f"shop{n % DATABASES}",
                "target": f"shop{(n + 1) % DATABASES}"}, lane=f"shop{n % DATABASES}")
        for n in range(4 * DATABASES)
    ]  # fmt: skip
    workers = [_worker(shared), _worker(shared)]
    try:
        deadline = time.monotonic() + 60
        while not all([(await services.jobs.get(job.id)).ended for job in jobs]):
            assert time.monotonic() < deadline
            await anyio.sleep(0.1)
    finally:
        for worker in workers:
            worker.terminate()
            assert worker.wait(10) == 0
    done = [await services.jobs.get(job.id) for job in jobs]
    assert {job.state for job in done} == {JobState.DONE}, [job.result for job in done]
    logs = [await services.jobs.log(job.id) for job in jobs]
    assert all([line.line for line in log].count("taken up") == 1 for log in logs)
    assert all(len({line.worker for line in log}) == 1 for log in logs)
    assert len({line.worker for log in logs for line in log}) == 2, "both workers had a part"
    for lane in {job.lane for job in done}:
        spans = sorted(
            (job.taken_at, job.ended_at) for job in done if job.lane == lane and job.taken_at and job.ended_at
        )
        assert all(before[1] <= after[0] for before, after in pairwise(spans)), "one at a time"


def test_a_worker_that_is_still_beginning_is_joined_by_no_other_and_a_lost_one_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "dbmanager.toml").write_text('[store]\ndata_dir = "state"\n')
    start = Starter(load(path=tmp_path / "dbmanager.toml"))
    begun: list[subprocess.Popen[bytes]] = []
    for _ in range(2):
        for _ in range(3):
            start(tmp_path / "worker.log")
            assert start.newest is not None
            begun.append(start.newest)
        begun[-1].kill()
        begun[-1].wait()
    assert len({worker.pid for worker in begun[:3]}) == 1
    assert len({worker.pid for worker in begun}) == 2


async def test_the_more_urgent_job_is_taken_up_first_and_a_full_lane_waits(tmp_path: Path) -> None:
    store = Store(tmp_path)
    jobs = Jobs(store, per_lane=1)
    jobs.register("slow", _never)
    jobs.register("urgent", _never, priority=5)
    first = await jobs.enqueue("slow", "a", {}, lane="a")
    second = await jobs.enqueue("slow", "b", {}, lane="b")
    third = await jobs.enqueue("urgent", "a", {}, lane="a")
    taken = [await jobs.claim("one"), await jobs.claim("two"), await jobs.claim("three")]
    assert [job.id if job else None for job in taken] == [third.id, second.id, None]
    await jobs.finish(third.id, "one", JobState.DONE, _outcome())
    again = await jobs.claim("three")
    assert again is not None
    assert again.id == first.id
    await store.close()


async def test_a_job_that_loses_its_worker_at_one_place_again_and_again_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dbmanager.services.jobs.LEASE_SECONDS", -1.0)
    store = Store(tmp_path)
    jobs = Jobs(store)
    jobs.register("slow", _never)
    job = await jobs.enqueue("slow", "a", {})
    for number in range(12):
        assert await jobs.claim(f"w{number}") is not None, "one that gets further each time goes on"
        await jobs.report(job.id, f"w{number}", number + 1, 100, f"step {number}")
    for number in range(20):
        if await jobs.claim(f"x{number}") is None:
            break
    assert (await jobs.get(job.id)).state is JobState.FAILED
    lines = [line.line for line in await jobs.log(job.id, 100)]
    assert lines[0] == "taken up"
    assert "taken up again, its worker was lost or left" in lines
    await store.close()


async def _never(*_: object) -> Outcome:
    raise AssertionError("not run here")


def _outcome() -> Outcome:
    return Outcome("done")
