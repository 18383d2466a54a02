"""An index that looks needless is tried before its drop is proposed: plans without it beside those with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from dbmanager.adapters.facets import Adapter
from dbmanager.adapters.sqlite.adapter import SqliteAdapter
from dbmanager.model.configuration import Configuration
from dbmanager.phases.optimization.advise import Bounds, advise
from dbmanager.phases.optimization.dropping import Drop
from dbmanager.services.configuration import LoadedConfiguration
from dbmanager.services.container import Services
from dbmanager.services.index_trials import IndexTrials
from tests.conftest import needed
from tests.engines.newest import newest_postgresql
from tests.engines.postgresql import PASSWORD, PostgresServer

pytestmark = pytest.mark.anyio
SHOP = """
CREATE TABLE customers (id INTEGER PRIMARY KEY, name VARCHAR(20));
INSERT INTO customers SELECT i, 'name' FROM {numbers} WHERE i <= 100;
CREATE TABLE sales (
    id INTEGER PRIMARY KEY, customer INTEGER REFERENCES customers (id), part INTEGER, day INTEGER, note VARCHAR(60)
);
INSERT INTO sales SELECT i, 1 + i % 100, i % 997, i % 365, 'a text that makes rows as long as they usually are' FROM {numbers};
CREATE TABLE lonely (id INTEGER PRIMARY KEY, a INTEGER);
CREATE INDEX by_part ON sales (part);
CREATE INDEX by_part_again ON sales (part);
CREATE INDEX by_part_and_day ON sales (part, day);
CREATE INDEX by_day ON sales (day);
CREATE INDEX by_day_with_all ON sales (day, note, id);
CREATE INDEX by_customer ON sales (customer);
CREATE UNIQUE INDEX one_of_each ON sales (id, day);
CREATE INDEX of_nobody ON lonely (a);
"""
NUMBERS = {
    "postgresql": "generate_series(1, 30000) AS n (i)",
    "sqlite": "(WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000) SELECT i FROM n)",
}
QUERIES = [
    "SELECT note FROM sales WHERE part = 3",
    "SELECT note FROM sales WHERE part = 3 AND day = 5",
    "SELECT count(*) FROM sales WHERE day BETWEEN 10 AND 300",
]
BOUNDS = Bounds(0, 2)


SAME = {"by_part": True, "by_part_again": True, "by_customer": False, "of_nobody": True, "by_day_with_all": True}


def _judged(drops: tuple[Drop, ...]) -> dict[str, bool]:
    return {drop.index.name: drop.is_proposed for drop in drops}


def _of(drops: tuple[Drop, ...], name: str) -> Drop:
    return next(drop for drop in drops if drop.index.name == name)


@asynccontextmanager
async def _on(
    server: PostgresServer, folder: Path, script: str, **settings: object
) -> AsyncIterator[tuple[Adapter, IndexTrials]]:
    """Yield a database made by a script, with trials; nothing of it may have changed at the end."""
    name = server.create_database()
    server.run_sql(name, f"{script} VACUUM ANALYZE")
    connection = {"url": server.url(name), "password": {"env": "SHOP_PASSWORD"}, **settings}
    given = {"connections": {"db": connection}, "store": {"data_dir": str(folder)}}
    services = Services(LoadedConfiguration(Configuration.model_validate(given), (), folder))
    every = "SELECT string_agg(indexdef, ',' ORDER BY indexname) FROM pg_indexes"
    before = server.run_sql(name, every)
    try:
        adapter = await services.connections.adapter("db")
        yield adapter, IndexTrials(services.scratches, "db", adapter)
        assert server.run_sql(name, every) == before
    finally:
        await services.close()
        server.drop_database(name)


async def _tried(server: PostgresServer, folder: Path, extension: str, **settings: object) -> tuple[Drop, ...]:
    script = f"{extension} {SHOP.format(numbers=NUMBERS['postgresql'])}"
    async with _on(server, folder, script, **settings) as (adapter, trials):
        return (await advise(adapter, QUERIES, trials, bounds=BOUNDS, measured=False, drops=True)).drops


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", PASSWORD)


async def test_what_no_query_misses_may_go_and_what_supports_a_reference_stays_on_sqlite(
    sqlite_file: Callable[..., Path], open_sqlite: Callable[..., SqliteAdapter]
) -> None:
    adapter = open_sqlite(sqlite_file(SHOP.format(numbers=NUMBERS["sqlite"]) + "ANALYZE;"), read_only=True)
    drops = (await advise(adapter, QUERIES, bounds=BOUNDS, measured=False, drops=True)).drops
    assert _judged(drops) == {**SAME, "by_day": True, "by_day_with_all": False}, "one of the two serves the third query"
    assert _of(drops, "by_day").how.startswith("tried: plans without it by the engine's planner on an empty clone")
    assert _of(drops, "by_customer").how == "kept: it alone supports the reference to customers"
    (worse,) = _of(drops, "by_day_with_all").worse
    assert (worse.number, worse.after > worse.before * 2) == (3, True)


@pytest.mark.promise("P3.2")
@pytest.mark.parametrize("extension", ["", "CREATE EXTENSION hypopg;"], ids=["plain", "hypopg"])
async def test_drops_are_tried_on_a_copy_of_all_rows_on_postgresql(
    extension: str, pg_server: PostgresServer, tmp_path: Path
) -> None:
    drops = await _tried(pg_server, tmp_path, extension)
    assert _judged(drops) == {**SAME, "by_day": False}
    assert _of(drops, "by_part").how == "tried on a copy of all rows: sales 30,000 of about 30,000 rows"
    assert _of(drops, "of_nobody").how == "by rule only: no query of the workload reads its table"
    day = _of(drops, "by_day")
    assert day.why == "by_day_with_all begins with its keys"
    assert [one.number for one in day.worse] == [3]
    assert day.worse[0].after > day.worse[0].before * 1.2


async def test_rules_decide_where_no_copy_can_be_made_and_say_so(pg_server: PostgresServer, tmp_path: Path) -> None:
    drops = await _tried(pg_server, tmp_path, "CREATE EXTENSION hypopg;", scratch=False)
    assert _judged(drops) == {**SAME, "by_day": False}
    told = _of(drops, "by_part").how
    assert told.startswith("by rule only: the database's hypopg can't hide an index (1.4 can), and on a copy:")
    assert "scratch = false" in told


async def test_hypopg_hides_indexes_where_it_can(tmp_path: Path) -> None:
    with needed(), newest_postgresql() as server:
        drops = await _tried(server, tmp_path, "CREATE EXTENSION hypopg;", scratch=False)
    assert _judged(drops) == {**SAME, "by_day": False}
    assert "hypothetical indexes on the engine's planner" in _of(drops, "by_day").how
    assert [one.number for one in _of(drops, "by_day").worse] == [3]


async def test_advised_indexes_count_when_drops_are_tried(pg_server: PostgresServer, tmp_path: Path) -> None:
    """What is advised stands for the narrow index that serves the query today."""
    script = (
        "CREATE EXTENSION hypopg; CREATE TABLE more AS SELECT i AS id, i % 997 AS part, repeat('x', 200) AS note, "
        "i AS amount FROM generate_series(1, 30000) AS n (i); CREATE INDEX narrow ON more (part);"
    )
    query = "SELECT sum(amount) FROM more WHERE part = 3"
    async with _on(pg_server, tmp_path, script) as (adapter, trials):
        report = await advise(adapter, [query], trials, bounds=Bounds(seconds=2), measured=False, drops=True)
    assert [one.needless for one in report.create] == [("narrow",)]
    assert _judged(report.drops) == {"narrow": True}
