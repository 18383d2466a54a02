"""Where the engine can, an index that nobody seems to need is hidden before it is dropped."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engines.mysql_family import MySqlServer
from tests.server.processes import call, client_in

pytestmark = pytest.mark.anyio
SALES = """
CREATE TABLE sales (id INT PRIMARY KEY, customer INT, part INT, KEY by_part (part), KEY by_customer (customer));
INSERT INTO sales WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) SELECT i, i % 97, i % 89 FROM n;
ANALYZE TABLE sales;
"""
USED = "SELECT id FROM sales WHERE customer = 17"
OTHER = "EXPLAIN SELECT id FROM sales WHERE part = 3"


@pytest.mark.parametrize("engine", ["mysql", "mariadb"])
async def test_an_index_is_hidden_first_and_dropped_when_it_is_hidden(
    engine: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    server: MySqlServer = request.getfixturevalue(f"{engine}_server")
    name = server.create_database()
    request.addfinalizer(lambda: server.drop_database(name))
    server.run_sql(name, SALES)
    (tmp_path / "dbmanager.toml").write_text(
        f'[store]\ndata_dir = "state"\n[connections.shop]\nurl = "{server.url(name)}"\naccess = "read_write"\n'
        'password = { env = "SHOP_PASSWORD" }\n'
    )
    async with client_in(tmp_path) as client:

        async def changed() -> str:
            text, advice, failed = await call(
                client, "advise_indexes", connection="shop", queries=[USED], propose=True, drop_unused=True
            )
            assert not failed, text
            assert engine != "mariadb" or "no query's plan reads it; tried on a copy of all rows: sales 900" in text
            token = text.partition("confirm_token='")[2].partition("'")[0]
            told, facts, failed = await call(client, "apply_change", change=advice["change"], confirm_token=token)
            assert not failed, told
            assert facts["state"] == "verified"
            return str(advice["change"])

        assert "by_part" in server.run_sql(name, OTHER)
        hidden = await changed()
        assert "by_part" not in server.run_sql(name, OTHER)
        assert "by_part" in server.run_sql(name, "SHOW CREATE TABLE sales")
        _, facts, _ = await call(client, "roll_back_change", change=hidden)
        assert facts["state"] == "rolled_back"
        assert "by_part" in server.run_sql(name, OTHER), "what was hidden is back at once"
        await changed()
        await changed()
        shown = server.run_sql(name, "SHOW CREATE TABLE sales")
        assert "by_part" not in shown
        assert "by_customer" in shown
