"""Traces the columns of a result in whatever language its statement was written."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Protocol, cast

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
    if dialect in _OTHER_LANGUAGES:
        fields = frozenset(
            BaseColumn(table.schema or "", table.name, column.name)
            for table in schema.tables
            if f'"{table.name}"' in statement
            for column in table.columns
            if f'"{column.name}"' in statement or f'"${column.name}"' in statement
        )
        return fields, ()
    from dbmanager.analyzers.lineage.trace import read_query

    found = read_query(statement, dialect, schema)
    return (found.filters, found.predicates) if found is not None else (frozenset(), ())


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
