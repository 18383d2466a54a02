"""Judges rows of small databases by declared checks, as far as these are simple; the engine judges the rest."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from dbmanager.analyzers.rewriting.values import Value
from dbmanager.model.schema import Table

_COMPARED: dict[type[exp.Expr], Callable[[Any, Any], bool]] = {
    exp.EQ: operator.eq, exp.NEQ: operator.ne, exp.GT: operator.gt, exp.GTE: operator.ge, exp.LT: operator.lt,
    exp.LTE: operator.le,
}  # fmt: skip


class Unclear(Exception):
    """An expression is not one of the simple ones."""


def checks_of(table: Table, dialect: str) -> list[exp.Expr]:
    """Return the table's checks that are understood."""
    found = []
    for check in table.checks:
        try:
            found.append(sqlglot.parse_one(check.expression, dialect=dialect))
        except (SqlglotError, RecursionError):
            continue
    return found


def is_refused(check: exp.Expr, row: Mapping[str, Value]) -> bool:
    """Whether a row is known to break a check; unknown is not false in SQL, nor here."""
    try:
        return _truth(check, row) is False
    except (Unclear, TypeError, ArithmeticError):
        return False


def _truth(node: exp.Expr, row: Mapping[str, Value]) -> bool | None:
    node = node.unnest()
    if isinstance(node, exp.And | exp.Or):
        sides = [_truth(node.left, row), _truth(node.right, row)]
        decisive = isinstance(node, exp.Or)
        return decisive if decisive in sides else None if None in sides else not decisive
    if isinstance(node, exp.Not):
        inner = _truth(node.this, row)
        return None if inner is None else not inner
    if isinstance(node, exp.Is):
        return _value(node.this, row) is None
    if isinstance(node, exp.Between):
        values = [_value(part, row) for part in (node.this, node.args["low"], node.args["high"])]
        return None if None in values else values[1] <= values[0] <= values[2]
    if isinstance(node, exp.In) and node.expressions:
        value = _value(node.this, row)
        return None if value is None else value in [_value(item, row) for item in node.expressions]
    if type(node) in _COMPARED:
        left, right = _value(node.args["this"], row), _value(node.args["expression"], row)
        return None if left is None or right is None else _COMPARED[type(node)](left, right)
    raise Unclear


def _value(node: exp.Expr, row: Mapping[str, Value]) -> Any:
    node = node.unnest()
    if isinstance(node, exp.Cast):
        return _value(node.this, row)
    if isinstance(node, exp.Column):
        name = next((name for name in row if name.casefold() == node.name.casefold()), None)
        if name is None:
            raise Unclear
        value = row[name]
        return (
            value if isinstance(value, str | None) else Decimal(str(int(value) if isinstance(value, bool) else value))
        )
    if isinstance(node, exp.Null):
        return None
    if isinstance(node, exp.Neg):
        return -_value(node.this, row)
    if isinstance(node, exp.Literal):
        return node.name if node.args.get("is_string") else Decimal(node.name)
    raise Unclear
