"""Checksums over rows that are equal wherever the rows are: canonical values, any order, any engine."""

from __future__ import annotations

import hashlib
import json
import re
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

    def __init__(self, types: Sequence[DataType]) -> None:
        self._types = types
        self._sum = 0
        self.rows = 0

    def add(self, rows: Iterable[Row]) -> None:
        """Take rows in the order of the types."""
        for row in rows:
            cells = [normal(value, type_) for value, type_ in zip(row, self._types, strict=True)]
            text = json.dumps(cells, ensure_ascii=False, separators=(",", ":"))
            digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
            self._sum = (self._sum + int.from_bytes(digest)) % _MODULUS
            self.rows += 1

    def result(self) -> TableDigest:
        """Return rows and checksum so far."""
        return TableDigest(self.rows, f"{self._sum:032x}")


async def table_digest(adapter: Adapter, table: Table, columns: Sequence[str] | None = None) -> TableDigest:
    """Return the digest of a whole table; scans it once.

    Raises: UnsupportedCapability where rows can't be read in bulk.
    """
    bulk = need(adapter.bulk, table.name)
    whole = bulk.columns(table)
    chosen = whole if columns is None else [column for name in columns for column in whole if column.name == name]
    digest = RowDigest([column.type for column in chosen])
    async for batch in bulk.scan(table, [column.name for column in chosen]):
        digest.add(batch)
    return digest.result()
