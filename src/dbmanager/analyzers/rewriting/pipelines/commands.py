"""A read of MongoDB as the stages that it stands for, in JSON as it was written."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Doc = dict[str, Any]
SCALARS = frozenset(
    "$date $oid $numberInt $numberLong $numberDouble $numberDecimal $binary $uuid $regularExpression $timestamp $minKey "
    "$maxKey $undefined $symbol".split()
)
"""Extended JSON's marks: a document with one of them alone is a value."""
_BOUNDS = ("$limit", "$skip")
_CLOCKS = ("$$NOW", "$$CLUSTER_TIME")


@dataclass(frozen=True, slots=True)
class Command:
    """A find, aggregate, count or distinct of one collection, as stages."""

    kind: str
    collection: str
    stages: tuple[Doc, ...]


def command_of(statement: str) -> Command | None:
    """Return a read as its stages; None where it is not understood."""
    try:
        document = json.loads(statement)
        kind = next(iter(document))
        name = document[kind]
        stages = _stages(kind, document)
    except (ValueError, RecursionError, TypeError, KeyError, StopIteration, AttributeError):
        return None
    if not isinstance(name, str) or not all(isinstance(stage, dict) and len(stage) == 1 for stage in stages):
        return None
    return Command(kind, name, tuple(stages))


def _stages(kind: str, document: Doc) -> list[Doc]:
    if kind == "aggregate":
        return list(document["pipeline"])
    condition = document.get("filter") or document.get("query")
    found = [{"$match": condition}] if condition else []
    found += [{f"${part}": document[part]} for part in ("sort", "skip", "limit") if document.get(part)]
    if kind == "find":
        return found + ([{"$project": document["projection"]}] if document.get("projection") else [])
    if kind == "count":
        return [*found, {"$count": "count"}]
    return [*found, {"$unwind": "$" + document["key"]}, {"$group": {"_id": "$" + document["key"]}}]


def is_scalar(value: Any) -> bool:
    """Whether a value has nothing below it; one that Extended JSON marks counts, too."""
    if isinstance(value, dict):
        return len(value) == 1 and next(iter(value)) in SCALARS
    return not isinstance(value, list)


def entries(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield every key with its value at any depth."""
    for key, inner in value.items() if isinstance(value, dict) else ():
        yield key, inner
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from entries(inner)


def bounds_of(command: Command) -> Counter[str]:
    """Return the numbers of documents that a command bounds or skips, at any depth."""
    return Counter(str(value) for key, value in entries(list(command.stages)) if key in _BOUNDS)


def reads_clock(statement: str) -> bool:
    """Whether the time of asking matters."""
    return any(name in statement for name in _CLOCKS)
