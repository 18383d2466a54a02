"""What indexes can do on an engine, and how large they are by rule of thumb."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dbmanager.model.schema import Column, Index, Table, TypeKind


@dataclass(frozen=True, slots=True)
class IndexMeans:
    """What the engine's indexes can do: hold columns beside the keys, rows of a condition only, expressions.

    Attributes:
        holds_row_key: every index ends with the row's own number, so that a column which is that number is in all of them.
    """

    include: bool = False
    partial: bool = False
    expressions: bool = False
    holds_row_key: bool = False


PLAIN = IndexMeans()
SearchKind = Literal["pattern", "contains", "ranges", "words", "great range"]
"""Searches that no ordinary index serves."""
_ENTRY_BYTES = 16
_FILLED = 0.9
_USUAL_TEXT_BYTES = 24
_WIDTHS = {
    TypeKind.INTEGER: 8, TypeKind.DECIMAL: 8, TypeKind.FLOAT: 8, TypeKind.BOOLEAN: 1, TypeKind.DATE: 4,
    TypeKind.TIMESTAMP: 8, TypeKind.TIME: 8, TypeKind.UUID: 16, TypeKind.ENUM: 4,
}  # fmt: skip


def rough_index_bytes(table: Table, index: Index) -> int:
    """Return the bytes of an index by its columns' types and the table's estimated rows; 8 kB at least."""
    rows = table.row_estimate or 0
    names = [key.name for key in index.keys if not key.is_expression] + list(index.include)
    width = sum(_width(table.column(name)) for name in names if table.has_column(name)) or _USUAL_TEXT_BYTES
    return max(8_192, int(rows * (width + _ENTRY_BYTES) / _FILLED))


def _width(column: Column) -> int:
    known = _WIDTHS.get(column.type.kind)
    if known is not None:
        return column.type.bits // 8 if column.type.bits else known
    return min(column.type.length or _USUAL_TEXT_BYTES, _USUAL_TEXT_BYTES)
