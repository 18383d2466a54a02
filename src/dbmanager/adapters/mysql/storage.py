"""Values between MySQL's storage and the canonical form, and SQL for exact reading and comparison by key."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from dbmanager.adapters.mysql.tables import name_of
from dbmanager.adapters.mysql.types import is_spatial
from dbmanager.adapters.mysql.wire import Wire
from dbmanager.adapters.sql.values import canonical
from dbmanager.model.queries import Cell, Row
from dbmanager.model.schema import Column, DataType, Table, TypeKind

_FRACTION = re.compile(r"(\.\d*?)0+$")
_ZONE = re.compile(r"(?P<at>.*\d)\s*(?P<zone>Z|[+-]\d{2}(:?\d{2})?)$")


def readable(column: Column) -> str:
    """Return the select expression that gives a column exactly; FLOAT alone is told with too few digits."""
    name = name_of(column.name)
    if column.type.kind is TypeKind.FLOAT and column.type.bits == 32:
        return f"({name} * 1e0) AS {name}"
    return name


def to_canonical(value: object, type_: DataType) -> Cell:
    """Return a stored value in canonical form, read as its column's kind."""
    if value is None:
        return None
    if type_.kind is TypeKind.BOOLEAN and value in (0, 1):
        return bool(value)
    if type_.kind in (TypeKind.TIMESTAMP, TypeKind.TIME) and isinstance(value, str):
        short = _FRACTION.sub(r"\1", value).rstrip(".") if "." in value else value
        return short + "+00" if type_.kind is TypeKind.TIMESTAMP and type_.with_time_zone else short
    return canonical(value)


def from_canonical(value: Cell, type_: DataType) -> object:
    """Return what to store for a canonical value."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    if (type_.kind is TypeKind.BINARY or is_spatial(type_)) and value.startswith("\\x"):
        return bytes.fromhex(value[2:])
    if type_.kind is TypeKind.TIMESTAMP:
        return _utc(value)
    return value


def _utc(value: str) -> str:
    """Return a time in UTC without its zone, which is how it is stored."""
    import datetime as dt

    match = _ZONE.match(value)
    if match is None or ":" not in match["at"]:
        return value
    if match["zone"] in ("Z", "+00", "+00:00", "+0000"):
        return match["at"]
    moment = dt.datetime.fromisoformat(value.replace(" ", "T", 1)).astimezone(dt.UTC)
    return moment.replace(tzinfo=None).isoformat(sep=" ")


def captured(value: object, type_: DataType | None = None) -> Cell:
    """Return a stored value so that `released` gives it back to the bit."""
    return "\\x" + value.hex() if isinstance(value, bytes) else canonical(value)


def released(value: Cell, type_: DataType) -> object:
    """Return the stored value that `captured` was given."""
    if isinstance(value, str) and (type_.kind is TypeKind.BINARY or is_spatial(type_)) and value.startswith("\\x"):
        return bytes.fromhex(value[2:])
    return value


def after_key(raw: Wire, table: Table, key: Sequence[str], after: Row) -> str:
    """Return the condition for rows after a key, spelled so that its index is used: the server does not for (a, b) > (x, y)."""
    names = [f"{name_of(table.name)}.{name_of(name)}" for name in key]
    values = [literal(raw, value, table.column(name).type) for name, value in zip(key, after, strict=True)]
    condition = f"{names[-1]} > {values[-1]}"
    for name, value in reversed(list(zip(names[:-1], values[:-1], strict=True))):
        condition = f"{name} >= {value} AND ({name} > {value} OR ({name} = {value} AND {condition}))"
    return condition


def literal(
    raw: Wire, value: Cell, type_: DataType, convert: Callable[[Cell, DataType], object] = from_canonical
) -> str:
    """Return a canonical value as a literal."""
    return raw.literal_of(convert(value, type_))


async def upsert(
    raw: Wire,
    table: Table,
    columns: Sequence[str],
    key: Sequence[str],
    rows: Sequence[Row],
    convert: Callable[[Cell, DataType], object] = from_canonical,
) -> None:
    """Insert rows, replacing those with equal keys, in statements of bounded size; the caller holds the transaction."""
    types = [table.column(name).type for name in columns]
    names = ", ".join(name_of(name) for name in columns)
    head = f"INSERT INTO {name_of(table.name)} ({names}) VALUES "  # noqa: S608 - quoted names only
    rest = [name for name in columns if name not in key] or list(key[:1])
    tail = " ON DUPLICATE KEY UPDATE " + ", ".join(f"{name_of(n)} = VALUES({name_of(n)})" for n in rest) if key else ""
    pending: list[str] = []
    size = 0
    for row in rows:
        text = f"({', '.join(literal(raw, v, t, convert) for v, t in zip(row, types, strict=True))})"
        if pending and (size + len(text) > MAX_STATEMENT_CHARACTERS or len(pending) >= MAX_STATEMENT_ROWS):
            await raw.run(head + ", ".join(pending) + tail)
            pending, size = [], 0
        pending.append(text)
        size += len(text)
    if pending:
        await raw.run(head + ", ".join(pending) + tail)


MAX_STATEMENT_CHARACTERS = 500_000
"""Well under max_allowed_packet's smallest default of 1 MB even where characters take more than a byte."""
MAX_STATEMENT_ROWS = 1_000


def keyed(raw: Wire, table: Table, key: Sequence[str], rows: Sequence[Row], convert: Callable[..., object]) -> str:
    """Return the condition that holds for the rows with the given keys."""
    types = [table.column(name).type for name in key]
    names = ", ".join(name_of(name) for name in key)
    values = ", ".join(
        f"({', '.join(raw.literal_of(convert(v, t)) for v, t in zip(row, types, strict=True))})" for row in rows
    )
    return f"({names}) IN ({values})"


def decoded(row: Sequence[Any], columns: Sequence[Column]) -> Row:
    """Return a read row in canonical form."""
    return tuple(to_canonical(value, column.type) for value, column in zip(row, columns, strict=True))
