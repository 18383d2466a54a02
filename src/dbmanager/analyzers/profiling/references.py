"""Which columns look like references, from names, types and keys."""

from __future__ import annotations

from dataclasses import dataclass

from dbmanager.analyzers.classification.names import tokens
from dbmanager.model.schema import DatabaseSchema, Table, TypeKind

_SUFFIXES = ("id", "fk", "ref", "key", "no", "nr", "code")


@dataclass(frozen=True, slots=True)
class ReferenceCandidate:
    """A column that may refer to the single-column key of another table."""

    table: Table
    column: str
    parent: Table
    parent_column: str
    declared: bool


def reference_candidates(schema: DatabaseSchema) -> list[ReferenceCandidate]:
    """Return declared single-column references, then those that names and types suggest."""
    found: list[ReferenceCandidate] = []
    for table in schema.base_tables():
        declared: set[str] = set()
        for key in table.foreign_keys:
            parent = schema.find(key.referred_table, key.referred_schema or table.schema)
            declared.update(key.columns)
            if parent is not None and len(key.columns) == 1:
                found.append(ReferenceCandidate(table, key.columns[0], parent, key.referred_columns[0], True))
        for column in table.columns:
            if column.name in declared or _is_own_key(table, column.name):
                continue
            guess = _parent(schema, table, column.name, column.type.kind)
            if guess is not None:
                found.append(ReferenceCandidate(table, column.name, guess[0], guess[1], False))
    return found


def _is_own_key(table: Table, column: str) -> bool:
    return table.primary_key is not None and table.primary_key.columns == (column,)


def _parent(schema: DatabaseSchema, table: Table, column: str, kind: TypeKind) -> tuple[Table, str] | None:
    words = tokens(column)
    if len(words) < 2 or words[-1] not in _SUFFIXES:
        return None
    stem = words[:-1]
    best: tuple[int, Table, str] | None = None
    for parent in schema.base_tables():
        if parent.primary_key is None or len(parent.primary_key.columns) != 1:
            continue
        key = parent.primary_key.columns[0]
        if parent.column(key).type.kind is not kind:
            continue
        score = _score(stem, words, parent.name, key)
        if score and (best is None or score > best[0]):
            best = (score, parent, key)
    return (best[1], best[2]) if best else None


def _score(stem: tuple[str, ...], words: tuple[str, ...], parent: str, key: str) -> int:
    """Return how well a column name fits a parent: 3 the same key name, 2 the whole stem, 1 its last word."""
    parent_words = tuple(_singular(word) for word in tokens(parent))
    wanted = tuple(_singular(word) for word in stem)
    if tokens(key) == words and len(words) > 1:
        return 3
    if wanted == parent_words:
        return 2
    return 1 if parent_words and wanted[-1:] == parent_words and len(parent_words) == 1 else 0


def _singular(word: str) -> str:
    for ending, replacement in (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh")):
        if word.endswith(ending):
            return word[: -len(ending)] + replacement
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word
