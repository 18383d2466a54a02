"""Change sets: how anything is written to a user's database."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class ChangeState(StrEnum):
    """Where a change set stands in its life."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    APPLYING = "applying"
    INTERRUPTED = "interrupted"
    FAILED = "failed"
    APPLIED = "applied"
    VERIFIED = "verified"
    ROLLING_BACK = "rolling_back"
    ROLLED_BACK = "rolled_back"


class StepState(StrEnum):
    """Where a step stands; `UNKNOWN` is resolved by its postcondition probe."""

    PENDING = "pending"
    RUNNING = "running"
    APPLIED = "applied"
    FAILED = "failed"
    UNDONE = "undone"
    UNKNOWN = "unknown"


Risk = Literal["low", "medium", "high"]


UNDONE_BY_INVERSE = ("statement", "schema_part")
"""Kinds of step that nothing undoes but their inverse or before-image; other kinds undo themselves."""


class Probe(BaseModel):
    """A read whose single value tells whether a step took effect."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    statement: str = Field(description="One read-only statement whose first row begins with the value")
    parameters: tuple[str | int | float | bool | None, ...] = ()
    expected: str | int | float | bool | None = Field(description="The value once the step has taken effect")


class ChangeStep(BaseModel):
    """One statement with everything a reviewer must know of it.

    A step's `kind` names the handler that carries it out: `statement` for one SQL statement; phases register
    others (`copy_table`). Where the kind does not undo itself, no inverse and no before-image means irreversible.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    kind: str = "statement"
    statement: str = Field(description="Engine SQL, or a description of what a non-statement step does")
    payload: dict[str, Any] = Field(default_factory=dict, description="Arguments of a non-statement step")
    risk: Risk = "low"
    access: Literal["none", "read_write", "admin"] = Field(
        default="read_write",
        description="What the connection must allow; none: only this server's own store is written",
    )
    lock: str = Field(default="", description="Strongest lock taken, in the engine's words")
    rewrites_table: bool = False
    estimated_seconds: float | None = None
    transactional: bool = Field(default=True, description="False where the engine allows no transaction")
    inverse: tuple[str, ...] = ()
    before_image: str | None = Field(
        default=None, description="A SELECT of the rows a DML step will change, stored before it runs"
    )
    postcondition: Probe | None = None

    @property
    def reversible(self) -> bool:
        """Whether the step can be undone."""
        return bool(self.inverse) or self.before_image is not None or self.kind not in UNDONE_BY_INVERSE


class ChangePlan(BaseModel):
    """What is asked for approval; its hash is what an approval binds to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    connection: str
    title: str
    reason: str
    steps: tuple[ChangeStep, ...]
    precondition: str = Field(description="Catalog fingerprint that the plan was made against")
    notes: tuple[str, ...] = Field(default=(), description="What was tried beforehand, and what was not")


@dataclass(frozen=True, slots=True)
class StepRecord:
    """A step and how it stands."""

    number: int
    step: ChangeStep
    state: StepState
    detail: str = ""
    elapsed_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class ApprovalRecord:
    """Who approved which plan, how, and until when."""

    plan_hash: str
    approver: str
    method: Literal["terminal", "elicitation", "confirm_token", "standing"]
    given_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """A change set as kept: the plan, its hash, its state, its steps, its approval."""

    id: str
    plan: ChangePlan
    plan_hash: str
    state: ChangeState
    created_at: datetime
    steps: tuple[StepRecord, ...]
    approval: ApprovalRecord | None = None
    project_id: str | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def open(self) -> bool:
        """Whether it still waits for an approval or for being applied."""
        return self.state in (ChangeState.PROPOSED, ChangeState.FAILED, ChangeState.INTERRUPTED)
