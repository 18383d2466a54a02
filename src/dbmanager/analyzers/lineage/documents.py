"""Traces the columns of a MongoDB result to the collections' fields. Conservative: doubt is incomplete.

A document on its way through a pipeline is a `Shape`: what its top-level fields are made of. Fields are traced with
everything at or below them; a field that the catalog does not know is untraced, since nobody has looked at it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from dbmanager.analyzers.lineage.document_shapes import Shape, base_shape
from dbmanager.analyzers.lineage.expressions import Expressions, mark
from dbmanager.analyzers.lineage.model import Trace, merge
from dbmanager.model.schema import DatabaseSchema, TableKind

UNKNOWN = Trace("", complete=False)
NOTHING = Trace("")
COUNT = Trace("count", is_count=True, aggregates=True)
MAX_DEPTH = 20
Doc = Mapping[str, Any]
_UNCHANGED = frozenset(("$match", "$sort", "$limit", "$skip", "$sample", "$redact"))


def trace_outputs(statement: str, schema: DatabaseSchema, columns: Sequence[str]) -> tuple[Trace, ...] | None:
    """Return one trace per result column in order, or None when the statement can't be traced at all."""
    try:
        command = json.loads(statement)
        if not isinstance(command, dict) or not command:
            return None
        shape = _Tracer(schema).command(command)
    except (ValueError, RecursionError, _Unclear, AttributeError, TypeError, KeyError):
        shape = Shape({}, rest=Trace("", complete=False, named_by_data=True))
    known = {column.name.partition(".")[0] for table in schema.tables for column in table.columns}
    traces = [shape.column(name) for name in columns]
    return tuple(
        replace(
            trace, named_by_data=trace.named_by_data and trace.name not in known and f'"{trace.name}"' not in statement
        )
        for trace in traces
    )


def _accumulated(shape: Shape, field: str, item: Any) -> Trace:
    """Return the trace of one field of a $group: its key, a count, or another figure over the group."""
    trace = Expressions(shape).trace(item)
    if field == "_id":
        return trace
    return replace(trace, aggregates=True, is_count=item in ({"$sum": 1}, {"$count": {}}))


class _Unclear(Exception):
    """Something is not understood."""


class _Tracer:
    def __init__(self, schema: DatabaseSchema) -> None:
        self._schema = schema

    def command(self, command: Doc) -> Shape:
        """Return the shape of the documents that a command answers with."""
        name = next(iter(command))
        target = command[name]
        if name == "count":
            return Shape({"count": COUNT})
        source = self._collection(target, 0)
        if name == "distinct":
            return Shape({command["key"]: source.path(command["key"])})
        if name == "find":
            projection = command.get("projection") or {}
            return self._project(source, projection) if projection else source
        if name == "aggregate":
            return self._pipeline(source, command["pipeline"], 0)
        raise _Unclear

    def _collection(self, name: str, depth: int) -> Shape:
        """Return the shape of a collection's documents; a view's is that of its pipeline."""
        table = self._schema.find(name)
        if table is None or depth > MAX_DEPTH:
            return Shape({}, rest=UNKNOWN)
        if table.kind is TableKind.VIEW:
            options = json.loads(table.definition or "{}")
            return self._pipeline(
                self._collection(options["viewOn"], depth + 1), options.get("pipeline", []), depth + 1
            )
        return base_shape(table)

    def _pipeline(self, shape: Shape, stages: Sequence[Doc], depth: int) -> Shape:
        if depth > MAX_DEPTH:
            raise _Unclear
        for stage in stages:
            if len(stage) != 1:
                raise _Unclear
            ((name, value),) = stage.items()
            shape = self._stage(shape, name, value, depth)
        return shape

    def _stage(self, shape: Shape, name: str, value: Any, depth: int) -> Shape:
        if name in _UNCHANGED:
            return shape
        if name == "$project":
            return self._project(shape, value)
        if name in ("$addFields", "$set"):
            return self._set(shape, value)
        if name == "$unset":
            return shape.without([value] if isinstance(value, str) else value)
        if name == "$unwind":
            return self._unwind(shape, value)
        if name == "$count":
            return Shape({value: COUNT})
        if name == "$sortByCount":
            return Shape({"_id": Expressions(shape).trace(value), "count": COUNT})
        if name == "$group":
            return Shape({field: _accumulated(shape, field, item) for field, item in value.items()})
        if name == "$setWindowFields":
            return self._windows(shape, value)
        if name in ("$bucket", "$bucketAuto"):
            return self._bucket(shape, value)
        if name in ("$replaceRoot", "$replaceWith"):
            return self._replaced(shape, value["newRoot"] if name == "$replaceRoot" else value)
        if name == "$facet":
            return Shape(
                {field: self._pipeline(shape, stages, depth + 1).whole(field) for field, stages in value.items()}
            )
        if name == "$lookup":
            return self._lookup(shape, value, depth)
        if name == "$unionWith":
            return self._union(shape, value, depth)
        if name == "$graphLookup":
            return shape.with_field(value["as"], self._collection(value["from"], depth).whole(value["as"]))
        raise _Unclear

    def _project(self, shape: Shape, value: Doc) -> Shape:
        """Inclusions and computed fields make a new document; exclusions alone leave the rest."""
        if not value:
            raise _Unclear
        excluded = {field for field, item in value.items() if _is_exclusion(item)}
        if excluded == set(value) or (set(value) - {"_id"} <= excluded and excluded - {"_id"}):
            return shape.without(sorted(excluded))
        fields: dict[str, Trace] = {}
        if "_id" not in excluded:
            fields["_id"] = shape.path("_id")
        for field, item in value.items():
            top = field.partition(".")[0]
            if field in excluded:
                continue
            trace = _under(field.partition(".")[2].removesuffix(".$"), self._projected(shape, field, item))
            fields[top] = merge(top, [fields[top], trace]) if top in fields and top != "_id" else trace
        return Shape(fields)

    def _projected(self, shape: Shape, field: str, item: Any) -> Trace:
        if item is True or (isinstance(item, int | float) and not isinstance(item, bool) and item):
            return shape.path(field.removesuffix(".$"))
        if isinstance(item, dict) and set(item) & {"$slice", "$elemMatch"}:
            own = shape.path(field)
            if "$elemMatch" in item or not isinstance(item["$slice"], list):
                return own
            return (
                own
                if all(isinstance(n, int) for n in item["$slice"])
                else merge(field, [own, Expressions(shape).trace(item)])
            )
        if isinstance(item, dict) and not any(name.startswith("$") for name in item):
            parts = [_under(name, self._projected(shape, f"{field}.{name}", inner)) for name, inner in item.items()]
            return merge(field, parts)
        return Expressions(shape).trace(item)

    def _set(self, shape: Shape, value: Doc) -> Shape:
        found = shape
        for field, item in value.items():
            trace = Expressions(shape).trace(item)
            top, _, below = field.partition(".")
            joins = below or (isinstance(item, dict) and not any(name.startswith("$") for name in item))
            found = found.with_field(top, merge(top, [shape.path(top), _under(below, trace)]) if joins else trace)
        return found

    def _unwind(self, shape: Shape, value: Any) -> Shape:
        index = value.get("includeArrayIndex") if isinstance(value, dict) else None
        if not index:
            return shape
        return shape.with_field(index.partition(".")[0], merge(index, [shape.path(index), Trace(index)])
                                if "." in index else Trace(index))  # fmt: skip

    def _bucket(self, shape: Shape, value: Doc) -> Shape:
        output = value.get("output") or {"count": {"$sum": 1}}
        fields = {field: Expressions(shape).trace(item) for field, item in output.items()}
        return Shape({"_id": Expressions(shape).trace([value["groupBy"], value.get("default")]), **fields})

    def _windows(self, shape: Shape, value: Doc) -> Shape:
        """Every output is made of its operator's operand; the window only says of which documents."""
        for field, item in value["output"].items():
            operand = {name: inner for name, inner in item.items() if name != "window"}
            shape = self._set(shape, {field: operand})
        return shape

    def _replaced(self, shape: Shape, value: Any) -> Shape:
        """The new document's fields are named by it only where it is written out; else they are data."""
        if isinstance(value, dict) and value and not any(name.startswith("$") for name in value):
            return Shape({field: Expressions(shape).trace(item) for field, item in value.items()})
        if isinstance(value, str) and value.startswith("$") and not value.startswith("$$"):
            return shape.below(value[1:])
        if value == "$$ROOT" or value == "$$CURRENT":
            return shape
        trace = Expressions(shape).trace(value)
        return Shape({}, rest=mark(trace))

    def _lookup(self, shape: Shape, value: Doc, depth: int) -> Shape:
        joined = self._collection(value["from"], depth)
        if "pipeline" in value:
            variables = {name: Expressions(shape).trace(item) for name, item in (value.get("let") or {}).items()}
            joined = self._pipeline(joined.with_variables(variables), value["pipeline"], depth + 1)
        top = value["as"].partition(".")[0]
        trace = joined.whole(top)
        return shape.with_field(top, merge(top, [shape.path(top), trace]) if "." in value["as"] else trace)

    def _union(self, shape: Shape, value: Any, depth: int) -> Shape:
        name, stages = (value, []) if isinstance(value, str) else (value["coll"], value.get("pipeline", []))
        return shape.merged(self._pipeline(self._collection(name, depth), stages, depth + 1))


def _under(path: str, trace: Trace) -> Trace:
    """Return the trace of what stands at a path below a field that the statement writes."""
    if not path:
        return trace
    parts = path.split(".")
    heads = {".".join(parts[:end]) for end in range(1, len(parts) + 1)}
    return replace(trace, made=frozenset(heads | {f"{path}.{name}" for name in trace.made}))


def _is_exclusion(item: Any) -> bool:
    return item is False or (isinstance(item, int | float) and not isinstance(item, bool) and not item)
