"""What a counter-example has that no sampled document of the user has: then a validator could make a rewrite right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dbmanager.analyzers.rewriting.pipelines.collections import SmallCollections
from dbmanager.analyzers.rewriting.pipelines.commands import Doc
from dbmanager.model.documents import values_at
from dbmanager.model.schema import Column, DatabaseSchema

_NUMBERS = frozenset(("int", "long", "double", "decimal"))
_WORDS = {
    "$date": "date",
    "$oid": "objectId",
    "$numberLong": "long",
    "$numberDecimal": "decimal",
    "$numberDouble": "double",
}


def oddities(database: SmallCollections, schema: DatabaseSchema) -> list[str]:
    """Return, per collection that was sampled, what its documents here have and none of the sampled ones had."""
    found = []
    for part in database.tables:
        table = schema.find(part.name)
        odd = [
            text
            for column in (table.columns if table is not None else ())
            if column.types and "." not in column.name and column.name != "_id"
            for text in dict.fromkeys(_odd(part.rows, column))
        ]
        if odd:
            found.append(f"no sampled document of {part.name} has it so: {', '.join(odd)}; a validator could forbid it")
    return found


def _odd(documents: tuple[Doc, ...], column: Column) -> Iterator[str]:
    """Yield how a field stands in documents and was not met; numbers of any type are taken as met with one."""
    met = set(column.types) | (_NUMBERS if _NUMBERS & set(column.types) else set())
    for document in documents:
        values = values_at(document, column.name)
        if not values and column.presence_ratio == 1.0:
            yield f"{column.name} is missing"
        for value in values:
            if (word := _word(value)) not in met:
                yield f"{column.name} is {word}"


def _word(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, dict):
        return _WORDS.get(next(iter(value), ""), "object") if len(value) == 1 else "object"
    kinds = ((bool, "bool"), (int, "int"), (float, "double"), (str, "string"), (list, "array"))
    return next(word for kind, word in kinds if isinstance(value, kind))
