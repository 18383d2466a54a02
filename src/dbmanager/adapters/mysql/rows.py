"""The catalog's rows: what each statement gives, how it is asked for, and the digest over it.

A row comes as one JSON array made by the server. It is hashed as it stands, by the server for a fingerprint and here for
rows that were read, and parsed in one go: reading many columns of many rows one by one costs a Python driver more than
all the rest (1,000 tables: half of the time).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple


class ObjectRow(NamedTuple):
    """A table, view, trigger, partition, routine or event; what `a` to `d` are is told by its `sort`."""

    sort: str
    parent: str
    name: str
    a: str | None
    b: str | None
    c: str | None
    d: str | None
    body: str | None
    estimate: int | None


class ColumnRow(NamedTuple):
    """A column of a table or view."""

    parent: str
    name: str
    position: int
    data_type: str
    native: str
    nullable: str
    default_value: str | None
    extra: str | None
    expression: str | None
    collation_name: str | None
    comment: str | None
    length: int | None
    number_precision: int | None
    number_scale: int | None


class IndexRow(NamedTuple):
    """A key of an index."""

    parent: str
    name: str
    position: int
    is_plain: int
    column_name: str | None
    direction: str | None
    prefix: int | None
    method: str
    comment: str | None
    expression: str | None
    used: str


class ConstraintRow(NamedTuple):
    """A column of a reference, the actions of a reference, or a check; of a check also its clause and its place apart."""

    sort: str
    parent: str
    name: str
    position: int
    column_name: str | None
    other_schema: str | None
    other: str | None
    other_column: str | None
    on_delete: str | None
    on_update: str | None
    body: str | None


@dataclass(frozen=True, slots=True)
class CatalogRows:
    """All that a schema model is built of."""

    objects: list[ObjectRow]
    columns: list[ColumnRow]
    indexes: list[IndexRow]
    constraints: list[ConstraintRow]


KINDS: dict[str, type[Any]] = {
    "objects": ObjectRow, "columns": ColumnRow, "indexes": IndexRow, "constraints": ConstraintRow
}  # fmt: skip
_VOLATILE = frozenset(("estimate",))


def reading_statement(name: str, statement: str) -> str:
    """Return the statement whose rows `parsed` reads: the steady columns as one array, then the others."""
    others = "".join(f", x.{column}" for column in KINDS[name]._fields if column in _VOLATILE)
    return f"SELECT {_steady(name)}{others} FROM ({statement}) AS x"  # noqa: S608 - our own names


def digest_statement(name: str, statement: str) -> str:
    """Return an expression for `digest` of the rows: how many there are, and the exclusive or of their hashes.

    No row occurs twice in a block, so none can cancel another out. JSON_ARRAY keeps NULL apart from text and one value
    apart from the next.
    """
    digest = f"BIT_XOR(CAST(CONV(LEFT(SHA2({_steady(name)}, 256), 16), 16, 10) AS UNSIGNED))"
    return f"(SELECT CONCAT(COUNT(*), '-', HEX({digest})) FROM ({statement}) AS x)"  # noqa: S608 - our own names


def digest(rows: Sequence[tuple[Any, ...]]) -> str:
    """Return what `digest_statement` gives for rows that `reading_statement` gave."""
    sha256, number, mixed = hashlib.sha256, int.from_bytes, 0
    for row in rows:
        mixed ^= number(sha256(row[0].encode()).digest()[:8])
    return f"{len(rows)}-{mixed:X}"


def parsed(name: str, rows: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Return the rows of one block as its kind."""
    make = KINDS[name]._make
    arrays = json.loads("[" + ",".join([row[0] for row in rows]) + "]", strict=False)
    return [make((*array, *row[1:])) for array, row in zip(arrays, rows, strict=True)]


def _steady(name: str) -> str:
    return f"JSON_ARRAY({', '.join(f'x.{column}' for column in KINDS[name]._fields if column not in _VOLATILE)})"
