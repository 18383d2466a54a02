"""What was asked between two moments: counters taken from one another, resets noticed, what is new, gone or slower."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from dbmanager.model.workload import Routine, Workload, WorkloadStatement

SLOWER_RATIO = 1.5
LEAST_CALLS = 10
LEAST_EXTRA_MS = 20.0
"""A statement counts as slower when a call takes half as long again, over ten calls on both sides, and it costs time."""


@dataclass(frozen=True, slots=True)
class Slower:
    """A statement whose calls take longer than before; `extra_ms` is what that cost in the later period."""

    statement: WorkloadStatement
    before_ms: float
    now_ms: float
    extra_ms: float


@dataclass(frozen=True, slots=True)
class WorkloadDifference:
    """The later period as a workload of its own, and what changed.

    Attributes:
        period: counts between the two moments; since the reset, where the counters began anew in between.
        was_reset: the counters, or some statement's, began anew.
        new: fingerprints that were not counted before.
        gone: statements that were counted before and not in the period, the costliest before first.
    """

    period: Workload
    seconds: float
    was_reset: bool
    new: frozenset[str]
    gone: tuple[WorkloadStatement, ...]
    slower: tuple[Slower, ...]


def difference(before: Workload, now: Workload) -> WorkloadDifference:
    """Return what happened from `before` to `now`, two workloads of one source.

    Counters that fell, or that say that they began later than `before` was taken, were reset: then all that they count
    now happened since. Files are periods of their own and are compared as they are.
    """
    known = {statement.fingerprint: statement for statement in before.statements}
    restarted = now.is_cumulative and now.since is not None and now.since > before.taken_at
    goes_on = now.is_cumulative and not restarted
    base = known if goes_on else {}
    fell = any(s.fingerprint in base and s.calls < base[s.fingerprint].calls for s in now.statements)
    period = [_less(statement, base.get(statement.fingerprint)) for statement in now.statements]
    period = sorted((s for s in period if s.calls > 0), key=lambda s: (-(s.total_ms or 0.0), -s.calls, s.fingerprint))
    seen = {statement.fingerprint for statement in period}
    was_reset = restarted or fell
    taken = replace(
        now, statements=tuple(period), since=now.since if was_reset and now.since else before.taken_at,
        table_writes=_writes(before.table_writes if goes_on else {}, now.table_writes),
        routines=tuple(_routines(before if goes_on else None, now)),
        connections_opened=_fewer(now.connections_opened, before.connections_opened if goes_on else None),
    )  # fmt: skip
    begin = taken.since or before.taken_at
    gone = sorted((s for s in before.statements if s.fingerprint not in seen), key=lambda s: -(s.total_ms or 0.0))
    return WorkloadDifference(
        taken, max(0.0, (now.taken_at - begin).total_seconds()), was_reset,
        frozenset(seen - set(known)), tuple(gone), tuple(_slower(known, period)),
    )  # fmt: skip


def _less(now: WorkloadStatement, before: WorkloadStatement | None) -> WorkloadStatement:
    """Return what was counted since; all of it where the statement was not there or its counter fell."""
    if before is None or now.calls < before.calls:
        return now
    return replace(
        now, calls=now.calls - before.calls, rows=_fewer(now.rows, before.rows),
        total_ms=None if now.total_ms is None else max(0.0, now.total_ms - (before.total_ms or 0.0)),
        rows_examined=_fewer(now.rows_examined, before.rows_examined),
        blocks_hit=_fewer(now.blocks_hit, before.blocks_hit), blocks_read=_fewer(now.blocks_read, before.blocks_read),
        temporary_blocks=_fewer(now.temporary_blocks, before.temporary_blocks),
        temporary_tables=_fewer(now.temporary_tables, before.temporary_tables),
    )  # fmt: skip


def _fewer(now: int | None, before: int | None) -> int | None:
    return None if now is None else now if before is None or now < before else now - before


def _writes(before: Mapping[str, int], now: Mapping[str, int]) -> dict[str, int]:
    return {table: _fewer(count, before.get(table)) or 0 for table, count in now.items()}


def _routines(before: Workload | None, now: Workload) -> Iterator[Routine]:
    known = {routine.name: routine for routine in before.routines} if before else {}
    for routine in now.routines:
        old = known.get(routine.name)
        if old is None or routine.calls is None or old.calls is None or routine.calls < old.calls:
            yield routine
        else:
            yield replace(
                routine, calls=routine.calls - old.calls, total_ms=(routine.total_ms or 0.0) - (old.total_ms or 0.0),
                own_ms=(routine.own_ms or 0.0) - (old.own_ms or 0.0),
            )  # fmt: skip


def _slower(known: Mapping[str, WorkloadStatement], period: list[WorkloadStatement]) -> Iterator[Slower]:
    found = []
    for statement in period:
        old, now = known.get(statement.fingerprint), statement.mean_ms
        was = old.mean_ms if old else None
        if old is None or now is None or not was or min(old.calls, statement.calls) < LEAST_CALLS:
            continue
        extra = (now - was) * statement.calls
        if now >= was * SLOWER_RATIO and extra >= LEAST_EXTRA_MS:
            found.append(Slower(statement, was, now, extra))
    yield from sorted(found, key=lambda one: -one.extra_ms)
