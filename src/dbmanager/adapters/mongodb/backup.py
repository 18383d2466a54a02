"""Backups by mongodump where it is installed, else by a dump of ours; restored into a scratch database."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from dbmanager.adapters.backup_files import file_digest, require_unchanged
from dbmanager.adapters.facets import Adapter, Progress, ScratchBook, Unsupported, scratch_place
from dbmanager.adapters.mongodb.catalog import MongoCatalog
from dbmanager.adapters.mongodb.dump import read_dump, write_dump
from dbmanager.adapters.mongodb.query import MongoQuery
from dbmanager.adapters.mongodb.scratch import MongoScratch, beside
from dbmanager.adapters.mongodb.session import Sessions
from dbmanager.errors import StatementFailed, ToolMissing
from dbmanager.model.backups import BackupArtifact
from dbmanager.model.configuration import ResolvedUrl

if TYPE_CHECKING:
    from dbmanager.adapters.mongodb.adapter import MongoAdapter

_TOOL = "mongodump"


class MongoBackup:
    """The `Backup` facet."""

    single_precision_digits: int | None = None

    def __init__(self, sessions: Sessions, query: MongoQuery, catalog: MongoCatalog, scratch: MongoScratch) -> None:
        self._sessions = sessions
        self._scratch = scratch
        self._query = query
        self._catalog = catalog

    async def back_up(self, destination: Path, progress: Progress | None = None) -> BackupArtifact | Unsupported:
        """Write one file with every collection, its options and its indexes.

        From one snapshot where the server has transactions, which mongod ends after a minute unless
        `transactionLifetimeLimitSeconds` says otherwise; else collection by collection. The method says which.
        """
        started_at, started = dt.datetime.now(dt.UTC), time.perf_counter()
        if shutil.which(_TOOL) and shutil.which("mongorestore"):
            await self._run(_TOOL, [f"--archive={destination}", "--gzip", f"--db={self._sessions.database}"])
            method = f"{_TOOL} --archive --gzip, collection by collection"
        else:
            consistent = await write_dump(self._sessions, self._query, self._catalog, destination, progress)
            method = "driver-level dump, " + ("one snapshot" if consistent else "not consistent between collections")
        digest = await anyio.to_thread.run_sync(file_digest, destination)
        size = (await anyio.Path(destination).stat()).st_size
        return BackupArtifact("mongodb", destination, method, size, digest, started_at, time.perf_counter() - started)

    def restore_to_scratch(
        self, artifact: BackupArtifact, book: ScratchBook | None = None
    ) -> AbstractAsyncContextManager[Adapter]:
        """Restore into a scratch place and yield an adapter on it; it is dropped afterwards."""
        return self._restored(artifact, book)

    @asynccontextmanager
    async def _restored(self, artifact: BackupArtifact, book: ScratchBook | None) -> AsyncIterator[MongoAdapter]:
        await require_unchanged(artifact)
        async with scratch_place(self._scratch, self._sessions.name, book) as place:
            adapter = self._scratch.open(place)
            try:
                if artifact.method.startswith(_TOOL):
                    names = [f"--nsFrom={self._sessions.database}.*", f"--nsTo={place.name}.*"]
                    await self._run("mongorestore", [f"--archive={artifact.path}", "--gzip", *names])
                else:
                    await read_dump(self._sessions, place.name, artifact.path)
                yield adapter
            finally:
                with anyio.CancelScope(shield=True):
                    await adapter.close()

    async def _run(self, name: str, arguments: Sequence[str]) -> None:
        """Run one of MongoDB's tools; address and password go through a file that only we can read."""
        program = shutil.which(name)
        if program is None:
            raise ToolMissing(f"{name} is not installed", hint="Install the MongoDB database tools.")
        with tempfile.TemporaryDirectory(prefix="dbmanager-") as folder:
            config = Path(folder) / "tool.yaml"
            await anyio.to_thread.run_sync(_write_private, config, _tool_config(self._sessions.url))
            done = await anyio.run_process(
                [program, f"--config={config}", *arguments], check=False, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
            )  # fmt: skip
        if done.returncode:
            raise StatementFailed(f"{name} failed with {done.returncode}", object_name=self._sessions.name,
                                  hint="Run it by hand to see what it says.")  # fmt: skip


def _tool_config(url: ResolvedUrl) -> str:
    from urllib.parse import quote

    login = ""
    if url.user is not None:
        login = quote(url.user, safe="")
        login += ":" + quote(url.password.get_secret_value(), safe="") if url.password else ""
        login += "@"
    scheme = "mongodb+srv" if url.scheme == "mongodb+srv" else "mongodb"
    options = "&".join(f"{name}={value}" for name, value in beside(url, "").options.items())
    return f'uri: "{scheme}://{login}{url.hosts or url.host}/?{options}"\n'


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, "utf-8")
