"""What a database was asked: statements by fingerprint, with what they cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

StatementKind = Literal["read", "write", "other"]


@dataclass(frozen=True, slots=True)
class WorkloadStatement:
    """One statement of a workload, whatever its values, as counted since the source's counters began.

    Attributes:
        fingerprint: the same for the same statement at two moments, and for any values in it.
        text: the statement as its source gives it, never altered; its values may have been replaced by the source.
        samples: the same statement with real values, ready to be planned, the newest first; classified like rows:
            encrypted in the store, masked on the way out.
        calls: 1 for each run; as given for a query file.
        total_ms: time spent by the server; None where the source has no clock.
        rows: returned or changed.
        rows_examined: read to find them; None where the engine does not count.
        blocks_hit: pages found in the engine's cache; None where it does not count.
        temporary_tables: on disk, where the engine counts those instead of blocks.
        routine: the stored routine that runs it, where it was found in one.
        is_nested: only ever run by other statements, whose time holds its own.
    """

    fingerprint: str
    text: str
    calls: int
    total_ms: float | None = None
    rows: int | None = None
    rows_examined: int | None = None
    blocks_hit: int | None = None
    blocks_read: int | None = None
    temporary_blocks: int | None = None
    temporary_tables: int | None = None
    kind: StatementKind = "other"
    samples: tuple[str, ...] = ()
    routine: str | None = None
    is_nested: bool = False

    @property
    def mean_ms(self) -> float | None:
        """Time of one call."""
        return None if self.total_ms is None or not self.calls else self.total_ms / self.calls


@dataclass(frozen=True, slots=True)
class Routine:
    """A stored routine with what it cost.

    Attributes:
        language: `sql`, `plpgsql` ...
        arguments: names that stand for values in its body.
        calls: as counted since the source's counters began; None where they are not counted.
        total_ms: with everything that it calls.
        own_ms: without the routines that it calls.
        statements: fingerprints of the statements in its body.
    """

    name: str
    language: str
    body: str
    arguments: tuple[str, ...] = ()
    calls: int | None = None
    total_ms: float | None = None
    own_ms: float | None = None
    statements: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Workload:
    """The statements of one database, the costliest first.

    Attributes:
        source: where they were counted: `pg_stat_statements`, `performance_schema`, `profiler`, `slowlog`, `file` ...
        since: when the source's counters began; None when it does not tell.
        table_writes: rows inserted, updated and deleted by table since then, by display name.
        skipped: statements that could not be understood or read, their values folded, and why.
        routines: stored routines, with the statements found in them.
        connections_opened: since then; None where nobody counts.
        is_cumulative: whether a later one of the same source counts on; not so for files, each of a time of its own.
        notes: what makes the figures less than they seem.
    """

    source: str
    taken_at: datetime
    statements: tuple[WorkloadStatement, ...]
    since: datetime | None = None
    table_writes: Mapping[str, int] = field(default_factory=dict)
    skipped: tuple[tuple[str, str], ...] = ()
    routines: tuple[Routine, ...] = ()
    connections_opened: int | None = None
    is_cumulative: bool = True
    notes: tuple[str, ...] = ()

    @property
    def total_ms(self) -> float:
        """Time of all statements but nested ones, which their callers' time holds."""
        return sum(one.total_ms or 0.0 for one in self.statements if not one.is_nested)
