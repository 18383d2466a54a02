"""Backups by SQLite's own online backup API, and their restore into a throw-away folder."""

from __future__ import annotations

import datetime as dt
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from dbmanager.adapters.backup_files import file_digest, require_unchanged
from dbmanager.adapters.facets import Adapter, Progress, ScratchBook, Unsupported, scratch_place
from dbmanager.adapters.sqlite.scratch import SqliteScratch, file_of
from dbmanager.adapters.sqlite.session import Handle, Sessions
from dbmanager.errors import StatementFailed
from dbmanager.model.backups import BackupArtifact

BACKUP_SECONDS = 3_600.0
METHOD = "SQLite online backup API, one step"
if TYPE_CHECKING:
    from dbmanager.adapters.sqlite.adapter import SqliteAdapter


class SqliteBackup:
    """The `Backup` facet."""

    single_precision_digits: int | None = None

    def __init__(self, sessions: Sessions, scratch: SqliteScratch) -> None:
        self._sessions = sessions
        self._scratch = scratch

    async def back_up(self, destination: Path, progress: Progress | None = None) -> BackupArtifact | Unsupported:
        """Copy the whole file in one step (so that no writer makes it start over), check it, and take its digest."""
        started_at, started = dt.datetime.now(dt.UTC), time.perf_counter()
        if progress is not None:
            await progress(0, 3, "copying")

        def copy(handle: Handle) -> None:
            target = sqlite3.connect(destination)
            try:
                handle.raw.set_authorizer(None)
                handle.raw.backup(target, pages=-1)
            finally:
                target.close()
                self._sessions.guard(handle)

        await self._sessions.read(copy, timeout_seconds=BACKUP_SECONDS)
        if progress is not None:
            await progress(1, 3, "checking the copy")
        await anyio.to_thread.run_sync(_check, destination)
        if progress is not None:
            await progress(2, 3, "taking the digest")
        digest = await anyio.to_thread.run_sync(file_digest, destination)
        size = (await anyio.Path(destination).stat()).st_size
        return BackupArtifact("sqlite", destination, METHOD, size, digest, started_at, time.perf_counter() - started)

    def restore_to_scratch(
        self, artifact: BackupArtifact, book: ScratchBook | None = None
    ) -> AbstractAsyncContextManager[Adapter]:
        """Restore into a scratch file and yield an adapter on it; it is dropped afterwards."""
        return self._restored(artifact, book)

    @asynccontextmanager
    async def _restored(self, artifact: BackupArtifact, book: ScratchBook | None) -> AsyncIterator[SqliteAdapter]:
        await require_unchanged(artifact)
        async with scratch_place(self._scratch, self._sessions.name, book) as place:
            target = file_of(place)
            await anyio.to_thread.run_sync(shutil.copyfile, artifact.path, target)
            await anyio.to_thread.run_sync(_check, target)
            adapter = self._scratch.open(place)
            try:
                yield adapter
            finally:
                await adapter.close()


def _check(path: Path) -> None:
    raw = sqlite3.connect(path)
    try:
        verdict = raw.execute("PRAGMA integrity_check(1)").fetchone()[0]
    finally:
        raw.close()
    if verdict != "ok":
        raise StatementFailed("the copy is damaged, as the database itself may be", object_name=path.name)
