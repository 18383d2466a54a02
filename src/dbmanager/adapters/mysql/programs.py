"""Finds MySQL's or MariaDB's own programs and runs the client ones; the login stands in a file that only we can read."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import anyio

from dbmanager.adapters.mysql.errors import DENIED
from dbmanager.adapters.mysql.tls import client_options
from dbmanager.adapters.sql.names import quote
from dbmanager.errors import PermissionDenied, StatementFailed
from dbmanager.model.configuration import ConnectionSettings, ResolvedUrl

DUMP = {"mariadb": ("mariadb-dump", "mysqldump"), "mysql": ("mysqldump",)}
CLIENT = {"mariadb": ("mariadb", "mysql"), "mysql": ("mysql",)}
SERVER = {"mariadb": ("mariadbd", "mysqld"), "mysql": ("mysqld",)}
_NUMBER = re.compile(r"(?:^ERROR |Got error: )(\d{4})\b|\((\d{4})\)\s*$", re.MULTILINE)
"""How the client programs tell the number of the server's error."""
_WANTED = {
    1227: "Views, triggers and routines of another definer want SET_ANY_DEFINER (MySQL) or SET USER (MariaDB); a dump "
    "of a server with GTIDs wants RELOAD.",
    1419: "With the binary log on, triggers and functions want log_bin_trust_function_creators = 1.",
}


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


async def run_client(
    program: Path, arguments: Sequence[str], url: ResolvedUrl, settings: ConnectionSettings, product: str,
    stdin: IO[bytes] | None = None, stdout: IO[bytes] | None = None,
) -> None:  # fmt: skip
    """Run a client program, logged in as the address says.

    Raises: PermissionDenied, StatementFailed; the server's error number is all that is told.
    """
    with _login(url, settings, product) as (defaults, inherited):
        done = await anyio.run_process(
            [str(program), f"--defaults-file={defaults}", *arguments],
            check=False, stdout=stdout or subprocess.DEVNULL, stderr=subprocess.PIPE, stdin=stdin or subprocess.DEVNULL,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"}, pass_fds=inherited,
        )  # fmt: skip
    if done.returncode:
        found = _NUMBER.search(done.stderr.decode("utf-8", "replace"))
        number = int(found[1] or found[2]) if found else None
        if number in DENIED:
            raise PermissionDenied(
                f"{program.name} was refused with error {number}: the account lacks a right",
                object_name=url.database,
                hint=_WANTED.get(number or 0, "Grant it what it lacks, or use an account that may."),
            )
        said = f"error {number}" if number else f"exit code {done.returncode}"
        raise StatementFailed(f"{program.name} failed with {said}", object_name=url.database)


@contextmanager
def _login(url: ResolvedUrl, settings: ConnectionSettings, product: str) -> Iterator[tuple[Path, tuple[int, ...]]]:
    """Yield where the program reads its options, and the descriptor it inherits for that.

    The password goes through a pipe, of which nothing is left whoever dies; only where a program can't open one by name
    is it a file that this user alone may read.
    """
    lines = [f"host={url.host or 'localhost'}", f"port={url.port or 3306}", "protocol=TCP"]
    if url.user:
        lines.append(f"user={_option(url.user)}")
    if url.password is not None:
        lines.append(f"password={_option(url.password.get_secret_value())}")
    lines += client_options(url, settings, product)
    options = ("[client]\n" + "\n".join(lines) + "\n").encode()
    if _DESCRIPTORS.is_dir() and len(options) < PIPE_BYTES:
        reading, writing = os.pipe()
        try:
            os.write(writing, options)
            os.close(writing)
            yield _DESCRIPTORS / str(reading), (reading,)
        finally:
            os.close(reading)
        return
    handle, name = tempfile.mkstemp(prefix="dbmanager-login-", suffix=".cnf")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(options)
        yield Path(name), ()
    finally:
        Path(name).unlink(missing_ok=True)


_DESCRIPTORS = Path("/dev/fd")
PIPE_BYTES = 4_096
"""What any pipe takes at once, so that writing never waits for the reader."""


def _option(value: str) -> str:
    """Return a value as option files quote it."""
    return quote(value.replace("\\", "\\\\")).replace('""', '\\"') if value else '""'
