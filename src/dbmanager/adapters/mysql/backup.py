"""Backups by mariadb-dump or mysqldump, and their restore into a scratch database of the same server."""

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
from dbmanager.adapters.mysql.dump_scope import dump_scope
from dbmanager.adapters.mysql.programs import CLIENT, DUMP, find_program, run_client
from dbmanager.adapters.mysql.scratch import MysqlScratch
from dbmanager.adapters.mysql.session import OWN_SECONDS, Sessions
from dbmanager.errors import ToolMissing
from dbmanager.model.backups import BackupArtifact

if TYPE_CHECKING:
    from dbmanager.adapters.mysql.adapter import MysqlAdapter

_CONTENT = ("--hex-blob", "--single-transaction", "--skip-lock-tables")


class MysqlBackup:
    """The `Backup` facet."""

    single_precision_digits: int | None = 6

    def __init__(self, sessions: Sessions, scratch: MysqlScratch) -> None:
        self._sessions = sessions
        self._scratch = scratch

    async def back_up(self, destination: Path, progress: Progress | None = None) -> BackupArtifact | Unsupported:
        """Dump the database from one snapshot; tables of engines without transactions are not part of it.

        The dump programs write FLOAT values with the six digits that the server prints and have no option against it.
        """
        product = (await self._sessions.facts()).product
        program = await anyio.to_thread.run_sync(find_program, DUMP[product], product)
        if program is None:
            return Unsupported(f"no dump program that fits the server is on PATH ({' or '.join(DUMP[product])})")
        started_at, started = dt.datetime.now(dt.UTC), time.perf_counter()
        if progress is not None:
            await progress(0, 2, "dumping")
        async with self._sessions.reading(timeout_seconds=OWN_SECONDS, lock_seconds=5) as raw:
            scope = await dump_scope(raw, self._sessions.url.database)
        arguments = [
            *scope.arguments,
            *_CONTENT,
            f"--result-file={destination}",
            "--skip-dump-date",
            self._sessions.url.database,
        ]
        if product == "mysql":
            arguments = ["--set-gtid-purged=OFF", "--no-tablespaces", *arguments]
        await anyio.Path(destination).touch(mode=0o600)
        await run_client(program, arguments, self._sessions.url, self._sessions.settings, product)
        if progress is not None:
            await progress(1, 2, "taking the digest")
        digest = await anyio.to_thread.run_sync(file_digest, destination)
        size = (await anyio.Path(destination).stat()).st_size
        method = f"{program.name} --single-transaction"
        elapsed = time.perf_counter() - started
        return BackupArtifact("mysql", destination, method, size, digest, started_at, elapsed, losses=scope.losses)

    def restore_to_scratch(
        self, artifact: BackupArtifact, book: ScratchBook | None = None
    ) -> AbstractAsyncContextManager[Adapter]:
        """Restore into a scratch place and yield an adapter on it; it is dropped afterwards."""
        return self._restored(artifact, book)

    @asynccontextmanager
    async def _restored(self, artifact: BackupArtifact, book: ScratchBook | None) -> AsyncIterator[MysqlAdapter]:
        await require_unchanged(artifact)
        product = (await self._sessions.facts()).product
        program = await anyio.to_thread.run_sync(find_program, CLIENT[product], product)
        if program is None:
            raise ToolMissing("no client program that fits the server is on PATH", hint="Install the client tools.")
        async with scratch_place(self._scratch, self._sessions.name, book) as place:
            adapter = self._scratch.open(place)
            try:
                with artifact.path.open("rb") as file:
                    await run_client(
                        program, ["--binary-mode", "--default-character-set=utf8mb4", f"--database={place.name}"], adapter.sessions.url,
                        adapter.sessions.settings, product, file,
                    )  # fmt: skip
                yield adapter
            finally:
                with anyio.CancelScope(shield=True):
                    await adapter.close()
