"""Backups by pg_dump and their restore into a scratch database of the same server."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from dbmanager.adapters.backup_files import file_digest, require_unchanged
from dbmanager.adapters.facets import Adapter, Progress, ScratchBook, Unsupported, scratch_place
from dbmanager.adapters.postgresql.programs import find_program, run_client
from dbmanager.adapters.postgresql.scratch import PostgresScratch
from dbmanager.adapters.postgresql.session import Sessions
from dbmanager.errors import ToolMissing
from dbmanager.model.backups import BackupArtifact

if TYPE_CHECKING:
    from dbmanager.adapters.postgresql.adapter import PostgresAdapter


class PostgresBackup:
    """The `Backup` facet."""

    single_precision_digits: int | None = None

    def __init__(self, sessions: Sessions, scratch: PostgresScratch) -> None:
        self._sessions = sessions
        self._scratch = scratch

    async def back_up(self, destination: Path, progress: Progress | None = None) -> BackupArtifact | Unsupported:
        """Dump the database in the custom format from one snapshot; pg_dump must be as new as the server."""
        major = (await self._sessions.role()).version // 10_000
        program = await anyio.to_thread.run_sync(find_program, "pg_dump", major)
        if program is None:
            return Unsupported(f"no pg_dump of version {major} or newer is installed")
        started_at, started = dt.datetime.now(dt.UTC), time.perf_counter()
        if progress is not None:
            await progress(0, 2, "dumping")
        url = self._sessions.url
        await run_client(program, url, url.database, ["--format=custom", f"--file={destination}"], self._sessions.name)
        if progress is not None:
            await progress(1, 2, "taking the digest")
        digest = await anyio.to_thread.run_sync(file_digest, destination)
        size = (await anyio.Path(destination).stat()).st_size
        method = f"pg_dump {major} --format=custom"
        return BackupArtifact(
            "postgresql", destination, method, size, digest, started_at, time.perf_counter() - started
        )

    def restore_to_scratch(
        self, artifact: BackupArtifact, book: ScratchBook | None = None
    ) -> AbstractAsyncContextManager[Adapter]:
        """Restore into a scratch place and yield an adapter on it; it is dropped afterwards."""
        return self._restored(artifact, book)

    @asynccontextmanager
    async def _restored(self, artifact: BackupArtifact, book: ScratchBook | None) -> AsyncIterator[PostgresAdapter]:
        await require_unchanged(artifact)
        major = (await self._sessions.role()).version // 10_000
        program = await anyio.to_thread.run_sync(find_program, "pg_restore", major)
        if program is None:
            raise ToolMissing(
                f"no pg_restore of version {major} or newer is installed", hint="Install the client tools."
            )
        async with scratch_place(self._scratch, self._sessions.name, book) as place:
            adapter = self._scratch.open(place)
            try:
                arguments = ["--no-owner", "--no-privileges", "--exit-on-error", str(artifact.path)]
                await run_client(program, adapter.sessions.url, place.name, arguments, self._sessions.name)
                yield adapter
            finally:
                with anyio.CancelScope(shield=True):
                    await adapter.close()
