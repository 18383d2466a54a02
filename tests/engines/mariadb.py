"""Private MariaDB instances on loopback, from the distribution's binaries, never as root."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.engines.instance import EngineMissing, free_port, login
from tests.engines.mysql_family import MySqlServer, external, private

SUPERUSER, PASSWORD = login("mariadb")


@contextmanager
def running(**settings: str) -> Iterator[MySqlServer]:
    """Start an instance, yield it, stop and remove it; or yield the one of `DBMANAGER_TEST_MARIADB_URL`."""
    given = external("mariadb", _client().parent, "mariadb")
    if given:
        yield given
        return
    daemon = shutil.which("mariadbd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    install = shutil.which("mariadb-install-db")
    if not daemon or not install:
        raise EngineMissing("MariaDB's server is not installed; run `make engines`")
    server = MySqlServer("mariadb", "127.0.0.1", free_port(), _client().parent, "mariadb")
    made = [install, "--no-defaults", "--skip-test-db", "--skip-name-resolve",
            "--innodb-flush-method=nosync", "--innodb-doublewrite=0", "--innodb-log-file-size=16M"]  # fmt: skip
    with private(server, made, [daemon, "--no-defaults"], {"innodb_log_file_size": "16M", **settings}):
        yield server


def _client() -> Path:
    found = shutil.which("mariadb")
    if not found:
        raise EngineMissing("MariaDB's client is not installed; run `make engines`")
    return Path(found)
