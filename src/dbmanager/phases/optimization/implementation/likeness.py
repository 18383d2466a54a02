"""Writes the design that another database is, in the target's own statements."""

from __future__ import annotations

from dataclasses import replace

from dbmanager.adapters.facets import Emission, Emit, Unsupported
from dbmanager.analyzers.schema_diff.order import in_order, landed
from dbmanager.errors import UnsupportedCapability
from dbmanager.model.schema import Column, DatabaseSchema, Table


def statements_like(source: DatabaseSchema, emit: Emit, engine: str, name: str) -> tuple[list[str], list[str]]:
    """Return the statements of a design like `source`, and a sentence for everything that is not carried over as it is.

    Args:
        source: the schema to take as the design.
        emit: of the target.
        engine: the target's.
        name: the source's connection.

    Raises: UnsupportedCapability where the source has no tables, or none that become tables of the target.
    """
    tables = in_order(source.base_tables())
    if not tables:
        raise UnsupportedCapability(f"{name} has no tables to take a design from", object_name=name)
    texts: list[str] = []
    notes: list[str] = []
    ends = [_landed(table, source, emit) for table in tables]
    for schema in dict.fromkeys(t.schema for t in ends if t.schema is not None) if emit.has_schemas else ():
        made = emit.create_schema(schema)
        texts += [] if isinstance(made, Unsupported) else made.statements
    for table in ends:
        emission = emit.create_table(table, source_engine=source.engine, with_foreign_keys=emit.references_inline)
        texts += _kept(emission, table.name, notes)
        for index in table.indexes:
            if index.backs_constraint:
                continue
            if source.engine != engine and (index.where or any(key.is_expression for key in index.keys)):
                notes.append(f"{table.name}.{index.name}: left out, its expression is of another engine's SQL")
                continue
            texts += _kept(emit.create_index(table, index), table.name, notes)
    for table in ends if not emit.references_inline else ():
        for key in table.foreign_keys:
            reference = emit.add_foreign_key(table, key)
            if isinstance(reference, Unsupported):
                notes.append(f"{table.name}: a reference to {key.referred_table} left out, {reference.reason}")
                continue
            texts += _kept(reference, table.name, notes)
    notes += [f"{table.name}: triggers are not part of a design" for table in tables if table.triggers]
    return texts, notes


def _landed(table: Table, source: DatabaseSchema, emit: Emit) -> Table:
    """Return the table as it will stand: in the target's default schema, or in a schema of the same name."""
    schema = None if table.schema == source.default_schema or not emit.has_schemas else table.schema
    there = landed(table, schema)
    keys = tuple(
        replace(key, referred_schema=None if old.referred_schema == source.default_schema else old.referred_schema)
        for key, old in zip(there.foreign_keys, table.foreign_keys, strict=True)
    )
    numbered = tuple(_numbered(column) for column in table.columns)
    return replace(there, columns=numbered, foreign_keys=keys if emit.has_schemas else there.foreign_keys)


def _numbered(column: Column) -> Column:
    """Return a column that counts by a sequence of its own as one that counts by itself, which every engine knows."""
    if column.default is not None and column.default.lower().startswith("nextval("):
        return replace(column, default=None, identity="by default")
    return column


def _kept(emission: Emission, table: str, notes: list[str]) -> list[str]:
    notes += [f"{table}.{item}: {mapping.status}, {mapping.reason}" for item, mapping in emission.records]
    return list(emission.statements)
