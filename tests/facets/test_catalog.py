"""Catalog: few statements, an exact model, a fingerprint that notices."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from dbmanager.adapters.registry import ENGINES as REGISTERED
from dbmanager.model.schema import DatabaseSchema, IndexKey, Table, TableKind
from tests.facets.contract import ENGINES, OTHER_LANGUAGES, EngineUnderTest

pytestmark = pytest.mark.anyio


def test_every_registered_engine_is_under_contract() -> None:
    assert set(ENGINES) | set(OTHER_LANGUAGES) == set(REGISTERED) | {"mariadb"}
    root = Path(__file__).parents[2]
    for folder in OTHER_LANGUAGES.values():
        assert {"test_catalog.py", "test_query.py", "test_read_only.py", "test_changes.py"} <= {
            file.name for file in (root / folder).iterdir()
        }


async def test_the_model_says_what_was_declared(engine: EngineUnderTest) -> None:
    engine.run(engine.small)
    schema = await engine.open().catalog.read_schema()
    assert schema.engine == (engine.engine or engine.name)
    assert [(t.name, t.kind) for t in schema.tables] == [
        ("child", TableKind.TABLE),
        ("groups", TableKind.VIEW),
        ("pairs", TableKind.TABLE),
        ("parent", TableKind.TABLE),
    ]
    parent, child, pairs = schema.table("parent"), schema.table("child"), schema.table("pairs")
    assert [c.name for c in parent.columns] == ["id", "code", "grp", "note"]
    assert [c.nullable for c in parent.columns] == [False, False, True, True]
    assert parent.column("code").type.length == 20
    assert child.column("amount").type.precision == 10
    assert child.column("amount").type.scale == 2
    assert parent.primary_key is not None
    assert parent.primary_key.columns == ("id",)
    assert pairs.primary_key is not None
    assert pairs.primary_key.columns == ("a", "b")
    assert [u.columns for u in parent.uniques] == [("code",)]
    assert len(parent.checks) == 1
    (key,) = child.foreign_keys
    assert (key.name, key.columns, key.referred_table, key.referred_columns, key.on_delete) == (
        "child_parent", ("parent_id",), "parent", ("id",), "CASCADE",
    )  # fmt: skip
    label = next(i for i in child.indexes if i.name == "child_label")
    assert label.keys == (IndexKey("label"), IndexKey("amount", descending=True))
    once = next(i for i in child.indexes if i.name == "child_once")
    assert once.unique
    assert (once.where is not None) == engine.partial_indexes
    assert once.backs_constraint != engine.partial_indexes  # without them a unique index and a constraint are one
    assert [c.name for c in schema.table("groups").columns] == ["grp", "n"]


async def test_at_most_five_statements_whatever_the_number_of_tables(engine: EngineUnderTest) -> None:
    engine.run("".join(f"CREATE TABLE t{n} (id integer PRIMARY KEY, a text, b integer REFERENCES t{max(n - 1, 0)});"
                       f"CREATE INDEX ix{n} ON t{n} (b);" for n in range(300)))  # fmt: skip
    adapter = engine.open()
    await adapter.query.fetch("SELECT 1")
    counted = engine.count_statements(adapter)
    schema = await adapter.catalog.read_schema()
    assert len(schema.tables) >= 300
    assert 1 <= counted() <= 5


RICH_MYSQL = r"""
CREATE TABLE rich (id bigint unsigned AUTO_INCREMENT PRIMARY KEY COMMENT 'it''s the key', s smallint NOT NULL DEFAULT 3,
  twice integer GENERATED ALWAYS AS (s * 2) STORED, t varchar(30) CHARACTER SET latin1 DEFAULT 'it''s',
  up varchar(40) GENERATED ALWAYS AS (upper(concat(t, ' ''x'))) VIRTUAL, j json, e enum('a','b''c') DEFAULT 'b''c',
  ts timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3), long_text text,
  b bit(3) DEFAULT b'101', g point NOT NULL, d decimal(8,3) DEFAULT (1 + 2), n timestamp NULL,
  CONSTRAINT positive CHECK (s > 0 AND t <> 'it''s no'), UNIQUE KEY once (s, t), KEY cut (long_text(20), id DESC),
  FULLTEXT KEY words (long_text), SPATIAL KEY place (g)) COMMENT='rich ''table''';
CREATE TABLE parted (id int PRIMARY KEY, v int) PARTITION BY RANGE (id)
  (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE);
CREATE TABLE hashed (id int PRIMARY KEY) PARTITION BY HASH (id) PARTITIONS 4;
"""

CHANGES = (
    "ALTER TABLE parent ADD COLUMN extra integer",
    "ALTER TABLE parent RENAME COLUMN note TO remark",
    "CREATE INDEX fresh ON parent (grp)",
    "DROP INDEX child_label",
    "CREATE TABLE fresh (a integer)",
    "DROP TABLE pairs",
    "CREATE VIEW fresh AS SELECT 1 AS one",
    "DROP VIEW groups",
    "ALTER TABLE parent RENAME TO elders",
)


@pytest.mark.parametrize("change", CHANGES)
async def test_the_model_is_kept_until_the_schema_changes(engine: EngineUnderTest, change: str) -> None:
    engine.run(engine.small)
    adapter = engine.open()
    first = await adapter.catalog.read_schema()
    engine.fill(5, 20)
    assert await adapter.catalog.read_schema() is first
    engine.run(
        {"DROP INDEX child_label": engine.drop_index}.get(change, change).replace("VIEW groups", 'VIEW "groups"')
    )
    second = await adapter.catalog.read_schema()
    assert second.fingerprint != first.fingerprint
    assert second.tables != first.tables


def _comparable(schema: DatabaseSchema) -> list[Table]:
    """Tables without figures, and without the engine's wording of definitions."""
    return [
        dataclasses.replace(
            table,
            row_estimate=None,
            definition=None,
            indexes=tuple(dataclasses.replace(index, definition=None) for index in table.indexes),
        )
        for table in schema.tables
        if table.is_base
    ]


async def test_what_is_emitted_reads_back_as_the_same_model(engine: EngineUnderTest) -> None:
    engine.run(engine.small)
    if engine.name == "postgresql":
        engine.run(
            "CREATE TABLE rich (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, s smallint NOT NULL DEFAULT 3, "
            "twice integer GENERATED ALWAYS AS (s * 2) STORED, a text[], ts timestamptz DEFAULT now(), j jsonb, "
            "CONSTRAINT positive CHECK (s > 0), CONSTRAINT once UNIQUE NULLS NOT DISTINCT (s, twice));"
            "CREATE INDEX lower_a ON rich (lower(j::text), id DESC) INCLUDE (ts) WHERE s > 1;"
            "CREATE INDEX by_gin ON rich USING gin (j)"
        )
    elif engine.engine == "mysql":
        engine.run(RICH_MYSQL)
    else:
        engine.run(
            "CREATE TABLE rich (id INTEGER PRIMARY KEY AUTOINCREMENT, s INT NOT NULL DEFAULT 3, t TEXT DEFAULT 'it''s', "
            "twice INT GENERATED ALWAYS AS (s * 2) VIRTUAL, CONSTRAINT positive CHECK (s > 0), UNIQUE (s, t));"
            "CREATE INDEX lower_t ON rich (lower(t), id DESC) WHERE s > 1;"
            "CREATE TABLE keyed (k TEXT PRIMARY KEY, v BLOB) WITHOUT ROWID, STRICT;"
        )
    source = engine.open()
    schema = await source.catalog.read_schema()
    other = engine.another()
    ordered = sorted(schema.base_tables(), key=lambda t: len(t.foreign_keys))
    for table in ordered:
        made = source.emit.create_table(table, source_engine=source.engine)
        assert made.records == ()
        other.run(";".join(made.statements) + ";")
        for index in table.indexes:
            if not index.backs_constraint:
                other.run(";".join(source.emit.create_index(table, index).statements) + ";")
    copied = other.open()
    assert _comparable(await copied.catalog.read_schema()) == _comparable(schema)
    for table in reversed(ordered):
        other.run(";".join(source.emit.create_table(table, source_engine=source.engine).inverse) + ";")
    assert not list((await copied.catalog.read_schema()).base_tables())


async def test_the_server_says_what_it_is_and_who_we_are(engine: EngineUnderTest) -> None:
    engine.run(engine.small)
    info = await engine.open(read_only=True).catalog.server_info()
    assert info.engine == engine.name
    assert info.version_number > 30_000
    assert info.read_only
    assert info.size_bytes
    assert all(warning.endswith(".") or len(warning) > 10 for warning in info.warnings)


ODD_TEXTS = r"""CREATE TABLE odd (`a"b` varchar(30) DEFAULT 'x\\y"z\tü' COMMENT 'tab\t, line\n, \\ and "quotes", ü',
  `c\d` int COMMENT '', e enum('a"b', 'c\\d', 'n\n''n') DEFAULT 'a"b', KEY `k"\` (`a"b`) COMMENT 'l''index "x"\n');"""


@pytest.mark.parametrize("engine", ["mysql", "mariadb"], indirect=True)
async def test_texts_of_the_catalog_arrive_as_they_are(engine: EngineUnderTest) -> None:
    engine.run(f"SET sql_mode = '';{ODD_TEXTS}")
    adapter = engine.open()
    schema = await adapter.catalog.read_schema()
    first, second, third = schema.table("odd").columns
    assert first.comment == 'tab\t, line\n, \\ and "quotes", ü'
    assert (first.name, second.name, second.comment) == ('a"b', "c\\d", None)
    assert third.type.enum_values == ('a"b', "c\\d", "n\n'n")
    assert [index.name for index in schema.table("odd").indexes] == ['k"\\']
    assert await adapter.catalog.read_schema() is schema, "the digest of the rows is not the one that the server makes"
    assert await adapter.catalog.fingerprint() == schema.fingerprint
