"""Checksums over rows that are equal wherever the rows are: canonical values, any order, any engine."""

from __future__ import annotations

import hashlib
import json
import math
import re
import struct
from collections.abc import Iterable, Sequence

from dbmanager.adapters.facets import Adapter, need
from dbmanager.model.backups import TableDigest
from dbmanager.model.queries import Cell, Row
from dbmanager.model.schema import DataType, Table, TypeKind

_MODULUS = 1 << 128
_UTC = re.compile(r"(\+00(:?00)?|Z)$")


def normal(value: Cell, type_: DataType) -> Cell:
    """Return a value in the one spelling that engines agree on."""
    if value is None:
        return None
    if type_.kind is TypeKind.DECIMAL and isinstance(value, str | int | float):
        text = str(value)
        return text.rstrip("0").rstrip(".") if "." in text and "e" not in text.lower() else text
    if type_.unsigned and type_.bits == 64 and isinstance(value, int):
        return str(value)  # no other engine has such integers: they are kept as decimals there
    if type_.kind is TypeKind.FLOAT and isinstance(value, int | float):
        return repr(float(value))
    if type_.kind is TypeKind.BOOLEAN and value in (0, 1):
        return bool(value)
    if type_.kind is TypeKind.TIMESTAMP and isinstance(value, str):
        return _moment(value)
    if type_.kind is TypeKind.JSON:
        return _json(value)
    return value


def _moment(text: str) -> str:
    """Return a moment without the spelling of UTC and without the zeros at the end of its fraction."""
    plain = _UTC.sub("", text.replace("T", " "))
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def _json(value: Cell) -> Cell:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return value
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


class RowDigest:
    """Adds up row hashes modulo 2^128, so the order of rows does not matter and duplicates still count."""

    def __init__(self, types: Sequence[DataType], single_precision_digits: int | None = None) -> None:
        """Take single-precision numbers with so many digits; `rounded` counts, by place, those that have more."""
        self._types = types
        self._sum = 0
        self.rows = 0
        self.rounded: dict[int, int] = {}
        single = [n for n, t in enumerate(types) if t.kind is TypeKind.FLOAT and t.bits == 32]
        self._single = single if single_precision_digits is not None else []
        self._format = f".{single_precision_digits}g"

    def add(self, rows: Iterable[Row]) -> None:
        """Take rows in the order of the types."""
        for row in rows:
            cells = [normal(value, type_) for value, type_ in zip(row, self._types, strict=True)]
            for place in self._single:
                cells[place] = self._short(place, row[place])
            text = json.dumps(cells, ensure_ascii=False, separators=(",", ":"))
            digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
            self._sum = (self._sum + int.from_bytes(digest)) % _MODULUS
            self.rows += 1

    def _short(self, place: int, value: Cell) -> Cell:
        if not isinstance(value, int | float):
            return value
        text = format(float(value), self._format)
        if _single(float(text)) != _single(float(value)):
            self.rounded[place] = self.rounded.get(place, 0) + 1
        return text

    def result(self) -> TableDigest:
        """Return rows and checksum so far."""
        return TableDigest(self.rows, f"{self._sum:032x}")


def _single(value: float) -> bytes:
    """Return a number as single precision holds it; the largest print rounded beyond its range."""
    try:
        return struct.pack("f", value)
    except OverflowError:
        return struct.pack("f", math.copysign(math.inf, value))


async def table_digest(adapter: Adapter, table: Table, columns: Sequence[str] | None = None) -> TableDigest:
    """Return the digest of a whole table; scans it once.

    Raises: UnsupportedCapability where rows can't be read in bulk.
    """
    return (await _scanned(adapter, table, columns, None))[0].result()


async def backup_digest(
    adapter: Adapter, table: Table, single_precision_digits: int | None
) -> tuple[TableDigest, dict[str, int]]:
    """Return the digest of what a backup keeps of a table, and how many values of which columns it shortens.

    Raises: UnsupportedCapability where rows can't be read in bulk.
    """
    digest, names = await _scanned(adapter, table, None, single_precision_digits)
    return digest.result(), {names[place]: count for place, count in sorted(digest.rounded.items())}


async def _scanned(
    adapter: Adapter, table: Table, columns: Sequence[str] | None, single_precision_digits: int | None
) -> tuple[RowDigest, list[str]]:
    bulk = need(adapter.bulk, table.name)
    whole = bulk.columns(table)
    chosen = whole if columns is None else [column for name in columns for column in whole if column.name == name]
    digest = RowDigest([column.type for column in chosen], single_precision_digits)
    names = [column.name for column in chosen]
    async for batch in bulk.scan(table, names):
        digest.add(batch)
    return digest, names
