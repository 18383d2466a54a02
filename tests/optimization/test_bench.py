"""Small databases are made of our rows alone, leave nothing behind, and are asked without a right to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbmanager.analyzers.rewriting.databases import Generator
from dbmanager.analyzers.rewriting.hints import hints_of
from dbmanager.errors import StatementRefused
from dbmanager.phases.optimization.rewriting import Effort, Gate, benched, gate_of
from tests.optimization.shop import ROWS, TABLES, Shop, opened_shop

pytestmark = pytest.mark.anyio
SECRET = "plain-secret-of-another-database"


async def test_what_is_asked_can_not_write_though_the_bench_does(gate: Gate, shop: Shop) -> None:
    assert gate.bench is not None
    load = ["INSERT INTO tags (order_id, label) VALUES (1, 'x')"]
    writes = (
        "UPDATE tags SET label = 'y'" if shop.name != "postgresql" else "UPDATE tags SET label = 'y' RETURNING label"
    )
    answers = await gate.bench.answers(load, ["SELECT label FROM tags", writes, "SELECT label FROM tags"])
    assert not isinstance(answers, str)
    assert [answer.rows for answer in answers] == [(("x",),), (), (("x",),)]
    assert answers[1].problem
    after = await gate.bench.answers([], ["SELECT label FROM tags"])
    assert not isinstance(after, str)
    assert after[0].rows == ()


async def test_the_same_seed_makes_the_same_databases_and_the_engine_takes_them(gate: Gate) -> None:
    assert gate.bench is not None
    statement = "SELECT c.id FROM customers c JOIN orders o ON o.customer_id = c.id JOIN items i ON i.order_id = o.id WHERE o.status = 'open'"
    hints = hints_of((statement,), gate.adapter.dialect, gate.schema)
    assert hints is not None
    first, second = (Generator(gate.schema, hints, gate.adapter.dialect, 5) for _ in range(2))
    made = [first.made(number) for number in range(1, 120)]
    assert made == [second.made(number) for number in range(1, 120)]
    refused = 0
    for database in made:
        answers = await gate.bench.answers(database.loads(gate.adapter.dialect, gate.adapter.engine), [statement])
        refused += isinstance(answers, str)
    assert refused == 0, "declared keys, references and checks are honoured"
    tables = [part for database in made for part in database.tables]
    assert any(not part.rows for part in tables), "some tables are empty"
    assert any(None in row for part in tables for row in part.rows), "some values are NULL"


async def test_nothing_of_scratch_databases_is_left(shop: Shop) -> None:
    services = shop.services()
    adapter = await services.connections.adapter("db")
    async with benched(services.scratches, "db", await gate_of(adapter, "db", "SELECT id FROM orders")) as gate:
        assert gate.bench is not None
    assert shop.engine.leftovers() == []


@pytest.mark.parametrize("engine", ["mysql", "mariadb"])
async def test_rows_of_other_databases_are_never_answered_by_a_bench(
    request: pytest.FixtureRequest, tmp_path: Path, engine: str
) -> None:
    with opened_shop(request, engine, tmp_path, TABLES + ROWS) as shop:
        other = shop.engine.another()
        other.run(f"CREATE TABLE secrets (word varchar(60)); INSERT INTO secrets VALUES ('{SECRET}');")
        name = other.database  # type: ignore[attr-defined]
        shop.engine.run(f"CREATE VIEW peek AS SELECT word FROM {name}.secrets;")
        services = shop.services()
        adapter = await services.connections.adapter("db")
        gate = await gate_of(adapter, "db", "SELECT label FROM tags", Effort(cases=20))
        async with benched(services.scratches, "db", gate):
            verdict = await gate.judge("SELECT word FROM peek")
            assert verdict.counter_example is None
            assert any(note.startswith("no small databases") for note in verdict.notes), verdict.notes
            assert SECRET not in repr(verdict)
            with pytest.raises(StatementRefused, match="names a database"):
                await gate.judge(f"SELECT word FROM {name}.secrets")
        await services.close()
        other.drop()  # type: ignore[attr-defined]


async def test_a_foreign_table_is_no_table_of_a_bench(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    script = TABLES + ROWS + (
        "CREATE EXTENSION postgres_fdw; CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (dbname 'postgres');"
        "CREATE FOREIGN TABLE away (label text) SERVER far;"
    )  # fmt: skip
    with opened_shop(request, "postgresql", tmp_path, script) as shop:
        services = shop.services()
        adapter = await services.connections.adapter("db")
        hints = hints_of(("SELECT label FROM away",), "postgres", await adapter.catalog.read_schema())
        assert hints is not None
        assert hints.elsewhere == ["away"]
        hints = hints_of(("SELECT rolname FROM pg_catalog.pg_roles",), "postgres", await adapter.catalog.read_schema())
        assert hints is not None
        assert hints.elsewhere == ["pg_roles"]
        await services.close()


async def test_an_engine_that_can_not_make_a_scratch_database_says_so_and_compares_the_data(shop: Shop) -> None:
    services = shop.services(scratch=False)
    adapter = await services.connections.adapter("db")
    async with benched(
        services.scratches, "db", await gate_of(adapter, "db", "SELECT id FROM orders WHERE quantity > 1")
    ) as gate:
        verdict = await gate.judge("SELECT id FROM orders WHERE quantity > 1 AND quantity > 0")
        assert verdict.decision == "supported"
        assert verdict.on_data == "equal"
        assert any("scratch = false" in note for note in verdict.notes)
        verdict = await gate.judge("SELECT id FROM orders WHERE quantity > 4")
        assert (verdict.decision, verdict.on_data) == ("refuted", "differ")


async def test_tables_behind_a_view_get_rows(shop: Shop) -> None:
    shop.engine.run("CREATE VIEW open_orders AS SELECT id, customer_id FROM orders WHERE status = 'open';")
    services = shop.services()
    adapter = await services.connections.adapter("db")
    gate = await gate_of(adapter, "db", "SELECT count(*) FROM open_orders")
    async with benched(services.scratches, "db", gate):
        verdict = await gate.judge("SELECT count(customer_id) FROM open_orders", on_data=False)
    assert verdict.decision == "refuted", verdict.notes
