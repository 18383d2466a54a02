"""Long work outlives the client, is taken up when its worker is lost, and stops when told to."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from mcp import Client

from tests.server.processes import READINGS, call, client_in, configure_copy, stop_workers, until, workers_of

pytestmark = pytest.mark.anyio


@pytest.fixture
async def folder(tmp_path: Path) -> AsyncIterator[Path]:
    configure_copy(tmp_path)
    yield tmp_path
    stop_workers(tmp_path)


async def _begin_copy(client: Client) -> tuple[str, str]:
    text, facts, failed = await call(client, "plan_migration", source="here", target="there")
    assert not failed, text
    token = text.partition("confirm_token='")[2].partition("'")[0]
    text, begun, failed = await call(
        client, "apply_change", change=facts["change"], confirm_token=token, background=True
    )
    assert not failed, text
    return str(begun["job"]), str(facts["change"])


def _copied(folder: Path) -> int:
    raw = sqlite3.connect(f"file:{folder / 'there.db'}?mode=ro", uri=True)
    try:
        return int(raw.execute("SELECT count(*) FROM readings").fetchone()[0])
    except sqlite3.OperationalError:
        return 0
    finally:
        raw.close()


async def test_a_job_goes_on_after_its_client_has_left(folder: Path) -> None:
    async with client_in(folder) as client:
        job, _ = await _begin_copy(client)
        await until(lambda: 0 < _copied(folder) < READINGS, "the copy's beginning")
    assert _copied(folder) < READINGS
    async with client_in(folder) as client:
        text, facts, _ = await call(client, "get_job", job=job, wait_seconds=50)
        assert facts["state"] == "done", text
        assert "verified" in text
        _, same, _ = await call(client, "verify_data", source="here", target="there")
        assert same == {"equal": True, "tables": 1, "rows": READINGS}


async def test_a_job_whose_worker_was_killed_is_taken_up_and_goes_on_where_it_was(folder: Path) -> None:
    async with client_in(folder) as client:
        job, change = await _begin_copy(client)
        await until(lambda: _copied(folder) >= 20_000, "the copy's beginning")
        for worker in workers_of(folder):
            worker.kill()
        before = _copied(folder)
        assert before < READINGS
        text, facts, _ = await call(client, "get_job", job=job, wait_seconds=50)
        assert facts["state"] == "done", text
        text, _, _ = await call(client, "review_change", change=change)
        assert f"{READINGS} rows in {READINGS // 5_000} chunks" in text
        _, same, _ = await call(client, "verify_data", source="here", target="there")
        assert same["equal"] is True


async def test_a_cancelled_job_stops_and_what_it_did_is_told_and_undone(folder: Path) -> None:
    async with client_in(folder) as client:
        job, change = await _begin_copy(client)
        await until(lambda: _copied(folder) > 0, "the copy's beginning")
        await call(client, "cancel_job", job=job)
        text, facts, _ = await call(client, "get_job", job=job, wait_seconds=10)
        assert facts["state"] == "cancelled", text
        done = _copied(folder)
        assert done < READINGS
        _, reviewed, _ = await call(client, "review_change", change=change)
        assert reviewed["state"] == "interrupted"
        text, undone, failed = await call(client, "roll_back_change", change=change)
        assert not failed, text
        assert undone["state"] == "rolled_back"
        text, _, failed = await call(client, "cancel_job", job=job)
        assert failed
        assert "is cancelled already" in text


async def test_a_worker_that_is_told_to_leave_puts_its_job_back(folder: Path) -> None:
    async with client_in(folder) as client:
        job, _ = await _begin_copy(client)
        await until(lambda: _copied(folder) > 0, "the copy's beginning")
        stop_workers(folder)
        assert _copied(folder) < READINGS
        text, facts, _ = await call(client, "get_job", job=job, wait_seconds=50)
        assert facts["state"] == "done", text


async def test_a_failing_job_says_why(folder: Path) -> None:
    async with client_in(folder) as client:
        _, facts, _ = await call(client, "run_drill", connection="here", background=True)
        text, ended, failed = await call(client, "get_job", job=facts["job"], wait_seconds=30)
        assert not failed
        assert ended["state"] == "failed"
        assert "there is no backup of 'here' yet" in text
        text, _, failed = await call(client, "get_job", job="job_none")
        assert failed
        assert "does not exist" in text


async def test_backup_drill_and_comparison_answer_the_same_as_jobs(folder: Path) -> None:
    async with client_in(folder) as client:
        told = {}
        for tool in ("run_backup", "run_drill"):
            _, begun, _ = await call(client, tool, connection="here", background=True)
            text, told[tool], _ = await call(client, "get_job", job=begun["job"], wait_seconds=50)
            assert told[tool]["state"] == "done", text
        assert told["run_drill"]["result"]["passed"] is True
        assert told["run_drill"]["result"]["backup"] == told["run_backup"]["result"]["backup"]
