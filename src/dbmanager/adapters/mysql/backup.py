"""Backups by mariadb-dump or mysqldump, and their restore into a scratch database of the same server."""

from __future__ import annotations

import datetime as dt
import os
import re
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import anyio
import anyio.to_thread

from dbmanager.adapters.backup_files import file_digest, require_unchanged
from dbmanager.adapters.facets import Adapter, Progress, Unsupported
from dbmanager.adapters.mysql.dump_scope import dump_scope
from dbmanager.adapters.mysql.errors import DENIED
from dbmanager.adapters.mysql.session import OWN_SECONDS, Sessions
from dbmanager.adapters.mysql.tables import name_of
from dbmanager.adapters.mysql.tls import client_options
from dbmanager.adapters.sql.names import quote
from dbmanager.errors import AuthenticationFailed, PermissionDenied, StatementFailed, ToolMissing
from dbmanager.model.backups import BackupArtifact

if TYPE_CHECKING:
    from dbmanager.adapters.mysql.adapter import MysqlAdapter

_PROGRAMS = {"mariadb": (("mariadb-dump", "mysqldump"), ("mariadb", "mysql")), "mysql": (("mysqldump",), ("mysql",))}
_CONTENT = ("--hex-blob", "--single-transaction", "--skip-lock-tables")
_SCRATCH = "dbmanager_scratch_"

_NUMBER = re.compile(r"(?:^ERROR |Got error: )(\d{4})\b|\((\d{4})\)\s*$", re.MULTILINE)
"""How the client programs tell the number of the server's error."""
_WANTED = {
    1227: "Views, triggers and routines of another definer want SET_ANY_DEFINER (MySQL) or SET USER (MariaDB); a dump "
    "of a server with GTIDs wants RELOAD.",
    1419: "With the binary log on, triggers and functions want log_bin_trust_function_creators = 1.",
}


class MysqlBackup:
    """The `Backup` facet."""

    single_precision_digits: int | None = 6

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def back_up(self, destination: Path, progress: Progress | None = None) -> BackupArtifact | Unsupported:
        """Dump the database from one snapshot; tables of engines without transactions are not part of it.

        The dump programs write FLOAT values with the six digits that the server prints and have no option against it.
        """
        program = await self._program(0)
        if program is None:
            return Unsupported(f"no dump program that fits the server is on PATH ({' or '.join(await self._names(0))})")
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
        if (await self._sessions.facts()).product == "mysql":
            arguments = ["--set-gtid-purged=OFF", "--no-tablespaces", *arguments]
        await anyio.Path(destination).touch(mode=0o600)
        await self._run(program, arguments)
        if progress is not None:
            await progress(1, 2, "taking the digest")
        digest = await anyio.to_thread.run_sync(file_digest, destination)
        size = (await anyio.Path(destination).stat()).st_size
        method = f"{program.name} --single-transaction"
        elapsed = time.perf_counter() - started
        return BackupArtifact("mysql", destination, method, size, digest, started_at, elapsed, losses=scope.losses)

    def restore_to_scratch(self, artifact: BackupArtifact) -> AbstractAsyncContextManager[Adapter]:
        """Restore into a new database beside this one and yield an adapter on it; it is dropped afterwards."""
        return self._restored(artifact)

    @asynccontextmanager
    async def _restored(self, artifact: BackupArtifact) -> AsyncIterator[MysqlAdapter]:
        from dbmanager.adapters.mysql.adapter import MysqlAdapter

        await require_unchanged(artifact)
        program = await self._program(1)
        if program is None:
            raise ToolMissing("no client program that fits the server is on PATH", hint="Install the client tools.")
        scratch = f"{_SCRATCH}{secrets.token_hex(4)}"
        await self._make(scratch)
        try:
            with artifact.path.open("rb") as file:
                await self._run(program, ["--default-character-set=utf8mb4", f"--database={scratch}"], file)
            url = self._sessions.url.model_copy(update={"database": scratch})
            adapter = MysqlAdapter("scratch", url, self._sessions.settings)
            try:
                yield adapter
            finally:
                with anyio.CancelScope(shield=True):
                    await adapter.close()
        finally:
            with anyio.CancelScope(shield=True):
                await self._admin(f"DROP DATABASE IF EXISTS {name_of(scratch)}")

    async def _make(self, scratch: str) -> None:
        try:
            await self._admin(f"CREATE DATABASE {name_of(scratch)}")
        except AuthenticationFailed:
            pattern = name_of(f"{_SCRATCH}%".replace("_", r"\_"))
            raise PermissionDenied(
                "the account may not make the scratch database that a restore is tried in",
                object_name=self._sessions.name,
                hint=f"Grant it that, and no more: GRANT ALL PRIVILEGES ON {pattern}.* TO "
                f"{(await self._sessions.facts()).user}. Or drill with an account that may.",
            ) from None

    async def _admin(self, statement: str) -> None:
        """Make or drop a scratch database: the one write that needs no change set."""
        async with self._sessions.administering() as raw:
            await raw.run(statement)

    async def _names(self, which: int) -> tuple[str, ...]:
        return _PROGRAMS[(await self._sessions.facts()).product][which]

    async def _program(self, which: int) -> Path | None:
        facts = await self._sessions.facts()
        return await anyio.to_thread.run_sync(find_program, _PROGRAMS[facts.product][which], facts.product)

    async def _run(self, program: Path, arguments: list[str], stdin: IO[bytes] | None = None) -> None:
        """Run a client program; the login stands in a file that only we can read."""
        with self._login((await self._sessions.facts()).product) as defaults:
            done = await anyio.run_process(
                [str(program), f"--defaults-file={defaults}", *arguments],
                check=False, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, stdin=stdin or subprocess.DEVNULL,
                env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"},
            )  # fmt: skip
        if done.returncode:
            found = _NUMBER.search(done.stderr.decode("utf-8", "replace"))
            number = int(found[1] or found[2]) if found else None
            if number in DENIED:
                raise PermissionDenied(
                    f"{program.name} was refused with error {number}: the account lacks a right",
                    object_name=self._sessions.name,
                    hint=_WANTED.get(number or 0, "Grant it what it lacks, or use an account that may."),
                )
            said = f"error {number}" if number else f"exit code {done.returncode}"
            raise StatementFailed(f"{program.name} failed with {said}", object_name=self._sessions.name)

    @contextmanager
    def _login(self, product: str) -> Iterator[Path]:
        url = self._sessions.url
        lines = [f"host={url.host or 'localhost'}", f"port={url.port or 3306}", "protocol=TCP"]
        if url.user:
            lines.append(f"user={_option(url.user)}")
        if url.password is not None:
            lines.append(f"password={_option(url.password.get_secret_value())}")
        lines += client_options(url, self._sessions.settings, product)
        handle, name = tempfile.mkstemp(prefix="dbmanager-login-", suffix=".cnf")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write("[client]\n" + "\n".join(lines) + "\n")
            yield Path(name)
        finally:
            Path(name).unlink(missing_ok=True)


def _option(value: str) -> str:
    """Return a value as option files quote it."""
    return quote(value.replace("\\", "\\\\")).replace('""', '\\"') if value else '""'


def find_program(names: tuple[str, ...], product: str) -> Path | None:
    """Return the first program on PATH that belongs to the server's product."""
    for name in names:
        place = shutil.which(name)
        if place is None:
            continue
        told = subprocess.run([place, "--version"], capture_output=True, text=True, check=False).stdout
        if ("mariadb" in told.lower()) == (product == "mariadb"):
            return Path(place)
    return None
