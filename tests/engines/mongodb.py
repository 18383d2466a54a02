"""MongoDB's wire on a real engine: DocumentDB in an extracted PostgreSQL, behind a gateway of our own.

There is no mongod here. Change streams, replica sets and server statistics are not to be had; the gateway refuses
them. `DBMANAGER_TEST_MONGODB_URL` points the tests at a real MongoDB.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bson
from pymongo import MongoClient

from tests.engines.extracted import root
from tests.engines.instance import (
    free_port,
    given_url,
    login,
    prepare,
    private_folder,
    serving,
)

OWNER = "postgres"
SUPERUSER, PASSWORD = login("mongodb", "tester")
Client = MongoClient[dict[str, Any]]
ROLES = [{"role": "readWriteAnyDatabase", "db": "admin"}, {"role": "clusterAdmin", "db": "admin"}]


@dataclass(slots=True)
class MongoServer:
    """A running instance; `real` is False for the gateway's."""

    host: str
    port: int
    real: bool = False
    version: str = ""
    folder: Path | None = None
    _count: int = field(default=0)

    def url(self, database: str, user: str = SUPERUSER) -> str:
        """Return the address of a database without a password."""
        return f"mongodb://{user}@{self.host}:{self.port}/{database}?authSource=admin&directConnection=true"

    def client(self, user: str = SUPERUSER, password: str = PASSWORD, **options: Any) -> Client:
        """Return a new client of the driver; the caller closes it."""
        return MongoClient(
            self.host, self.port, username=user, password=password, authSource="admin", directConnection=True,
            serverSelectionTimeoutMS=5000, **options,
        )  # fmt: skip

    def create_database(self) -> str:
        """Return the name of a database that does not exist yet; the first write makes it."""
        self._count += 1
        return f"test_{os.getpid()}_{self._count}"

    def analyze(self) -> None:
        """Have the engine below the gateway gather its statistics now, which it does by itself at any moment."""
        if self.folder is not None:
            _sql(_programs(), self.folder, "ANALYZE")

    def drop_database(self, name: str) -> None:
        """Drop a database."""
        with self.client() as client:
            client.drop_database(name)


@contextmanager
def running(**settings: str) -> Iterator[MongoServer]:
    """Start engine and gateway, yield them, stop and remove them; settings are PostgreSQL's.

    Without settings it may be the server of `DBMANAGER_TEST_MONGODB_URL`.
    """
    given = given_url("mongodb")
    if given and not settings:
        yield _described(MongoServer(given.hostname or "127.0.0.1", given.port or 27017, real=True))
        return
    with private_folder("mongo") as folder, _engine(folder, settings):
        port = free_port()
        command = [sys.executable, "-m", "tests.engines.docdb_gateway", str(folder), OWNER, str(port)]
        with serving("gateway", command, folder, ours=True):
            yield _described(MongoServer("127.0.0.1", port, folder=folder))


@contextmanager
def _engine(folder: Path, settings: dict[str, str]) -> Iterator[None]:
    """Start PostgreSQL with DocumentDB on a socket in the folder, where the folder's owner needs no password."""
    programs = _programs()
    data = folder / "data"
    prepare(
        "DocumentDB",
        [str(programs / "initdb"), "-D", str(data), "-U", OWNER, "--auth-local=trust", "--auth-host=reject", "--no-sync",
         "--encoding=UTF8", "--locale=C.UTF-8"],
        folder,
    )  # fmt: skip
    chosen = {
        "listen_addresses": "", "unix_socket_directories": str(folder), "fsync": "off", "max_connections": "120",
        "shared_preload_libraries": "pg_cron,pg_documentdb_core,pg_documentdb", "cron.database_name": "postgres",
        "cron.host": str(folder), "documentdb.localhost_connection_string": f"host={folder}",
        "documentdb.current_op_application_name": "docdb_gateway", "shared_buffers": "64MB", **settings,
    }  # fmt: skip
    arguments = [item for name, value in chosen.items() for item in ("-c", f"{name}={value}")]
    with serving("DocumentDB", [str(programs / "postgres"), "-D", str(data), *arguments], folder):
        _set_up(programs, folder)
        yield


def _set_up(programs: Path, folder: Path) -> None:
    user = bson.encode({"createUser": SUPERUSER, "pwd": PASSWORD, "roles": ROLES}).hex()
    script = (
        "CREATE EXTENSION documentdb CASCADE;"
        f"SELECT documentdb_api.create_user('BSONHEX{user}');"
        f'ALTER ROLE "{SUPERUSER}" CREATEROLE;'
        "GRANT documentdb_admin_role, documentdb_readwrite_role, documentdb_readonly_role, pg_read_all_data,"
        f' pg_read_all_stats, pg_signal_backend TO "{SUPERUSER}" WITH ADMIN OPTION'
    )
    _sql(programs, folder, script)


def _programs() -> Path:
    return next(root("documentdb").glob("usr/lib/postgresql/*/bin"))


def _sql(programs: Path, folder: Path, script: str) -> None:
    prepare("DocumentDB", [str(programs / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", str(folder), "-U", OWNER,
                           "-d", "postgres", "-c", script], folder)  # fmt: skip


def _described(server: MongoServer) -> MongoServer:
    with server.client() as client:
        facts = client.admin.command("buildInfo")
    server.version = str(facts["version"])
    if not server.real:
        server.version += f" (gateway; DocumentDB {facts['documentdb']}, PostgreSQL {facts['postgresql']})"
    return server
