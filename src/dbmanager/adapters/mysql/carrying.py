"""Which values a column's new type would turn into others: MySQL's strict mode refuses what does not fit, not what changes."""

from __future__ import annotations

import re

from dbmanager.adapters.mysql.tables import name_of
from dbmanager.model.schema import Column, TypeKind

_FRACTION = re.compile(r"\((\d)\)")
_NUMBERS = (TypeKind.INTEGER, TypeKind.BOOLEAN, TypeKind.DECIMAL, TypeKind.FLOAT)
_WORDS = (TypeKind.TEXT, TypeKind.ENUM)
_TIMES = (TypeKind.TIMESTAMP, TypeKind.TIME)


def changes_values(old: Column, new: Column) -> str | None:
    """Return the condition of a value that the new column would hold as another one; None where there can be none."""
    name, kind = name_of(new.name), new.type.kind
    if new.generated is not None:
        return f"NOT ({name} <=> ({new.generated.rpartition(' ')[0]}))" if old.generated is None else None
    if new.identity is not None and old.identity is None:
        return f"{name} = 0"  # AUTO_INCREMENT gives a number of its own for it
    if old.type.native == new.type.native:
        return None
    if _is_set(old) != _is_set(new) or (TypeKind.ENUM in (old.type.kind, kind) and not _are_words(old, new)):
        return f"{name} <> ''" if _are_words(old, new) else f"{name} IS NOT NULL"  # a place in the list, not the word
    if old.type.kind in _WORDS:
        return _from_text(name, new)
    if kind in (TypeKind.DATE, *_TIMES) and old.type.kind in (TypeKind.DATE, *_TIMES):
        return _between_times(name, old, new)
    return _from_number(name, old, new)


def _from_text(name: str, new: Column) -> str | None:
    """Compare the text with what the new type makes of it, byte by byte."""
    kind, written = new.type.kind, _bytes(f"CONVERT({name} USING utf8mb4)")
    if kind is TypeKind.ENUM:
        labels = ", ".join(_bytes(_text(label)) for label in new.type.enum_values)
        return f"{written} NOT IN ({labels})"
    if kind is TypeKind.TEXT:
        return f"{name} LIKE '% '" if new.type.native.startswith("char(") else None
    read = {
        TypeKind.INTEGER: f"CAST({name} AS {'UNSIGNED' if new.type.unsigned else 'SIGNED'})",
        TypeKind.BOOLEAN: f"CAST({name} AS SIGNED)",
        TypeKind.DECIMAL: f"CAST({name} AS DECIMAL(65, {new.type.scale or 0}))",
        TypeKind.FLOAT: f"CAST({name} AS DOUBLE)",
        TypeKind.DATE: f"CAST({name} AS DATE)",
        TypeKind.TIMESTAMP: f"CAST({name} AS DATETIME({_fraction(new)}))",
        TypeKind.TIME: f"CAST({name} AS TIME({_fraction(new)}))",
        TypeKind.JSON: f"JSON_EXTRACT({name}, '$')",
    }.get(kind)
    return f"{name} IS NOT NULL AND NOT ({_bytes(f'CAST({read} AS CHAR)')} <=> {written})" if read else None


def _between_times(name: str, old: Column, new: Column) -> str | None:
    kind, was = new.type.kind, old.type.kind
    if TypeKind.TIME in (kind, was) and kind is not was:
        return f"{name} IS NOT NULL"  # the day is lost, or made up
    if kind is TypeKind.DATE:
        return f"TIME({name}) <> 0"
    if was is TypeKind.DATE or _fraction(new) >= _fraction(old):
        return None
    return f"{name} <> CAST({name} AS {'TIME' if kind is TypeKind.TIME else 'DATETIME'}({_fraction(new)}))"


def _from_number(name: str, old: Column, new: Column) -> str | None:
    kind, was = new.type.kind, old.type.kind
    if new.type.native.startswith("year"):
        return f"{name} <> 0 AND {name} < 1901"  # two figures become a year of this century or the last
    if kind in (TypeKind.INTEGER, TypeKind.BOOLEAN) and was in (TypeKind.DECIMAL, TypeKind.FLOAT):
        return f"{name} <> ROUND({name})"
    if kind is TypeKind.DECIMAL and was in (TypeKind.DECIMAL, TypeKind.FLOAT):
        return f"{name} <> ROUND({name}, {new.type.scale or 0})"
    if kind is TypeKind.FLOAT and new.type.bits == 32:
        return f"{name} <> CAST({name} AS FLOAT)"
    if kind is TypeKind.FLOAT and was in (TypeKind.DECIMAL, TypeKind.INTEGER):
        return f"{name} <> CAST(CAST({name} AS DOUBLE) AS DECIMAL(65, {old.type.scale or 0}))"
    if kind is TypeKind.TEXT and was is TypeKind.FLOAT and old.type.bits == 32:
        return f"{name} <> CAST(CAST({name} AS CHAR) AS FLOAT)"  # written with six figures
    if kind is TypeKind.BINARY and was is TypeKind.BINARY and new.type.native.startswith("binary("):
        return f"LENGTH({name}) < {new.type.length}"  # filled up with zeros
    return None


def _is_set(column: Column) -> bool:
    return column.type.native.startswith("set(")


def _are_words(old: Column, new: Column) -> bool:
    return old.type.kind in _WORDS and new.type.kind in _WORDS


def _fraction(column: Column) -> int:
    found = _FRACTION.search(column.type.native)
    return int(found[1]) if found else 0


def _bytes(expression: str) -> str:
    return f"CAST({expression} AS BINARY)"


def _text(value: str) -> str:
    return "_utf8mb4'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
