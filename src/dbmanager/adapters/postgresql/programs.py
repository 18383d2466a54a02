"""Finds PostgreSQL's own programs and runs its client programs; a password goes through their environment alone."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import anyio

from dbmanager.errors import StatementFailed
from dbmanager.model.configuration import ResolvedUrl

_VERSION = re.compile(r"(\d+)(\.\d+)?")
_IGNORED = re.compile(r"errors ignored on restore: (\d+)")


def find_program(name: str, major: int) -> Path | None:
    """Return a program of at least that major version, from PATH or Debian's version folders."""
    places = [Path(found)] if (found := shutil.which(name)) else []
    places += sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    for place in places:
        told = subprocess.run([str(place), "--version"], capture_output=True, text=True, check=False).stdout
        match = _VERSION.search(told)
        if match and int(match[1]) >= major:
            return place
    return None


async def run_client(
    program: Path, url: ResolvedUrl, database: str, arguments: Sequence[str], connection: str, *,
    lenient: bool = False, stdin: IO[bytes] | None = None, stdout: IO[bytes] | None = None,
) -> int:  # fmt: skip
    """Run a client program on a database and return how many of its statements failed: 0 unless `lenient`.

    Raises: StatementFailed with the first line of what it said.
    """
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "PGAPPNAME": "dbmanager"}
    if url.password is not None:
        environment["PGPASSWORD"] = url.password.get_secret_value()
    address = [f"--host={url.host}", f"--port={url.port or 5432}", f"--dbname={database}", "--no-password"]
    address += [f"--username={url.user}"] if url.user else []
    done = await anyio.run_process(
        [str(program), *address, *arguments], check=False, stderr=subprocess.PIPE, env=environment,
        stdin=stdin or subprocess.DEVNULL, stdout=stdout or subprocess.DEVNULL,
    )  # fmt: skip
    if not done.returncode:
        return 0
    said = done.stderr.decode("utf-8", "replace")
    ignored = _IGNORED.search(said)
    if lenient and ignored:
        return int(ignored[1])
    told = re.sub(r"DETAIL:.*", "", said).strip().splitlines()
    raise StatementFailed(
        f"{program.name} failed: {told[0][:300] if told else done.returncode}", object_name=connection
    )
