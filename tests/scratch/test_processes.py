"""A worker that starts, and the doctor, clean up after processes that were killed."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from tests.scratch.conftest import Source
from tests.scratch.test_contract import OWNER

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("source", ["sqlite", "postgresql"], indirect=True)]


def _killed(source: Source) -> None:
    """Leave a scratch database behind, and a configuration file for those who look for it."""
    child = subprocess.Popen([sys.executable, "-c", OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(json.dumps(source.settings()) + "\n")
    child.stdin.flush()
    assert child.stdout.readline().strip() == "ready"
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert source.leftovers() != []
    (source.folder / "dbmanager.toml").write_text(
        f'[connections.db]\nurl = "{source.url}"\n[store]\ndata_dir = "{source.folder / "state"}"\n'
    )
    raw = sqlite3.connect(source.folder / "state" / "store.db")
    raw.execute("UPDATE scratch SET alive_until = 1")  # as after a minute of silence
    raw.commit()
    raw.close()


def _command(source: Source, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "dbmanager_server.cli", *arguments, "--config", str(source.folder / "dbmanager.toml")],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=source.folder,
        env={"PATH": os.environ["PATH"], "HOME": str(source.folder), "TMPDIR": os.environ["TMPDIR"]},
    )  # fmt: skip


async def test_the_doctor_cleans_up_and_says_where_scratch_databases_are_made(source: Source) -> None:
    _killed(source)
    doctor = _command(source, "doctor")
    told, _ = doctor.communicate(timeout=60)
    assert doctor.returncode == 0, told
    assert "dropped, its owner was gone" in told
    assert "scratch: a file" in told or "scratch: a database beside it" in told
    assert source.leftovers() == []


async def test_a_worker_that_starts_cleans_up(source: Source) -> None:
    _killed(source)
    worker = _command(source, "worker")
    try:
        deadline = time.monotonic() + 40
        while source.leftovers():
            assert time.monotonic() < deadline, source.leftovers()
    finally:
        worker.terminate()
        worker.communicate(timeout=40)
