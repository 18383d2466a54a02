"""Tells whether two answers are the same as far as the original promises one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from dbmanager.analyzers.rewriting.promises import Promise
from dbmanager.model.queries import Cell, ResultColumn, Row
from dbmanager.model.rewrites import Answer, Digest

_FAMILIES = {
    "number": "int2 int4 int8 numeric float4 float8 decimal double float tiny short long bigint int24 year money oid",
    "text": "text varchar bpchar char name string var_string blob tiny_blob medium_blob long_blob enum set citext unknown",
    "moment": "timestamp timestamptz datetime timestamp2 datetime2",
}
_FAMILY = {name: family for family, names in _FAMILIES.items() for name in names.split()}


def shape_difference(original: Sequence[ResultColumn], rewritten: Sequence[ResultColumn]) -> str:
    """Return how two results differ in the number or the kinds of their columns; empty where they don't."""
    if len(original) != len(rewritten):
        return f"{len(original)} columns became {len(rewritten)}"
    for number, (one, other) in enumerate(zip(original, rewritten, strict=True), 1):
        kinds = [_FAMILY.get(column.type, column.type) for column in (one, other)]
        if kinds[0] != kinds[1] and all(kinds) and "null" not in kinds:
            return f"column {number} was {one.type} and became {other.type}"
    return ""


def renamed(original: Sequence[ResultColumn], rewritten: Sequence[ResultColumn]) -> list[str]:
    """Return the columns whose names differ, as `old to new`."""
    return [f"{a.name} to {b.name}" for a, b in zip(original, rewritten, strict=False) if a.name != b.name]


def difference(original: Answer, rewritten: Answer, promise: Promise, *, folds_case: bool) -> str | None:
    """Return how the answers differ; None where they are the same, empty where they can't be compared.

    Args:
        original: of the statement as it was.
        rewritten: of the other.
        promise: what the original promises.
        folds_case: the engine takes texts for equal that differ in case or in blanks at the end.
    """
    if original.problem:
        return ""
    if rewritten.problem:
        return f"the rewritten statement fails where the original answers: {rewritten.problem}"
    left, right = original.rows, rewritten.rows
    if folds_case and promise.folds:
        left, right = _folded(left), _folded(right)
    if len(left) != len(right):
        return f"{len(left)} rows became {len(right)}"
    if promise.loose:
        return None
    if promise.has_ties:
        return _keys_differ(left, right, promise)
    if Counter(left) != Counter(right):
        return "the rows differ"
    if promise.ordered and promise.total:
        return "the order differs" if list(left) != list(right) else None
    return _keys_differ(left, right, promise) if promise.ordered else None


def _keys_differ(left: Sequence[Row], right: Sequence[Row], promise: Promise) -> str | None:
    if promise.keys is None:
        return None
    same = [[row[k] for k in promise.keys] for row in left] == [[row[k] for k in promise.keys] for row in right]
    return None if same else "the rows that come first differ" if promise.has_ties else "the order differs"


def _folded(rows: Sequence[Row]) -> tuple[Row, ...]:
    return tuple(tuple(_fold(cell) for cell in row) for row in rows)


def _fold(cell: Cell) -> Cell:
    return cell.casefold().rstrip() if isinstance(cell, str) else cell


def bag_difference(original: Digest, rewritten: Digest, promise: Promise) -> str:
    """Return how answers on real data differ, empty where they are the same; without any value of them."""
    if original.rows != rewritten.rows:
        return "the number of rows differs"
    if promise.has_ties or promise.loose:
        in_order = promise.loose or promise.keys is None or original.sequence == rewritten.sequence
        return "" if in_order else "the rows that come first differ"
    if original.bag != rewritten.bag and original.loose != rewritten.loose:
        return "the rows differ"
    if promise.ordered and promise.keys and original.sequence != rewritten.sequence and original.bag == rewritten.bag:
        return "the order differs"
    return ""
