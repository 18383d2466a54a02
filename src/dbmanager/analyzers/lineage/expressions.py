"""What an aggregation expression's value is made of: the union of everything that it mentions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dbmanager.analyzers.lineage.document_shapes import Shape
from dbmanager.analyzers.lineage.model import Trace, merge

NOTHING = Trace("")
UNKNOWN = Trace("", complete=False)
_WHOLE = ("ROOT", "CURRENT")
_CONSTANT = ("NOW", "REMOVE", "CLUSTER_TIME", "DESCEND", "PRUNE", "KEEP")
_BINDING = ("$map", "$filter", "$reduce", "$let")
_UNTRACED = frozenset(("$getField", "$setField", "$unsetField", "$meta", "$sampleRate", "$rand", "$search"))
"""`$getField` takes its field's name from a value; the others are not about fields."""
_PASSING = frozenset(
    "$ifNull $cond $switch $push $addToSet $first $last $firstN $lastN $top $topN $bottom $bottomN $arrayElemAt $slice "
    "$concatArrays $reverseArray $mergeObjects $min $max $minN $maxN $setUnion $setIntersection $setDifference $sortArray "
    "$sum $count".split()
)
"""Operators that hand documents on as they are, so that fields nobody looked at are still seen in the result."""
_TELLING_NOTHING = frozenset(("$size", "$isArray", "$bsonSize", "$isNumber"))
_LITERALS = frozenset(("$oid", "$date", "$numberLong", "$numberInt", "$numberDouble", "$numberDecimal", "$binary", "$uuid",
                       "$timestamp", "$regularExpression", "$minKey", "$maxKey"))  # fmt: skip


def mark(trace: Trace) -> Trace:
    """Return the trace of fields whose very names come from data."""
    return replace(trace, named_by_data=True)


class Expressions:
    """Traces expressions over documents of one shape."""

    def __init__(self, shape: Shape, bound: Mapping[str, Trace] | None = None) -> None:
        self._shape = shape
        self._bound = {**shape.variables, **(bound or {})}

    def trace(self, value: Any) -> Trace:
        """Return the trace of an expression's value."""
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, list):
            return merge("", [self.trace(item) for item in value])
        if not isinstance(value, dict):
            return NOTHING
        operators = [name for name in value if name.startswith("$")]
        if not operators:
            return self._document(value)
        name = operators[0]
        if len(value) > 1 and not set(value) <= _LITERALS:
            return UNKNOWN
        if name in _LITERALS or name == "$literal":
            return NOTHING
        if name in _UNTRACED:
            return self._get_field(value[name]) if name == "$getField" else UNKNOWN
        if name in _BINDING:
            return self._binding(name, value[name])
        # Options such as `to`, `format` and `sortBy` may hold expressions as well; all of them count.
        found = merge("", [self.trace(value[name])])
        if found.opaque and name in _TELLING_NOTHING:
            return replace(found, opaque=False)
        return replace(found, complete=found.complete and (name in _PASSING or not found.opaque))

    def _document(self, value: Mapping[str, Any]) -> Trace:
        """A document that is written out: its fields' names are the statement's."""
        parts = {field: self.trace(item) for field, item in value.items()}
        made = {f"{field}.{path}" for field, trace in parts.items() for path in trace.made} | set(parts)
        return replace(merge("", parts.values()), made=frozenset(made))

    def _text(self, value: str) -> Trace:
        if value.startswith("$$"):
            variable, _, path = value[2:].partition(".")
            if variable in self._bound:
                return self._bound[variable]
            if variable in _WHOLE:
                return self._shape.path(path) if path else self._shape.whole("")
            return NOTHING if variable in _CONSTANT else UNKNOWN
        return self._shape.path(value[1:]) if value.startswith("$") else NOTHING

    def _get_field(self, value: Any) -> Trace:
        """A field named by a plain text is that field; any other name may be any field."""
        if isinstance(value, str) and not value.startswith("$"):
            return self._shape.path(value)
        return merge("", [self._shape.whole(""), self.trace(value), UNKNOWN])

    def _binding(self, name: str, value: Any) -> Trace:
        """Bind the names that an expression makes to everything that they may hold."""
        if not isinstance(value, dict):
            return UNKNOWN
        if name == "$let":
            given = value.get("vars") or {}
            bound = {variable: self.trace(item) for variable, item in given.items()}
            return Expressions(self._shape, {**self._bound, **bound}).trace(value.get("in"))
        source = merge("", [self.trace(value.get("input")), self.trace(value.get("initialValue"))])
        bound = {str(value.get("as", "this")): source, "this": source, "value": source}
        inner = Expressions(self._shape, {**self._bound, **bound})
        if name != "$filter" and source.opaque:
            source = replace(source, complete=False)
        return merge("", [source, *(inner.trace(value.get(part)) for part in ("in", "cond", "limit", "arrayIndexAs"))])
