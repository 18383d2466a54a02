"""Brings values into the form in which answers are compared, and digests rows."""

from __future__ import annotations

import decimal
import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from dbmanager.adapters.facets.comparing import BagRead
from dbmanager.adapters.sql.values import canonical
from dbmanager.model.queries import Cell, ResultColumn, Row
from dbmanager.model.rewrites import Digest

EXACT_DIGITS, FLOAT_DIGITS, LOOSE_DIGITS = 15, 12, 7
_NUMBERS = frozenset(("decimal", "numeric"))


def comparable(value: object, type_name: str = "") -> Cell:
    """Return a value so that equal ones of SQL are equal here: 1, 1.0 and 1.00; the last digits of fractions are cut.

    A list becomes its text: rows are counted as members of a bag.
    """
    if isinstance(value, list | tuple | set | dict):
        items = value.items() if isinstance(value, dict) else value
        return json.dumps([comparable(item) for item in items], ensure_ascii=False)
    if isinstance(value, str) and type_name in _NUMBERS:
        value = decimal.Decimal(value)
    if isinstance(value, float) and math.isfinite(value):
        return _whole(float(f"{value:.{FLOAT_DIGITS}g}") if not value.is_integer() else value)
    if isinstance(value, decimal.Decimal) and value.is_finite():
        return int(value) if value == value.to_integral_value() else float(f"{value:.{EXACT_DIGITS}g}")
    return canonical(value)


def comparable_row(row: Iterable[object], types: Sequence[str]) -> Row:
    """Return a row in comparable form."""
    return tuple(comparable(value, types[at] if at < len(types) else "") for at, value in enumerate(row))


@dataclass(slots=True)
class Digesting:
    """Takes the rows of one statement; a bag's digest is the sum of those of its rows."""

    read: BagRead
    most_rows: int
    rows: int = 0
    bag: int = 0
    loose: int = 0
    is_complete: bool = True
    _sequence: hashlib._Hash = field(default_factory=hashlib.sha256)

    def feed(self, batch: Iterable[Iterable[object]], types: Sequence[str]) -> bool:
        """Take a batch; return False once no more rows are wanted."""
        for raw in batch:
            if self.rows >= self.most_rows:
                self.is_complete = False
                return False
            values = tuple(raw)
            row = comparable_row(values, types)
            self.rows += 1
            self.bag = (self.bag + _number(repr(row))) % 2**128
            loose = tuple(_loose(value, cell) for value, cell in zip(values, row, strict=True))
            self.loose = (self.loose + _number(repr(loose))) % 2**128
            if self.read.order:
                self._sequence.update(repr([row[at] for at in self.read.order if at < len(row)]).encode())
        return True

    def digest(self, columns: Iterable[ResultColumn]) -> Digest:
        """Return what was taken."""
        return Digest(tuple(columns), self.rows, self.bag, self.loose, self._sequence.hexdigest(), self.is_complete)


def _number(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest())


def rounded(value: Cell) -> Cell:
    """Return a fraction with fewer digits; whole numbers, which may be keys, as they are."""
    return _whole(_cut(value)) if isinstance(value, float) and math.isfinite(value) else value


def _loose(value: object, cell: Cell) -> Cell:
    """Return a cell as `rounded` does, and a whole number cut, too, where it was a float: it may be a sum of floats."""
    is_sum = isinstance(value, float) and isinstance(cell, int) and not isinstance(cell, bool)
    return _whole(_cut(float(cell))) if is_sum else rounded(cell)  # type: ignore[arg-type] # a number by then


def _cut(value: float) -> float:
    return float(f"{value:.{LOOSE_DIGITS}g}")


def _whole(value: float) -> int | float:
    return int(value) if value.is_integer() and abs(value) < 2**53 else value
