"""Emit: one quoting function, probes that tell the truth, inverses that undo."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dbmanager.adapters.facets import Statement, Unsupported
from dbmanager.errors import NotFound
from dbmanager.model.schema import (
    Column,
    DataType,
    ForeignKey,
    Index,
    IndexKey,
    PrimaryKey,
    Table,
    TypeKind,
)
from dbmanager.services.proposing import plan_statements
from tests.facets.contract import EngineUnderTest

pytestmark = pytest.mark.anyio
NAMES = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=40
).filter(lambda name: len(name.encode()) <= 63 and not name.lower().startswith(("sqlite_", "pg_")))  # fmt: skip
RESERVED = [
    "select",
    "table",
    "order",
    'a"b',
    "a'b",
    "a.b",
    "ünïcödé",
    "A b",
    "x" * 63,
    "😀",
    "%s",
    "$1",
    "?",
    ";--",
    "\\",
]


async def _name_survives(engine: EngineUnderTest, names: list[tuple[str, str]]) -> None:
    adapter = engine.open()
    integer = DataType(TypeKind.INTEGER, "integer", bits=32)
    for number, (table_name, column_name) in enumerate(names):
        if not (engine.can_name(table_name) and engine.can_name(column_name)):
            continue
        schema = f"s{number}" if adapter.emit.has_schemas else None
        if schema:
            engine.run(f"CREATE SCHEMA {schema}")
        table = Table(f"{table_name}", schema, (Column(column_name, integer, nullable=False),),
                      primary_key=PrimaryKey((column_name,)))  # fmt: skip
        made = adapter.emit.create_table(table, source_engine="other")
        await adapter.execute.execute(
            [Statement(sql) for sql in made.statements], atomic=True, lock_timeout_seconds=1, timeout_seconds=5
        )
        found = (await adapter.catalog.read_schema()).find(table_name, schema)
        assert found is not None, (table_name, column_name)
        assert [c.name for c in found.columns] == [column_name]
        assert await adapter.bulk.count(found) == 0
        sql, bound = adapter.emit.table_exists_probe(found)
        assert (await adapter.query.fetch(sql, bound))[0][0] == 1
        await adapter.execute.execute(
            [Statement(sql) for sql in made.inverse], atomic=True, lock_timeout_seconds=1, timeout_seconds=5
        )
        assert (await adapter.query.fetch(sql, bound))[0][0] == 0


async def test_reserved_and_odd_names_survive(engine: EngineUnderTest) -> None:
    await _name_survives(engine, [(name, name) for name in RESERVED])


@pytest.fixture
def drawn() -> list[list[tuple[str, str]]]:
    """Names that hypothesis invents, gathered first since its own loop does not await."""
    batches: list[list[tuple[str, str]]] = []

    @settings(max_examples=25, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.tuples(NAMES, NAMES), min_size=2, max_size=4))
    def draw(batch: list[tuple[str, str]]) -> None:
        batches.append(batch)

    draw()
    return batches


async def test_any_name_at_all_survives(engine: EngineUnderTest, drawn: list[list[tuple[str, str]]]) -> None:
    unique = {(t.casefold(), c): (t, c) for batch in drawn for t, c in batch}
    await _name_survives(engine, list(unique.values())[:60])


async def test_index_probes_and_inverses_tell_the_truth(engine: EngineUnderTest) -> None:
    engine.run(engine.small)
    adapter = engine.open()
    table = (await adapter.catalog.read_schema()).table("parent")
    index = Index("by grp", (IndexKey("grp"), IndexKey("id", descending=True)))
    probe = adapter.emit.index_exists_probe(table, index.name)
    made = adapter.emit.create_index(table, index, online=True)
    for statements, expected in ((made.statements, 1), (made.inverse, 0)):
        await adapter.execute.execute(
            [Statement(sql) for sql in statements], atomic=False, lock_timeout_seconds=1, timeout_seconds=5
        )
        assert (await adapter.query.fetch(*probe))[0][0] == expected
    child = (await adapter.catalog.read_schema()).table("child")
    name = "child_once" if engine.partial_indexes else "child_label"
    once = next(i for i in child.indexes if i.name == name)
    dropped = adapter.emit.drop_index(child, once)
    for sql in (*dropped.statements, *dropped.inverse):
        engine.run(sql)
    again = (await adapter.catalog.read_schema()).table("child")
    assert next(i for i in again.indexes if i.name == name) == once


async def test_a_reference_is_added_and_taken_away_or_refused_with_a_reason(engine: EngineUnderTest) -> None:
    engine.run(engine.small + "CREATE TABLE loose (parent_id integer);")
    adapter = engine.open()
    schema = await adapter.catalog.read_schema()
    key = ForeignKey(("parent_id",), "parent", ("id",), referred_schema=schema.default_schema, on_delete="SET NULL")
    made = adapter.emit.add_foreign_key(schema.table("loose"), key)
    if isinstance(made, Unsupported):
        assert len(made.reason) > 20
        return
    engine.run(";".join(made.statements))
    assert (await adapter.catalog.read_schema()).table("loose").foreign_keys[0].on_delete == "SET NULL"
    engine.run(";".join(made.inverse))
    assert (await adapter.catalog.read_schema()).table("loose").foreign_keys == ()


async def test_every_kind_of_type_has_a_home_or_a_reason(engine: EngineUnderTest) -> None:
    emit = engine.open().emit
    for kind in TypeKind:
        element = DataType(TypeKind.INTEGER, "integer") if kind is TypeKind.ARRAY else None
        mapping = emit.map_type(DataType(kind, "native", element=element))
        assert mapping.status in ("representable", "emulated", "rejected")
        assert mapping.sql or mapping.status == "rejected"
        assert mapping.reason or mapping.status == "representable"


async def test_a_schema_is_created_probed_and_dropped_when_empty(engine: EngineUnderTest) -> None:
    adapter = engine.open()
    for name in ["sales", 'we"ird', "ünïcödé", "select"]:
        made = adapter.emit.create_schema(name)
        if isinstance(made, Unsupported):
            assert not adapter.emit.has_schemas
            assert name in made.reason
            continue

        async def present(name: str = name) -> object:
            probe, parameters = adapter.emit.schema_exists_probe(name)
            return (await adapter.query.fetch(probe, parameters))[0][0]

        async def run(statements: tuple[str, ...]) -> None:
            await adapter.execute.execute(
                [Statement(sql) for sql in statements], atomic=True, lock_timeout_seconds=1, timeout_seconds=5
            )

        assert await present() == 0
        await run(made.statements)
        assert await present() == 1
        await run(made.inverse)
        assert await present() == 0


async def test_a_later_step_may_speak_of_a_table_that_an_earlier_one_makes(engine: EngineUnderTest) -> None:
    adapter = engine.open()
    statements = (
        f"CREATE TABLE later (id {engine.identity}, code integer)",
        "CREATE INDEX later_code ON later (code)",
        "UPDATE later SET code = 1",
    )
    plan = await plan_statements(
        adapter, "db", title="a table", reason="with an index", steps=[(sql, None, None) for sql in statements]
    )
    assert [step.postcondition is not None for step in plan.steps] == [True, True, False]
    assert "later_code" in plan.steps[1].inverse[0]
    with pytest.raises(NotFound, match="'latr' does not exist"):
        await plan_statements(
            adapter,
            "db",
            title="a typo",
            reason="none",
            steps=[(sql.replace("ON later", "ON latr"), None, None) for sql in statements],
        )
