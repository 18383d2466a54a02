"""How rows become problems of health: each row is one, with a severity of its own and a fix written for its object."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from dbmanager.model.findings import FactRows, Fix, Problem, Severity

HIDDEN = ("object", "severity", "evidence_query", "unseen")
"""Fields of a row that are no figures; names that begin with `quoted` or `undo` are for the fix alone."""


def flagged(advice: str, statement: str = "", inverse: str = "") -> Callable[[FactRows], Iterator[Problem]]:
    """Return a judge: a row names its `object`, and perhaps a `severity`; its other fields are figures.

    `{quoted}` and other fields fill statement and inverse; a field never fills another one's text, whatever braces it
    holds. A row without `undo` gets no inverse where the inverse asks for one.
    """

    def judge(facts: FactRows) -> Iterator[Problem]:
        for row in facts:
            fields = {name: str(value) for name, value in row.items()}
            can_undo = inverse and not ("{undo}" in inverse and row.get("undo") is None)
            severity, again = row.get("severity"), row.get("evidence_query")
            yield Problem(
                fields["object"],
                {k: v for k, v in row.items() if k not in HIDDEN and not k.startswith(("quoted", "undo"))},
                evidence_query=str(again) if again is not None else None,
                fix=Fix(
                    advice.format_map(fields),
                    (statement.format_map(fields),) if statement else (),
                    (inverse.format_map(fields),) if can_undo else (),
                ),
                severity=Severity(str(severity)) if severity is not None else None,
            )

    return judge
