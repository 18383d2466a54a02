"""From what a database is asked to what makes it faster, as a client goes: collect, advise, apply, measure, cache."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engines.postgresql import PostgresServer
from tests.server.processes import call, client_in

pytestmark = pytest.mark.anyio
SHOP = """
CREATE EXTENSION pg_stat_statements; CREATE EXTENSION hypopg;
CREATE TABLE orders (id bigint PRIMARY KEY, customer int NOT NULL, state text NOT NULL, total numeric(10, 2) NOT NULL);
INSERT INTO orders SELECT i, abs(hashint4(i)) % 4000, CASE WHEN i % 20 = 0 THEN 'open' ELSE 'done' END, i % 500
    FROM generate_series(1, 60000) AS i;
VACUUM ANALYZE; SELECT pg_stat_statements_reset();
"""
ASKED = "SELECT sum(total) FROM orders WHERE customer = 1234"
SECRET = "1234"


@pytest.mark.promise("P3.2", "A1", "A3")
async def test_a_collected_workload_is_advised_on_changed_measured_and_cached(
    pg_server: PostgresServer, pg_database: str, tmp_path: Path
) -> None:
    pg_server.run_sql(pg_database, SHOP)
    user = "asker_" + pg_database
    pg_server.run_sql(pg_database, f"CREATE ROLE {user} LOGIN PASSWORD 'x'; GRANT SELECT ON orders TO {user}")
    (tmp_path / "dbmanager.toml").write_text(
        f'[store]\ndata_dir = "state"\n[connections.shop]\nurl = "{pg_server.url(pg_database)}"\naccess = "read_write"\n'
        'password = { env = "SHOP_PASSWORD" }\n'
    )

    def asks(times: int) -> None:
        pg_server.run_sql(pg_database, f"SET ROLE {user}; " + ";".join([ASKED] * times))

    async with client_in(tmp_path) as client:
        _, begun, _ = await call(client, "update_project", goal="faster", connections=["shop"])
        at = {"connection": "shop", "project": begun["project"]}
        text, _, failed = await call(client, "advise_indexes", **at)
        assert failed
        assert "analyze_workload" in text
        asks(60)
        text, _, failed = await call(client, "analyze_workload", **at)
        assert not failed, text
        assert SECRET not in text
        text, advice, failed = await call(client, "advise_indexes", propose=True, seconds=3, **at)
        assert not failed, text
        assert "orders(customer)" in text
        assert SECRET not in text
        token = text.partition("confirm_token='")[2].partition("'")[0]
        _, applied, _ = await call(client, "apply_change", change=advice["change"], confirm_token=token)
        assert applied["state"] == "verified"
        asks(30)
        pg_server.run_sql(pg_database, "SELECT pg_sleep(1.2)")
        text, _, failed = await call(client, "analyze_workload", **at)
        assert not failed, text
        text, _, failed = await call(client, "plan_tuning", kind="caching", staleness_seconds=300, **at)
        assert not failed, text
        assert "worth caching" in text
        assert not (await call(client, "export_deliverables", project=begun["project"]))[2]
    tree = {
        str(file.relative_to(tmp_path / "database-system")): file.read_text()
        for file in (tmp_path / "database-system").rglob("*.md")
    }
    assert {
        "optimization/queries/workload.md",
        "optimization/caching/plan.md",
        "architecture/indexes/advice.md",
    } <= tree.keys()
    assert not [path for path, text in tree.items() if SECRET in text]


OFTEN = (
    "SELECT a.state, count(*) AS pairs FROM orders AS a JOIN orders AS b ON b.customer = a.customer GROUP BY a.state"
)


@pytest.mark.promise("P3.4", "A3")
async def test_an_answer_that_may_be_old_is_kept_as_a_view_by_a_change_set(
    pg_server: PostgresServer, pg_database: str, tmp_path: Path
) -> None:
    pg_server.run_sql(pg_database, SHOP)
    (tmp_path / "dbmanager.toml").write_text(
        f'[store]\ndata_dir = "state"\n[connections.shop]\nurl = "{pg_server.url(pg_database)}"\naccess = "read_write"\n'
        'password = { env = "SHOP_PASSWORD" }\n'
    )
    async with client_in(tmp_path) as client:
        _, begun, _ = await call(client, "update_project", goal="faster", connections=["shop"])
        at = {"connection": "shop", "project": begun["project"]}
        text, _, failed = await call(client, "assess_database", staleness_seconds=300, **at)
        assert not failed, text
        assert "How old may an answer be" not in text
        await call(client, "analyze_workload", **at)
        load = [OFTEN] * 22 + ["UPDATE orders SET total = total + 1 WHERE id = 7"]
        pg_server.run_sql(
            pg_database, f"SET max_parallel_workers_per_gather = 0; {'; '.join(load)}; SELECT pg_sleep(1.1)"
        )
        await call(client, "analyze_workload", **at)
        text, facts, failed = await call(client, "plan_tuning", kind="caching", propose=True, **at)
        assert not failed, text
        assert "answers may be 300 s old" in text
        assert "The server's own caches" in text
        assert "REFRESH MATERIALIZED VIEW CONCURRENTLY" in text
        token = text.partition("confirm_token='")[2].partition("'")[0]
        text, applied, _ = await call(client, "apply_change", change=facts["change"], confirm_token=token)
        assert applied["state"] == "verified", text
        assert not (await call(client, "export_deliverables", project=begun["project"]))[2]
        refresh = (tmp_path / "database-system/optimization/caching/refresh.sql").read_text()
        pg_server.run_sql(pg_database, refresh)
        kept = refresh.rpartition('"cached_')[2].partition('"')[0]
        assert pg_server.run_sql(pg_database, f"SELECT * FROM cached_{kept} ORDER BY 1") == pg_server.run_sql(
            pg_database, f"{OFTEN} ORDER BY 1"
        )
        _, _, failed = await call(client, "roll_back_change", change=facts["change"])
        assert not failed
