"""Whole contents of a key in one canonical form, equal wherever the contents are equal, whatever the encoding."""

from __future__ import annotations

import json
from typing import Any

from dbmanager.adapters.redis.session import Wire
from dbmanager.adapters.redis.shapes import cell
from dbmanager.errors import StatementFailed
from dbmanager.model.commands import to_text

PAGE = 1_000


async def contents(wire: Wire, key: bytes) -> tuple[str, str] | None:
    """Return type and contents as JSON text, read in parts of 1,000 elements; None when the key is gone."""
    found = await content_digest(wire, key)
    return None if found is None else (found[0], as_text(found[1]))


def as_text(values: object) -> str:
    """Return plain values in the one JSON text that equal contents share."""
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


async def content_digest(wire: Wire, key: bytes) -> tuple[str, Any] | None:
    """Return type and contents as plain values; sets and hashes sorted.

    Raises: StatementFailed for a module's type, which has no form of its own here.
    """
    kind = (await wire.call("TYPE", key)).decode()
    match kind:
        case "none":
            return None
        case "string":
            return kind, cell(await wire.call("GET", key))
        case "list":
            return kind, [cell(item) for item in await _by_rank(wire, "LRANGE", key)]
        case "set":
            return kind, sorted({to_text(item) for item in await _by_cursor(wire, "SSCAN", key)})
        case "hash":
            flat = await _by_cursor(wire, "HSCAN", key)
            return kind, sorted(dict(zip(map(to_text, flat[::2]), map(to_text, flat[1::2]), strict=True)).items())
        case "zset":
            flat = await _by_cursor(wire, "ZSCAN", key)
            return kind, sorted({to_text(m): float(s) for m, s in zip(flat[::2], flat[1::2], strict=True)}.items())
        case "stream":
            return kind, await _stream(wire, key)
    dump = await wire.call("DUMP", key)
    if dump is None:
        raise StatementFailed(f"a key of type {kind} can't be read", object_name=kind)
    return kind, dump.hex()


async def _by_rank(wire: Wire, command: str, key: bytes) -> list[bytes]:
    found: list[bytes] = []
    while True:
        page = await wire.call(command, key, len(found), len(found) + PAGE - 1)
        found += page
        if len(page) < PAGE:
            return found


async def _by_cursor(wire: Wire, command: str, key: bytes) -> list[bytes]:
    found: list[bytes] = []
    cursor: bytes = b"0"
    while True:
        cursor, page = await wire.call(command, key, cursor, "COUNT", PAGE)
        found += page
        if cursor == b"0":
            return found


async def _stream(wire: Wire, key: bytes) -> dict[str, Any]:
    """Return entries, groups and the last id; who reads at the moment is not contents."""
    entries: list[Any] = []
    start = "-"
    while True:
        page = await wire.call("XRANGE", key, start, "+", "COUNT", PAGE)
        entries += [[cell(entry[0]), cell(entry[1])] for entry in page]
        if len(page) < PAGE:
            break
        start = "(" + page[-1][0].decode()
    groups = [
        dict(zip(map(cell_text, g[::2]), map(cell, g[1::2]), strict=True))
        for g in await wire.call("XINFO", "GROUPS", key)
    ]
    return {
        "entries": entries,
        "groups": sorted([str(g.get("name")), str(g.get("last-delivered-id"))] for g in groups),
    }


def cell_text(value: object) -> str:
    """Return a reply as text."""
    return str(cell(value))
