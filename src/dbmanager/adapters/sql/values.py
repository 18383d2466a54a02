"""Values as they leave an adapter: JSON-safe and canonical, the same for every engine."""

from __future__ import annotations

import datetime as dt
import decimal
import ipaddress
import json
import math
import uuid
from collections.abc import Iterable

from dbmanager.model.queries import Cell


def canonical(value: object) -> Cell:
    """Return a driver's value in canonical form (see `Bulk`); unknown types become their text."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case decimal.Decimal():
            return format(value, "f") if value.is_finite() else str(value)
        case dt.datetime():
            return value.isoformat(sep=" ")
        case dt.date() | dt.time():
            return value.isoformat()
        case dt.timedelta():
            return f"PT{value.total_seconds():f}".rstrip("0").rstrip(".") + "S"
        case bytes() | bytearray() | memoryview():
            return "\\x" + bytes(value).hex()
        case uuid.UUID():
            return str(value)
        case dict():
            return {str(key): canonical(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [canonical(item) for item in value]
        case ipaddress.IPv4Address() | ipaddress.IPv6Address() | ipaddress.IPv4Network() | ipaddress.IPv6Network():
            return str(value)
        case _:
            return str(value)


def clip(value: Cell, max_bytes: int) -> tuple[Cell, bool]:
    """Shorten a value whose text is longer than the bound; say whether it was."""
    if isinstance(value, str):
        if len(value) <= max_bytes // 4 or len(value.encode("utf-8", "replace")) <= max_bytes:
            return value, False
        kept = value.encode("utf-8", "replace")[:max_bytes].decode("utf-8", "ignore")
        return f"{kept}… ({len(value)} characters in all)", True
    if isinstance(value, list | dict):
        text = json.dumps(value, ensure_ascii=False)
        return clip(text, max_bytes) if len(text) > max_bytes else (value, False)
    return value, False


def json_bytes(values: Iterable[Cell]) -> int:
    """Return the size of one row as compact JSON, in bytes."""
    return len(json.dumps(list(values), ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace"))
