"""How a MongoDB command uses each collection's fields: equality, range, join, order."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from dbmanager.analyzers.indexing.usage import ColumnUse
from dbmanager.model.schema import DatabaseSchema

_EQUAL = frozenset(("$eq", "$in"))
_RANGE = frozenset(("$gt", "$gte", "$lt", "$lte"))
_KEEPS_ORDER = frozenset(("$match", "$sort", "$limit", "$skip"))
"""Stages before which nothing was computed: what they name are stored fields, and an index can serve them."""


def column_uses(statement: str, schema: DatabaseSchema) -> list[ColumnUse]:
    """Return how a command uses each collection it names; empty when it can't be understood."""
    try:
        command = json.loads(statement)
        name = next(iter(command))
        uses: dict[str, ColumnUse] = {}
        use = _use(uses, schema, command[name])
        if use is not None:
            _filter(command.get("filter") or command.get("query") or {}, use)
            _sort(command.get("sort") or {}, use)
        _pipeline(command.get("pipeline") or [], use, uses, schema)
    except (ValueError, RecursionError, AttributeError, TypeError, KeyError, StopIteration):
        return []
    return [use for use in uses.values() if use.equal or use.ranged or use.joined or use.ordered]


def _use(uses: dict[str, ColumnUse], schema: DatabaseSchema, name: Any) -> ColumnUse | None:
    table = schema.find(name) if isinstance(name, str) else None
    if table is None or not table.is_base:
        return None
    return uses.setdefault(table.name, ColumnUse(table))


def _pipeline(
    stages: list[Mapping[str, Any]], use: ColumnUse | None, uses: dict[str, ColumnUse], schema: DatabaseSchema
) -> None:
    is_stored = True
    for stage in stages:
        name, value = next(iter(stage.items()))
        if use is not None and is_stored and name == "$match":
            _filter(value, use)
        if use is not None and is_stored and name == "$sort":
            _sort(value, use)
        if name == "$lookup":
            _lookup(value, uses, schema)
        is_stored = is_stored and name in _KEEPS_ORDER


def _lookup(value: Mapping[str, Any], uses: dict[str, ColumnUse], schema: DatabaseSchema) -> None:
    """The joined collection is searched by its field once per document."""
    joined = _use(uses, schema, value["from"])
    if joined is not None and "foreignField" in value:
        _add(joined, joined.joined, value["foreignField"])
    if "pipeline" in value:
        _pipeline(value["pipeline"], joined, uses, schema)


def _filter(condition: Mapping[str, Any], use: ColumnUse) -> None:
    """Note the conjuncts; terms under `$or`, `$nor` and `$not` are none."""
    for field, value in condition.items():
        if field == "$and":
            for part in value:
                _filter(part, use)
        elif field == "$expr":
            _expression(value, use)
        elif not field.startswith("$"):
            operators = {name for name in value if name.startswith("$")} if isinstance(value, dict) else set()
            if not operators or operators & _EQUAL or _is_value(value):
                _add(use, use.equal, field)
            elif operators & _RANGE:
                _add(use, use.ranged, field)


def _is_value(value: Any) -> bool:
    """Whether it is a value in Extended JSON, such as `{"$oid": "..."}`."""
    return isinstance(value, dict) and len(value) == 1 and next(iter(value)) in ("$oid", "$date", "$numberLong",
                                                                               "$numberDecimal", "$uuid", "$binary")  # fmt: skip


def _expression(value: Any, use: ColumnUse) -> None:
    if not isinstance(value, dict) or len(value) != 1:
        return
    operator, operands = next(iter(value.items()))
    if operator == "$and":
        for part in operands:
            _expression(part, use)
        return
    role = use.equal if operator == "$eq" else use.ranged if operator in _RANGE else None
    for operand in operands if role is not None and isinstance(operands, list) else ():
        if role is not None and isinstance(operand, str) and operand.startswith("$") and not operand.startswith("$$"):
            _add(use, role, operand[1:])


def _sort(order: Mapping[str, Any], use: ColumnUse) -> None:
    for field in order:
        _add(use, use.ordered, field)


def _add(use: ColumnUse, names: list[str], field: str) -> None:
    """Note a field of the catalog once; indexes on fields that no document has help nobody."""
    if use.table.has_column(field) and field not in names and field != "_id":
        names.append(field)
