"""Backups by `redis-cli --rdb` where the user may replicate, else key by key; restored into a private server."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import anyio
import anyio.to_thread

from dbmanager.adapters.backup_files import file_digest, require_unchanged
from dbmanager.adapters.facets import Adapter, Progress, ScratchBook, ScratchPlace, Unsupported, scratch_place
from dbmanager.adapters.redis.execute import expires_at
from dbmanager.adapters.redis.scratch import RedisScratch, needed_server
from dbmanager.adapters.redis.session import Sessions, Wire
from dbmanager.model.backups import BackupArtifact

SNAPSHOT = "redis-cli --rdb (point in time, every logical database)"
KEY_BY_KEY = "DUMP of each key (no point in time: keys written meanwhile are as old or as new as they were read)"
BATCH = 500
SECONDS = 24 * 3_600.0
_MAGIC = "dbmanager-redis-dump"


class RedisBackup:
    """The `Backup` facet."""

    single_precision_digits: int | None = None

    def __init__(self, sessions: Sessions, scratch: RedisScratch) -> None:
        self._sessions = sessions
        self._scratch = scratch

    async def back_up(self, destination: Path, progress: Progress | None = None) -> BackupArtifact | Unsupported:
        """Write one file; a snapshot makes the server fork once, as a new replica would."""
        started_at, started = dt.datetime.now(dt.UTC), time.perf_counter()
        if progress is not None:
            await progress(0, 2, "dumping")
        method = SNAPSHOT
        if not await self._snapshot(destination):
            method = KEY_BY_KEY
            await self._key_by_key(destination)
        if progress is not None:
            await progress(1, 2, "taking the digest")
        digest = await anyio.to_thread.run_sync(file_digest, destination)
        size = (await anyio.Path(destination).stat()).st_size
        return BackupArtifact("redis", destination, method, size, digest, started_at, time.perf_counter() - started)

    async def _snapshot(self, destination: Path) -> bool:
        """Have the engine's own client write an RDB file; False where there is none, or the user may not."""
        program = shutil.which("redis-cli") or shutil.which("valkey-cli")
        if program is None:
            return False
        secret = self._sessions.url.password.get_secret_value() if self._sessions.url.password else None
        environment = {"PATH": os.environ.get("PATH", ""), **({"REDISCLI_AUTH": secret} if secret else {})}
        done = await anyio.run_process(
            [program, *self._address(), "--no-auth-warning", "--rdb", str(destination)],
            check=False,
            env=environment,
            stdin=subprocess.DEVNULL,
        )
        sound = done.returncode == 0 and await anyio.to_thread.run_sync(_is_rdb, destination)
        if not sound:
            await anyio.Path(destination).unlink(missing_ok=True)
        return sound

    def _address(self) -> list[str]:
        url, tls = self._sessions.url, self._sessions.tls
        place = ["-h", url.host or "localhost", "-p", str(url.port or 6379)]
        user = ["--user", url.user] if url.user and url.password else []
        if tls is None:
            return [*place, *user]
        options = ["--tls", *(["--cacert", str(tls["ssl_ca_certs"])] if "ssl_ca_certs" in tls else [])]
        return [*place, *user, *options, *(["--insecure"] if tls.get("ssl_cert_reqs") == "none" else [])]

    async def _key_by_key(self, destination: Path) -> None:
        async with (
            self._sessions.reading(timeout_seconds=SECONDS) as wire,
            await anyio.open_file(destination, "w", encoding="ascii") as file,
        ):
            await file.write(json.dumps({"format": _MAGIC, "database": self._sessions.database}) + "\n")
            cursor, seen = b"0", set[bytes]()
            while True:
                cursor, keys = await wire.call("SCAN", cursor, "COUNT", BATCH)
                fresh = [key for key in dict.fromkeys(keys) if key not in seen]
                seen.update(fresh)
                for key in fresh:
                    dump = await wire.call("DUMP", key)
                    if dump is not None:
                        line = [key.hex(), dump.hex(), await expires_at(wire, key)]
                        await file.write(json.dumps(line) + "\n")
                if cursor == b"0":
                    return

    def restore_to_scratch(
        self, artifact: BackupArtifact, book: ScratchBook | None = None
    ) -> AbstractAsyncContextManager[Adapter]:
        """Restore into a private server that is started for it and yield an adapter on the same logical database."""
        return self._restored(artifact, book)

    @asynccontextmanager
    async def _restored(self, artifact: BackupArtifact, book: ScratchBook | None) -> AsyncIterator[Adapter]:
        await require_unchanged(artifact)
        await anyio.to_thread.run_sync(needed_server, (await self._sessions.server()).product)
        is_rdb = await anyio.to_thread.run_sync(_is_rdb, artifact.path)
        scratch = _Loading(self._sessions, artifact.path) if is_rdb else self._scratch
        async with scratch_place(scratch, self._sessions.name, book) as place:
            adapter = scratch.open(place)
            try:
                if not is_rdb:
                    await _filled(adapter.sessions, artifact.path)
                adapter.catalog.keep_groups(artifact.tables)
                yield adapter
            finally:
                await adapter.close()


class _Loading(RedisScratch):
    """Private servers that start on an RDB file, which can't be loaded later."""

    def __init__(self, sessions: Sessions, rdb: Path) -> None:
        super().__init__(sessions)
        self._rdb = rdb

    async def create(self, place: ScratchPlace) -> None:
        """Start the server on the file."""
        await self.start(place, self._rdb)


async def _filled(sessions: Sessions, file: Path) -> None:
    """Put the keys of a key-by-key dump into an empty database."""
    async with (
        sessions.writing(timeout_seconds=SECONDS) as wire,
        await anyio.open_file(file, encoding="ascii") as lines,
    ):
        await lines.readline()
        async for line in lines:
            await _restored_key(wire, *json.loads(line))


async def _restored_key(wire: Wire, key: str, dump: str, expires: int | None) -> None:
    lasting = (expires, bytes.fromhex(dump), "ABSTTL") if expires else (0, bytes.fromhex(dump))
    await wire.call("RESTORE", bytes.fromhex(key), *lasting)


def _is_rdb(path: Path) -> bool:
    """Whether the file begins as an RDB does."""
    try:
        with path.open("rb") as file:
            return file.read(6) in (b"REDIS0", b"VALKEY")
    except OSError:
        return False
