"""No statement on MySQL or MariaDB outlives its client, however the client goes; a watchdog ends what a killed server leaves."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engines.mysql_family import MySqlServer
from tests.slow.test_server_under_load import GONE_SECONDS, RawClient

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
COMPUTING = (
    "SELECT count(*) FROM information_schema.COLLATIONS AS a, information_schema.COLLATIONS AS b, "
    "information_schema.COLLATIONS AS c, information_schema.COLLATIONS AS d"
)


@pytest.fixture(params=["mysql", "mariadb"])
def server(request: pytest.FixtureRequest) -> MySqlServer:
    found: MySqlServer = request.getfixturevalue(f"{request.param}_server")
    return found


@pytest.fixture
def place(server: MySqlServer, tmp_path: Path) -> Iterator[tuple[str, Callable[[], RawClient]]]:
    database = server.create_database("CREATE TABLE small (id int PRIMARY KEY)")
    (tmp_path / "dbmanager.toml").write_text(
        f'[store]\ndata_dir = "state"\n[connections.my]\nurl = "{server.url(database)}"\npassword = {{ env = "PW" }}\n'
    )
    opened: list[RawClient] = []

    def open_() -> RawClient:
        opened.append(RawClient(tmp_path))
        return opened[-1]

    yield database, open_
    for client in opened:
        client.close()
    server.drop_database(database)


def _running(server: MySqlServer, database: str) -> int:
    sql = f"SELECT count(*) FROM information_schema.PROCESSLIST WHERE DB = '{database}' AND INFO LIKE '%COLLATIONS%' AND ID <> connection_id()"
    return int(server.run_sql("", sql))


def _connected(server: MySqlServer, database: str) -> int:
    return int(server.run_sql("", f"SELECT count(*) FROM information_schema.PROCESSLIST WHERE DB = '{database}'"))


@pytest.mark.parametrize("round_", range(2))
@pytest.mark.parametrize("way", ["cancel", "end of input", "SIGTERM", "SIGINT", "SIGKILL"])
@pytest.mark.parametrize("tool", ["run_query", "explain_query"])
def test_no_statement_outlives_its_client(
    way: str, tool: str, round_: int, server: MySqlServer, place: tuple[str, Callable[[], RawClient]]
) -> None:
    database, open_ = place
    client = open_()
    asked = client.call(tool, connection="my", sql=COMPUTING, **({"analyze": True} if tool == "explain_query" else {}))
    deadline = time.monotonic() + 15
    while not _running(server, database):
        assert time.monotonic() < deadline
    time.sleep(0.3 * round_)
    if way == "cancel":
        client.notify("notifications/cancelled", requestId=asked, reason="enough")
    elif way == "end of input":
        assert client.process.stdin is not None
        client.process.stdin.close()
    else:
        client.process.send_signal(getattr(signal, way))
    time.sleep(GONE_SECONDS)
    assert _running(server, database) == 0
    if way == "cancel":
        client.call("run_query", connection="my", sql="SELECT 40 + 2 AS answer")
        while "42" not in json.dumps(answer := client.answer()):
            assert answer["id"] == asked
    else:
        client.process.wait(10)
        deadline = time.monotonic() + 5
        while _connected(server, database):
            assert time.monotonic() < deadline


def test_no_secret_stands_in_the_list_of_processes(
    server: MySqlServer, place: tuple[str, Callable[[], RawClient]]
) -> None:
    import psutil

    from tests.engines.instance import login

    _, open_ = place
    client = open_()
    client.call("run_query", connection="my", sql="SELECT 1 AS one")
    client.answer()
    children = psutil.Process(client.process.pid).children(recursive=True)
    watchers = [child for child in children if "dbmanager.adapters.mysql.watchdog" in child.cmdline()]
    assert watchers
    secret = login(server.engine)[1]
    for child in watchers:
        assert secret not in " ".join(child.cmdline())
        assert os.path.exists(f"/proc/{child.pid}/environ")
