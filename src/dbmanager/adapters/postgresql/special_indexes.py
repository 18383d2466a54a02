"""Indexes for searches that a B-tree does not serve.

Source: PostgreSQL 15 manual, chapters 66 (GiST), 70 (GIN), 71 (BRIN), 12.9 (text search), F.35 (pg_trgm).
"""

from __future__ import annotations

import re

from dbmanager.adapters.facets import Unsupported
from dbmanager.adapters.sql.names import quote
from dbmanager.model.indexing import SearchKind
from dbmanager.model.schema import Index, IndexKey, Table

_METHODS: dict[SearchKind, str] = {
    "pattern": "gin", "contains": "gin", "ranges": "gist", "words": "gin", "great range": "brin"
}  # fmt: skip
TRIGRAMS = " gin_trgm_ops"
_LONGEST_NAME = 63


def special_index(table: Table, column: str, kind: SearchKind, expression: str | None) -> Index | Unsupported:
    """Return the index that serves a search, or that the table has one; a pattern needs the extension pg_trgm."""
    method = _METHODS[kind]
    key = f"({expression})" if expression is not None else quote(column)
    key += TRIGRAMS if kind == "pattern" else ""
    there = [index for index in table.indexes if index.method == method and index.keys]
    if any(_bare(index.keys[0].name) == _bare(key) for index in there):
        return Unsupported("there is one")
    name = f"{method}_{table.name}_{column}"
    while len(name.encode()) > _LONGEST_NAME:
        name = name[:-1]
    return Index(name, (IndexKey(key, is_expression=True),), method=method)


def _bare(key: str) -> str:
    """Return a key without casts, quotes, case and operator class, as the catalog and we may write it."""
    text = re.sub(rf"::\w+|{TRIGRAMS}$", "", key).lower().replace('"', "").strip()
    return text[1:-1] if text.startswith("(") and text.endswith(")") else text
