"""Which collections and fields commands name, and what they compare these with: small collections are made of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dbmanager.analyzers.rewriting.pipelines.commands import Command, Doc, entries, is_scalar
from dbmanager.model.schema import DatabaseSchema

_LOGICAL = ("$and", "$or", "$nor")
_MEMBERS = ("$in", "$nin", "$all")
_NOT_COMPARED = ("$exists", "$type", "$options", "$size", "$mod", "$jsonSchema")
MOST_FIELDS = 40


@dataclass(slots=True)
class Hints:
    """What commands name.

    Attributes:
        fields: dotted paths by collection, in the order met.
        compared: values in Extended JSON by collection and path.
        literals: all values that are compared with anything.
        elsewhere: collections that can't be filled with documents of ours.
        bounds: the greatest number of $limit and $skip.
    """

    fields: dict[str, list[str]] = field(default_factory=dict)
    compared: dict[tuple[str, str], list[Any]] = field(default_factory=dict)
    literals: list[Any] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    bounds: int = 0


def hints_of_commands(commands: Iterable[Command], schema: DatabaseSchema) -> Hints:
    """Return what commands name."""
    hints = Hints()
    for command in commands:
        _Walk(hints, schema, command.collection).stages(command.stages)
        numbers = [v for key, v in entries(list(command.stages)) if key in ("$limit", "$skip") and isinstance(v, int)]
        hints.bounds = max([hints.bounds, *numbers])
    return hints


@dataclass(slots=True)
class _Walk:
    """Walks the stages over one collection; names under which joined documents stand lead to theirs."""

    hints: Hints
    schema: DatabaseSchema
    collection: str
    joined: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.hints.fields.setdefault(self.collection, [])
        table = self.schema.find(self.collection)
        if table is not None and not table.is_base and self.collection not in self.hints.elsewhere:
            self.hints.elsewhere.append(self.collection)

    def stages(self, stages: Iterable[Doc]) -> None:
        """Take note of every stage."""
        for stage in stages:
            name, spec = next(iter(stage.items()))
            if name == "$match":
                self._filter(spec, "")
            elif name in ("$lookup", "$graphLookup", "$unionWith"):
                self._join(name, spec)
            elif name == "$facet":
                for inner in spec.values():
                    self.stages(inner)
            elif name in ("$limit", "$skip", "$count"):
                continue
            else:
                self._spec(name, spec)

    def _spec(self, name: str, spec: Any) -> None:
        """Take note of the fields that a stage writes or sorts by, and of its expressions."""
        if name in ("$sort", "$project", "$addFields", "$set", "$unset"):
            for path in spec if isinstance(spec, Mapping | list) else [spec]:
                self._note(str(path))
        self._expression(spec)
        if name == "$bucket" and isinstance(spec.get("groupBy"), str):
            self._compare(spec["groupBy"].removeprefix("$"), spec.get("boundaries") or ())

    def _join(self, name: str, spec: Any) -> None:
        spec = {"coll": spec} if isinstance(spec, str) else spec
        other = _Walk(self.hints, self.schema, spec.get("from") or spec["coll"])
        for key in ("localField", "connectToField"):
            if key in spec:
                (self if key == "localField" else other)._note(spec[key])
        for key in ("foreignField", "connectFromField"):
            if key in spec:
                other._note(spec[key])
        self._expression(spec.get("let"))
        self._expression(spec.get("startWith"))
        other.stages(spec.get("pipeline") or ())
        if "as" in spec:
            self.joined[spec["as"]] = other.collection

    def _filter(self, condition: Any, prefix: str) -> None:
        for key, value in condition.items() if isinstance(condition, Mapping) else ():
            if key in _LOGICAL:
                for part in value:
                    self._filter(part, prefix)
            elif key == "$expr":
                self._expression(value)
            elif not key.startswith("$"):
                self._condition(prefix + key, value)

    def _condition(self, path: str, value: Any) -> None:
        if not isinstance(value, Mapping) or is_scalar(value) or not any(key.startswith("$") for key in value):
            self._compare(path, [value])
            return
        self._compare(path, ())
        for operator, operand in value.items():
            if operator == "$elemMatch" and not any(key.startswith("$") for key in operand):
                self._filter(operand, path + ".")
            elif operator in ("$not", "$elemMatch"):
                self._condition(path, operand)
            elif operator == "$regex" and isinstance(operand, str):
                self._compare(path, [operand.strip("^$")])
            elif operator not in _NOT_COMPARED:
                self._compare(path, operand if operator in _MEMBERS else [operand])

    def _expression(self, value: Any) -> None:
        for inner in _operands(value):
            paths = [path for item in inner for path in _path(item)]
            literals = [i for i in inner if is_scalar(i) and not isinstance(i, bool) and not _is_name(i)]
            for path in paths:
                self._compare(path, literals)

    def _compare(self, path: str, values: Iterable[Any]) -> None:
        collection, path = self._note(path)
        known = self.hints.compared.setdefault((collection, path), [])
        for value in values:
            if value not in known:
                known.append(value)
            if is_scalar(value) and value not in self.hints.literals:
                self.hints.literals.append(value)

    def _note(self, path: str) -> tuple[str, str]:
        path = ".".join(part for part in path.split(".") if not part.isdigit())
        head, _, rest = path.partition(".")
        if head in self.joined:
            collection, path = (self.joined[head], rest) if rest else (self.collection, "")
        else:
            collection = self.collection
        fields = self.hints.fields.setdefault(collection, [])
        if path and path not in fields and len(fields) < MOST_FIELDS:
            fields.append(path)
        return collection, path


def _operands(value: Any) -> Iterator[list[Any]]:
    """Yield what stands beside each other in every operator of an expression."""
    if isinstance(value, list):
        yield value
        for item in value:
            if not isinstance(item, str):
                yield from _operands(item)
    elif isinstance(value, Mapping) and not is_scalar(value):
        for inner in value.values():
            yield from _operands(inner)
    else:
        yield [value]


def _path(item: Any) -> Iterator[str]:
    for mark in ("$$ROOT.", "$$CURRENT."):
        if isinstance(item, str) and item.startswith(mark):
            yield item.removeprefix(mark)
    if isinstance(item, str) and item.startswith("$") and not item.startswith("$$") and len(item) > 1:
        yield item[1:]


def _is_name(item: Any) -> bool:
    return isinstance(item, str) and item.startswith("$")
