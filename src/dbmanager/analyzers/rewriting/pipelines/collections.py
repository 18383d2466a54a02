"""Generates small collections that keep to unique indexes and simple validators, for telling two commands apart."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from dbmanager.analyzers.rewriting.pipelines.commands import Doc, is_scalar
from dbmanager.analyzers.rewriting.pipelines.hints import Hints
from dbmanager.analyzers.rewriting.pipelines.values import BSON_KINDS, odd_values, pool_of
from dbmanager.model.documents import values_at
from dbmanager.model.schema import DatabaseSchema, Table, TypeKind

_MOST_REACHED = 10


@dataclass(frozen=True, slots=True)
class CollectionRows:
    """The documents of one collection, in Extended JSON."""

    name: str
    rows: tuple[Doc, ...]


@dataclass(frozen=True, slots=True)
class SmallCollections:
    """Documents of some collections."""

    tables: tuple[CollectionRows, ...]

    def loads(self, dialect: str, engine: str) -> list[str]:
        """Return the commands that write them into empty collections."""
        return [
            json.dumps({"insert": part.name, "documents": list(part.rows)}, ensure_ascii=False)
            for part in self.tables
            if part.rows
        ]

    def smaller(self) -> Iterator[SmallCollections]:
        """Yield every database with one document less, then those with one field less or a shorter array."""
        for at, part in enumerate(self.tables):
            for number in range(len(part.rows)):
                yield self._with(at, (*part.rows[:number], *part.rows[number + 1 :]))
        for at, part in enumerate(self.tables):
            for number, document in enumerate(part.rows):
                for less in _lesser(document):
                    yield self._with(at, (*part.rows[:number], less, *part.rows[number + 1 :]))

    def _with(self, at: int, rows: tuple[Doc, ...]) -> SmallCollections:
        part = replace(self.tables[at], rows=rows)
        return SmallCollections((*self.tables[:at], part, *self.tables[at + 1 :]))


def _lesser(document: Doc) -> Iterator[Doc]:
    for name, value in document.items():
        if name == "_id":
            continue
        yield {key: inner for key, inner in document.items() if key != name}
        if isinstance(value, list) and len(value) > 1:
            for at in range(len(value)):
                yield {**document, name: value[:at] + value[at + 1 :]}


@dataclass(frozen=True, slots=True)
class _Rules:
    """What a collection demands of its documents: unique indexes, required fields, types, lists of values.

    Attributes:
        declared: fields whose type, or whose members' type, a validator tells.
        arrays: those of them that are arrays.
    """

    kinds: dict[str, TypeKind]
    declared: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()
    lists: dict[str, list[Any]] = field(default_factory=dict)
    arrays: frozenset[str] = frozenset()
    keys: tuple[tuple[str, ...], ...] = ()


def _rules(table: Table | None) -> _Rules:
    if table is None:
        return _Rules({})
    kinds = {column.name: (column.type.element or column.type).kind for column in table.columns}
    keys = tuple(index.column_names for index in table.indexes if index.unique and index.where is None)
    schema = _json_schema(table)
    properties = {name: facts for name, facts in (schema.get("properties") or {}).items() if isinstance(facts, dict)}
    lists = {name: list(facts["enum"]) for name, facts in properties.items() if isinstance(facts.get("enum"), list)}
    arrays = {name for name, facts in properties.items() if facts.get("bsonType") == "array"}
    members = {name: facts.get("items") or {} if name in arrays else facts for name, facts in properties.items()}
    words = {name: str(facts.get("bsonType")) for name, facts in members.items() if isinstance(facts, dict)}
    declared = {name: BSON_KINDS[word] for name, word in words.items() if word in BSON_KINDS}
    return _Rules(
        {**kinds, **declared}, frozenset((*declared, *lists)), frozenset(schema.get("required") or ()), lists,
        frozenset(arrays & declared.keys()), keys,
    )  # fmt: skip


def _json_schema(table: Table) -> Doc:
    try:
        found = json.loads(table.definition or "{}").get("validator", {}).get("$jsonSchema", {})
    except (ValueError, AttributeError):
        return {}
    return found if isinstance(found, dict) else {}


@dataclass(slots=True)
class _Mood:
    """How a database is: how many documents, how many fields missing, null, arrays, of other types."""

    rng: random.Random
    missing: float
    null: float
    array: float
    odd: float


@dataclass(slots=True)
class CollectionGenerator:
    """Makes databases one after another, each with a mood of its own; the same for the same seed and number."""

    schema: DatabaseSchema
    hints: Hints
    seed: int = 0
    _known: dict[str, _Rules] = field(default_factory=dict)
    _pools: dict[tuple[str, str], tuple[list[Any], list[Any]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, paths in self.hints.fields.items():
            rules = self._known[name] = _rules(self.schema.find(name))
            paths += [path for path in sorted(rules.required) if path not in paths]
            for path in paths:
                compared = [*self.hints.compared.get((name, path), ())]
                kind = rules.kinds.get(path)
                self._pools[(name, path)] = (pool_of(compared, kind), odd_values([*compared, *self.hints.literals]))

    def empty(self) -> SmallCollections:
        """Return the database with no documents at all."""
        return SmallCollections(())

    def made(self, number: int) -> SmallCollections:
        """Return a database."""
        rng = random.Random(f"{self.seed}:{number}")
        plain = number % 4 == 0
        mood = _Mood(
            rng, rng.choice((0.0, 0.1, 0.3)), 0.0 if plain else rng.choice((0.0, 0.1, 0.3)),
            0.0 if plain else rng.choice((0.0, 0.2, 0.5)), 0.0 if plain else rng.choice((0.0, 0.05, 0.25)),
        )  # fmt: skip
        return SmallCollections(tuple(self._rows(name, mood) for name in self.hints.fields))

    def _rows(self, name: str, mood: _Mood) -> CollectionRows:
        rng, rules = mood.rng, self._known[name]
        most = min(self.hints.bounds, _MOST_REACHED) + 3
        count = 0 if rng.random() < 0.08 else rng.randint(1, max(4, most))
        rows: list[Doc] = []
        taken: list[set[str]] = [set() for _ in rules.keys]
        for number in range(count):
            again = rows and rng.random() < 0.25
            document = {**rng.choice(rows)} if again else self._document(name, mood)
            document = {"_id": self._id(name, number, mood), **{k: v for k, v in document.items() if k != "_id"}}
            if _is_new(document, rules.keys, taken):
                rows.append(document)
        return CollectionRows(name, tuple(rows))

    def _id(self, name: str, number: int, mood: _Mood) -> Any:
        compared = [v for v in self.hints.compared.get((name, "_id"), ()) if is_scalar(v) and v is not None]
        if compared and mood.rng.random() < 0.5:
            return mood.rng.choice(compared)
        return number + 1

    def _document(self, name: str, mood: _Mood) -> Doc:
        tree: dict[str, Any] = {}
        for path in self.hints.fields[name]:
            node = tree
            for part in path.split("."):
                node = node.setdefault(part, {})
        return self._below(name, "", tree, mood)

    def _below(self, name: str, prefix: str, tree: dict[str, Any], mood: _Mood) -> Doc:
        found: Doc = {}
        rules = self._known[name]
        for part, inner in tree.items():
            path = prefix + part
            if mood.rng.random() < mood.missing and path not in rules.required:
                continue
            found[part] = self._nested(name, path, inner, mood) if inner else self._value(name, path, mood)
        return found

    def _nested(self, name: str, path: str, tree: dict[str, Any], mood: _Mood) -> Any:
        rng = mood.rng
        if rng.random() < mood.odd / 2 + mood.null / 3:
            return None if rng.random() < 0.5 else self._value(name, path, mood)
        is_list = self._known[name].kinds.get(path) not in (TypeKind.JSON, None) or rng.random() < max(mood.array, 0.3)
        if is_list and rng.random() < 0.8:
            return [self._below(name, path + ".", tree, mood) for _ in range(rng.randint(0, 3))]
        return self._below(name, path + ".", tree, mood)

    def _value(self, name: str, path: str, mood: _Mood) -> Any:
        rng, rules = mood.rng, self._known[name]
        if path in rules.lists:
            return rng.choice(rules.lists[path])
        near, odd = self._pools.get((name, path), ([1, 2], [None, "a"]))
        if path in rules.declared:
            kind = rules.kinds[path]
            values = [value for value in near if _is_of(value, kind)] or pool_of((), kind)
            return rng.choices(values, k=rng.randint(0, 3)) if path in rules.arrays else rng.choice(values)
        chance = rng.random()
        if chance < mood.null:
            return None
        if chance < mood.null + mood.array:
            return [self._member(near, odd, mood) for _ in range(rng.choice((0, 1, 2, 2, 3)))]
        if chance < mood.null + mood.array + mood.odd:
            return rng.choice(odd)
        compared = self.hints.compared.get((name, path))
        return rng.choice(compared if compared and rng.random() < 0.4 else near)

    def _member(self, near: list[Any], odd: list[Any], mood: _Mood) -> Any:
        chance = mood.rng.random()
        return None if chance < mood.null / 2 else mood.rng.choice(odd if chance > 1 - mood.odd else near)


def _is_of(value: Any, kind: TypeKind) -> bool:
    kinds: dict[TypeKind, type | tuple[type, ...]] = {
        TypeKind.INTEGER: int, TypeKind.FLOAT: float, TypeKind.DECIMAL: (), TypeKind.TEXT: str,
        TypeKind.BOOLEAN: bool, TypeKind.TIMESTAMP: dict,
    }  # fmt: skip
    return isinstance(value, kinds.get(kind, ())) and (kind is TypeKind.BOOLEAN or not isinstance(value, bool))


def _is_new(document: Doc, keys: tuple[tuple[str, ...], ...], taken: list[set[str]]) -> bool:
    """Whether a document has no key that another one has; then its keys are taken."""
    mine = [_comparable([values_at(document, path) for path in key]) for key in keys]
    if any(key in others for key, others in zip(mine, taken, strict=True)):
        return False
    for key, others in zip(mine, taken, strict=True):
        others.add(key)
    return True


def _comparable(values: list[list[Any]]) -> str:
    """Return a text that is the same for equal numbers, and for a field that is missing or null."""
    folded = [[float(v) if isinstance(v, int | float) and not isinstance(v, bool) else v for v in items] for items in values]  # fmt: skip
    return json.dumps([items or [None] for items in folded])
