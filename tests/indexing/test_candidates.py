"""How queries use columns, and the indexes that follow."""

from __future__ import annotations

import pytest

from dbmanager.analyzers.indexing.candidates import candidates, widened
from dbmanager.analyzers.indexing.usage import ColumnUse, column_uses
from dbmanager.model.indexing import PLAIN, IndexMeans
from dbmanager.model.schema import Column, DatabaseSchema, DataType, Index, IndexKey, PrimaryKey, Table, TypeKind

INTEGER, TEXT = DataType(TypeKind.INTEGER, "integer", bits=32), DataType(TypeKind.TEXT, "text")
DATE, FLAG = DataType(TypeKind.DATE, "date"), DataType(TypeKind.BOOLEAN, "boolean")
EVERYTHING = IndexMeans(include=True, partial=True, expressions=True)


def _table(name: str, **columns: DataType) -> Table:
    return Table(
        name, "public", tuple(Column(column, type_) for column, type_ in columns.items()), row_estimate=100_000,
        primary_key=PrimaryKey(("id",)),
    )  # fmt: skip


ORDERS = _table("orders", id=INTEGER, customer=INTEGER, placed=DATE, shipped=DATE, state=TEXT, paid=FLAG, note=TEXT)
LINES = _table("lines", id=INTEGER, order_id=INTEGER, part=INTEGER, amount=INTEGER)
SCHEMA = DatabaseSchema("postgresql", "15", (LINES, ORDERS), "x", default_schema="public")


def _uses(sql: str) -> dict[str, ColumnUse]:
    return {use.table.name: use for use in column_uses(sql, "postgres", SCHEMA)}


def _keys(sql: str, means: IndexMeans = PLAIN) -> set[tuple[str, ...]]:
    return {
        tuple(key.name for key in index.keys) for _, index in candidates(column_uses(sql, "postgres", SCHEMA), means)
    }


@pytest.mark.parametrize(
    ("sql", "table", "role", "columns"),
    [
        ("SELECT note FROM orders WHERE state = 'x' AND placed > '2024-01-01'", "orders", "equal", ["state"]),
        ("SELECT note FROM orders WHERE state = 'x' AND placed > '2024-01-01'", "orders", "ranged", ["placed"]),
        ("SELECT 1 FROM orders o, lines l WHERE l.order_id = o.id", "lines", "joined", ["order_id"]),
        ("SELECT 1 FROM orders JOIN lines ON order_id = orders.id", "lines", "joined", ["order_id"]),
        ("SELECT 1 FROM orders o WHERE EXISTS (SELECT * FROM lines WHERE order_id = o.id)", "lines", "joined", ["order_id"]),
        ("SELECT 1 FROM orders WHERE id IN (SELECT order_id FROM lines WHERE part = 5)", "lines", "equal", ["part"]),
        ("SELECT 1 FROM orders WHERE (state = 'a' AND customer = 1) OR (state = 'b' AND paid)", "orders", "equal", ["state"]),
        ("SELECT 1 FROM orders WHERE NOT state = 'a'", "orders", "equal", []),
        ("SELECT 1 FROM orders WHERE note LIKE 'abc%'", "orders", "ranged", ["note"]),
        ("SELECT 1 FROM orders WHERE note LIKE '%abc'", "orders", "ranged", []),
        ("SELECT 1 FROM orders WHERE placed < shipped", "orders", "ranged", []),
        ("SELECT note FROM orders ORDER BY placed DESC, id", "orders", "ordered", ["placed", "id"]),
        ("SELECT state, count(*) FROM orders GROUP BY state", "orders", "grouped", ["state"]),
        ("SELECT 1 FROM (SELECT customer AS c FROM orders) AS d WHERE c = 5", "orders", "equal", []),
        ("SELECT sum(CASE WHEN state = 'x' THEN 1 ELSE 0 END) FROM orders", "orders", "equal", []),
        ("SELECT 1 FROM orders WHERE lower(note) = 'x'", "orders", "expressions", ["LOWER(note)"]),
        ("SELECT 1 FROM orders WHERE my_function(note) = 'x'", "orders", "expressions", []),
    ],
)  # fmt: skip
def test_the_role_of_each_column_is_seen(sql: str, table: str, role: str, columns: list[str]) -> None:
    assert getattr(_uses(sql)[table], role) == columns


def test_a_name_of_a_with_clause_hides_a_table() -> None:
    assert (
        column_uses("WITH orders AS (SELECT 1 AS state) SELECT * FROM orders WHERE state = 1", "postgres", SCHEMA) == []
    )


def test_a_statement_that_can_not_be_parsed_gives_nothing() -> None:
    assert column_uses("SELEKT ((", "postgres", SCHEMA) == []


def test_equality_comes_first_and_one_range_last() -> None:
    keys = _keys("SELECT note FROM orders WHERE placed > '2024-01-01' AND state = 'x' AND customer = 5")
    assert {("customer", "state", "placed"), ("state", "customer", "placed"), ("state",), ("placed",)} <= keys
    assert not any("placed" in key[:-1] for key in keys)


def test_what_a_key_or_an_index_serves_already_is_no_candidate() -> None:
    assert _keys("SELECT note FROM orders WHERE id = 5") == set()
    indexed = Table(
        ORDERS.name, ORDERS.schema, ORDERS.columns, indexes=(Index("i", (IndexKey("state"), IndexKey("placed"))),)
    )
    schema = DatabaseSchema("postgresql", "15", (indexed,), "y", default_schema="public")
    assert candidates(column_uses("SELECT note FROM orders WHERE state = 'x'", "postgres", schema)) == []


def test_an_index_holds_what_else_is_read_unless_all_is() -> None:
    def held(sql: str) -> set[tuple[str, ...]]:
        return {index.include for _, index in candidates(column_uses(sql, "postgres", SCHEMA), EVERYTHING)}

    assert ("customer",) in held("SELECT customer FROM orders WHERE state = 'x'")
    assert held("SELECT * FROM orders WHERE state = 'x'") == {()}
    assert held("SELECT o.* FROM orders AS o WHERE o.state = 'x'") == {()}
    assert ("customer",) in held(
        "SELECT customer FROM orders WHERE state = 'x' AND EXISTS (SELECT * FROM lines WHERE part = 5)"
    )


@pytest.mark.parametrize(
    ("sql", "conditions"),
    [
        ("SELECT 1 FROM orders WHERE customer = 5 AND shipped IS NULL", {"shipped IS NULL"}),
        ("SELECT 1 FROM orders o WHERE customer = 5 AND o.placed < o.shipped", {"placed < shipped"}),
        ("SELECT 1 FROM orders WHERE customer = 5 AND state = 'open'", set()),
        ("SELECT 1 FROM orders WHERE customer = 5 AND paid = my_function()", set()),
        ("SELECT 1 FROM orders WHERE customer = 5 AND (shipped IS NULL OR paid = true)", set()),
    ],
)
def test_a_condition_is_carried_when_it_is_the_same_in_every_call(sql: str, conditions: set[str]) -> None:
    found = candidates(column_uses(sql, "postgres", SCHEMA), EVERYTHING)
    assert {index.where for _, index in found if index.where} == conditions


def test_names_are_distinct_and_fit() -> None:
    sql = "SELECT note FROM orders WHERE state = 'x' AND customer = 5 AND placed > '2024-01-01' AND shipped IS NULL"
    found = candidates(column_uses(sql, "postgres", SCHEMA), EVERYTHING)
    names = [index.name for _, index in found]
    assert len(set(names)) == len(names)
    assert all(len(name.encode()) <= 63 for name in names)


def test_wide_indexes_hold_what_several_queries_read() -> None:
    first = candidates(column_uses("SELECT customer FROM orders WHERE state = 'x'", "postgres", SCHEMA), EVERYTHING)
    second = candidates(column_uses("SELECT placed FROM orders WHERE state = 'x'", "postgres", SCHEMA), EVERYTHING)
    assert [index.include for _, index in widened([*first, *second])] == [("customer", "placed")]


def test_the_number_of_a_row_is_held_by_no_index_that_ends_with_it_anyway() -> None:
    number = Column("id", DataType(TypeKind.INTEGER, "INTEGER", bits=64), nullable=False, identity="by default")
    others = tuple(Column(name, DataType(TypeKind.TEXT, "TEXT")) for name in ("state", "note"))
    table = Table("orders", None, (number, *others), primary_key=PrimaryKey(("id",)), row_estimate=100_000)
    schema = DatabaseSchema("sqlite", "3", (table,), "x")
    found = {}
    for holds in (False, True):
        means = IndexMeans(include=True, holds_row_key=holds)
        asked = column_uses("SELECT id, state FROM orders WHERE note = 'x'", "sqlite", schema)
        found[holds] = {index.include for _, index in candidates(asked, means)}
    assert ("id", "state") in found[False]
    assert found[True] == {(), ("state",)}
