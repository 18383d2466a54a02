"""Values between SQLite's storage classes and the canonical form."""

from __future__ import annotations

import json
import math
from typing import cast

from dbmanager.adapters.sql.values import canonical
from dbmanager.model.queries import Cell
from dbmanager.model.schema import DataType, TypeKind

SqliteValue = int | float | str | bytes | None
_MAX_INTEGER = 2**63 - 1


def to_canonical(value: object, type_: DataType | None = None) -> Cell:
    """Return a stored value in canonical form, read as its column's kind where that tells more."""
    if type_ is not None and value is not None:
        if type_.kind is TypeKind.BOOLEAN and value in (0, 1):
            return bool(value)
        if type_.kind is TypeKind.DECIMAL and isinstance(value, int | float):
            return _decimal_text(value, type_.scale)
        if type_.kind is TypeKind.FLOAT and isinstance(value, int):
            return float(value)
        if type_.kind is TypeKind.ARRAY and isinstance(value, str) and value.startswith("["):
            loaded: Cell = json.loads(value)
            return loaded
    return canonical(value)


def _decimal_text(value: int | float, scale: int | None) -> str:
    if isinstance(value, int):
        return str(value) if not scale else f"{value}.{'0' * scale}"
    return f"{value:.{scale}f}" if scale is not None else repr(value)


def from_canonical(value: Cell, type_: DataType) -> SqliteValue:
    """Return what to store for a canonical value."""
    if value is None or isinstance(value, float):
        return value
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int):
        return value if -_MAX_INTEGER - 1 <= value <= _MAX_INTEGER else str(value)
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    if type_.kind is TypeKind.BINARY and value.startswith("\\x"):
        return bytes.fromhex(value[2:])
    return value


def captured(value: object) -> Cell:
    """Return a stored value so that `released` gives it back with its storage class, whatever its column declares."""
    if isinstance(value, bytes):
        return ["blob", value.hex()]
    if isinstance(value, float) and not math.isfinite(value):
        return ["real", repr(value)]
    return cast(Cell, value)


def released(value: Cell) -> SqliteValue:
    """Return the stored value that `captured` was given."""
    if isinstance(value, list):
        kind, text = value
        return bytes.fromhex(str(text)) if kind == "blob" else float(str(text))
    return cast(SqliteValue, value)
