"""What a proof by execution tells: the cost of each query without and with the indexes, and what each index is worth."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cost:
    """What one query cost: the least of all runs; `stopped` at its time limit it tells its plan's indexes alone."""

    work: float
    seconds: float
    rows: int
    is_processor_time: bool
    indexes: tuple[str, ...]
    planned: float | None
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class QueryProof:
    """One query without and with the indexes.

    Attributes:
        promised_ratio: of the planner's cost, after to before.
        promised_by: who promised it.
        problem: why it was not measured; the figures are None then.
        is_late: the time for all was used up before it was measured.
    """

    query: str
    before: Cost | None = None
    after: Cost | None = None
    promised_ratio: float | None = None
    promised_by: str = ""
    problem: str = ""
    is_late: bool = False

    @property
    def is_open(self) -> bool:
        """Whether nothing can be said of it although it may be run: it was too slow in both states, or came too late."""
        both = self.before is not None and self.after is not None and self.before.stopped and self.after.stopped
        return self.is_late or both

    @property
    def delivered_ratio(self) -> float | None:
        """Work after to before."""
        if self.before is None or self.after is None or self.before.stopped or self.after.stopped:
            return None
        return self.after.work / max(1.0, self.before.work)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one step: `kind` is create or drop, `why` holds the figures, `delivered` is None where none are."""

    step: int
    kind: str
    index: str
    table: str
    delivered: bool | None
    why: str
    queries: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Proof:
    """What was measured, on what, and what of the change is worth making."""

    how: str
    work_unit: str
    queries: tuple[QueryProof, ...]
    verdicts: tuple[Verdict, ...]
    left_out: tuple[str, ...] = ()

    @property
    def failed(self) -> tuple[Verdict, ...]:
        """What did not deliver."""
        return tuple(one for one in self.verdicts if one.delivered is False)
