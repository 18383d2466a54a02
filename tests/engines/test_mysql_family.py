"""The private MariaDB and MySQL servers do what the other tests rely on."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import aiomysql
import pytest

from tests.engines.instance import given_url, login
from tests.engines.mysql_family import MySqlServer, driver_password


@pytest.fixture(params=["mariadb", "mysql"])
def server(request: pytest.FixtureRequest) -> MySqlServer:
    found: MySqlServer = request.getfixturevalue(f"{request.param}_server")
    return found


def test_says_its_version(server: MySqlServer) -> None:
    assert ("MariaDB" in server.version) == (server.engine == "mariadb")


@pytest.mark.anyio
async def test_a_driver_logs_in_and_runs_a_statement_in_a_fresh_database(server: MySqlServer) -> None:
    name = server.create_database("CREATE TABLE t (a INT PRIMARY KEY, b VARCHAR(20)); INSERT INTO t VALUES (1, 'ü€𝄞')")
    user, password = login(server.engine)[0], driver_password(server.engine)
    connection = await aiomysql.connect(server.host, user, password, name, server.port, charset="utf8mb4")
    async with connection.cursor() as cursor:
        await cursor.execute("SELECT a, b FROM t")
        assert await cursor.fetchall() == ((1, "ü€𝄞"),)
    await connection.ensure_closed()
    server.drop_database(name)
    assert server.run_sql("", f"SELECT count(*) FROM information_schema.schemata WHERE schema_name = '{name}'") == "0"


@pytest.mark.anyio
async def test_refuses_a_wrong_password(server: MySqlServer) -> None:
    with pytest.raises(aiomysql.OperationalError) as refused:
        await aiomysql.connect(server.host, login(server.engine)[0], "wrong", port=server.port)
    assert refused.value.args[0] == 1045


def test_nobody_gets_in_without_a_password(server: MySqlServer) -> None:
    if given_url(server.engine):
        pytest.skip("not a private server")
    for user in ("root", "''"):
        with pytest.raises(AssertionError, match="Access denied"):
            server.run_sql("", "SELECT 1", user=user, password="")


def test_does_not_run_as_root(server: MySqlServer) -> None:
    if given_url(server.engine):
        pytest.skip("not a private server")
    pid = int(Path(server.run_sql("", "SELECT @@pid_file")).read_text())
    assert os.stat(f"/proc/{pid}").st_uid != 0


def test_brings_its_own_programs(server: MySqlServer) -> None:
    dump = "mariadb-dump" if server.engine == "mariadb" else "mysqldump"
    done = subprocess.run([str(server.programs / dump), "--version"], capture_output=True, text=True, check=True)
    assert ("MariaDB" in done.stdout) == (server.engine == "mariadb")


def test_a_failing_script_says_what_the_server_said(server: MySqlServer) -> None:
    with pytest.raises(AssertionError, match="1046"):
        server.run_sql("", "SELECT * FROM nowhere")
