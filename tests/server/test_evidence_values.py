"""What a project keeps of queries holds none of their values."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.server.processes import call, client_in

pytestmark = pytest.mark.anyio
SALES = """
CREATE TABLE sales (id INTEGER PRIMARY KEY, customer TEXT, part INTEGER, amount INTEGER);
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)
INSERT INTO sales SELECT i, 'customer ' || (i % 997), i % 1009, i FROM n;
"""
VALUES = ("Kowalski-4711", "%owalsk%", "814526")
QUERIES = [
    f"SELECT amount FROM sales WHERE customer = '{VALUES[0]}'",
    f"SELECT amount FROM sales WHERE customer LIKE '{VALUES[1]}'",
    f"SELECT amount FROM sales WHERE part = {VALUES[2]}",
    "SELECT amount FROM sales WHERE part = 3",
]


async def test_values_of_given_queries_are_answered_and_not_kept(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "shop.db")) as raw:
        raw.executescript(SALES)
    (tmp_path / "dbmanager.toml").write_text(
        '[store]\ndata_dir = "state"\n[connections.shop]\nurl = "sqlite:///shop.db"\naccess = "read_write"\n'
    )
    at = {"connection": "shop"}
    async with client_in(tmp_path) as client:
        _, begun, _ = await call(client, "update_project", goal="faster", connections=["shop"])
        at["project"] = begun["project"]
        advised, facts, failed = await call(client, "advise_indexes", queries=QUERIES, propose=True, **at)
        assert not failed, advised
        assert VALUES[0] in advised, "the one who gave them sees them"
        tried, _, failed = await call(client, "measure_queries", queries=QUERIES, change=facts["change"], **at)
        assert not failed, tried
        token = advised.partition("confirm_token='")[2].partition("'")[0]
        _, applied, _ = await call(client, "apply_change", change=facts["change"], confirm_token=token)
        assert applied["state"] == "verified"
        measured, compared, _ = await call(client, "measure_queries", queries=QUERIES[:3], **at)
        assert "Work of 3 queries" in measured, "each is found again, those of one form too"
        assert compared["work_after"] < compared["work_before"]
        for query in QUERIES:
            _, _, failed = await call(client, "explain_query", sql=query, **at)
            assert not failed
    kept = b"".join(file.read_bytes() for file in (tmp_path / "state").rglob("*") if file.is_file())
    assert b"index_advice" in kept
    assert b"measured_change" in kept
    assert b"index_proof" in kept
    assert b"plan_findings" in kept
    assert b"WHERE customer = ?" in kept
    assert [value for value in VALUES if value.encode() in kept] == []
