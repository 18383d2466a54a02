"""Documents as JSON-like values: what stands at a path, what they are sorted by, arrays whose order says nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

Fields = tuple[tuple[str, bool], ...]
"""Dotted paths that documents are sorted by, each with whether it descends."""
_RANKS: tuple[tuple[type | tuple[type, ...], int], ...] = ((bool, 8), ((int, float), 2), (str, 3), (list, 5), (dict, 4))
_WRAPPED = {"$oid": 7, "$date": 9, "$numberDouble": 2, "$binary": 6, "$uuid": 6, "$minKey": -1, "$maxKey": 99}


def values_at(document: Any, path: str) -> list[Any]:
    """Return what stands at a dotted path, within arrays several; a missing field gives nothing."""
    found = [document]
    for name in path.split("."):
        items = [i for value in found for i in (value if isinstance(value, list) else [value])]
        found = [item[name] for item in items if isinstance(item, Mapping) and name in item]
    return found


def sort_key(document: Any, fields: Fields) -> tuple[tuple[int, Any], ...]:
    """Return what MongoDB sorts a document by: of an array the least member, or the greatest where it descends.

    Source: https://www.mongodb.com/docs/manual/reference/bson-type-comparison-order/
    """
    return tuple(_key(values_at(document, path), descends) for path, descends in fields)


def _key(values: list[Any], descends: bool) -> tuple[int, Any]:
    keys = []
    for value in values:
        members = value if isinstance(value, list) else [value]
        keys += [_ranked(member) for member in members] or [(0, "")]
    if not keys:
        return (1, "")
    return max(keys, key=_by_rank) if descends else min(keys, key=_by_rank)


def _by_rank(key: tuple[int, Any]) -> tuple[int, float, str]:
    rank, value = key
    is_number = isinstance(value, int | float)
    return rank, float(value) if is_number else 0.0, "" if is_number else str(value)


def _ranked(value: Any) -> tuple[int, Any]:
    if value is None:
        return (1, "")
    if isinstance(value, dict) and len(value) == 1 and next(iter(value)) in _WRAPPED:
        return (_WRAPPED[next(iter(value))], json.dumps(value))
    rank = next((rank for kind, rank in _RANKS if isinstance(value, kind)), 50)
    return (rank, value if isinstance(value, bool | int | float | str) else json.dumps(value))


def bagged(document: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return a document with the arrays of these fields sorted, as their order says nothing."""
    found = dict(document)
    for name in names:
        if isinstance(found.get(name), list):
            found[name] = sorted(found[name], key=json.dumps)
    return found
