"""How rows become problems: each row is one, with a fix written for its object."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from dbmanager.adapters.sql.row_findings import flagged
from dbmanager.model.findings import FactRows, Fix, Problem

__all__ = ["POSTGRESQL", "TABLE", "each_row", "flagged"]

POSTGRESQL = frozenset({"postgresql"})
TABLE = "format('%s.%s', n.nspname, c.relname) AS object, format('%I.%I', n.nspname, c.relname) AS quoted"
"""A table's name to read, and the same to be written into SQL."""


def each_row(advice: str, statement: str = "", inverse: str = "") -> Callable[[FactRows], Iterator[Problem]]:
    """Return a judge: every row names an `object` and holds evidence; `{object}` and other fields fill the fix."""

    def judge(facts: FactRows) -> Iterator[Problem]:
        for row in facts:
            fields = {name: str(value) for name, value in row.items()}
            yield Problem(
                fields["object"],
                {name: value for name, value in row.items() if name != "object"},
                fix=Fix(
                    advice.format(**fields),
                    (statement.format(**fields),) if statement else (),
                    (inverse.format(**fields),) if inverse else (),
                ),
            )

    return judge
