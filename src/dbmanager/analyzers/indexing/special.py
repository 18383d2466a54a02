"""Searches that no ordinary index serves: patterns, what values contain, ranges, words, and ranges over great tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from dbmanager.analyzers.indexing.usage import ColumnUse, column_uses
from dbmanager.model.indexing import SearchKind
from dbmanager.model.placeholders import spaced
from dbmanager.model.schema import Column, DatabaseSchema, Table, TypeKind

GREAT_ROWS = 5_000_000
_CONTAINS = (
    exp.ArrayContainsAll, exp.ArrayOverlaps, exp.JSONBContains, exp.JSONBContainsTopKey, exp.JSONBContainsAnyTopKeys,
    exp.JSONBContainsAllTopKeys,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SpecialSearch:
    """One such search over a column; `expression` is the engine's text of what is searched where that is no column."""

    table: Table
    column: str
    kind: SearchKind
    why: str
    expression: str | None = None


def special_searches(statement: str, dialect: str, schema: DatabaseSchema) -> list[SpecialSearch]:
    """Return the searches of a query that want another kind of index; empty when it can't be understood."""
    try:
        tree = sqlglot.parse_one(spaced(statement, dialect), dialect=dialect)
    except (SqlglotError, RecursionError, ValueError):  # ValueError: the engine's statements are no SQL
        return []
    return list(dict.fromkeys(_found(tree, column_uses(statement, dialect, schema), dialect)))


def _found(tree: exp.Expr, uses: list[ColumnUse], dialect: str) -> Iterator[SpecialSearch]:
    for pattern in tree.find_all(exp.Like, exp.ILike):
        text = pattern.expression
        if isinstance(text, exp.Literal) and text.name[:1] in ("%", "_") and isinstance(pattern.this, exp.Column):
            for table, column in _owners(pattern.this, uses):
                yield SpecialSearch(table, column.name, "pattern", "a pattern that begins anywhere")
    for contains in tree.find_all(*_CONTAINS):
        if isinstance(contains.this, exp.Column):
            for table, column in _owners(contains.this, uses):
                if column.type.kind in (TypeKind.ARRAY, TypeKind.JSON):
                    yield SpecialSearch(table, column.name, "contains", "what a value contains is looked for")
                elif column.type.native.endswith("range"):
                    yield SpecialSearch(table, column.name, "ranges", "ranges are compared")
    for match in tree.find_all(exp.MatchAgainst):
        for vector in match.find_all(exp.Anonymous):
            if vector.name.lower() != "to_tsvector" or len(vector.expressions) != 2:
                continue
            words = vector.sql(dialect=dialect)
            for node in vector.find_all(exp.Column):
                for table, column in _owners(node, uses):
                    why = "words are searched; the configuration must stay the same"
                    yield SpecialSearch(table, column.name, "words", why, words)
    for use in uses:
        if (use.table.row_estimate or 0) >= GREAT_ROWS:
            for name in use.ranged:
                if use.table.column(name).type.kind in (TypeKind.TIMESTAMP, TypeKind.DATE):
                    why = "a range over a great table; pays where rows lie in the order of this column, and is tiny"
                    yield SpecialSearch(use.table, name, "great range", why)


def _owners(node: exp.Column, uses: list[ColumnUse]) -> Iterator[tuple[Table, Column]]:
    for use in uses:
        if node.name in use.read:
            yield use.table, use.table.column(node.name)
