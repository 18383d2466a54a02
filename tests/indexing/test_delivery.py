"""What was promised is compared with what came of it, and what did not deliver is dropped again, over the wire."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.server.processes import call, client_in

pytestmark = pytest.mark.anyio
ONE, OTHER = "SELECT amount FROM sales WHERE customer = 17", "SELECT amount FROM sales WHERE part = 3"
SALES = """
CREATE TABLE sales (id INTEGER PRIMARY KEY, customer INTEGER, part INTEGER, amount INTEGER);
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)
INSERT INTO sales SELECT i, i % 997, i % 1009, i FROM n;
"""


def _indexes(file: Path) -> set[str]:
    with closing(sqlite3.connect(file)) as raw:
        return {row[0] for row in raw.execute("SELECT name FROM sqlite_schema WHERE type = 'index'")}


@pytest.mark.promise("A2")
async def test_an_index_that_no_plan_reads_is_dropped_by_a_change_set(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "shop.db")) as raw:
        raw.executescript(SALES)
    (tmp_path / "dbmanager.toml").write_text(
        '[store]\ndata_dir = "state"\n[connections.shop]\nurl = "sqlite:///shop.db"\naccess = "read_write"\n'
    )
    at = {"connection": "shop"}
    async with client_in(tmp_path) as client:
        _, begun, _ = await call(client, "update_project", goal="faster", connections=["shop"])
        at["project"] = begun["project"]

        async def applied(text: str, change: str) -> None:
            token = text.partition("confirm_token='")[2].partition("'")[0]
            _, facts, failed = await call(client, "apply_change", change=change, confirm_token=token)
            assert not failed
            assert facts["state"] == "verified"

        text, advice, _ = await call(client, "advise_indexes", queries=[ONE, OTHER], propose=True, **at)
        assert "2 indexes to make" in text
        assert "equality on customer" in text
        await applied(text, advice["change"])
        made = _indexes(tmp_path / "shop.db")
        assert len(made) == 2
        text, facts, _ = await call(client, "measure_queries", queries=[ONE, OTHER], propose_undo=True, **at)
        assert "read by none" not in text
        assert "change" not in facts
        assert facts["work_after"] < facts["work_before"] / 20
        text, facts, _ = await call(client, "measure_queries", queries=[ONE], propose_undo=True, **at)
        assert "read by none of these plans: sales.ix_sales_part" in text
        await applied(text, facts["change"])
        assert {name for name in made if "customer" in name} == _indexes(tmp_path / "shop.db")


async def test_call_counts_must_fit_the_queries(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "shop.db")) as raw:
        raw.executescript(SALES)
    async with client_in(tmp_path, "--url", "sqlite:///shop.db") as client:
        text, _, failed = await call(client, "advise_indexes", connection="main", queries=[ONE, OTHER], calls=[1])
        assert failed
        assert "1 call counts do not fit 2 queries" in text


async def test_a_budget_that_is_too_small_for_anything_is_told(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "shop.db")) as raw:
        raw.executescript(SALES)
    async with client_in(tmp_path, "--url", "sqlite:///shop.db") as client:
        text, _, failed = await call(client, "advise_indexes", connection="main", queries=[ONE], budget_mb=0.01)
        assert not failed
        assert "0 indexes to make" in text
        assert "the budget of 10.0 kB is too small: the smallest takes" in text
