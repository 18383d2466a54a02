"""Findings over one statement: what its plan or its text shows, against which limit, and how to find out if it is so."""

from __future__ import annotations

from dataclasses import dataclass

from dbmanager.model.findings import Severity


@dataclass(frozen=True, slots=True)
class PlanFinding:
    """One thing worth knowing of one statement; never holds a row's value.

    Attributes:
        where: the step of the plan, or the column or clause of the text.
        value: what was measured or estimated there; None where it is there or not.
        threshold: from where on it counts; None where it is there or not.
        source: whose limit that is.
        fix: what to do, in one sentence.
        undo: what takes the fix back.
        verification: what shows whether it helped.
        doubt: what would make this finding wrong.
    """

    id: str
    severity: Severity
    title: str
    where: str
    value: float | None
    threshold: float | None
    source: str
    fix: str
    undo: str
    verification: str
    doubt: str
