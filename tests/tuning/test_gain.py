"""What a setting brought is measured before and after it, as a client goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import needed
from tests.engines import postgresql
from tests.server.processes import call, client_in

pytestmark = pytest.mark.anyio
SORTED = "SELECT a.n FROM big AS a ORDER BY a.word, a.n"
SPILLED = "SELECT count(*) FROM (SELECT i FROM generate_series(1, 450000) AS i ORDER BY -i) AS s;"
FILLED = (
    "CREATE TABLE big AS SELECT n, md5(n::text) AS word FROM generate_series(1, 60000) AS n; "
    "ALTER DATABASE shop SET max_parallel_workers_per_gather = 0; ANALYZE big"
)


@pytest.mark.promise("P3.3", "A1")
async def test_the_gain_of_a_setting_is_measured_before_and_after(tmp_path: Path) -> None:
    with needed(), postgresql.running() as server:
        server.run_sql("postgres", "ALTER SYSTEM SET work_mem = '64kB'")
        server.run_sql("postgres", "SELECT pg_reload_conf()")
        server.run_sql("postgres", "CREATE DATABASE shop")
        server.run_sql("shop", FILLED)
        server.run_sql("shop", SPILLED * 22)
        (tmp_path / "dbmanager.toml").write_text(
            f'[store]\ndata_dir = "state"\n[connections.shop]\nurl = "{server.url("shop")}"\naccess = "admin"\n'
            'password = { env = "SHOP_PASSWORD" }\n'
        )
        async with client_in(tmp_path) as client:
            _, begun, _ = await call(client, "update_project", goal="sort in memory", connections=["shop"])
            at = {"connection": "shop", "project": begun["project"]}
            text, facts, failed = await call(client, "measure_queries", queries=[SORTED], **at)
            assert not failed, text
            assert "work_before" not in facts
            text, planned, failed = await call(client, "plan_tuning", settings=["work_mem"], propose=True, **at)
            assert "change" in planned, text
            token = text.partition("confirm_token='")[2].partition("'")[0]
            text, applied, _ = await call(client, "apply_change", change=planned["change"], confirm_token=token)
            assert applied["state"] == "verified", text
            text, facts, failed = await call(client, "measure_queries", queries=[SORTED], **at)
            assert not failed, text
            assert facts["work_after"] < 0.8 * facts["work_before"], text
            assert "ms before" in text
            assert not (await call(client, "export_deliverables", project=begun["project"]))[2]
    written = (tmp_path / "database-system/documentation/performance-docs/measurements.md").read_text()
    assert "ms after" in written
