"""Jobs: long work that outlives the client that asked for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class JobState(StrEnum):
    """How a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = frozenset((JobState.DONE, JobState.FAILED, JobState.CANCELLED))


@dataclass(frozen=True, slots=True)
class Job:
    """A job as kept.

    Attributes:
        about: the connection or change it works on.
        done: units done, of `total` when that is known.
        attempts: how often a worker took it up; more than once when a worker was lost.
        result: what it answered, or the sentence of its failure.
        facts: the same result as data.
        priority: higher ones are taken up first.
        lane: the database it works on; so many jobs of one lane run at a time as the configuration allows.
        principal: who queued it, as `services.principal` writes it; empty for the process's own user.
        taken_at: when its present worker took it up, `taken_done` units being done by then.
    """

    id: str
    kind: str
    about: str
    arguments: dict[str, Any]
    state: JobState
    created_at: datetime
    started_at: datetime | None = None
    reported_at: datetime | None = None
    ended_at: datetime | None = None
    done: float = 0.0
    total: float | None = None
    message: str = ""
    attempts: int = 0
    cancel_requested: bool = False
    result: str = ""
    facts: dict[str, Any] | None = None
    priority: int = 0
    lane: str = ""
    taken_at: datetime | None = None
    taken_done: float = 0.0
    principal: str = ""

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in ENDED

    @property
    def remaining_seconds(self) -> float | None:
        """Time it may still take at its present worker's pace; None while that can't be told."""
        moved = self.done - self.taken_done
        if self.taken_at is None or self.reported_at is None or not self.total or moved <= 0:
            return None
        elapsed = (self.reported_at - self.taken_at).total_seconds()
        return max(elapsed / moved * (self.total - self.done), 0.0)


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a job's log: what was reported, when and by which worker."""

    at: datetime
    worker: str
    line: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a piece of work answered: Markdown, and the same facts as data."""

    text: str
    facts: dict[str, Any] | None = None
