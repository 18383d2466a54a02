"""How the load moved from snapshot to snapshot: what monitoring draws and alerts on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from dbmanager.analyzers.workload.difference import difference
from dbmanager.model.workload import Workload


@dataclass(frozen=True, slots=True)
class Point:
    """One interval between two snapshots.

    Attributes:
        until: its end.
        busy: statements that ran at once on average: their time by the interval's.
        slowest: fingerprint of the statement that took most of the time; None where nothing ran.
        was_reset: counters began anew within, so that the figures are too low.
    """

    until: dt.datetime
    seconds: float
    calls_per_second: float
    busy: float
    mean_ms: float | None
    slowest: str | None
    was_reset: bool


def history(workloads: Sequence[Workload], fingerprint: str | None = None) -> Iterator[Point]:
    """Yield a point for each interval, of one statement or of all; snapshots of one cumulative source, the oldest first.

    Moments at which nothing passed give no point.
    """
    for before, now in pairwise(workloads):
        changed = difference(before, now)
        if changed.seconds <= 0:
            continue
        statements = [s for s in changed.period.statements if fingerprint in (None, s.fingerprint)]
        calls, total = sum(s.calls for s in statements), sum(s.total_ms or 0.0 for s in statements)
        yield Point(
            now.taken_at, changed.seconds, calls / changed.seconds, total / 1000 / changed.seconds,
            total / calls if calls else None, statements[0].fingerprint if statements else None, changed.was_reset,
        )  # fmt: skip
