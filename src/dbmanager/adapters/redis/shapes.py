"""Replies as rows: what each command's answer is made of."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from dbmanager.model.commands import to_text
from dbmanager.model.queries import Cell

PAIRED = frozenset(b"HGETALL CONFIG|GET".split())
_SCANS = {b"SCAN": ("cursor", "key"), b"SSCAN": ("cursor", "member"), b"HSCAN": ("cursor", "field", "value"),
          b"ZSCAN": ("cursor", "member", "score")}  # fmt: skip
_STREAMS = frozenset((b"XRANGE", b"XREVRANGE"))
_MEMBERS = frozenset(
    b"SMEMBERS SINTER SUNION SDIFF SRANDMEMBER ZRANGE ZREVRANGE ZRANGEBYSCORE ZREVRANGEBYSCORE ZRANGEBYLEX ZREVRANGEBYLEX "
    b"ZUNION ZINTER ZDIFF ZRANDMEMBER GEOSEARCH GEORADIUS_RO GEORADIUSBYMEMBER_RO".split()
)


@dataclass(frozen=True, slots=True)
class Shaped:
    """Columns and rows of one reply."""

    columns: tuple[str, ...]
    rows: list[tuple[Cell, ...]]


def cell(value: Any) -> Cell:
    """Return a reply as a JSON-safe value; bytes that are no text as hex."""
    if isinstance(value, bytes):
        return to_text(value)
    if isinstance(value, list | tuple):
        return [cell(item) for item in value]
    if isinstance(value, Exception):
        return "(error)"
    return value if isinstance(value, int | float | str | bool) or value is None else str(value)


def nested(value: Any) -> Cell:
    """Return a cell; what is nested as canonical JSON text."""
    plain = cell(value)
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":")) if isinstance(plain, list | dict) else plain


def shape(arguments: Sequence[bytes], reply: Any) -> Shaped:
    """Return the reply as rows; the columns depend on the command alone, and on its options."""
    word, options = arguments[0].upper(), {argument.upper() for argument in arguments[1:]}
    if word in _SCANS and isinstance(reply, list) and len(reply) == 2:
        return _scan(_SCANS[word], reply, options)
    if word == b"XREAD":
        return Shaped(("key", "id", "value"), [*_stream_rows(reply)])
    if word in _STREAMS:
        return Shaped(("id", "value"), [(cell(entry[0]), _fields(entry[1])) for entry in reply or ()])
    if word == b"HGETALL" or (word == b"CONFIG" and isinstance(reply, list)):
        return Shaped(("field", "value"), [(cell(a), cell(b)) for a, b in _pairs(reply)])
    if word == b"HMGET":
        return Shaped(("field", "value"), [(cell(a), cell(b)) for a, b in zip(arguments[2:], reply, strict=False)])
    if word == b"MGET":
        return Shaped(("key", "value"), [(cell(a), cell(b)) for a, b in zip(arguments[1:], reply, strict=False)])
    if word == b"HRANDFIELD":
        if b"WITHVALUES" in options:
            return Shaped(("field", "value"), [(cell(a), cell(b)) for a, b in _pairs(reply)])
        return _list(("field",), reply)
    if word == b"HKEYS":
        return _list(("field",), reply)
    if word == b"RANDOMKEY":
        return _list(("key",), reply)
    if word in _MEMBERS:
        return _members(word, reply, options)
    return _list(("value",), reply)


def _stream_rows(reply: Any) -> Iterable[tuple[Cell, ...]]:
    """Yield the entries of each stream; those without a new one are left out by the server."""
    for key, entries in reply.items() if isinstance(reply, dict) else reply or ():
        yield from ((cell(key), cell(entry[0]), _fields(entry[1])) for entry in entries)


def _members(word: bytes, reply: Any, options: set[bytes]) -> Shaped:
    scored = b"WITHSCORES" in options and isinstance(reply, list)
    if scored:
        return Shaped(("member", "score"), [(cell(a), _score(b)) for a, b in _pairs(reply)])
    if word.startswith(b"GEO") and options & {b"WITHCOORD", b"WITHDIST", b"WITHHASH"}:
        return _list(("value",), reply)
    return _list(("member",), reply)


def _scan(columns: tuple[str, ...], reply: Sequence[Any], options: set[bytes]) -> Shaped:
    cursor, items = cell(reply[0]), reply[1] or []
    if len(columns) == 3 and b"NOVALUES" not in options:
        scored = columns[2] == "score"
        rows = [(cursor, cell(a), _score(b) if scored else cell(b)) for a, b in _pairs(items)]
        empty: list[tuple[Cell, ...]] = [(cursor, None, None)]
        return Shaped(columns, [*rows] or empty)
    return Shaped(columns[:2], [(cursor, cell(item)) for item in items] or [(cursor, None)])


def _list(columns: tuple[str], reply: Any) -> Shaped:
    if isinstance(reply, list):
        return Shaped(columns, [(nested(item),) for item in reply])
    return Shaped(columns, [(nested(reply),)])


def _pairs(reply: Iterable[Any] | None) -> list[tuple[Any, Any]]:
    items = list(reply or ())
    return list(zip(items[::2], items[1::2], strict=False))


def _score(value: Any) -> Cell:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return cell(value)
    return number if abs(number) != float("inf") else ("inf" if number > 0 else "-inf")


def _fields(flat: Any) -> Cell:
    return json.dumps({str(cell(a)): cell(b) for a, b in _pairs(flat)}, ensure_ascii=False, separators=(",", ":"))
