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

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in ENDED

    @property
    def remaining_seconds(self) -> float | None:
        """Time it may still take at the pace so far; None while that can't be told."""
        if self.started_at is None or self.reported_at is None or not self.total or self.done <= 0:
            return None
        elapsed = (self.reported_at - self.started_at).total_seconds()
        return max(elapsed / self.done * (self.total - self.done), 0.0)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a piece of work answered: Markdown, and the same facts as data."""

    text: str
    facts: dict[str, Any] | None = None
