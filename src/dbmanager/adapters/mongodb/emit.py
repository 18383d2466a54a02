"""MongoDB's commands from the schema model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from dbmanager.adapters.facets import Emission, Hiding, TypeMapping, Unsupported
from dbmanager.adapters.mongodb.steps import Steps
from dbmanager.adapters.mongodb.values import document_of, short_text, text_of
from dbmanager.errors import UnsupportedCapability
from dbmanager.model.changes import ChangeStep
from dbmanager.model.indexing import PLAIN, SearchKind
from dbmanager.model.queries import Scalar
from dbmanager.model.schema import Column, DatabaseSchema, DataType, ForeignKey, Index, Table, TypeKind
from dbmanager.model.schema_difference import TableDifference

_WORDS = {
    TypeKind.INTEGER: "long", TypeKind.DECIMAL: "decimal", TypeKind.FLOAT: "double", TypeKind.BOOLEAN: "bool",
    TypeKind.TEXT: "string", TypeKind.BINARY: "binData", TypeKind.TIMESTAMP: "date", TypeKind.UUID: "binData",
    TypeKind.JSON: "object", TypeKind.ARRAY: "array", TypeKind.ENUM: "string",
}  # fmt: skip
_PORTABLE = ("btree",)
_VALIDATION: dict[str, Any] = {"validator": {}, "validationLevel": "strict", "validationAction": "error"}
"""Options that can be changed later, and what stands where they are left out."""


class MongoEmit:
    """The `Emit` facet."""

    has_schemas = False
    references_inline = False
    index_means = PLAIN

    def __init__(self, database: str) -> None:
        self._steps = Steps(database, self)

    def change_step(
        self, schema: DatabaseSchema, statement: str, *, inverse: str | None = None, title: str | None = None
    ) -> ChangeStep:
        """Return the step of one command document."""
        return self._steps.step(schema, statement, inverse, title)

    def map_type(self, type_: DataType) -> TypeMapping:
        """Say which BSON type holds the values; what has none is kept as text."""
        word = _WORDS.get(type_.kind)
        if word is None:
            return TypeMapping("emulated", "string", "kept as text")
        return TypeMapping("representable", word)

    def create_table(self, table: Table, *, source_engine: str, with_foreign_keys: bool = True) -> Emission:
        """Emit the collection with the options it had.

        Raises: UnsupportedCapability for another engine's table: rows are no documents.
        """
        if source_engine != "mongodb":
            raise UnsupportedCapability(
                f"tables of {source_engine} are not turned into collections", object_name=table.name,
                hint="How rows become documents is a design decision; export them and design the collections first.",
            )  # fmt: skip
        options = document_of(table.definition) if table.definition else {}
        return Emission((text_of({"create": table.name, **options}),), (_json({"drop": table.name}),))

    def create_index(self, table: Table, index: Index, *, online: bool = False) -> Emission:
        """Emit the index as it was defined; MongoDB builds every index while reads and writes go on."""
        made = {"createIndexes": table.name, "indexes": [specification(index)]}
        return Emission((_text(made),), (_drop(table.name, [index.name]),))

    def drop_index(self, table: Table, index: Index, *, online: bool = False) -> Emission:
        """Emit the drop, with the index's re-creation as inverse."""
        again = {"createIndexes": table.name, "indexes": [specification(index)]}
        return Emission((_drop(table.name, [index.name]),), (_text(again),))

    def special_index(
        self, table: Table, column: str, kind: SearchKind, expression: str | None = None
    ) -> Index | Unsupported:
        """Say that there is none."""
        return Unsupported("not built for MongoDB yet")

    def hide_index(self, table: Table, index: Index) -> Hiding | Unsupported:
        """Say that it can't be done."""
        return Unsupported("hiding is not built for MongoDB yet")

    def add_foreign_key(self, table: Table, key: ForeignKey) -> Emission | Unsupported:
        """MongoDB enforces no references."""
        return Unsupported("MongoDB enforces no references")

    def alter_table(self, difference: TableDifference) -> Emission | Unsupported:
        """Emit collMod for another validator; the other options of a collection stand from its creation."""
        before, after = (
            document_of(table.definition) if table.definition else {} for table in (difference.before, difference.after)
        )
        fixed = {name for name in {*before, *after} - set(_VALIDATION) if before.get(name) != after.get(name)}
        if fixed:
            return Unsupported(
                f"{', '.join(sorted(fixed))} of {difference.before.name} can't be changed once the collection is there"
            )
        name = difference.before.name
        return Emission((_text(_validated(name, after)),), (_text(_validated(name, before)),))

    def changes_values(self, before: Column, after: Column) -> str | None:
        """Documents keep their types."""
        return None

    def index_exists_probe(self, table: Table, index_name: str) -> tuple[str, tuple[Scalar, ...]]:
        """Return a command counting the indexes of that name."""
        return indexes_probe(table.name), (index_name,)

    def table_exists_probe(self, table: Table) -> tuple[str, tuple[Scalar, ...]]:
        """Return a command counting the collections of that name."""
        return collections_probe(), (table.name,)

    def create_schema(self, name: str) -> Emission | Unsupported:
        """A database is as far as it goes."""
        return Unsupported("MongoDB has no schemas inside a database")

    def schema_exists_probe(self, name: str) -> tuple[str, tuple[Scalar, ...]]:
        """Return a probe that never finds one."""
        return collections_probe(), ()


def _validated(collection: str, options: dict[str, Any]) -> dict[str, Any]:
    validation = {name: options.get(name, default) for name, default in _VALIDATION.items()}
    return {"collMod": collection, **validation}


def specification(index: Index) -> dict[str, Any]:
    """Return what `createIndexes` takes: the definition read from a server, or one from the model's keys."""
    if index.definition:
        return dict(document_of(index.definition))
    plain = index.method in _PORTABLE
    keys: dict[str, Any] = {key.name: (-1 if key.descending else 1) if plain else index.method for key in index.keys}
    spec: dict[str, Any] = {"key": keys, "name": index.name}
    if index.unique:
        spec["unique"] = True
    if index.where:
        spec["partialFilterExpression"] = document_of(index.where)
    return spec


def indexes_probe(collection: str) -> str:
    """Return the command that, with names as parameters, counts how many of those indexes there are."""
    return _json({"listIndexes": collection})


def collections_probe() -> str:
    """Return the command that, with names as parameters, counts how many of those collections there are."""
    return _json({"listCollections": 1, "nameOnly": True})


def _drop(collection: str, names: Sequence[str]) -> str:
    return _json({"dropIndexes": collection, "index": list(names) if len(names) > 1 else names[0]})


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False)


def _text(document: dict[str, Any]) -> str:
    return short_text(document)
