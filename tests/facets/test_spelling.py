"""A name that is nearly right is answered with the right one, on every SQL engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines.mysql_family import MySqlServer
from tests.engines.postgresql import PostgresServer
from tests.server.processes import call, client_in

pytestmark = pytest.mark.anyio
TABLES = "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER, total INTEGER);"
WRONG = {
    "SELECT * FROM ordres": "'orders' for 'ordres'",
    "SELECT custmer_id FROM orders": "'customer_id' for 'custmer_id'",
    "WITH o AS (SELECT totl AS sum FROM orders) SELECT sum FROM o": "'total' for 'totl'",
}


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    password = 'password = { env = "SHOP_PASSWORD" }\n'
    if request.param == "sqlite":
        request.getfixturevalue("sqlite_file")(TABLES, "shop.db")
        url, password = "sqlite:///shop.db", ""
    elif request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("pg_server")
        database: str = request.getfixturevalue("pg_database")
        server.run_sql(database, TABLES)
        url = server.url(database)
    else:
        family: MySqlServer = request.getfixturevalue("mariadb_server")
        name = family.create_database(TABLES)
        url = family.url(name)
    (tmp_path / "dbmanager.toml").write_text(
        f'[store]\ndata_dir = "state"\n[connections.shop]\nurl = "{url}"\n{password}'
    )
    yield tmp_path
    if request.param == "mariadb":
        family.drop_database(name)


async def test_the_nearest_name_is_told(folder: Path) -> None:
    async with client_in(folder) as client:
        for tool in ("run_query", "explain_query"):
            for sql, said in WRONG.items():
                text, _, failed = await call(client, tool, connection="shop", sql=sql)
                assert failed
                assert said in text, (tool, text)
        text, _, failed = await call(client, "run_query", connection="shop", sql="SELECT * FROM zzzzzzz")
        assert failed
        assert "Did you mean" not in text
