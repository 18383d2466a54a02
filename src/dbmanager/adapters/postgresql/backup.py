"""Backups by pg_dump and their restore into a scratch database of the same server."""

from __future__ import annotations

import datetime as dt
import os
import re
import secrets
import shutil
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from dbmanager.adapters.backup_files import file_digest, require_unchanged
from dbmanager.adapters.facets import Adapter, Progress, Unsupported
from dbmanager.adapters.postgresql.session import Sessions
from dbmanager.adapters.sql.names import quote
from dbmanager.errors import StatementFailed, ToolMissing
from dbmanager.model.backups import BackupArtifact

if TYPE_CHECKING:
    from dbmanager.adapters.postgresql.adapter import PostgresAdapter

_VERSION = re.compile(r"(\d+)(\.\d+)?")


class PostgresBackup:
    """The `Backup` facet."""

    single_precision_digits: int | None = None

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def back_up(self, destination: Path, progress: Progress | None = None) -> BackupArtifact | Unsupported:
        """Dump the database in the custom format from one snapshot; pg_dump must be as new as the server."""
        major = (await self._sessions.role()).version // 10_000
        program = await anyio.to_thread.run_sync(find_program, "pg_dump", major)
        if program is None:
            return Unsupported(f"no pg_dump of version {major} or newer is installed")
        started_at, started = dt.datetime.now(dt.UTC), time.perf_counter()
        if progress is not None:
            await progress(0, 2, "dumping")
        await self._run(
            program, ["--format=custom", f"--file={destination}", *self._address(self._sessions.url.database)]
        )
        if progress is not None:
            await progress(1, 2, "taking the digest")
        digest = await anyio.to_thread.run_sync(file_digest, destination)
        size = (await anyio.Path(destination).stat()).st_size
        method = f"pg_dump {major} --format=custom"
        return BackupArtifact(
            "postgresql", destination, method, size, digest, started_at, time.perf_counter() - started
        )

    def restore_to_scratch(self, artifact: BackupArtifact) -> AbstractAsyncContextManager[Adapter]:
        """Restore into a new database beside this one and yield an adapter on it; it is dropped afterwards."""
        return self._restored(artifact)

    @asynccontextmanager
    async def _restored(self, artifact: BackupArtifact) -> AsyncIterator[PostgresAdapter]:
        from dbmanager.adapters.postgresql.adapter import PostgresAdapter

        await require_unchanged(artifact)
        major = (await self._sessions.role()).version // 10_000
        program = await anyio.to_thread.run_sync(find_program, "pg_restore", major)
        if program is None:
            raise ToolMissing(
                f"no pg_restore of version {major} or newer is installed", hint="Install the client tools."
            )
        scratch = f"dbmanager_scratch_{secrets.token_hex(4)}"
        await self._admin(f"CREATE DATABASE {quote(scratch)} TEMPLATE template0")
        try:
            await self._run(
                program,
                ["--no-owner", "--no-privileges", "--exit-on-error", *self._address(scratch), str(artifact.path)],
            )
            url = self._sessions.url.model_copy(update={"database": scratch})
            adapter = PostgresAdapter("scratch", url, self._sessions.settings)
            try:
                yield adapter
            finally:
                with anyio.CancelScope(shield=True):
                    await adapter.close()
        finally:
            with anyio.CancelScope(shield=True):
                await self._admin(f"DROP DATABASE IF EXISTS {quote(scratch)} WITH (FORCE)")

    async def _admin(self, statement: str) -> None:
        """Make or drop a scratch database: the one write that needs no change set."""
        async with self._sessions.administering() as raw:
            await raw.execute(statement)

    def _address(self, database: str) -> list[str]:
        url = self._sessions.url
        found = [f"--host={url.host}", f"--port={url.port or 5432}", f"--dbname={database}", "--no-password"]
        return [*found, *([f"--username={url.user}"] if url.user else [])]

    async def _run(self, program: Path, arguments: list[str]) -> None:
        """Run a client program; the password goes through its environment alone."""
        url = self._sessions.url
        environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "PGAPPNAME": "dbmanager"}
        if url.password is not None:
            environment["PGPASSWORD"] = url.password.get_secret_value()
        done = await anyio.run_process(
            [str(program), *arguments], check=False, stderr=subprocess.PIPE, env=environment, stdin=subprocess.DEVNULL
        )
        if done.returncode:
            told = re.sub(r"DETAIL:.*", "", done.stderr.decode("utf-8", "replace")).strip().splitlines()
            raise StatementFailed(
                f"{program.name} failed: {told[0][:300] if told else done.returncode}", object_name=self._sessions.name
            )


def find_program(name: str, major: int) -> Path | None:
    """Return a client program of at least that major version, from PATH or Debian's version folders."""
    places = [Path(found)] if (found := shutil.which(name)) else []
    places += sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    for place in places:
        told = subprocess.run([str(place), "--version"], capture_output=True, text=True, check=False).stdout
        match = _VERSION.search(told)
        if match and int(match[1]) >= major:
            return place
    return None
