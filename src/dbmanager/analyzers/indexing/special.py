"""Indexes of PostgreSQL that no what-if can cost, by rule: patterns, documents, arrays, ranges, full text, great logs.

Source: PostgreSQL 15 manual, chapters 66 (GiST), 70 (GIN), 71 (BRIN), 12.9 (text search), F.35 (pg_trgm).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from dbmanager.analyzers.indexing.candidates import index_of
from dbmanager.analyzers.indexing.usage import ColumnUse, column_uses
from dbmanager.model.placeholders import spaced
from dbmanager.model.schema import Column, DatabaseSchema, Index, IndexKey, Table, TypeKind

BRIN_ROWS = 5_000_000
_CONTAINS = (
    exp.ArrayContainsAll, exp.ArrayOverlaps, exp.JSONBContains, exp.JSONBContainsTopKey, exp.JSONBContainsAnyTopKeys,
    exp.JSONBContainsAllTopKeys,
)  # fmt: skip


def special_indexes(statement: str, dialect: str, schema: DatabaseSchema) -> list[tuple[Table, Index, str]]:
    """Return indexes of other kinds that a query may want, each with why; empty for other engines than PostgreSQL."""
    if dialect != "postgres":
        return []
    try:
        tree = sqlglot.parse_one(spaced(statement, dialect), dialect=dialect)
    except (SqlglotError, RecursionError):
        return []
    uses = column_uses(statement, dialect, schema)
    found = {(table.schema, table.name, made.name): (table, made, why) for table, made, why in _found(tree, uses)}
    return [one for one in found.values() if not _there(one[0], one[1])]


def _found(tree: exp.Expr, uses: list[ColumnUse]) -> Iterator[tuple[Table, Index, str]]:
    for pattern in tree.find_all(exp.Like, exp.ILike):
        text = pattern.expression
        if isinstance(text, exp.Literal) and text.name[:1] in ("%", "_") and isinstance(pattern.this, exp.Column):
            for table, column in _owners(pattern.this, uses):
                key = f"{_quoted(column.name)} gin_trgm_ops"
                yield table, _index(table, key, "gin"), "a pattern that begins anywhere; needs the extension pg_trgm"
    for contains in tree.find_all(*_CONTAINS):
        if isinstance(contains.this, exp.Column):
            for table, column in _owners(contains.this, uses):
                if column.type.kind in (TypeKind.ARRAY, TypeKind.JSON):
                    yield table, _index(table, _quoted(column.name), "gin"), "what a value contains is looked for"
                elif column.type.native.endswith("range"):
                    yield table, _index(table, _quoted(column.name), "gist"), "ranges are compared"
    for match in tree.find_all(exp.MatchAgainst):
        for vector in match.find_all(exp.Anonymous):
            if vector.name.lower() != "to_tsvector" or len(vector.expressions) != 2:
                continue
            for column_node in vector.find_all(exp.Column):
                for table, _ in _owners(column_node, uses):
                    words = vector.sql(dialect="postgres")
                    yield (
                        table,
                        _index(table, f"({words})", "gin"),
                        "words are searched; the configuration must stay the same",
                    )
    for use in uses:
        if (use.table.row_estimate or 0) >= BRIN_ROWS:
            for name in use.ranged:
                if use.table.column(name).type.kind in (TypeKind.TIMESTAMP, TypeKind.DATE):
                    why = "a range over a great table; pays where rows lie in the order of this column, and is tiny"
                    yield use.table, _index(use.table, _quoted(name), "brin"), why


def _owners(node: exp.Column, uses: list[ColumnUse]) -> Iterator[tuple[Table, Column]]:
    for use in uses:
        if node.name in use.read:
            yield use.table, use.table.column(node.name)


def _index(table: Table, key: str, method: str) -> Index:
    made = index_of(table, (IndexKey(key, is_expression=True),))
    return Index(name=made.name.replace("ix_", f"{method}_", 1), keys=made.keys, method=method)


def _there(table: Table, index: Index) -> bool:
    """Whether the table has an index of the kind over the same first column or expression."""
    wanted = _bare(index.keys[0].name)
    return any(
        known.method == index.method and known.keys and _bare(known.keys[0].name) == wanted for known in table.indexes
    )


def _bare(key: str) -> str:
    """Return a key without casts, quotes, case and operator class, as the catalog and we may write it."""
    text = re.sub(r"::\w+| gin_trgm_ops$", "", key).lower().replace('"', "").strip()
    return text[1:-1] if text.startswith("(") and text.endswith(")") else text


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
