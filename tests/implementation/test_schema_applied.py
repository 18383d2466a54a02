"""A design applied to an empty database and to one in use, as a change set, and read again: on every engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engines.mongodb import MongoServer
from tests.engines.postgresql import PostgresServer
from tests.implementation.conftest import Target, applied, configure, planned
from tests.server.processes import call, client_in

pytestmark = pytest.mark.anyio
SQL = ["sqlite", "postgresql", "mysql", "mariadb"]
DESIGN = [
    "CREATE TABLE customers (id {number} PRIMARY KEY, email VARCHAR(120) NOT NULL, region VARCHAR(20) DEFAULT 'north' NOT NULL, "
    "CONSTRAINT customers_email UNIQUE (email))",
    "CREATE TABLE orders (id {number} PRIMARY KEY, customer_id {number} NOT NULL, total DECIMAL(12, 2) NOT NULL, note TEXT, "
    "placed DATE, CONSTRAINT orders_total CHECK (total >= 0), CONSTRAINT orders_customer FOREIGN KEY (customer_id) "
    "REFERENCES customers (id) ON DELETE CASCADE)",
    "CREATE INDEX orders_placed ON orders (customer_id, placed)",
    "CREATE TABLE visits (id {number} PRIMARY KEY, order_id {number}, CONSTRAINT visits_order FOREIGN KEY (order_id) "
    "REFERENCES orders (id))",
]
LIVED_IN = [
    "CREATE TABLE customers (id {number} PRIMARY KEY, email VARCHAR(200), loyalty {number})",
    "CREATE TABLE orders (id {number} PRIMARY KEY, customer_id {number}, total DECIMAL(12, 2), note TEXT)",
    "CREATE TABLE strangers (id {number} PRIMARY KEY)",
    "CREATE INDEX orders_placed ON orders (note{prefix})",
    "INSERT INTO customers VALUES (1, 'a@example.test', 7), (2, 'b@example.test', NULL), (3, 'c@example.test', 0)",
    "INSERT INTO orders VALUES (1, 1, 10.5, 'kept'), (2, 1, 0, NULL), (3, 3, 7.25, 'too')",
]
ROWS = "SELECT id, customer_id, total, note FROM orders ORDER BY id"


@pytest.mark.promise("P3.1")
@pytest.mark.parametrize("target", SQL, indirect=True)
async def test_a_design_is_applied_to_an_empty_database_and_read_again(target: Target) -> None:
    async with client_in(target.folder) as client:
        _, project, _ = await call(client, "update_project", goal="a shop", connections=["shop"])
        text, facts = await planned(client, design=target.said(DESIGN), project=project["project"])
        assert (facts["new"], facts["altered"], facts["obstacles"]) == (3, 0, 0)
        assert "the schema read again is as designed. Undone there, it was as before." in text
        assert (await applied(client, facts["change"]))["state"] == "verified"
        target.engine.run("INSERT INTO customers (id, email) VALUES (1, 'a@example.test')")
        assert target.fetch("SELECT region FROM customers")[0][0] == "north"
        text, facts = await planned(client, design=target.said(DESIGN))
        assert "3 are as designed. Nothing is to be done." in text
        assert "change" not in facts
        text, _, failed = await call(client, "export_deliverables", project=project["project"])
        assert not failed, text
    written = (target.folder / "database-system" / "architecture" / "schemas" / "applied.sql").read_text()
    assert "CREATE TABLE visits" in written


@pytest.mark.promise("P3.1")
@pytest.mark.parametrize("target", SQL, indirect=True)
async def test_a_design_is_applied_to_a_database_in_use_and_no_row_is_lost(target: Target) -> None:
    target.run(LIVED_IN)
    before = target.fetch(ROWS)
    async with client_in(target.folder) as client:
        text, facts = await planned(client, design=target.said(DESIGN))
        assert (facts["new"], facts["altered"], facts["obstacles"]) == (1, 2, 0), text
        assert "Stays, though the design doesn't have it" in text
        assert "loyalty" in text
        assert (await applied(client, facts["change"]))["state"] == "verified"
        assert target.fetch(ROWS) == before
        assert target.fetch("SELECT email, region, loyalty FROM customers WHERE id = 1") == [
            ("a@example.test", "north", "7")
        ]
        with pytest.raises(Exception):  # noqa: B017, PT011 - each engine's driver has its own
            target.engine.run("INSERT INTO orders (id, customer_id, total) VALUES (9, 1, -1)")
        text, again = await planned(client, design=target.said(DESIGN))
        assert "change" not in again
        text, _, failed = await call(client, "roll_back_change", change=facts["change"])
        assert not failed, text
        assert target.fetch(ROWS) == before
        text, facts = await planned(client, design=target.said(DESIGN))
        assert (facts["new"], facts["altered"]) == (1, 2)


@pytest.mark.promise("P3.1")
@pytest.mark.parametrize("target", SQL, indirect=True)
async def test_what_the_design_lacks_is_dropped_only_when_asked(target: Target) -> None:
    target.run(LIVED_IN)
    async with client_in(target.folder) as client:
        text, facts = await planned(client, design=target.said(DESIGN), drop=True)
        assert "IRREVERSIBLE" in text
        assert (await applied(client, facts["change"]))["state"] == "verified"
        with pytest.raises(Exception):  # noqa: B017, PT011 - each engine's driver has its own
            target.fetch("SELECT loyalty FROM customers")
        assert target.fetch("SELECT COUNT(*) FROM strangers")[0][0] == "0"
        _, again = await planned(client, design=target.said(DESIGN), drop=True)
        assert "change" not in again


@pytest.mark.promise("P3.1")
@pytest.mark.parametrize("target", SQL, indirect=True)
async def test_rows_in_the_way_are_counted_and_nothing_is_proposed(target: Target) -> None:
    target.run(LIVED_IN)
    target.engine.run("INSERT INTO customers VALUES (4, NULL, 0), (5, 'a@example.test', 0)")
    target.engine.run("INSERT INTO orders VALUES (4, 77, -3, NULL)")
    async with client_in(target.folder) as client:
        text, facts = await planned(client, design=target.said(DESIGN))
    assert facts["obstacles"] == 4
    assert "change" not in facts
    for said in ("rows hold NULL", "is to be unique", "a check of orders fails", "rows have no parent"):
        assert said in text
    assert "SELECT COUNT(*)" in text


@pytest.mark.parametrize("target", ["sqlite", "postgresql", "mysql"], indirect=True)
async def test_a_design_that_the_engine_refuses_is_told_by_its_statement(target: Target) -> None:
    broken = [*target.said(DESIGN), "CREATE TABLE late (id INTEGER, FOREIGN KEY (missing) REFERENCES customers (id))"]
    async with client_in(target.folder) as client:
        text, _, failed = await call(client, "plan_schema", connection="shop", design=broken)
        assert failed
        assert "statement 5 of the design can't run on this engine" in text
        for reaching in (
            "DROP TABLE customers",
            "INSERT INTO customers VALUES (1)",
            "SELECT 1",
            "CREATE TABLE x AS SELECT 1 AS y",
        ):
            text, _, failed = await call(client, "plan_schema", connection="shop", design=[reaching])
            assert failed, reaching
    assert target.fetch("SELECT 1") == [("1",)]


@pytest.mark.promise("P3.1")
async def test_the_design_of_one_engine_is_made_on_another(
    sqlite: Target, pg_server: PostgresServer, pg_database: str
) -> None:
    sqlite.run(DESIGN)
    configure(sqlite.folder, pg_server.url(pg_database), "new")
    async with client_in(sqlite.folder) as client:
        text, facts, failed = await call(client, "plan_schema", connection="new", like="shop")
        assert not failed, text
        assert facts["new"] == 3
        assert (await applied(client, facts["change"]))["state"] == "verified"
        text, facts, failed = await call(client, "plan_schema", connection="new", like="shop")
        assert "Nothing is to be done" in text
    assert pg_server.run_sql(pg_database, "SELECT count(*) FROM pg_constraint WHERE contype = 'f'").strip() == "2"


async def test_collections_and_their_validators_are_made_as_designed(
    mongodb_server: MongoServer, tmp_path: Path
) -> None:
    name = mongodb_server.create_database()
    configure(tmp_path, mongodb_server.url(name))
    design = [
        {"create": "customers"},
        {"createIndexes": "customers", "indexes": [{"key": {"email": 1}, "name": "by_email", "unique": True}]},
    ]
    async with client_in(tmp_path) as client:
        text, facts = await planned(client, design=design)
        assert facts["new"] == 1, text
        assert (await applied(client, facts["change"]))["state"] == "verified"
        more = [*design, {"createIndexes": "customers", "indexes": [{"key": {"region": 1}, "name": "by_region"}]}]
        text, facts = await planned(client, design=more)
        assert facts["altered"] == 1, text
        assert (await applied(client, facts["change"]))["state"] == "verified"
        text, facts = await planned(client, design=more)
        assert "Nothing is to be done" in text
    mongodb_server.drop_database(name)
