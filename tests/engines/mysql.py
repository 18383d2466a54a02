"""Private MySQL instances on loopback, from the extracted packages, never as root.

Oracle's MySQL and MariaDB exclude one another as packages; extracted, both run on one machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.engines.extracted import program, root
from tests.engines.instance import free_port, login
from tests.engines.mysql_family import MySqlServer, external, private

SUPERUSER, PASSWORD = login("mysql")


@contextmanager
def running(**settings: str) -> Iterator[MySqlServer]:
    """Start an instance, yield it, stop and remove it; or yield the one of `DBMANAGER_TEST_MYSQL_URL`."""
    programs = program("mysql", "mysql").parent
    given = external("mysql", programs, "mysql")
    if given:
        yield given
        return
    home = root("mysql") / "usr"
    daemon = [str(programs / "mysqld"), "--no-defaults", f"--basedir={home}",
              f"--lc-messages-dir={home / 'share/mysql'}", "--innodb-redo-log-capacity=64M"]  # fmt: skip
    quick = ["--innodb-flush-method=nosync", "--innodb-doublewrite=0", "--initialize-insecure"]
    server = MySqlServer("mysql", "127.0.0.1", free_port(), programs, "mysql")
    with private(server, [*daemon, *quick], daemon, {"mysqlx": "OFF", **settings}):
        yield server
