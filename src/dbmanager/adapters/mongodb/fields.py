"""Fields of a collection, inferred from sampled documents and from its validator."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dbmanager.adapters.mongodb.values import type_word
from dbmanager.model.schema import Column, DataType, TypeKind

MAX_FIELDS = 400
MAX_DEPTH = 12
MAP_KEYS = 60
"""A document with more different keys among the sampled ones is a map: its keys are data, told as one field `*`."""
_KINDS = {
    "bool": TypeKind.BOOLEAN, "int": TypeKind.INTEGER, "long": TypeKind.INTEGER, "double": TypeKind.FLOAT,
    "decimal": TypeKind.DECIMAL, "string": TypeKind.TEXT, "date": TypeKind.TIMESTAMP, "binData": TypeKind.BINARY,
    "uuid": TypeKind.UUID, "object": TypeKind.JSON, "array": TypeKind.ARRAY,
}  # fmt: skip
_NUMBERS = ("decimal", "double", "long", "int")


@dataclass(slots=True)
class _Seen:
    """How a path was met: in how many documents, with which types, with which types of items."""

    documents: int = 0
    types: Counter[str] = field(default_factory=Counter)
    items: Counter[str] = field(default_factory=Counter)
    last: int = -1


def infer(documents: Iterable[Mapping[str, Any]], validator: Mapping[str, Any] | None = None) -> tuple[Column, ...]:
    """Return a column per dotted path in the order met, `_id` first; fields the validator declares come last."""
    seen: dict[str, _Seen] = {"_id": _Seen()}
    total = 0
    for number, document in enumerate(documents):
        total += 1
        for path, value, is_item in _paths(document):
            if path not in seen and len(seen) >= MAX_FIELDS * 4:
                continue
            entry = seen.setdefault(path, _Seen())
            if is_item:
                entry.items[type_word(value)] += 1
                continue
            entry.types[type_word(value)] += 1
            if entry.last != number:
                entry.last, entry.documents = number, entry.documents + 1
    declared = _declared(validator or {})
    columns = [_column(path, entry, total, declared) for path, entry in _without_maps(seen).items()]
    known = {column.name for column in columns}
    columns += [_of_validator(path, facts) for path, facts in declared.items() if path not in known]
    return tuple(columns[:MAX_FIELDS])


def _paths(document: Mapping[str, Any]) -> Iterator[tuple[str, Any, bool]]:
    """Yield every path with its value, parents first, and the items of arrays under their array's path."""
    stack: list[tuple[str, Any, int]] = [("", document, 0)]
    while stack:
        prefix, value, depth = stack.pop()
        below: list[tuple[str, Any, int]] = []
        for name, inner in value.items():
            path = f"{prefix}.{name}" if prefix else name
            yield path, inner, False
            if isinstance(inner, Mapping):
                below.append((path, inner, depth + 1))
            elif isinstance(inner, list):
                for item in inner[:100]:
                    yield path, item, True
                    if isinstance(item, Mapping):
                        below.append((path, item, depth + 1))
        stack += [entry for entry in reversed(below) if entry[2] <= MAX_DEPTH]


def _without_maps(seen: Mapping[str, _Seen]) -> dict[str, _Seen]:
    """Fold the keys of every document with too many different ones into `*`."""
    children: Counter[str] = Counter(path.rpartition(".")[0] for path in seen)
    maps = [path for path, count in children.items() if path and count > MAP_KEYS]
    found: dict[str, _Seen] = {}
    for path, entry in seen.items():
        parent = next((one for one in maps if path.startswith(one + ".")), None)
        name = f"{parent}.*" if parent is not None else path
        known = found.setdefault(name, _Seen())
        known.types.update(entry.types)
        known.items.update(entry.items)
        known.documents = max(known.documents, entry.documents)
    return found


def _column(path: str, entry: _Seen, total: int, declared: Mapping[str, Mapping[str, Any]]) -> Column:
    ratio = entry.documents / total if total else None
    required = bool(declared.get(path, {}).get("required"))
    has_null = "null" in entry.types
    always = ratio == 1.0 and not has_null if "." not in path else False
    return Column(
        path,
        data_type(entry.types, entry.items) if entry.types else _declared_type(declared.get(path)),
        nullable=path != "_id" and not required and not always,
        comment=declared.get(path, {}).get("description"),
        presence_ratio=None if ratio is None else round(ratio, 4),
        types=tuple(word for word, _ in entry.types.most_common()),
    )


def data_type(types: Counter[str], items: Counter[str] | None = None) -> DataType:
    """Return the one type that holds all the values met; values of unlike types have none but `other`."""
    words = [word for word, _ in types.most_common() if word != "null"]
    if not words:
        return DataType(TypeKind.OTHER, "null")
    if len(words) > 1 and all(word in _NUMBERS for word in words):
        widest = next(word for word in _NUMBERS if word in words)
        return DataType(_KINDS[widest], "|".join(words), bits=_bits(widest))
    if len(words) > 1:
        return DataType(TypeKind.OTHER, "|".join(words))
    word = words[0]
    element = data_type(items) if word == "array" and items else None
    native = f"array of {element.native}" if element is not None else word
    zone = True if word == "date" else None
    return DataType(_KINDS.get(word, TypeKind.OTHER), native, bits=_bits(word), with_time_zone=zone, element=element)


def _bits(word: str) -> int | None:
    return {"int": 32, "long": 64, "double": 64}.get(word)


def _declared(validator: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what `$jsonSchema` says of each path: its types, its description, whether it is required."""
    found: dict[str, dict[str, Any]] = {}
    stack: list[tuple[str, Any, bool]] = [("", validator.get("$jsonSchema"), True)]
    while stack:
        prefix, schema, all_required = stack.pop()
        if not isinstance(schema, Mapping):
            continue
        required = schema.get("required") if all_required else ()
        properties = schema.get("properties")
        for name, inner in properties.items() if isinstance(properties, Mapping) else ():
            path = f"{prefix}.{name}" if prefix else name
            facts = inner if isinstance(inner, Mapping) else {}
            is_required = name in (required or ())
            found[path] = {
                "types": facts.get("bsonType", facts.get("type")), "description": facts.get("description"),
                "required": is_required,
            }  # fmt: skip
            stack.append((path, facts.get("items", facts), is_required))
    return found


def _declared_type(facts: Mapping[str, Any] | None) -> DataType:
    given = (facts or {}).get("types") or ()
    words = [given] if isinstance(given, str) else list(given)
    return data_type(Counter({str(word): 1 for word in words}))


def _of_validator(path: str, facts: Mapping[str, Any]) -> Column:
    return Column(
        path,
        _declared_type(facts),
        nullable=not facts["required"],
        comment=facts.get("description"),
        presence_ratio=0.0,
    )


def values_at(document: Mapping[str, Any], path: str) -> list[Any]:
    """Return every value at a dotted path: those inside of arrays one by one; `*` stands for any key."""
    found: list[Any] = [document]
    for name in path.split("."):
        inner: list[Any] = []
        for value in found:
            for item in value if isinstance(value, list) else [value]:
                if isinstance(item, Mapping):
                    inner += list(item.values()) if name == "*" else [item[name]] if name in item else []
        found = inner
    return [item for value in found for item in (value if isinstance(value, list) else [value])]
