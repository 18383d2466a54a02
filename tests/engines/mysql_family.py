"""What MariaDB and MySQL have in common as private servers: the first user, scripts, databases, the options."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from dbmanager.adapters.mysql.adapter import MysqlAdapter
from dbmanager.model.configuration import Access, ConnectionSettings, ResolvedUrl
from tests.engines.instance import given_url, login, prepare, private_folder, serving


@dataclass(slots=True)
class MySqlServer:
    """A running instance; `programs` holds its own client, dump and backup programs."""

    engine: str
    host: str
    port: int
    programs: Path
    client: str
    version: str = ""
    _count: int = field(default=0)

    def url(self, database: str, user: str | None = None) -> str:
        """Return the address of a database without a password."""
        return f"{self.engine}://{user or login(self.engine)[0]}@{self.host}:{self.port}/{database}"

    def run_sql(self, database: str, sql: str, *, user: str | None = None, password: str | None = None) -> str:
        """Run a script through the engine's client and return its output, columns parted by tabs."""
        name, secret = login(self.engine)
        done = subprocess.run(
            [str(self.programs / self.client), "--no-defaults", "--batch", "--raw", "--skip-column-names",
             "--default-character-set=utf8mb4", f"--host={self.host}", f"--port={self.port}", "--protocol=TCP",
             *(["--get-server-public-key"] if self.engine == "mysql" else []), f"--user={user or name}", database],
            input=sql, text=True, capture_output=True, check=False,
            env={"MYSQL_PWD": secret if password is None else password, "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
        if done.returncode:
            raise AssertionError(done.stderr)
        return done.stdout.strip()

    def create_database(self, script: str = "") -> str:
        """Make a database, run a script in it and return its name."""
        self._count += 1
        name = f"test_{os.getpid()}_{self._count}"
        self.run_sql("", f"CREATE DATABASE {name}")
        if script:
            self.run_sql(name, script)
        return name

    def drop_database(self, name: str) -> None:
        """Drop a database."""
        self.run_sql("", f"DROP DATABASE IF EXISTS {name}")


def driver_password(engine: str) -> str:
    """Return the password as aiomysql needs it: it encodes Latin-1, the server was told UTF-8."""
    return login(engine)[1].encode().decode("latin-1")


def open_mysql(
    server: MySqlServer,
    database: str,
    *,
    user: str | None = None,
    password: str | None = None,
    access: Access = "read_write",
) -> MysqlAdapter:
    """Return an adapter on a database of the server; the caller closes it."""
    name, secret = login(server.engine)
    url = ResolvedUrl(
        engine="mysql", host=server.host, port=server.port, user=user or name,
        password=SecretStr(secret if password is None else password), database=database,
    )  # fmt: skip
    return MysqlAdapter("test", url, ConnectionSettings(url=server.url(database, user), access=access))


def first_user(folder: Path, engine: str) -> Path:
    """Return a script that makes the user of the tests with every right, and locks root."""
    name, secret = login(engine)
    script = folder / "init.sql"
    script.write_text(
        f"SET NAMES utf8mb4;\nCREATE USER '{name}'@'%' IDENTIFIED BY '{secret}';\n"
        f"GRANT ALL PRIVILEGES ON *.* TO '{name}'@'%' WITH GRANT OPTION;\nALTER USER 'root'@'localhost' ACCOUNT LOCK;\n"
    )
    script.chmod(0o644)
    return script


def options(settings: Mapping[str, str]) -> list[str]:
    """Return settings as the server's arguments."""
    return [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]


@contextmanager
def private(server: MySqlServer, install: list[str], daemon: list[str], settings: Mapping[str, str]) -> Iterator[None]:
    """Make a data folder by `install`, run `daemon` on it, and say what it is in `server`."""
    with private_folder(server.engine) as folder:
        data = f"--datadir={folder / 'data'}"
        prepare(server.engine, [*install, data], folder)
        # A folder of its own for temporary tables: a server that starts removes those it finds, other servers' too.
        chosen = {
            "port": str(server.port), "bind_address": server.host, "socket": str(folder / "socket"),
            "pid_file": str(folder / "pid"), "init_file": str(first_user(folder, server.engine)), "secure_file_priv": "",
            "tmpdir": str(folder),  # a starting server deletes the temporary files of another in the same place
            "max_connections": "60", "innodb_flush_log_at_trx_commit": "0", "innodb_doublewrite": "0", "sync_binlog": "0",
            "innodb_flush_method": "nosync", "innodb_buffer_pool_size": "64M", "character_set_server": "utf8mb4", **settings,
        }  # fmt: skip
        with serving(server.engine, [*daemon, data, *options(chosen)], folder):
            server.version = server.run_sql("", "SELECT version()")
            yield


def external(engine: str, programs: Path, client: str) -> MySqlServer | None:
    """Return the server that the environment names, if it names one."""
    url = given_url(engine)
    if url is None:
        return None
    server = MySqlServer(engine, url.hostname or "127.0.0.1", url.port or 3306, programs, client)
    server.version = server.run_sql("", "SELECT version()")
    return server
