"""How rows become problems of design and security: each row is one, with a fix written for its object."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from string import Formatter

from dbmanager.model.findings import FactRows, Fix, Problem
from dbmanager.model.queries import Cell

HIDDEN = ("object", "account", "statement", "inverse")
"""Fields of a row that are no evidence: its name, and what is for the fix alone."""


def each_row(advice: str, statement: str = "", inverse: str = "") -> Callable[[FactRows], Iterator[Problem]]:
    """Return a judge: every row names an `object` and holds evidence; `{object}` and other fields fill the fix.

    A row that lacks a field of the statement, or of the inverse, gets none.
    """

    def judge(facts: FactRows) -> Iterator[Problem]:
        for row in facts:
            yield Problem(
                str(row["object"]),
                {name: value for name, value in row.items() if name not in HIDDEN},
                fix=Fix(advice.format_map(_texts(row)), _filled(statement, row), _filled(inverse, row)),
            )

    return judge


def _texts(row: Mapping[str, Cell]) -> dict[str, str]:
    return {name: str(value) for name, value in row.items()}


def _filled(template: str, row: Mapping[str, Cell]) -> tuple[str, ...]:
    wanted = [name for _, name, _, _ in Formatter().parse(template) if name]
    if not template or any(row.get(name) in (None, "") for name in wanted):
        return ()
    return (template.format_map(_texts(row)),)
