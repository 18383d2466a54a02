"""Declared types of SQLite columns as engine-neutral types."""

from __future__ import annotations

import re
from functools import lru_cache

from dbmanager.model.schema import DataType, TypeKind

_DECLARED = re.compile(r"^\s*(?P<name>[A-Za-z_ ]*?)\s*(\(\s*(?P<first>\d+)\s*(,\s*(?P<second>\d+)\s*)?\))?\s*$")
_KINDS: tuple[tuple[str, TypeKind], ...] = (
    ("DECIMAL_TEXT", TypeKind.DECIMAL),
    ("BOOL", TypeKind.BOOLEAN),
    ("DATETIME", TypeKind.TIMESTAMP),
    ("TIMESTAMP", TypeKind.TIMESTAMP),
    ("DATE", TypeKind.DATE),
    ("TIME", TypeKind.TIME),
    ("JSON", TypeKind.JSON),
    ("UUID", TypeKind.UUID),
    ("INT", TypeKind.INTEGER),
    ("CHAR", TypeKind.TEXT),
    ("CLOB", TypeKind.TEXT),
    ("TEXT", TypeKind.TEXT),
    ("STRING", TypeKind.TEXT),
    ("BLOB", TypeKind.BINARY),
    ("BINARY", TypeKind.BINARY),
    ("BYTEA", TypeKind.BINARY),
    ("REAL", TypeKind.FLOAT),
    ("FLOA", TypeKind.FLOAT),
    ("DOUB", TypeKind.FLOAT),
    ("DEC", TypeKind.DECIMAL),
    ("NUMERIC", TypeKind.DECIMAL),
    ("NUMBER", TypeKind.DECIMAL),
)


@lru_cache(maxsize=1_000)
def data_type(declared: str) -> DataType:
    """Return the type a column declares; SQLite integers hold 64 bits whatever the declaration says."""
    match = _DECLARED.match(declared)
    name = (match["name"] if match else declared).upper()
    first = int(match["first"]) if match and match["first"] else None
    second = int(match["second"]) if match and match["second"] else None
    kind = next((kind for word, kind in _KINDS if word in name), TypeKind.OTHER if declared else TypeKind.TEXT)
    if kind is TypeKind.INTEGER:
        return DataType(kind, declared, bits=64)
    if kind is TypeKind.FLOAT:
        return DataType(kind, declared, bits=64)
    if kind is TypeKind.DECIMAL:
        return DataType(kind, declared, precision=first, scale=second if second is not None else 0 if first else None)
    if kind in (TypeKind.TEXT, TypeKind.BINARY):
        return DataType(kind, declared, length=first)
    if kind in (TypeKind.TIMESTAMP, TypeKind.TIME):
        return DataType(kind, declared, with_time_zone="TZ" in name or "ZONE" in name or None)
    return DataType(kind, declared)
