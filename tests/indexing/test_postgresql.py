"""Advice on PostgreSQL: sizes as built, sets under a budget, statements and candidates that can't be planned."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dbmanager.adapters.facets import Unsupported
from dbmanager.adapters.postgresql.adapter import PostgresAdapter
from dbmanager.model.schema import Index, IndexKey
from dbmanager.phases.optimization.advise import Asked, Bounds, FirstAnswer, advise
from tests.engines.postgresql import PostgresServer

pytestmark = pytest.mark.anyio

SHOP = """
CREATE EXTENSION hypopg;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE sales (
    id bigint PRIMARY KEY, customer int, part int, region char(2), mood mood, price numeric(12, 2), day date,
    at timestamptz, code text, rare int, flag boolean
);
INSERT INTO sales SELECT i, (x * 7919) % 5000, (x * 104729) % 300, chr(65 + i % 20) || 'x', 'ok', (i % 9973) / 7.0,
    date '2020-01-01' + x::int % 900, timestamptz '2020-01-01' + i * interval '1 second', md5(i::text),
    CASE WHEN i % 50 = 0 THEN i END, i % 100 = 0
    FROM (SELECT i, abs(hashint4(i))::bigint % 15000 AS x FROM generate_series(1, 120000) AS i) AS drawn;
CREATE SCHEMA other;
CREATE TABLE other.sales AS SELECT id, customer AS part FROM sales;
VACUUM ANALYZE;
"""
Open = Callable[..., PostgresAdapter]

BUILT = [
    Index("unique_integers", (IndexKey("id"), IndexKey("customer"))),
    Index("few_integers", (IndexKey("part"),)),
    Index("some_integers", (IndexKey("customer"),)),
    Index("dates", (IndexKey("day"),)),
    Index("times", (IndexKey("at"),)),
    Index("texts", (IndexKey("code"),)),
    Index("few_padded_texts", (IndexKey("region"),)),
    Index("enums", (IndexKey("mood"),)),
    Index("numerics", (IndexKey("price"),)),
    Index("with_nulls", (IndexKey("rare"),)),
    Index("two_of_few", (IndexKey("part"), IndexKey("day"))),
    Index("holding_integers", (IndexKey("part"),), include=("customer", "day")),
    Index("holding_numerics", (IndexKey("day"),), include=("part", "price")),
    Index("holding_texts", (IndexKey("day"),), include=("code",)),
    Index("of_a_condition", (IndexKey("customer"),), where="flag = true"),
]


@pytest.mark.parametrize("index", BUILT, ids=lambda index: index.name)
async def test_a_size_is_within_a_tenth_of_the_index_as_built(
    index: Index, pg_server: PostgresServer, sold: str, open_postgres: Open
) -> None:
    adapter = open_postgres(sold)
    table = (await adapter.catalog.read_schema()).table("sales")
    async with adapter.what_if.planner() as planner:
        assert not isinstance(planner, Unsupported)
        (promised,) = await planner.sizes([(table, index)])
    statement = adapter.emit.create_index(table, index).statements[0]
    real = int(pg_server.run_sql(sold, f"{statement}; SELECT pg_relation_size('{index.name}')"))
    assert promised == pytest.approx(real, rel=0.10, abs=24_576)


@pytest.fixture(scope="module")
def shop(pg_server: PostgresServer) -> str:
    name = pg_server.create_database()
    pg_server.run_sql(name, SHOP)
    return name


@pytest.fixture
def sold(pg_server: PostgresServer, shop: str) -> str:
    return pg_server.create_database(shop)


QUERIES = [
    "SELECT price FROM sales WHERE customer = 17",
    "SELECT sum(price) FROM sales WHERE part = 3 AND day > '2022-01-01'",
    "SELECT id FROM sales WHERE code = 'abc'",
    "SELECT count(*) FROM sales WHERE customer = 5 AND part = 7",
    "SELECT id FROM sales WHERE lower(code) = 'abc'",
]


@pytest.mark.parametrize("megabytes", [1, 4, 100])
async def test_a_set_keeps_to_its_budget_as_built_and_delivers_what_it_promised(
    megabytes: int, pg_server: PostgresServer, sold: str, open_postgres: Open
) -> None:
    adapter, answers = open_postgres(sold), []

    async def told(answer: FirstAnswer) -> None:
        answers.append(answer)

    report = await advise(adapter, QUERIES, bounds=Bounds(megabytes * 1_000_000, 5), told=told, measured=False)
    assert report.create
    assert report.size_bytes <= megabytes * 1_000_000
    left = [one.cost_ratio or 0.0 for one in answers]
    assert left == sorted(left, reverse=True)
    for advice in report.create:
        pg_server.run_sql(sold, adapter.emit.create_index(advice.table, advice.index).statements[0])
        assert advice.why
    pg_server.run_sql(sold, "VACUUM ANALYZE")
    names = ", ".join(f"'{advice.index.name}'" for advice in report.create)
    sizes = pg_server.run_sql(sold, f"SELECT relname, pg_relation_size(oid) FROM pg_class WHERE relname IN ({names})")
    real = sum(int(line.partition("|")[2]) for line in sizes.splitlines())
    assert real == pytest.approx(report.size_bytes, rel=0.10, abs=200_000)
    async with open_postgres(sold).what_if.planner() as planner:
        assert not isinstance(planner, Unsupported)
        delivered = sum([(await planner.plan(sql, [])).cost for sql in QUERIES])
    assert delivered <= sum(effect.after for effect in report.effects) * 1.15, (
        "of an expression more is known once it is indexed"
    )


async def test_statements_that_can_not_be_planned_are_told_and_the_others_are_advised_on(
    sold: str, open_postgres: Open
) -> None:
    report = await advise(
        open_postgres(sold),
        ["SELECT nothing FROM sales", "SELECT price FROM sales WHERE customer = 17", "SELEKT", "DELETE FROM sales",
         "SELECT price FROM sales WHERE customer = $1", "SELECT price FROM sales WHERE region = 'Ax' AND CODE = 'ABC'"],
        bounds=Bounds(seconds=3),
    )  # fmt: skip
    assert [bool(one.problem) for one in report.before] == [True, False, True, True, True, False]
    assert [effect.number for effect in report.effects] == [2, 5, 6], (
        "one with placeholders is planned, but can't be run"
    )
    assert {key.name for advice in report.create for key in advice.index.keys} >= {"customer", "code"}


async def test_a_candidate_that_can_not_be_made_spoils_no_other(sold: str, open_postgres: Open) -> None:
    """`to_char` of a time is not immutable, so no index can hold it; the other column of the query still can."""
    sql = "SELECT price FROM sales WHERE to_char(at, 'YYYY') = '2020' AND customer = 17"
    report = await advise(open_postgres(sold), [sql], bounds=Bounds(seconds=3), measured=False)
    assert [advice.index.keys[0].name for advice in report.create] == ["customer"]


async def test_tables_of_one_name_in_two_schemas_are_told_apart(sold: str, open_postgres: Open) -> None:
    report = await advise(
        open_postgres(sold),
        ["SELECT id FROM other.sales WHERE part = 5", "SELECT price FROM public.sales WHERE part = 5 AND customer = 3"],
        bounds=Bounds(seconds=3), measured=False,
    )  # fmt: skip
    assert {(advice.table.schema, advice.queries) for advice in report.create} == {("other", (1,)), ("public", (2,))}


async def test_a_table_that_is_written_much_gets_no_index_that_pays_little(sold: str, open_postgres: Open) -> None:
    asked = [Asked("SELECT price FROM sales WHERE customer = 17", calls=10)]
    bounds = Bounds(seconds=3)
    quiet = await advise(open_postgres(sold), asked, bounds=bounds, measured=False)
    busy = await advise(
        open_postgres(sold), asked, bounds=bounds, rows_written={("public", "sales"): 10_000_000.0}, measured=False
    )
    assert [len(quiet.create), len(busy.create)] == [1, 0]


async def test_the_query_that_costs_most_time_has_the_say(sold: str, open_postgres: Open) -> None:
    """One index fits; measured times, and not the planner's figures, say whose it is."""
    one = "SELECT id FROM sales WHERE code = 'abc'"
    other = "SELECT price FROM sales WHERE at = '2020-01-01 00:10:00+00'"
    found = {}
    for slow in (one, other):
        asked = [Asked(sql, 100, 50.0 if sql == slow else 0.5) for sql in (one, other)]
        report = await advise(open_postgres(sold), asked, bounds=Bounds(8_500_000, 3), measured=False)
        found[slow] = {advice.index.keys[0].name for advice in report.create}
    assert "code" in found[one]
    assert "at" in found[other]


async def test_an_index_that_a_new_one_makes_needless_is_named(
    pg_server: PostgresServer, sold: str, open_postgres: Open
) -> None:
    pg_server.run_sql(
        sold,
        "CREATE INDEX plain ON sales (customer); CREATE UNIQUE INDEX kept ON sales (customer, id); "
        "CREATE INDEX few ON sales (customer) WHERE flag; CREATE INDEX other ON sales (part)",
    )
    sql = "SELECT sum(price) FROM sales WHERE customer = 17"
    (advice,) = (await advise(open_postgres(sold), [sql], bounds=Bounds(seconds=2), measured=False)).create
    assert advice.index.include == ("price",)
    assert advice.needless == ("plain",)
