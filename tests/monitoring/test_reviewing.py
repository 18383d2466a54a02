"""`dbmanager review`: what is new since last time, what is gone, and the next change set, which waits for a person."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from tests.engines.postgresql import PASSWORD, PostgresServer
from tests.monitoring.test_collecting import _run

FLAWED = """
CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers (id)) STRICT;
INSERT INTO customers WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n WHERE v < 5000) SELECT v, 'private name ' || v FROM n;
INSERT INTO orders SELECT id, id FROM customers;
"""


def _sql(folder: Path, script: str) -> list[tuple[str, ...]]:
    raw = sqlite3.connect(folder / "shop.db")
    try:
        if script.startswith("SELECT"):
            return raw.execute(script).fetchall()
        raw.executescript(script)
        return []
    finally:
        raw.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    _sql(tmp_path, FLAWED)
    (tmp_path / "dbmanager.toml").write_text(
        '[store]\ndata_dir = "state"\n[connections.shop]\nurl = "sqlite:///shop.db"\naccess = "admin"\n'
    )
    return tmp_path


@pytest.mark.promise("Q9")
def test_a_review_tells_what_is_new_and_gone_and_proposes_what_can_be_undone(folder: Path) -> None:
    first = _run(folder, "review", "shop")
    assert first.returncode == 0, first.stderr
    assert "this is the first review" in first.stdout
    assert "customer_id" in first.stdout
    assert "private name" not in first.stdout
    second = _run(folder, "review", "shop", "--propose")
    assert " 0 new, 0 gone (since 20" in second.stdout
    assert "Proposed chg_" in second.stdout
    assert _sql(folder, "SELECT name FROM sqlite_master WHERE type = 'index'") == []  # proposed is not applied
    _sql(folder, "CREATE INDEX mended ON orders (customer_id); CREATE TABLE nokey (a TEXT, b TEXT)")
    third = _run(folder, "review", "shop")
    assert "- gone: " in third.stdout
    assert "orders" in third.stdout.partition("- gone: ")[2].splitlines()[0]
    assert "nokey" in third.stdout
    again = _run(folder, "review", "shop")
    assert " 0 new, 0 gone" in again.stdout


@pytest.mark.promise("Q9")
def test_a_server_is_reviewed_and_the_change_set_holds_the_missing_index(
    pg_server: PostgresServer, pg_database: str, tmp_path: Path
) -> None:
    pg_server.run_sql(
        pg_database,
        "CREATE TABLE customers (id bigserial PRIMARY KEY);"
        "CREATE TABLE orders (id bigserial PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customers (id));"
        "INSERT INTO customers SELECT FROM generate_series(1, 3000); INSERT INTO orders (customer_id) SELECT id FROM customers;"
        "ANALYZE",
    )
    (tmp_path / "dbmanager.toml").write_text(
        f'[store]\ndata_dir = "state"\n[connections.shop]\nurl = "{pg_server.url(pg_database)}"\n'
        'access = "admin"\npassword = { env = "SHOP_PASSWORD" }\n'
    )
    done = _run(tmp_path, "review", "shop", "--propose", SHOP_PASSWORD=PASSWORD)
    assert done.returncode == 0, done.stderr
    raw = sqlite3.connect(tmp_path / "state" / "store.db")
    ((plan,),) = raw.execute("SELECT plan FROM change_set").fetchall()
    raw.close()
    statements = [step["statement"] for step in json.loads(plan)["steps"]]
    assert any("INDEX" in statement and "customer_id" in statement for statement in statements), statements
    again = _run(tmp_path, "review", "shop", SHOP_PASSWORD=PASSWORD)
    assert "customer_id" not in again.stdout.partition("History of")[0]


def test_a_wrong_name_is_told_with_the_nearest(folder: Path) -> None:
    done = _run(folder, "review", "shp")
    assert done.returncode == 2
    assert "shop" in done.stderr
