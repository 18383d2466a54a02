"""PostgreSQL types as engine-neutral types."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from dbmanager.model.schema import DataType, TypeKind

_PLAIN: dict[str, tuple[TypeKind, int | None]] = {
    "int2": (TypeKind.INTEGER, 16),
    "int4": (TypeKind.INTEGER, 32),
    "int8": (TypeKind.INTEGER, 64),
    "oid": (TypeKind.INTEGER, 32),
    "float4": (TypeKind.FLOAT, 32),
    "float8": (TypeKind.FLOAT, 64),
    "bool": (TypeKind.BOOLEAN, None),
    "text": (TypeKind.TEXT, None),
    "varchar": (TypeKind.TEXT, None),
    "bpchar": (TypeKind.TEXT, None),
    "name": (TypeKind.TEXT, None),
    "citext": (TypeKind.TEXT, None),
    "char": (TypeKind.TEXT, None),
    "bytea": (TypeKind.BINARY, None),
    "date": (TypeKind.DATE, None),
    "interval": (TypeKind.INTERVAL, None),
    "uuid": (TypeKind.UUID, None),
    "json": (TypeKind.JSON, None),
    "jsonb": (TypeKind.JSON, None),
    "inet": (TypeKind.NETWORK, None),
    "cidr": (TypeKind.NETWORK, None),
    "macaddr": (TypeKind.NETWORK, None),
    "macaddr8": (TypeKind.NETWORK, None),
}


_TYPE_FACTS = ("native", "modifier", "element", "element_native", "type_name", "type_type", "base_type")


def data_type(facts: Mapping[str, Any]) -> DataType:
    """Return the type that one row of the `columns` block describes; domains read as what they are based on."""
    labels = tuple(facts["labels"]) if facts["labels"] else ()
    return _data_type(*(facts[name] for name in _TYPE_FACTS), labels)


@lru_cache(maxsize=1_000)
def _data_type(
    native: str,
    modifier: int,
    element: str | None,
    element_native: str,
    type_name: str,
    type_type: str,
    base_type: str | None,
    labels: tuple[str, ...],
) -> DataType:
    """Build a type once for all columns that have it."""
    if element:
        inner = _data_type(element_native, modifier, None, "", element, "b", base_type, ())
        return DataType(TypeKind.ARRAY, native, element=inner)
    if type_type == "e":
        return DataType(TypeKind.ENUM, native, enum_values=labels)
    name = base_type or type_name
    if name == "numeric":
        if modifier < 4:
            return DataType(TypeKind.DECIMAL, native)
        return DataType(TypeKind.DECIMAL, native, precision=(modifier - 4) >> 16, scale=(modifier - 4) & 0xFFFF)
    if name in ("timestamp", "timestamptz"):
        return DataType(TypeKind.TIMESTAMP, native, with_time_zone=name.endswith("tz"))
    if name in ("time", "timetz"):
        return DataType(TypeKind.TIME, native, with_time_zone=name.endswith("tz"))
    kind, bits = _PLAIN.get(name, (TypeKind.OTHER, None))
    length = modifier - 4 if name in ("varchar", "bpchar") and modifier > 4 else None
    return DataType(kind, native, bits=bits, length=length)
