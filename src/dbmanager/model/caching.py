"""What is worth keeping outside of the database, how it is found again, and when it is thrown away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

CachePlace = Literal["redis", "materialized_view"]


@dataclass(frozen=True, slots=True)
class KeyDesign:
    """How one statement's results are kept in a cache beside the database.

    Attributes:
        pattern: of the keys; `{parameters}` is a hash of the values, `{generations}` the counters of the tables joined.
        generations: one counter key for each table read; a write to the table raises it, so that older results are no
            longer found and expire on their own.
        jitter_ratio: the TTL is drawn from so much around it, so that keys made together do not expire together.
        lock_ms: who misses takes a lock for so long (SET NX PX); the others wait for the result or serve themselves.
    """

    pattern: str
    generations: tuple[str, ...]
    ttl_seconds: float
    jitter_ratio: float
    lock_ms: int


@dataclass(frozen=True, slots=True)
class CacheCandidate:
    """A statement worth caching, with what that is expected to bring.

    Attributes:
        statement: with its values folded.
        keys: different parameters in the period, estimated; 1 without parameters.
        writes_per_second: to any of the tables it reads.
        hit_ratio: expected of reads and writes at random moments; more where some keys are asked more than others.
        saved_ms_per_second: of the database's time, once hits pay for the cache's own round trip.
        memory_bytes: of all keys at once; None where the size of a result can't be told.
    """

    fingerprint: str
    statement: str
    tables: tuple[str, ...]
    place: CachePlace
    reads_per_second: float
    writes_per_second: float
    mean_ms: float
    keys: int
    hit_ratio: float
    saved_ms_per_second: float
    memory_bytes: int | None
    design: KeyDesign


@dataclass(frozen=True, slots=True)
class CachingPlan:
    """Candidates, the most saving first, and what is not worth it and why (statement, reason)."""

    connection: str
    seconds: float
    staleness_seconds: float
    hit_ms: float
    candidates: tuple[CacheCandidate, ...]
    rejected: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Replay:
    """Reads of one candidate replayed: how many a cache answered, what it held at most, and how long a hit took.

    Attributes:
        simulated_ratio: of the same sequence, computed.
        stale: hits whose table had been written since they were kept: none with generations.
    """

    fingerprint: str
    reads: int
    hits: int
    stale: int
    simulated_ratio: float
    memory_bytes: int | None = None
    hit_ms: float | None = None

    @property
    def hit_ratio(self) -> float:
        """0 to 1."""
        return self.hits / self.reads if self.reads else 0.0
