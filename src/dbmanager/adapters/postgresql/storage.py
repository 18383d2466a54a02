"""How columns are read and written in the canonical form: as text wherever the driver's own value could lose something."""

from __future__ import annotations

import json

from dbmanager.adapters.sql.names import quote
from dbmanager.model.queries import Cell
from dbmanager.model.schema import Column, DataType, TypeKind

_JSON_ELEMENTS = (TypeKind.INTEGER, TypeKind.BOOLEAN)
_LITERAL = r"^(\{|(\[-?\d+:-?\d+\])+=)"
"""Starts an array literal: what arrays of several dimensions, or not counted from 1, are carried as."""
NATIVE = (TypeKind.INTEGER, TypeKind.BOOLEAN, TypeKind.TEXT, TypeKind.BINARY, TypeKind.FLOAT)


def readable(column: Column) -> str:
    """Return the select expression that gives a column in canonical form."""
    name = quote(column.name)
    if column.type.kind is TypeKind.ARRAY:
        exact = column.type.element is not None and column.type.element.kind in _JSON_ELEMENTS
        elements = name if exact else f"{name}::text[]"
        odd = f"array_ndims({name}) > 1 OR array_lower({name}, 1) <> 1"
        return f"CASE WHEN {odd} THEN to_jsonb({name}::text) ELSE to_jsonb({elements}) END::text AS {name}"
    return name if column.type.kind in NATIVE else f"{name}::text AS {name}"


def decoded(value: Cell, type_: DataType) -> Cell:
    """Return a read value in canonical form."""
    if type_.kind is TypeKind.ARRAY and isinstance(value, str):
        loaded: Cell = json.loads(value)
        return loaded
    return value


def encoded(value: Cell) -> str | None:
    """Return a canonical value as the text that PostgreSQL's input functions read."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    return value if isinstance(value, str) else repr(value) if isinstance(value, float) else str(value)


def typed(expression: str, type_: DataType) -> str:
    """Return SQL that turns a text expression into a column's type."""
    if type_.kind is TypeKind.ARRAY:
        element = (
            f"ARRAY(SELECT e FROM jsonb_array_elements_text({expression}::jsonb) WITH ORDINALITY AS x(e, n) ORDER BY n)"  # noqa: S608 - our own expression
        )
        return (
            f"CASE WHEN {expression} ~ '{_LITERAL}' THEN {expression}::{type_.native} "
            f"WHEN {expression} IS NOT NULL THEN {element}::{type_.native} END"
        )
    return f"{expression}::{type_.native}"


def written(expression: str, type_: DataType) -> str:
    """Return SQL that turns PostgreSQL's own text of a value into it again, to the bit."""
    return f"{expression}::{type_.native}"
