"""Traces the columns of a result in whatever language its statement was written."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator, Sequence
from typing import Any, Protocol, cast

from dbmanager.analyzers.lineage.model import Predicate, Trace
from dbmanager.model.lineage import BaseColumn
from dbmanager.model.schema import DatabaseSchema

_OTHER_LANGUAGES = {
    "mongodb": "dbmanager.analyzers.lineage.documents",
    "redis": "dbmanager.analyzers.lineage.keys",
}


class _Tracer(Protocol):
    def trace_outputs(
        self, statement: str, schema: DatabaseSchema, columns: Sequence[str]
    ) -> tuple[Trace, ...] | None: ...


Choices = tuple[frozenset[BaseColumn], tuple[Predicate, ...]]


def choices_of(statement: str, dialect: str, schema: DatabaseSchema) -> Choices:
    """Return the columns that decide which rows count, and the comparisons; of a command, every field whose name it writes."""
    if dialect == "redis":
        return frozenset(), ()
    if dialect == "mongodb":
        return _of_command(statement, schema)
    from dbmanager.analyzers.lineage.trace import read_query

    found = read_query(statement, dialect, schema)
    return (found.filters, found.predicates) if found is not None else (frozenset(), ())


def touched_by(statement: str, dialect: str, schema: DatabaseSchema) -> frozenset[BaseColumn] | None:
    """Return the columns that an answer comes from, None where they can't be traced; of a command, every field there is."""
    if dialect == "mongodb":
        return frozenset(
            BaseColumn(table.schema or "", table.name, column.name)
            for table in schema.tables
            if f'"{table.name}"' in statement or not table.is_base
            for column in table.columns
        )
    from dbmanager.analyzers.lineage.statements import lineage_of

    lineage = lineage_of(statement, dialect, schema)
    return lineage.touched if lineage is not None else None


def _of_command(statement: str, schema: DatabaseSchema) -> Choices:
    """Every field that a command writes may choose; what an expression or a join compares is taken as made up too."""
    named = [table for table in schema.tables if f'"{table.name}"' in statement]

    def fields(text: str) -> frozenset[BaseColumn]:
        return frozenset(
            BaseColumn(table.schema or "", table.name, column.name)
            for table in named
            for column in table.columns
            if f'"{column.name}"' in text or f'"${column.name}"' in text
        )

    try:
        compared = [json.dumps(one, ensure_ascii=False) for one in _comparisons(json.loads(statement))]
    except (ValueError, RecursionError):
        compared = [statement]
    return fields(statement), tuple(Predicate(fields(text), given=False, generated=True) for text in compared)


def _comparisons(value: Any) -> Iterator[Any]:
    """Yield what can compare a field with more than a literal: expressions in filters, and the fields of joins."""
    for name, inner in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        if name == "$expr":
            yield inner
        elif name in ("$lookup", "$graphLookup") and isinstance(inner, dict):
            yield [
                inner.get(key)
                for key in ("localField", "foreignField", "startWith", "connectFromField", "connectToField")
            ]
        yield from _comparisons(inner)


def trace_result(
    statement: str, dialect: str, schema: DatabaseSchema, columns: Sequence[str]
) -> tuple[Trace, ...] | None:
    """Return one trace per result column in order, or None when the statement can't be traced at all."""
    if dialect in _OTHER_LANGUAGES:
        return cast(_Tracer, importlib.import_module(_OTHER_LANGUAGES[dialect])).trace_outputs(
            statement, schema, columns
        )
    from dbmanager.analyzers.lineage.trace import trace_outputs

    return trace_outputs(statement, dialect, schema)
