"""Backups by the engine's client and key by key, restored into a private server that leaves nothing behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import anyio
import psutil
import pytest

from dbmanager.adapters.redis import backup as backup_module
from dbmanager.adapters.redis import scratch
from dbmanager.adapters.redis.adapter import RedisAdapter
from dbmanager.errors import StatementFailed, ToolMissing, VerificationFailed
from dbmanager.model.backups import BackupArtifact
from dbmanager.phases.recovery.drill import digests_of
from tests.engines.redis import PASSWORD, RedisServer
from tests.redis.conftest import OpenRedis
from tests.redis.test_catalog import _one_of_each

pytestmark = pytest.mark.anyio


def _left() -> tuple[set[Path], set[int]]:
    """Scratch folders and servers that are there now."""
    folders = set(Path(tempfile.gettempdir()).glob("dbmanager-scratch-*"))
    servers = {
        p.pid for p in psutil.process_iter(["cmdline"]) if "dbmanager-scratch-" in " ".join(p.info["cmdline"] or ())
    }
    return folders, servers


def _assert_left(before: tuple[set[Path], set[int]]) -> None:
    """A process that was killed stays in the list until it is reaped."""
    deadline = time.monotonic() + 2
    while _left() != before:
        assert time.monotonic() < deadline, _left()


async def _backed_up(adapter: RedisAdapter, path: Path) -> BackupArtifact:
    artifact = await adapter.backup.back_up(path)
    assert isinstance(artifact, BackupArtifact)
    return artifact


@pytest.mark.parametrize("means", ["snapshot", "key by key"])
async def test_a_backup_comes_back_with_equal_digests_and_leaves_nothing(
    means: str, open_redis: OpenRedis, database: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter = open_redis(database, access="read_only")
    await _one_of_each(open_redis(database))
    if means == "key by key":
        monkeypatch.setattr("dbmanager.adapters.redis.backup.shutil.which", lambda name: None)
    before, digests = _left(), await digests_of(adapter)
    artifact = await _backed_up(adapter, tmp_path / "file")
    monkeypatch.undo()
    assert artifact.method == (backup_module.KEY_BY_KEY if means == "key by key" else backup_module.SNAPSHOT)
    async with adapter.backup.restore_to_scratch(artifact) as restored:
        assert await digests_of(restored) == digests
        assert _left() != before
    _assert_left(before)
    with pytest.raises(RuntimeError):
        async with adapter.backup.restore_to_scratch(artifact):
            raise RuntimeError
    _assert_left(before)


async def test_a_user_that_may_not_replicate_backs_up_key_by_key(
    open_redis: OpenRedis, redis_server: RedisServer, database: int, tmp_path: Path
) -> None:
    redis_server.run(
        "ACL", "SETUSER", "keeper", "on", ">keeper-secret", "~*", "+@read", "+@connection", "+info", "-@admin"
    )
    try:
        await _one_of_each(open_redis(database))
        adapter = open_redis(database, user="keeper", password="keeper-secret")
        artifact = await _backed_up(adapter, tmp_path / "file")
        assert artifact.method == backup_module.KEY_BY_KEY
        async with adapter.backup.restore_to_scratch(artifact) as restored:
            assert await digests_of(restored) == await digests_of(adapter)
    finally:
        redis_server.run("ACL", "DELUSER", "keeper")


async def test_a_flipped_bit_is_noticed_and_a_damaged_file_is_told(
    open_redis: OpenRedis, database: int, tmp_path: Path
) -> None:
    adapter = open_redis(database)
    await _one_of_each(adapter)
    artifact = await _backed_up(adapter, tmp_path / "file")
    data = bytearray(artifact.path.read_bytes())
    data[len(data) // 2] ^= 1
    artifact.path.write_bytes(data)
    with pytest.raises(VerificationFailed):
        async with adapter.backup.restore_to_scratch(artifact):
            raise AssertionError
    before = _left()
    (tmp_path / "torn").write_bytes(bytes(data[:40]))
    with pytest.raises(StatementFailed, match="could not load"):
        async with scratch.private_server(scratch.needed_server("redis"), tmp_path / "torn", 0):
            raise AssertionError
    _assert_left(before)


async def test_without_a_server_program_the_restore_says_what_to_install(
    open_redis: OpenRedis, database: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter = open_redis(database)
    artifact = await _backed_up(adapter, tmp_path / "file")
    monkeypatch.setattr(scratch, "SERVERS", ("no-such-server",))
    with pytest.raises(ToolMissing) as missing:
        async with adapter.backup.restore_to_scratch(artifact):
            raise AssertionError
    assert missing.value.hint


async def test_the_password_is_in_no_process_list(
    open_redis: OpenRedis, database: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    real = anyio.run_process

    async def watched(command: list[str], **options: object) -> object:
        seen.extend(command)
        return await real(command, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("dbmanager.adapters.redis.backup.anyio.run_process", watched)
    await _backed_up(open_redis(database), tmp_path / "file")
    assert "--rdb" in seen
    assert not [argument for argument in seen if PASSWORD in argument]


_HOLD = """
import sys, anyio
from dbmanager.adapters.redis.scratch import needed_server, private_server
async def main():
    async with private_server(needed_server("redis"), None, 0) as adapter:
        print("ready", flush=True)
        await anyio.sleep_forever()
anyio.run(main)
"""


async def test_the_private_server_ends_with_a_killed_process(tmp_path: Path) -> None:
    before = _left()
    child = subprocess.Popen([sys.executable, "-c", _HOLD], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline().strip() == "ready"
    assert _left()[1] != before[1]
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    deadline = time.monotonic() + 5
    while _left()[1] != before[1]:
        assert time.monotonic() < deadline
    for folder in _left()[0] - before[0]:
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
