"""Values of small collections: those that commands compare with, their neighbours, and what is like them but not equal."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from dbmanager.analyzers.rewriting.pipelines.commands import is_scalar
from dbmanager.model.schema import TypeKind

_SEEDS: dict[TypeKind, list[Any]] = {
    TypeKind.INTEGER: [1, 2, 0], TypeKind.FLOAT: [1.0, 2.5, 0], TypeKind.DECIMAL: [1, 2.5], TypeKind.TEXT: ["a", "b", ""],
    TypeKind.BOOLEAN: [True, False], TypeKind.TIMESTAMP: [{"$date": "2024-01-01T00:00:00Z"}, {"$date": "2024-01-02T00:00:00Z"}],
}  # fmt: skip
_ODD: list[Any] = [1, 1.0, "1", "a", True, {"$date": "2024-01-01T00:00:00Z"}, {"x": 1}, [], [[1]], 0]
BSON_KINDS = {
    "int": TypeKind.INTEGER, "long": TypeKind.INTEGER, "number": TypeKind.FLOAT, "double": TypeKind.FLOAT, "decimal": TypeKind.DECIMAL,
    "string": TypeKind.TEXT, "bool": TypeKind.BOOLEAN, "date": TypeKind.TIMESTAMP,
}  # fmt: skip


def pool_of(compared: Iterable[Any], kind: TypeKind | None) -> list[Any]:
    """Return values near those that a field is compared with, then such as its type has; nothing odd among them."""
    found: list[Any] = []
    for value in compared:
        for near in [value, *_neighbours(value)]:
            if near is not None and near not in found:
                found.append(near)
    seeds = _SEEDS.get(kind, []) if kind is not None else []
    if not found and not seeds:
        seeds = [1, 2, 3]
    return found + [seed for seed in seeds if seed not in found]


def odd_values(compared: Iterable[Any]) -> list[Any]:
    """Return values of other types, among them numbers that are equal and of another type."""
    found = list(_ODD)
    for value in compared:
        if isinstance(value, int) and not isinstance(value, bool):
            found += [float(value), {"$numberLong": str(value)}, str(value)] if abs(value) < 2**53 else [str(value)]
        elif isinstance(value, str):
            found += [[value], 5]
    return found


def _neighbours(value: Any) -> list[Any]:
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value - 1] if abs(value) < 2**31 - 1 else [value - 1 if value > 0 else value + 1]
    if isinstance(value, float):
        return [value + 0.5, value - 0.5]
    if isinstance(value, str):
        return [value + "a", value[:-1]]
    if isinstance(value, dict) and isinstance(value.get("$date"), str):
        return _days(value["$date"])
    if isinstance(value, list):
        return [[*value, 1], value[::-1], *(item for item in value if is_scalar(item))]
    return []


def _days(text: str) -> list[Any]:
    try:
        moment = dt.datetime.fromisoformat(text)
        near = [moment + dt.timedelta(days=1), moment - dt.timedelta(days=1)]
    except (ValueError, OverflowError):
        return []
    return [{"$date": one.isoformat(timespec="milliseconds").replace("+00:00", "Z")} for one in near]
