"""What-if by real indexes on a copy: its plans are those of the source once the indexes are there."""

from __future__ import annotations

import pytest

from dbmanager.model.queries import PlanNode, QueryRequest
from dbmanager.model.schema import Index, IndexKey
from dbmanager.phases.optimization.advise import Bounds, FirstAnswer, advise
from dbmanager.services.index_trials import IndexTrials
from tests.scratch.conftest import Source

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("source", ["mysql", "mariadb"], indirect=True)]
LINES = """
CREATE TABLE states (state int PRIMARY KEY, label varchar(10));
INSERT INTO states VALUES (0, 'new'), (1, 'paid'), (2, 'sent');
CREATE TABLE buyers (buyer int PRIMARY KEY, town int);
INSERT INTO buyers SELECT seq, seq % 40 FROM numbers WHERE seq <= 800;
CREATE TABLE orders (id int PRIMARY KEY, buyer int, state int, day date);
INSERT INTO orders SELECT seq * 8, seq * 17 % 800 + 1, seq % 3, date '2020-01-01' + INTERVAL seq * 31 % 900 DAY FROM numbers;
CREATE TABLE order_lines (ordered int, line int, part int, price decimal(10, 2), note varchar(60), PRIMARY KEY (ordered, line));
INSERT INTO order_lines SELECT id, line, (id * 7919 + line * 31) % 2000, id % 977 + 0.25, repeat('n', 50)
  FROM orders CROSS JOIN (SELECT 1 AS line UNION SELECT 2 UNION SELECT 3 UNION SELECT 4) AS l;
ANALYZE TABLE states, buyers, orders, order_lines;
"""
QUERIES = [
    "SELECT sum(price) FROM orders JOIN order_lines ON id = ordered WHERE buyer = 7",
    "SELECT label, count(*) FROM orders JOIN states USING (state) WHERE day >= '2022-06-01' GROUP BY label",
    "SELECT ordered, price FROM order_lines WHERE part = 5",
    "SELECT town, sum(price) FROM buyers JOIN orders USING (buyer) JOIN order_lines ON id = ordered GROUP BY town",
    "SELECT count(*) FROM orders JOIN buyers USING (buyer) WHERE town = 3 AND day < '2020-02-01'",
]


def _fill(source: Source) -> None:
    assert source.sql is not None
    numbers = "CREATE TABLE numbers (seq int PRIMARY KEY); SET SESSION cte_max_recursion_depth = 20000;"
    if source.name == "mariadb":
        numbers = numbers.replace("cte_max_recursion_depth", "max_recursive_iterations")
    rows = "INSERT INTO numbers WITH RECURSIVE n AS (SELECT 1 AS s UNION ALL SELECT s + 1 FROM n WHERE s < 12000) SELECT s FROM n;"
    source.sql.run(numbers + rows + LINES)


def _path(roots: tuple[PlanNode, ...]) -> list[tuple[str | None, str | None]]:
    return [(node.table, node.index) for root in roots for node in root.walk() if node.table]


@pytest.mark.parametrize("rows", [200_000, 20_000], ids=["whole", "sampled"])
async def test_plans_on_the_copy_are_those_of_the_source_with_the_indexes_made(source: Source, rows: int) -> None:
    _fill(source)
    services = source.services()
    adapter = await services.connections.adapter("db")
    schema = await adapter.catalog.read_schema()
    tables = [schema.table(name) for name in ("states", "buyers", "orders", "order_lines")]
    pairs = [
        (tables[1], Index("by_town", (IndexKey("town"),))), (tables[2], Index("by_buyer", (IndexKey("buyer"),))),
        (tables[2], Index("by_day", (IndexKey("day"),))), (tables[3], Index("by_part", (IndexKey("part"),))),
    ]  # fmt: skip
    async with IndexTrials(services.scratches, "db", adapter, rows).on(schema, tables) as trial:
        copied = trial.copy.rows
        today = [_path((await trial.plan(sql, [])).plan.roots) for sql in QUERIES]
        promised = [_path((await trial.plan(sql, pairs)).plan.roots) for sql in QUERIES]
        again = [_path((await trial.plan(sql, pairs[:1])).plan.roots) for sql in QUERIES[:3]]
    assert again == today[:3], "an index that is offered no more is not seen"
    assert copied["states"] == 3
    if rows == 200_000:
        assert copied == {"states": 3, "buyers": 800, "orders": 12_000, "order_lines": 48_000}
    else:
        assert copied["order_lines"] / copied["orders"] == pytest.approx(4, rel=0.2), "in the proportions they have"
        assert sum(copied.values()) < 30_000
    emit = adapter.emit
    for pair in pairs:
        source.sql.run(emit.create_index(*pair).statements[0])  # type: ignore[union-attr]
    real = [_path((await adapter.query.explain(QueryRequest(sql))).roots) for sql in QUERIES]
    assert promised == real
    assert promised != today


async def test_every_table_of_a_query_is_copied_and_nothing_of_the_copy_is_left(source: Source) -> None:
    """`states` is too small for an index of its own; without it the query can't be planned at all."""
    _fill(source)
    services = source.services()
    adapter = await services.connections.adapter("db")
    trials = IndexTrials(services.scratches, "db", adapter)
    if source.name == "mariadb":
        source.sql.run("ANALYZE TABLE orders PERSISTENT FOR ALL")  # type: ignore[union-attr]
    report = await advise(adapter, QUERIES, trials, bounds=Bounds(seconds=10), measured=False)
    assert [effect.number for effect in report.effects] == [1, 2, 3, 4, 5]
    assert {"order_lines", "orders"} <= {advice.table.name for advice in report.create}
    assert source.leftovers() == []
    if source.name == "mariadb":
        counted = "SELECT DISTINCT db_name = DATABASE() FROM mysql.column_stats"
        assert source.sql.fetch(counted) == [("1",)], "the values that were counted in the copy went with it"  # type: ignore[union-attr]


async def test_rules_answer_before_the_copy_is_made(source: Source) -> None:
    _fill(source)
    services = source.services()
    adapter = await services.connections.adapter("db")
    answers: list[FirstAnswer] = []
    copies: list[int] = []

    async def told(answer: FirstAnswer) -> None:
        answers.append(answer)
        copies.append(len(source.beside()))

    trials = IndexTrials(services.scratches, "db", adapter)
    await advise(adapter, QUERIES[2:3], trials, bounds=Bounds(seconds=5), told=told, measured=False)
    assert (answers[0].indexes, answers[0].cost_ratio, copies[0]) == (1, None, 0)
    assert answers[-1].cost_ratio is not None
    assert answers[-1].cost_ratio < 0.5
