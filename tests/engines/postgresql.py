"""Private PostgreSQL instances on loopback, from the distribution's binaries, never as root."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.engines.instance import (
    EngineMissing,
    free_port,
    give_away,
    given_url,
    login,
    prepare,
    private_folder,
    serving,
)

SUPERUSER, PASSWORD = login("postgresql")


@dataclass(slots=True)
class PostgresServer:
    """A running instance; databases are made from templates."""

    host: str
    port: int
    bindir: Path
    prefix: str = "test"
    _count: int = field(default=0)

    def url(self, database: str, user: str = SUPERUSER) -> str:
        """Return the address of a database without a password."""
        return f"postgresql://{user}@{self.host}:{self.port}/{database}"

    def run_sql(self, database: str, sql: str) -> str:
        """Run a script through psql and return its output."""
        done = subprocess.run(
            [str(self.bindir / "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", self.host, "-p", str(self.port),
             "-U", SUPERUSER, "-d", database],
            input=sql, text=True, capture_output=True, env={"PGPASSWORD": PASSWORD, "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
            check=False,
        )  # fmt: skip
        if done.returncode:
            raise AssertionError(done.stderr)
        return done.stdout.strip()

    def create_database(self, template: str = "template1") -> str:
        """Clone a template and return the new database's name."""
        self._count += 1
        name = f"{self.prefix}_{self._count}"
        self.run_sql("postgres", f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop_database(self, name: str) -> None:
        """Drop a database, whoever is still in it."""
        self.run_sql("postgres", f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _bindir() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise EngineMissing("PostgreSQL's server is not installed; run `make engines`")
    return found[-1].parent


@contextlib.contextmanager
def running(bindir: Path | None = None, *, initdb: tuple[str, ...] = (), **settings: str) -> Iterator[PostgresServer]:
    """Start an instance of the distribution's or of the given binaries, yield it, stop and remove it.

    Without binaries and settings it may be the server of `DBMANAGER_TEST_POSTGRESQL_URL`.
    """
    given = given_url("postgresql")
    if given and not bindir and not settings and not initdb:
        yield PostgresServer(given.hostname or "127.0.0.1", given.port or 5432, _bindir(), f"test_{os.getpid()}")
        return
    bindir = bindir or _bindir()
    share = bindir.parent.parent.parent.parent / "share/postgresql" / bindir.parent.name / "extension"
    libraries = [name for name in ("pg_stat_statements", "pgaudit") if (share / f"{name}.control").exists()]
    with private_folder("pg") as folder:
        secret = folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        data, port = folder / "data", free_port()
        prepare(
            "PostgreSQL",
            [str(bindir / "initdb"), "-D", str(data), "-U", SUPERUSER, "-A", "scram-sha-256", f"--pwfile={secret}",
             "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8", *initdb],
            folder,
        )  # fmt: skip
        options = {
            "port": str(port), "listen_addresses": "127.0.0.1", "unix_socket_directories": str(folder), "fsync": "off",
            "shared_preload_libraries": ",".join(libraries), "max_connections": "60", "shared_buffers": "64MB",
            "autovacuum": "off", **settings,
        }  # fmt: skip
        arguments = [item for name, value in options.items() for item in ("-c", f"{name}={value}")]
        with serving("PostgreSQL", [str(bindir / "postgres"), "-D", str(data), *arguments], folder):
            yield PostgresServer("127.0.0.1", port, bindir)


@contextlib.contextmanager
def standby_of(primary: PostgresServer, **settings: str) -> Iterator[PostgresServer]:
    """Copy a running primary by pg_basebackup, start the copy as its standby, yield it, stop and remove it."""
    with private_folder("pg") as folder:
        data, port = folder / "data", free_port()
        secret = folder / "passfile"
        secret.write_text(f"*:*:*:*:{PASSWORD.replace(':', chr(92) + ':')}\n")
        secret.chmod(0o600)
        give_away(secret)
        source = f"host={primary.host} port={primary.port} user={SUPERUSER} passfile={secret} application_name=standby"
        prepare(
            "PostgreSQL",
            [str(primary.bindir / "pg_basebackup"), "-D", str(data), "-R", "-c", "fast", "--no-sync", "-d", source],
            folder,
        )  # fmt: skip
        options = {
            "port": str(port), "listen_addresses": "127.0.0.1", "unix_socket_directories": str(folder), "fsync": "off",
            "max_connections": "60", "hot_standby": "on", **settings,
        }  # fmt: skip
        arguments = [item for name, value in options.items() for item in ("-c", f"{name}={value}")]
        with serving("PostgreSQL", [str(primary.bindir / "postgres"), "-D", str(data), *arguments], folder):
            yield PostgresServer("127.0.0.1", port, primary.bindir)
