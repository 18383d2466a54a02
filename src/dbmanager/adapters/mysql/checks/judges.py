"""How rows become problems: each row is one, with a fix written for its object."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from dbmanager.model.findings import FactRows, Fix, Problem

MYSQL = frozenset({"mysql"})


def each_row(advice: str, statement: str = "", inverse: str = "") -> Callable[[FactRows], Iterator[Problem]]:
    """Return a judge: every row names an `object` and holds evidence; `{object}` and other fields fill the fix."""

    def judge(facts: FactRows) -> Iterator[Problem]:
        for row in facts:
            fields = {name: str(value) for name, value in row.items()}
            yield Problem(
                fields["object"],
                {name: value for name, value in row.items() if name not in ("object", "account")},
                fix=Fix(
                    advice.format(**fields),
                    (statement.format(**fields),) if statement else (),
                    (inverse.format(**fields),) if inverse else (),
                ),
            )

    return judge
