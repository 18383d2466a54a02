"""Findings and the checks, held as data, that make them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, Literal, TypeVar

from dbmanager.model.queries import Cell

FactsT = TypeVar("FactsT")


class Severity(StrEnum):
    """How much a finding matters; `order` sorts the worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"

    @property
    def order(self) -> int:
        """0 for the worst."""
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True)
class Fix:
    """What would mend a finding.

    Attributes:
        statements: engine SQL, ready for `propose_change`; empty when only a person can mend it.
        inverse: engine SQL that undoes the statements; empty when nothing can.
        advice: the same for a person, in one sentence.
    """

    advice: str
    statements: tuple[str, ...] = ()
    inverse: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """Something worth knowing about one object, with the evidence for it; never holds a row's value.

    Attributes:
        evidence: measured figures behind it, by name.
        evidence_query: the statement that shows the same figures again, if one does.
        threshold: from where on it is one, and whose bound that is; told by checks of health.
        caveat: what would make it wrong (counters that are young, a night's load).
    """

    id: str
    severity: Severity
    object_name: str
    title: str
    rationale: str
    source: str
    evidence: Mapping[str, Cell] = field(default_factory=dict)
    evidence_query: str | None = None
    fix: Fix | None = None
    threshold: str = ""
    caveat: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """What a judge returns: the object, the figures, and the fix for this very object.

    Attributes:
        severity: where this one is worse or milder than the check's own.
    """

    object_name: str
    evidence: Mapping[str, Cell] = field(default_factory=dict)
    evidence_query: str | None = None
    fix: Fix | None = None
    title: str | None = None
    severity: Severity | None = None


Pack = Literal["schema", "security", "health"]


@dataclass(frozen=True, slots=True)
class Check(Generic[FactsT]):
    """One rule as data: which facts it judges, and why it matters.

    Attributes:
        id: engine letters and a number (`PG-016`, `SQ-003`, `LINT-004`), never reused.
        query: the statement whose rows are the facts (column aliases name the fields); empty for pure rules.
        judge: facts in, problems out; pure.
        rationale: why it matters, in one or two sentences.
        pack: the pack of `check_database` it belongs to; rules over the schema model are always of `schema`.
        source: the manual page or standard behind it.
        threshold: a health check's bound, and whose it is.
        caveat: what would make a health check's finding wrong.
        newer: another statement for the same facts, and the server version from which on it is asked.
    """

    id: str
    severity: Severity
    engines: frozenset[str]
    title: str
    rationale: str
    source: str
    judge: Callable[[FactsT], Iterable[Problem]]
    query: str = ""
    min_version: int | None = None
    pack: Pack = "security"
    threshold: str = ""
    caveat: str = ""
    newer: tuple[int, str] | None = None

    def __post_init__(self) -> None:
        needed = ["id", "title", "rationale", "source", *(["threshold", "caveat"] if self.pack == "health" else [])]
        missing = [name for name in needed if not getattr(self, name).strip()]
        if missing:
            raise ValueError(f"check {self.id or '?'} lacks {', '.join(missing)}")

    def findings(self, facts: FactsT) -> list[Finding]:
        """Judge the facts and return one finding per problem."""
        return [
            Finding(
                id=self.id,
                severity=problem.severity or self.severity,
                object_name=problem.object_name,
                title=problem.title or self.title,
                rationale=self.rationale,
                source=self.source,
                evidence=problem.evidence,
                evidence_query=problem.evidence_query or (self.query or None),
                fix=problem.fix,
                threshold=self.threshold,
                caveat=self.caveat,
            )
            for problem in self.judge(facts)
        ]


FactRows = tuple[Mapping[str, Cell], ...]
"""The facts of a query check: its rows as mappings by column alias."""
QueryCheck = Check[FactRows]


def catalogue(*groups: Iterable[Check[FactsT]]) -> tuple[Check[FactsT], ...]:
    """Gather checks in id order; a duplicate id fails at import."""
    checks = sorted((check for group in groups for check in group), key=lambda check: check.id)
    ids = [check.id for check in checks]
    duplicates = {id_ for id_ in ids if ids.count(id_) > 1}
    if duplicates:
        raise ValueError(f"duplicate check ids: {', '.join(sorted(duplicates))}")
    return tuple(checks)


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a run of checks found, and which checks could not be run and why (`id` → reason)."""

    findings: tuple[Finding, ...]
    checked: tuple[str, ...]
    not_run: Mapping[str, str] = field(default_factory=dict)

    def merged(self, other: CheckReport) -> CheckReport:
        """Return one report over both, the worst findings first."""
        findings = sorted((*self.findings, *other.findings), key=lambda f: (f.severity.order, f.id, f.object_name))
        return CheckReport(tuple(findings), (*self.checked, *other.checked), {**self.not_run, **other.not_run})
