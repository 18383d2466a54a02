"""Projects: one run of the six-phase workflow, its experts, and the evidence its gates ask for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

Expert = Literal["architect", "performance", "migration", "governance", "backup"]
EXPERTS: dict[Expert, str] = {
    "architect": "Database Architect",
    "performance": "Performance Specialist",
    "migration": "Data Migration Expert",
    "governance": "Data Governance Specialist",
    "backup": "Backup & Recovery Expert",
}


@dataclass(frozen=True, slots=True)
class Demand:
    """One piece of evidence that an expert asks for before a phase passes.

    Attributes:
        kind: the evidence's kind, as tools record it.
        promises: the workflow promises it speaks for.
        action: the tool that makes it.
    """

    expert: Expert
    kind: str
    what: str
    promises: tuple[str, ...]
    action: str


@dataclass(frozen=True, slots=True)
class Phase:
    """A phase: led by its first expert, reviewed by the two others."""

    number: int
    title: str
    demands: tuple[Demand, ...]


PHASES: tuple[Phase, ...] = (
    Phase(1, "Requirements analysis & planning", (
        Demand("architect", "requirements", "data, usage and rules are recorded", ("P1.1", "P1.3"), "assess_database"),
        Demand("performance", "assessment", "sizes and use are measured", ("P1.1", "P1.3"), "assess_database"),
        Demand("governance", "classification", "personal and secret data are known", ("P1.4",), "classify_data"),
    )),
    Phase(2, "Architecture & schema design", (
        Demand("architect", "check_schema", "the schema is linted", ("P2.2", "P2.5"), "check_database"),
        Demand("performance", "index_advice", "the index strategy is tried on the engine", ("P2.3",), "advise_indexes"),
        Demand("governance", "classification", "classified columns are known in the model", ("P2.2",), "classify_data"),
    )),
    Phase(3, "Implementation & optimization", (
        Demand("performance", "measured_change", "a change was measured before and after", ("P3.2",), "measure_queries"),
        Demand("performance", "monitoring", "figures are kept and judged (kind=monitoring)", ("P3.5",), "plan_tuning"),
        Demand("architect", "change_verified", "the change is in effect as planned", ("P3.1",), "apply_change"),
        Demand("governance", "audit_verified", "every write is in an intact audit log", ("P3.1",), "verify_audit_log"),
    )),
    Phase(4, "Migration & integration", (
        Demand("migration", "copy", "tables were copied in resumable chunks", ("P4.1", "P4.3"), "plan_migration"),
        Demand("architect", "copy_verified", "source and target hold the same rows", ("P4.2", "P4.4"), "verify_data"),
        Demand("performance", "copy_rate", "the copy's rate is measured", ("P4.3",), "plan_migration"),
    )),
    Phase(5, "Governance & security", (
        Demand("governance", "classification", "classified data are known and masked", ("P5.1",), "classify_data"),
        Demand("architect", "check_security", "security checks were run", ("P5.2",), "check_database"),
        Demand("performance", "audit_verified", "the audit trail is intact", ("P5.3",), "verify_audit_log"),
    )),
    Phase(6, "Backup & disaster recovery", (
        Demand("backup", "backup", "a backup exists", ("P6.1", "P6.2"), "run_backup"),
        Demand("architect", "drill", "it was restored and compared row by row", ("P6.4",), "run_drill"),
        Demand("performance", "recovery_time", "the time to restore is measured", ("P6.3", "P6.4"), "run_drill"),
    )),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Evidence:
    """A kept result; the payload holds figures and names, never values of rows."""

    kind: str
    title: str
    payload: dict[str, Any]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided, and why."""

    title: str
    reason: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Project:
    """One run of the workflow for one goal, with everything found on the way."""

    id: str
    goal: str
    connections: tuple[str, ...]
    created_at: datetime
    evidence: tuple[Evidence, ...]
    decisions: tuple[Decision, ...]

    def latest(self, kind: str) -> Evidence | None:
        """Return the newest evidence of a kind."""
        return next((item for item in reversed(self.evidence) if item.kind == kind), None)


@dataclass(frozen=True, slots=True)
class PhaseStatus:
    """How a phase stands; computed from the evidence, never set."""

    phase: Phase
    state: Literal["open", "in_progress", "passed"]
    missing: tuple[Demand, ...]


def phase_status(project: Project) -> tuple[PhaseStatus, ...]:
    """Return every phase's state: passed once each of its three experts has the evidence asked for."""
    kinds = {item.kind for item in project.evidence}
    statuses = []
    for phase in PHASES:
        missing = tuple(demand for demand in phase.demands if demand.kind not in kinds)
        started = len(missing) < len(phase.demands)
        statuses.append(PhaseStatus(phase, "passed" if not missing else "in_progress" if started else "open", missing))
    return tuple(statuses)
