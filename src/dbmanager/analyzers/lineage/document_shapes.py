"""What a document on its way through a pipeline is made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from dbmanager.analyzers.lineage.model import Trace, merge
from dbmanager.model.lineage import BaseColumn
from dbmanager.model.schema import DataType, Table, TypeKind

NOWHERE = Trace("", complete=False, named_by_data=True)


@dataclass(frozen=True, slots=True)
class Shape:
    """Traces by top-level field.

    Attributes:
        rest: the trace of a field that is not listed; None means such a field does not exist.
        table: the collection whose stored documents these are, so that a path below a field traces to that path alone.
        stored: the fields that are still as stored.
        variables: what `let` of an enclosing `$lookup` gave.
    """

    fields: Mapping[str, Trace]
    rest: Trace | None = None
    table: Table | None = None
    stored: frozenset[str] = frozenset()
    prefix: str = ""
    variables: Mapping[str, Trace] = field(default_factory=dict)

    def column(self, name: str) -> Trace:
        """Return the trace of an output column: a name that nothing accounts for came from the data."""
        if name in self.fields:
            return self.fields[name].renamed(name)
        return self.rest.renamed(name) if self.rest is not None else replace(NOWHERE, name=name)

    def path(self, path: str) -> Trace:
        """Return the trace of a dotted path, with everything at or below it."""
        top = path.partition(".")[0]
        if self.table is not None and top in self.stored:
            return _at_or_below(self.table, self.prefix + path)
        if top in self.fields:
            return self.fields[top].renamed(path)
        return replace(self.rest, name=path, named_by_data=False) if self.rest is not None else Trace(path)

    def whole(self, name: str) -> Trace:
        """Return the trace of the document as one value; its fields' names are inside of it."""
        found = merge(name, self.fields.values())
        made = {field for field in self.fields if field not in self.stored}
        made |= {f"{field}.{path}" for field, trace in self.fields.items() for path in trace.made}
        if self.rest is None:
            return replace(found, made=frozenset(made))
        known = self.table is not None and self.rest is NOWHERE
        return replace(
            found, sources=found.sources | self.rest.sources, made=frozenset(made), opaque=True,
            complete=found.complete and (known or self.rest.complete),
        )  # fmt: skip

    def below(self, path: str) -> Shape:
        """Return the shape of the documents at a path."""
        top = path.partition(".")[0]
        if self.table is None or top not in self.stored:
            return Shape({}, rest=replace(self.path(path), named_by_data=True), variables=self.variables)
        start = self.prefix + path + "."
        names = {
            column.name.removeprefix(start).partition(".")[0]
            for column in self.table.columns
            if column.name.startswith(start)
        }
        traces = {name: _at_or_below(self.table, start + name) for name in names - {"*"}}
        return Shape(traces, NOWHERE, self.table, frozenset(traces), start, self.variables)

    def with_field(self, name: str, trace: Trace) -> Shape:
        """Return the shape with one field made anew."""
        return replace(self, fields={**self.fields, name: trace.renamed(name)}, stored=self.stored - {name})

    def without(self, paths: Iterable[str]) -> Shape:
        """Return the shape without whole fields; what is taken out below a field leaves the field's trace."""
        gone = {path for path in paths if "." not in path}
        kept = {name: trace for name, trace in self.fields.items() if name not in gone}
        return replace(self, fields=kept, stored=self.stored - gone)

    def with_variables(self, variables: Mapping[str, Trace]) -> Shape:
        """Return the shape with the variables that an enclosing stage gives."""
        return replace(self, variables={**self.variables, **variables})

    def merged(self, other: Shape) -> Shape:
        """Return a shape whose documents are of either sort."""
        names = [*self.fields, *(name for name in other.fields if name not in self.fields)]
        fields = {name: merge(name, [self.column_or_none(name), other.column_or_none(name)]) for name in names}
        rests = [rest for rest in (self.rest, other.rest) if rest is not None]
        rest = replace(merge("", rests), named_by_data=True) if rests else None
        return Shape(fields, rest, variables=self.variables)

    def column_or_none(self, name: str) -> Trace:
        """Return the trace of a field, an empty one where the shape has no such field."""
        return self.fields.get(name) or self.rest or Trace(name)


def base_shape(table: Table) -> Shape:
    """Return the shape of a collection's stored documents; a field that no sample showed is untraced."""
    names = list(dict.fromkeys(column.name.partition(".")[0] for column in table.columns))
    traces = {name: _at_or_below(table, name) for name in names}
    return Shape(traces, NOWHERE, table, frozenset(names))


def _at_or_below(table: Table, path: str) -> Trace:
    """Return the fields at, above or below a path; a path that is not known, or leads into a map, is untraced."""
    plain = ".".join(part for part in path.split(".") if not part.isdigit())
    start = plain + "."
    found = [column.name for column in table.columns if column.name == plain or column.name.startswith(start)]
    complete = bool(found) and not any(name.endswith(".*") for name in found)
    sources = frozenset(BaseColumn("", table.name, name) for name in found)
    is_opaque = len(found) > 1 or any(_holds_documents(table.column(name).type) for name in found)
    return Trace(path, sources, complete, opaque=is_opaque)


def _holds_documents(type_: DataType) -> bool:
    if type_.kind is TypeKind.ARRAY:
        return type_.element is None or _holds_documents(type_.element)
    return type_.kind in (TypeKind.JSON, TypeKind.OTHER) and type_.native not in ("objectId", "null")
