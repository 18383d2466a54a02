"""How facts become problems."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dbmanager.adapters.row_problems import each_row
from dbmanager.model.findings import FactRows, Fix, Problem
from dbmanager.model.queries import Cell

__all__ = ["MONGODB", "at", "each_row", "setting"]

MONGODB = frozenset({"mongodb"})


def at(reply: Mapping[str, Cell], path: str) -> Any:
    """Return the value at a dotted path of a reply, None where there is none."""
    found: Any = reply
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def setting(path: str, is_wrong: Callable[[Any], bool], advice: str) -> Callable[[FactRows], Iterator[Problem]]:
    """Return a judge over one reply: a problem when the value at the path is wrong; the value is the evidence."""

    def judge(facts: FactRows) -> Iterator[Problem]:
        for reply in facts:
            value = at(reply, path)
            if is_wrong(value):
                shown = value if isinstance(value, str | int | bool | None) else str(value)
                yield Problem(path.removeprefix("parsed."), {"value": shown}, fix=Fix(advice))

    return judge
