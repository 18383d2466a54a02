"""How a query uses each table's columns: equality, range, join, order."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from typing import cast

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from dbmanager.model.placeholders import spaced
from dbmanager.model.schema import DatabaseSchema, Table


@dataclass(slots=True)
class ColumnUse:
    """The columns of one table as one query uses them, each in the order met."""

    table: Table
    equal: list[str] = field(default_factory=list)
    ranged: list[str] = field(default_factory=list)
    joined: list[str] = field(default_factory=list)
    ordered: list[str] = field(default_factory=list)


_EQUALITY = (exp.EQ, exp.In, exp.Is)
_RANGE = (exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between)


def column_uses(statement: str, dialect: str, schema: DatabaseSchema) -> list[ColumnUse]:
    """Return how a query uses each base table it names; empty when it can't be understood or names none."""
    if dialect == "mongodb":
        documents = importlib.import_module("dbmanager.analyzers.indexing.documents")
        return cast(list[ColumnUse], documents.column_uses(statement, schema))
    return _sql_uses(statement, dialect, schema)


def _sql_uses(sql: str, dialect: str, schema: DatabaseSchema) -> list[ColumnUse]:
    try:
        tree = sqlglot.parse_one(spaced(sql, dialect), dialect=dialect)
    except SqlglotError:
        return []
    found: list[ColumnUse] = []
    for select in tree.find_all(exp.Select):
        uses = _sources(select, schema)
        if not uses:
            continue
        for predicate in _predicates(select):
            _note(predicate, uses)
        order = select.args.get("order")
        for item in order.expressions if order else ():
            _add(item.this, uses, "ordered")
        found.extend(uses.values())
    return found


def _sources(select: exp.Select, schema: DatabaseSchema) -> dict[str, ColumnUse]:
    from_ = select.args.get("from_") or select.args.get("from")
    nodes = [from_.this] if from_ else []
    nodes += [join.this for join in select.args.get("joins") or ()]
    uses: dict[str, ColumnUse] = {}
    for node in nodes:
        if isinstance(node, exp.Table) and node.name:
            table = schema.find(node.name, node.db or None)
            if table is not None and table.is_base:
                uses[node.alias_or_name.casefold()] = ColumnUse(table)
    return uses


def _predicates(select: exp.Select) -> list[exp.Expr]:
    """Return the conjuncts of WHERE and of every join condition; terms under OR and NOT are not conjuncts."""
    roots = [select.args["where"].this] if select.args.get("where") else []
    roots += [join.args["on"] for join in select.args.get("joins") or () if join.args.get("on")]
    flat: list[exp.Expr] = []
    while roots:
        node = roots.pop().unnest()
        if isinstance(node, exp.And):
            roots += [node.left, node.right]
        else:
            flat.append(node)
    return flat


def _note(predicate: exp.Expr, uses: dict[str, ColumnUse]) -> None:
    if (
        isinstance(predicate, exp.EQ)
        and isinstance(predicate.left, exp.Column)
        and isinstance(predicate.right, exp.Column)
    ):
        _add(predicate.left, uses, "joined")
        _add(predicate.right, uses, "joined")
        return
    role = "equal" if isinstance(predicate, _EQUALITY) else "ranged" if isinstance(predicate, _RANGE) else None
    if role is None:
        return
    for side in (predicate.this, predicate.args.get("expression")):
        if isinstance(side, exp.Column):
            _add(side, uses, role)


def _add(node: exp.Expr, uses: dict[str, ColumnUse], role: str) -> None:
    if not isinstance(node, exp.Column):
        return
    alias = node.table.casefold()
    for name, use in uses.items():
        if (alias and alias != name) or (not alias and not use.table.has_column(node.name)):
            continue
        if use.table.has_column(node.name):
            names: list[str] = getattr(use, role)
            if node.name not in names:
                names.append(node.name)
