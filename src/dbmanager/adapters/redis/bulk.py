"""Moves whole keys: contents in canonical form for digests, key by key and in bounded batches."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

from dbmanager.adapters.facets import Chunk
from dbmanager.adapters.redis.catalog import BATCH, RedisCatalog
from dbmanager.adapters.redis.contents import as_text, contents
from dbmanager.adapters.redis.execute import expires_at
from dbmanager.adapters.redis.session import OWN_SECONDS, Sessions, Wire
from dbmanager.adapters.redis.shapes import cell
from dbmanager.errors import UnsupportedCapability
from dbmanager.model.commands import to_bytes, to_text
from dbmanager.model.queries import Row
from dbmanager.model.schema import Column, DataType, Table, TypeKind

COLUMNS = (
    Column("key", DataType(TypeKind.TEXT, "bytes"), nullable=False),
    Column("type", DataType(TypeKind.TEXT, "text"), nullable=False),
    Column("ttl", DataType(TypeKind.INTEGER, "expires at, ms since 1970", bits=64)),
    Column("value", DataType(TypeKind.TEXT, "canonical JSON"), nullable=False),
)
SECONDS = 24 * 3_600.0
SHORT_BYTES = 16 * 1024
_WRITTEN_AT_ONCE = 500


class RedisBulk:
    """The `Bulk` facet: a row is a key, its type, when it expires (absolute, so that it stays equal) and its contents."""

    def __init__(self, sessions: Sessions, catalog: RedisCatalog) -> None:
        self._sessions = sessions
        self._catalog = catalog

    def columns(self, table: Table) -> tuple[Column, ...]:
        """Return the four columns that make up a whole key."""
        return COLUMNS

    async def count(self, table: Table) -> int:
        """Return the number of the group's keys, by a SCAN of all keys."""
        async with self._sessions.reading(timeout_seconds=SECONDS) as wire:
            return len([key async for batch in self._keys(wire, table) for key in batch])

    async def empty(self, table: Table) -> None:
        """Delete every key of the group."""
        async with self._sessions.writing(timeout_seconds=SECONDS) as wire:
            keys = [key async for batch in self._keys(wire, table) for key in batch]
            for start in range(0, len(keys), _WRITTEN_AT_ONCE):
                await wire.call("UNLINK", *keys[start : start + _WRITTEN_AT_ONCE])
        self._catalog.forget()

    async def read_chunk(
        self, table: Table, columns: Sequence[str], key: Sequence[str], after: Row | None, rows: int
    ) -> Chunk:
        """Return the next keys in their own order; each chunk walks all keys, since Redis keeps them in none."""
        _check(columns)
        async with self._sessions.reading(timeout_seconds=SECONDS) as wire:
            names = sorted({name async for batch in self._keys(wire, table) for name in batch})
            last = to_bytes(str(after[0])) if after else None
            wanted = [name for name in names if last is None or name > last][:rows]
            found = [row for name in wanted if (row := await _row(wire, name, columns)) is not None]
        return Chunk(tuple(columns), tuple(found), (to_text(wanted[-1]),) if wanted else None)

    async def read_keys(
        self, table: Table, columns: Sequence[str], key: Sequence[str], keys: Sequence[Row]
    ) -> tuple[Row, ...]:
        """Return the keys of these names."""
        _check(columns)
        async with self._sessions.reading(timeout_seconds=SECONDS) as wire:
            names = [to_bytes(str(one[0])) for one in keys]
            return tuple([row for name in names if (row := await _row(wire, name, columns)) is not None])

    async def scan(
        self, table: Table, columns: Sequence[str], *, batch_rows: int = 5_000
    ) -> AsyncIterator[tuple[Row, ...]]:
        """Yield every key once in bounded batches; Redis gives no snapshot, so writes meanwhile show or not."""
        _check(columns)
        seen: set[bytes] = set()
        async with self._sessions.reading(timeout_seconds=SECONDS) as wire:
            async for batch in self._keys(wire, table):
                fresh = [name for name in dict.fromkeys(batch) if name not in seen]
                seen.update(fresh)
                if rows := await _rows(wire, fresh, columns):
                    yield tuple(rows)

    async def write_chunk(self, table: Table, columns: Sequence[str], key: Sequence[str], rows: Sequence[Row]) -> int:
        """Write keys as `scan` gave them, replacing those that exist, in one transaction."""
        _check(columns)
        at = {name: columns.index(name) for name in ("key", "type", "ttl", "value")}
        commands: list[tuple[str | bytes | int, ...]] = [("MULTI",)]
        for row in rows:
            name = to_bytes(str(row[at["key"]]))
            commands += [("DEL", name), *_writing(name, str(row[at["type"]]), json.loads(str(row[at["value"]])))]
            if row[at["ttl"]] is not None:
                commands.append(("PEXPIREAT", name, int(str(row[at["ttl"]]))))
        async with self._sessions.writing(timeout_seconds=OWN_SECONDS) as wire:
            for command in (*commands, ("EXEC",)):
                await wire.call(*command)
        self._catalog.forget()
        return len(rows)

    async def _keys(self, wire: Wire, table: Table) -> AsyncIterator[list[bytes]]:
        """Yield the keys that belong to the group, and to no more particular one."""
        patterns = await self._catalog.patterns_among(table)
        glob = "".join("\\" + c if c in "?[]\\" else c for c in table.name)
        cursor = b"0"
        while True:
            cursor, batch = await wire.call("SCAN", cursor, "MATCH", glob, "COUNT", BATCH)
            yield [key for key in batch if (patterns.find(to_text(key)) or "*") == table.name]
            if cursor == b"0":
                return


async def _rows(wire: Wire, keys: Sequence[bytes], columns: Sequence[str]) -> list[Row]:
    """Return the rows of keys that are still there; short strings come together, all else key by key."""
    short = await _short_strings(wire, keys)
    expiries = await wire.many([("PEXPIRETIME", key) for key in short] if "ttl" in columns else [])
    together: dict[bytes, Row] = {}
    for (key, value), expiry in zip(short.items(), expiries or [-1] * len(short), strict=True):
        if isinstance(expiry, int):
            cells = {
                "key": to_text(key),
                "type": "string",
                "value": as_text(cell(value)),
                "ttl": None if expiry < 0 else expiry,
            }
            together[key] = tuple(cells[name] for name in columns)
    rows = [together[key] if key in together else await _row(wire, key, columns) for key in keys]
    return [row for row in rows if row is not None]


async def _short_strings(wire: Wire, keys: Sequence[bytes]) -> dict[bytes, bytes]:
    """Return the values of those keys that hold a string of at most 16 kB, asked in three round trips."""
    kinds = await wire.many([("TYPE", key) for key in keys])
    strings = [key for key, kind in zip(keys, kinds, strict=True) if kind == b"string"]
    lengths = await wire.many([("STRLEN", key) for key in strings])
    short = [
        key for key, length in zip(strings, lengths, strict=True) if isinstance(length, int) and length <= SHORT_BYTES
    ]
    values = await wire.many([("GET", key) for key in short])
    return {key: value for key, value in zip(short, values, strict=True) if isinstance(value, bytes)}


async def _row(wire: Wire, key: bytes, columns: Sequence[str]) -> Row | None:
    found = await contents(wire, key)
    if found is None:
        return None
    values: dict[str, Any] = {"key": to_text(key), "type": found[0], "value": found[1]}
    if "ttl" in columns:
        values["ttl"] = await expires_at(wire, key)
    return tuple(values[name] for name in columns)


def _writing(name: bytes, kind: str, value: Any) -> list[tuple[str | bytes | int, ...]]:
    match kind:
        case "string":
            return [("SET", name, to_bytes(str(value)))]
        case "list":
            parts: list[list[bytes]] = [[to_bytes(str(item))] for item in value]
            return _pieces("RPUSH", name, parts)
        case "set":
            return _pieces("SADD", name, [[to_bytes(str(item))] for item in value])
        case "hash":
            return _pieces("HSET", name, [[to_bytes(a), to_bytes(b)] for a, b in value])
        case "zset":
            return _pieces("ZADD", name, [[repr(float(score)).encode(), to_bytes(m)] for m, score in value])
        case "stream":
            entries: list[tuple[str | bytes | int, ...]] = [
                ("XADD", name, str(id_), *(to_bytes(str(part)) for part in fields)) for id_, fields in value["entries"]
            ]
            return [*entries, *(("XGROUP", "CREATE", name, to_bytes(g), id_, "MKSTREAM") for g, id_ in value["groups"])]
    raise UnsupportedCapability(f"keys of type {kind} can't be copied", object_name=kind)


def _pieces(command: str, name: bytes, parts: list[list[bytes]]) -> list[tuple[str | bytes | int, ...]]:
    return [
        (command, name, *(item for part in parts[start : start + _WRITTEN_AT_ONCE] for item in part))
        for start in range(0, len(parts), _WRITTEN_AT_ONCE)
    ]


def _check(columns: Sequence[str]) -> None:
    unknown = set(columns) - {column.name for column in COLUMNS}
    if unknown:
        raise UnsupportedCapability(
            "keys are moved whole: columns are key, type, ttl and value", object_name=", ".join(sorted(unknown))
        )
