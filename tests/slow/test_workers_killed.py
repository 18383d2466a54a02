"""A worker that is killed at any moment: copies end right, and writes that it held go on."""

from __future__ import annotations

import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anyio
import pytest
from dbmanager_server.app import make_services

from dbmanager.model.jobs import JobState
from dbmanager.phases.migration.copy import CHUNK_ROWS, plan_copy
from dbmanager.phases.migration.frozen import frozen_step
from dbmanager.services.change_jobs import APPLY
from dbmanager.services.configuration import load
from dbmanager.services.container import Services
from tests.engines.postgresql import PASSWORD, PostgresServer

pytestmark = [pytest.mark.slow]
COPIES, KILLS_EACH = 5, 20
ROWS = CHUNK_ROWS * 60
PATIENCE_SECONDS = 900.0


def _make_folder(folder: Path) -> None:
    folder.mkdir()
    for name in ("here", "there"):
        raw = sqlite3.connect(folder / f"{name}.db")
        if name == "here":
            raw.executescript(
                "CREATE TABLE readings (id INTEGER PRIMARY KEY, label TEXT NOT NULL, amount INTEGER NOT NULL);"
                "INSERT INTO readings SELECT value, 'reading ' || value, value * 7 FROM (WITH RECURSIVE n(value) AS "
                f"(SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < {ROWS}) SELECT value FROM n);"
            )
        raw.execute("PRAGMA user_version = 1")
        raw.close()
    (folder / "dbmanager.toml").write_text(
        '[store]\ndata_dir = "state"\n[connections.here]\nurl = "sqlite:///here.db"\n'
        '[connections.there]\nurl = "sqlite:///there.db"\naccess = "read_write"\n'
    )


def _worker(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "dbmanager_server.cli", "worker"], cwd=folder, env={**os.environ, "HOME": str(folder)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


async def _enqueue(services: Services, freeze_seconds: int | None = None) -> str:
    adapters = [await services.connections.adapter(name) for name in ("here", "there")]
    plan, _ = await plan_copy(adapters[0], adapters[1], "here", "there", ["readings"], None)
    if freeze_seconds is not None:
        settings = [services.connections.settings(name) for name in ("here", "there")]
        step = frozen_step(adapters[0], "here", settings[0], settings[1], ["readings"], None, freeze_seconds)
        plan = plan.model_copy(update={"steps": (*plan.steps, step)})
    change = await services.changes.propose(plan)
    await services.approvals.approve(change, approver="tester", method="terminal", mode="client")
    return (await services.jobs.enqueue(APPLY, change.id, {"change": change.id}, lane="there")).id


def _rows_there(folder: Path) -> int:
    raw = sqlite3.connect(f"file:{folder / 'there.db'}?mode=ro", uri=True)
    try:
        return int(raw.execute("SELECT coalesce(max(id), 0) FROM readings").fetchone()[0])
    except sqlite3.OperationalError:
        return 0
    finally:
        raw.close()


async def _outcome(folder: Path, job: str) -> tuple[JobState, str, list[str], bool]:
    from dbmanager.phases.migration.verify import compare

    services = make_services(load(path=folder / "dbmanager.toml"))
    try:
        found = await services.jobs.get(job)
        lines = [line.line for line in await services.jobs.log(job, 1_000)]
        here, there = [await services.connections.adapter(name) for name in ("here", "there")]
        equal = found.ended and all(one.equal for one in await compare(here, there, ["readings"], None))
    finally:
        await services.close()
    return found.state, found.result, lines, equal


async def _state(folder: Path, job: str) -> JobState:
    services = make_services(load(path=folder / "dbmanager.toml"))
    try:
        return (await services.jobs.get(job)).state
    finally:
        await services.close()


async def _begun(folder: Path) -> str:
    services = make_services(load(path=folder / "dbmanager.toml"))
    try:
        return await _enqueue(services)
    finally:
        await services.close()


def _copy_under_fire(folder: Path, job: str, seed: int) -> tuple[int, tuple[JobState, str, list[str], bool]]:
    """Copy while workers are killed as soon as they got a little further; return the kills and how it ended."""
    draw = random.Random(seed)
    kills, deadline = 0, time.monotonic() + PATIENCE_SECONDS
    while kills < KILLS_EACH:
        worker = _worker(folder)
        wanted = _rows_there(folder) + draw.randrange(0, 3) * CHUNK_ROWS + 1
        while _rows_there(folder) < wanted and worker.poll() is None and time.monotonic() < deadline:
            time.sleep(draw.random() / 200)
        time.sleep(draw.random() / 20)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        kills += 1
    worker = _worker(folder)
    try:
        while anyio.run(_state, folder, job) in (JobState.QUEUED, JobState.RUNNING):
            assert time.monotonic() < deadline, "the job did not end"
            time.sleep(0.5)
    finally:
        worker.terminate()
        worker.wait(20)
    return kills, anyio.run(_outcome, folder, job)


def test_a_hundred_killed_workers_cost_no_row_and_at_most_one_chunk_each(tmp_path: Path) -> None:
    folders = [tmp_path / f"copy{number}" for number in range(COPIES)]
    for folder in folders:
        _make_folder(folder)
    jobs = [anyio.run(_begun, folder) for folder in folders]
    with ThreadPoolExecutor(COPIES) as pool:
        ended = list(pool.map(_copy_under_fire, folders, jobs, range(COPIES)))
    assert sum(kills for kills, _ in ended) == COPIES * KILLS_EACH
    for _, (state, result, lines, equal) in ended:
        assert state is JobState.DONE, result
        assert equal
        chunks = [int(found[1]) for line in lines if (found := re.fullmatch(r"readings: (\d+) of \d+ rows", line))]
        assert chunks == sorted(chunks), "nothing before the last kept chunk was done again"
        assert max(Counter(chunks).values()) == 1, "a chunk that was kept is never done again"
        assert len([line for line in lines if line.startswith("taken up again")]) >= KILLS_EACH / 2


@pytest.fixture
def frozen(tmp_path: Path, pg_server: PostgresServer) -> Iterator[tuple[Path, str]]:
    here, there = pg_server.create_database(), pg_server.create_database()
    pg_server.run_sql(
        here, "CREATE TABLE readings (id integer PRIMARY KEY, label text NOT NULL); "
        "INSERT INTO readings SELECT n, repeat('reading', 20) || n FROM generate_series(1, 120000) AS n;",
    )  # fmt: skip
    (tmp_path / "password").write_text(PASSWORD)
    (tmp_path / "password").chmod(0o600)
    blocks = [
        f'[connections.{name}]\nurl = "{pg_server.url(database)}"\naccess = "read_write"\n'
        'password = { file = "password" }\n'
        for name, database in (("here", here), ("there", there))
    ]
    (tmp_path / "dbmanager.toml").write_text('[store]\ndata_dir = "state"\n' + "".join(blocks))
    yield tmp_path, here
    for name in (here, there):
        pg_server.drop_database(name)


@pytest.mark.anyio
async def test_writes_that_a_killed_worker_held_go_on_at_once(
    frozen: tuple[Path, str], pg_server: PostgresServer
) -> None:
    folder, database = frozen
    services = make_services(load(path=folder / "dbmanager.toml"))
    job = await _enqueue(services, freeze_seconds=120)
    held = "SELECT count(*) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation WHERE c.relname = 'readings' AND l.mode = 'ShareLock' AND l.granted"  # fmt: skip
    worker = _worker(folder)
    deadline = time.monotonic() + 120
    while pg_server.run_sql(database, held).strip() == "0":
        assert time.monotonic() < deadline, "writes were never held"
        await anyio.sleep(0.02)
    blocked = threading.Thread(
        target=pg_server.run_sql, args=(database, "UPDATE readings SET label = label WHERE id = 1;")
    )
    blocked.start()
    await anyio.sleep(0.2)
    assert blocked.is_alive(), "the write waits"
    worker.kill()
    killed_at = time.monotonic()
    await anyio.to_thread.run_sync(blocked.join, 10.0)
    assert not blocked.is_alive()
    assert time.monotonic() - killed_at < 5
    worker.wait()
    worker = _worker(folder)
    while not (await services.jobs.get(job)).ended:
        assert time.monotonic() < deadline
        await anyio.sleep(0.2)
    found: Any = await services.jobs.get(job)
    worker.terminate()
    worker.wait(20)
    await services.close()
    assert found.state is JobState.DONE, found.result
    assert "equal while writes were held" in found.result
