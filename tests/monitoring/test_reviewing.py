"""`dbmanager review`: what is new since last time, what is gone, and the next change set, which waits for a person."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from dbmanager.analyzers.reviewing.comparison import Fact, compared
from tests.conftest import needed
from tests.engines import mariadb
from tests.engines.instance import login
from tests.engines.mysql_family import MySqlServer
from tests.engines.postgresql import PASSWORD, PostgresServer
from tests.engines.redis import RedisServer
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
    assert " 0 worse, 0 new, 0 better, 0 gone (since 20" in second.stdout
    assert "Proposed chg_" in second.stdout
    assert _sql(folder, "SELECT name FROM sqlite_master WHERE type = 'index'") == []  # proposed is not applied
    (id_,) = {word for word in second.stdout.split() if word.startswith("chg_")}
    assert f"Already proposed and waiting: {id_}" in _run(folder, "review", "shop", "--propose").stdout
    _sql(folder, "CREATE INDEX mended ON orders (customer_id); CREATE TABLE nokey (a TEXT, b TEXT)")
    third = _run(folder, "review", "shop")
    assert "- gone: " in third.stdout
    assert "orders" in third.stdout.partition("- gone: ")[2].splitlines()[0]
    assert "nokey" in third.stdout
    again = _run(folder, "review", "shop")
    assert " 0 worse, 0 new, 0 better, 0 gone" in again.stdout
    assert "workload and index advice (shop: SQLite" in again.stdout


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


BUSY = """
CREATE TABLE visits (id bigserial PRIMARY KEY, shop integer NOT NULL, seen text NOT NULL);
INSERT INTO visits (shop, seen) SELECT g % 5000, 'value-of-a-row ' || g FROM generate_series(1, 60000) AS g;
ANALYZE visits;
"""


def _plan_of(folder: Path) -> list[str]:
    raw = sqlite3.connect(folder / "state" / "store.db")
    try:
        (plan,) = raw.execute("SELECT plan FROM change_set").fetchone()
    finally:
        raw.close()
    return [step["statement"] for step in json.loads(plan)["steps"]]


@pytest.mark.promise("Q9")
def test_the_index_that_the_load_wants_is_in_the_change_set_and_gone_once_it_is_made(
    pg_server: PostgresServer, pg_database: str, tmp_path: Path
) -> None:
    pg_server.run_sql(pg_database, "CREATE EXTENSION IF NOT EXISTS pg_stat_statements;" + BUSY)
    search = "SELECT seen FROM visits WHERE shop = 4711;"
    pg_server.run_sql(pg_database, search * 30)
    (tmp_path / "dbmanager.toml").write_text(
        f'[store]\ndata_dir = "state"\n[connections.shop]\nurl = "{pg_server.url(pg_database)}"\n'
        'access = "admin"\npassword = { env = "SHOP_PASSWORD" }\n'
    )
    first = _run(tmp_path, "review", "shop", "--propose", SHOP_PASSWORD=PASSWORD)
    assert first.returncode == 0, first.stderr
    assert "- visits(shop)" in first.stdout
    assert "new: index visits(shop)" in first.stdout
    assert "4711" not in first.stdout
    assert "value-of-a-row" not in first.stdout
    (made,) = [statement for statement in _plan_of(tmp_path) if "visits" in statement and "INDEX" in statement]
    pg_server.run_sql(pg_database, made)
    pg_server.run_sql(pg_database, search * 30)
    second = _run(tmp_path, "review", "shop", SHOP_PASSWORD=PASSWORD)
    assert "gone: index visits(shop)" in second.stdout
    lines = [line for line in second.stdout.splitlines() if line.startswith("- better: ")]
    assert any("visits" in line and "ms a call" in line for line in lines), second.stdout
    pg_server.run_sql(pg_database, "DROP INDEX " + made.split(" ON ")[0].split()[-1])
    pg_server.run_sql(pg_database, search * 30)
    third = _run(tmp_path, "review", "shop", SHOP_PASSWORD=PASSWORD)
    assert "- worse: " in third.stdout.partition("- new: index visits(shop)")[0]


@pytest.fixture(scope="module")
def counting() -> Iterator[MySqlServer]:
    """A MariaDB that keeps statements with their values."""
    settings = {
        "performance_schema": "ON", "performance_schema_consumer_events_statements_current": "ON",
        "performance_schema_consumer_events_statements_history_long": "ON",
    }  # fmt: skip
    with needed(), mariadb.running(**settings) as server:
        yield server


@pytest.mark.promise("Q9")
def test_on_mariadb_the_index_is_tried_on_a_copy_and_proposed(counting: MySqlServer, tmp_path: Path) -> None:
    database = counting.create_database()
    counting.run_sql(
        database,
        "CREATE TABLE visits (id bigint AUTO_INCREMENT PRIMARY KEY, shop int NOT NULL, seen varchar(80) NOT NULL);"
        "INSERT INTO visits (shop, seen) SELECT seq % 5000, concat('value-of-a-row ', seq) FROM seq_1_to_30000;"
        "ANALYZE TABLE visits;" + "SELECT count(seen) FROM visits WHERE shop = 4711;" * 20,
    )
    (tmp_path / "dbmanager.toml").write_text(
        f'[store]\ndata_dir = "state"\n[connections.shop]\nurl = "{counting.url(database)}"\n'
        'access = "admin"\npassword = { env = "SHOP_PASSWORD" }\n'
    )
    done = _run(tmp_path, "review", "shop", "--propose", SHOP_PASSWORD=login("mariadb")[1])
    assert done.returncode == 0, done.stderr
    assert "new: index visits(shop" in done.stdout, done.stdout
    assert "4711" not in done.stdout
    assert any("visits" in statement and "INDEX" in statement.upper() for statement in _plan_of(tmp_path))


def test_an_engine_without_indexes_to_advise_says_so(redis_server: RedisServer, tmp_path: Path) -> None:
    (tmp_path / "dbmanager.toml").write_text(
        f'[store]\ndata_dir = "state"\n[connections.cache]\nurl = "{redis_server.url(0)}"\npassword = {{ env = "SHOP_PASSWORD" }}\n'
    )
    done = _run(tmp_path, "review", "cache", SHOP_PASSWORD=login("redis")[1])
    assert done.returncode == 0, done.stderr
    assert "Review of cache: " in done.stdout
    assert "index advice (" in done.stdout.partition("Not looked at: ")[2]


def test_what_was_not_looked_at_is_not_gone_and_statements_are_judged_by_their_time() -> None:
    before = (
        Fact("PG-201", "a", 4),
        Fact("index", "t(a)", 0.5),
        Fact("statement", "s", 2.0),
        Fact("statement", "u", 1.0),
    )
    now = (
        Fact("PG-201", "a", 5),
        Fact("statement", "s", 3.1),
        Fact("statement", "v", 1.0),
        Fact("setting", "work_mem"),
    )
    told = [(one.way, *one.now.key) for one in compared(before, now, {"PG-201", "setting"})]
    assert told == [("worse", "PG-201", "a"), ("worse", "statement", "s"), ("new", "setting", "work_mem")]
    assert [(one.way, *one.now.key) for one in compared(now, before, {"PG-201", "setting", "index"})] == [
        ("new", "index", "t(a)"), ("better", "PG-201", "a"), ("better", "statement", "s"), ("gone", "setting", "work_mem"),
    ]  # fmt: skip
    assert compared(before, before, set()) == ()


def test_a_wrong_name_is_told_with_the_nearest(folder: Path) -> None:
    done = _run(folder, "review", "shp")
    assert done.returncode == 2
    assert "shop" in done.stderr
