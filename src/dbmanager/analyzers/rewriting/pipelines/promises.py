"""What a pipeline promises of its answer: stage by stage, an order, arrays in an order, one answer for the same data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from dbmanager.analyzers.rewriting.pipelines.commands import Command, Doc, entries
from dbmanager.analyzers.rewriting.promises import Promise
from dbmanager.model.documents import Fields

_RANDOM = {"$sample": "$sample takes any documents", "$rand": "$rand answers otherwise each time",
           "$sampleRate": "$sampleRate takes any documents"}  # fmt: skip
_BY_ORDER = frozenset("$first $last $firstN $lastN $mergeObjects $top $bottom $topN $bottomN".split())
_BY_POSITION = frozenset(
    "$arrayElemAt $slice $first $last $firstN $lastN $reduce $zip $indexOfArray $reverseArray".split()
)
_SORTING = frozenset(("$top", "$bottom", "$topN", "$bottomN"))
_NUMBERING = frozenset("$documentNumber $shift $derivative $integral $expMovingAvg $linearFill $locf $push".split())
_LIMITED = "a $limit or $skip inside takes any documents, as the order before it is not full"


@dataclass(slots=True)
class _State:
    """What holds of the documents on their way.

    Attributes:
        fields: what they are sorted by, None where that is no more to be seen in them.
        total: no two of them may change places.
        is_key: `_id` is unlike in all of them, and no array.
    """

    ordered: bool = False
    fields: Fields | None = None
    total: bool = False
    is_key: bool = True
    limited: bool = False
    loose: str = ""
    bags: set[str] = field(default_factory=set)

    def unordered(self) -> None:
        """Note that the order is lost."""
        self.ordered, self.fields, self.total = False, None, False

    def alone(self) -> None:
        """Note that there is one document at most."""
        self.ordered, self.fields, self.total, self.limited, self.bags = False, None, True, False, set()

    def depends(self) -> None:
        """Note that the stage's answer depends on which documents there are."""
        if self.limited:
            self.loose = self.loose or _LIMITED

    def writes(self, *paths: str) -> None:
        """Note that fields have another value now."""
        if self.fields and any(_overlap(path, sorted_by) for path in paths for sorted_by, _ in self.fields):
            self.fields = None
        self.bags -= set(paths)
        if "_id" in paths:
            self.is_key = False


def promise_of_command(command: Command) -> Promise:
    """Return what a command promises."""
    for key, _ in entries(list(command.stages)):
        if key in _RANDOM:
            return Promise(volatile=_RANDOM[key])
    state = _after(command.stages)
    fields = state.fields if state.ordered else ()
    return Promise(
        ordered=state.ordered, keys=None if fields is None else tuple(range(len(fields))), total=state.total,
        limited=state.limited, loose=state.loose, fields=fields or (), bags=tuple(sorted(state.bags)),
    )  # fmt: skip


def _after(stages: Sequence[Doc]) -> _State:
    state = _State()
    for stage in stages:
        name, spec = next(iter(stage.items()))
        _STAGES.get(name, _other)(state, spec)
    return state


def _match(state: _State, spec: Any) -> None:
    state.depends()


def _sort(state: _State, spec: Doc) -> None:
    state.depends()
    plain = all(isinstance(way, int | float) for way in spec.values())
    state.ordered, state.total = True, state.is_key and "_id" in spec
    state.fields = tuple((path, way < 0) for path, way in spec.items()) if plain else None


def _limit(state: _State, spec: Any) -> None:
    state.limited = state.limited or not state.total


def _count(state: _State, spec: Any) -> None:
    """How many there are does not depend on which."""
    state.alone()


def _project(state: _State, spec: Doc) -> None:
    kept = {path for path, what in spec.items() if _is_one(what)}
    computed = {path: what for path, what in spec.items() if isinstance(what, dict | str | list)}
    bags = state.bags
    _set(state, computed)
    if computed or kept - {"_id"}:
        state.bags = (bags & kept) | (state.bags & computed.keys())
    else:
        state.bags = bags - spec.keys()
    if not spec.get("_id", 1):
        state.is_key = False


def _is_one(what: Any) -> bool:
    return isinstance(what, bool | int | float) and bool(what)


def _set(state: _State, spec: Doc) -> None:
    bags = {path for path, what in spec.items() if _mentions(what, state.bags)}
    if any(_BY_POSITION & {key for key, _ in entries([spec[path]])} for path in bags):
        state.loose = state.loose or "it takes members by position from an array whose order is not full"
    state.writes(*spec)
    state.bags |= bags


def _mentions(what: Any, names: set[str]) -> bool:
    """Whether an expression reads one of these fields."""
    if isinstance(what, str):
        return what.removeprefix("$").partition(".")[0] in names and what.startswith("$")
    inner = what.values() if isinstance(what, dict) else what if isinstance(what, list) else ()
    return any(_mentions(one, names) for one in inner)


def _unset(state: _State, spec: Any) -> None:
    state.writes(*([spec] if isinstance(spec, str) else spec))


def _replace(state: _State, spec: Any) -> None:
    state.fields, state.is_key, state.bags = None, False, set()


def _unwind(state: _State, spec: Any) -> None:
    state.depends()
    path = str(spec if isinstance(spec, str) else spec.get("path", "")).removeprefix("$")
    if isinstance(spec, dict) and spec.get("includeArrayIndex") and path in state.bags:
        state.loose = state.loose or "it numbers members of an array whose order is not full"
    state.writes(path)
    state.total, state.is_key = False, False


def _group(state: _State, spec: Doc) -> None:
    state.depends()
    key, was_total = spec.get("_id"), state.total
    bags = set()
    for name, what in spec.items():
        operator = next(iter(what), "") if isinstance(what, dict) and name != "_id" else ""
        own = "_id" in what[operator].get("sortBy", {}) if operator in _SORTING else was_total
        if operator in _BY_ORDER and not own:
            state.loose = state.loose or f"{operator} takes from documents whose order is not full"
        if operator == "$addToSet" or (operator == "$push" and not was_total):
            bags.add(name)
    state.unordered()
    is_document = isinstance(key, dict) and not any(name.startswith("$") for name in key)
    state.is_key, state.bags, state.limited = is_document or not isinstance(key, dict | str), bags, False


def _sort_by_count(state: _State, spec: Any) -> None:
    _group(state, {"_id": spec})
    state.ordered, state.fields, state.is_key = True, (("count", True),), False


def _bucket(state: _State, spec: Doc) -> None:
    _group(state, {"_id": "$bucket", **(spec.get("output") or {})})


def _lookup(state: _State, spec: Doc) -> None:
    name, inner = str(spec.get("as", "")), _after(spec.get("pipeline") or ())
    state.writes(name)
    _take(state, name, inner)


def _take(state: _State, name: str, inner: _State) -> None:
    """Note what an array of another pipeline's documents promises."""
    if inner.limited and not inner.total:
        state.loose = state.loose or _LIMITED
    state.loose = state.loose or inner.loose
    if not inner.total:
        state.bags.add(name)


def _facet(state: _State, spec: Doc) -> None:
    state.depends()
    state.alone()
    for name, stages in spec.items():
        _take(state, name, _after(stages))


def _union(state: _State, spec: Any) -> None:
    state.depends()
    state.unordered()
    state.is_key = False
    inner = _after(spec.get("pipeline") or ()) if isinstance(spec, dict) else _State()
    if inner.limited and not inner.total:
        state.loose = state.loose or _LIMITED


def _windows(state: _State, spec: Doc) -> None:
    state.depends()
    is_total = state.is_key and "_id" in (spec.get("sortBy") or {})
    if not is_total and any(key in _NUMBERING | _BY_ORDER for key, _ in entries(spec.get("output"))):
        state.loose = state.loose or "a window numbers documents whose order is not full"
    state.unordered()
    state.writes(*(spec.get("output") or {}))


def _other(state: _State, spec: Any) -> None:
    """Of a stage that is not known better: the order and the key are lost."""
    state.depends()
    state.unordered()
    state.is_key = False


def _overlap(one: str, other: str) -> bool:
    return one == other or one.startswith(other + ".") or other.startswith(one + ".")


_STAGES: dict[str, Callable[[_State, Any], None]] = {
    "$match": _match, "$redact": _match, "$sort": _sort, "$limit": _limit, "$skip": _limit, "$count": _count,
    "$project": _project, "$addFields": _set, "$set": _set, "$unset": _unset, "$replaceRoot": _replace,
    "$replaceWith": _replace, "$unwind": _unwind, "$group": _group, "$sortByCount": _sort_by_count,
    "$bucket": _bucket, "$bucketAuto": _bucket, "$lookup": _lookup, "$graphLookup": _lookup, "$facet": _facet,
    "$unionWith": _union, "$setWindowFields": _windows,
}  # fmt: skip
