"""Replays reads and writes through a simulated cache; sequences are observed, or drawn from rates with a seed."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from dbmanager.model.caching import CacheCandidate, Replay

MOST_EVENTS = 4_000


@dataclass(frozen=True, slots=True)
class Event:
    """A read of one key or a write to the tables, `at` seconds after the beginning."""

    at: float
    key: str | None

    @property
    def is_write(self) -> bool:
        """Whether it is a write."""
        return self.key is None


def drawn(candidate: CacheCandidate, *, seed: int = 1, most: int = MOST_EVENTS) -> tuple[Event, ...]:
    """Return a random sequence with the candidate's rates, each key asked as often as any other.

    It ends after `most` events, which is shorter than the period that the rates are from.
    """
    chance = random.Random(seed)
    both = candidate.reads_per_second + candidate.writes_per_second
    moment, found = 0.0, []
    for _ in range(most if both else 0):
        moment += chance.expovariate(both)
        is_read = chance.random() * both < candidate.reads_per_second
        found.append(Event(moment, str(chance.randrange(max(1, candidate.keys))) if is_read else None))
    return tuple(found)


def observed(keys: Sequence[str | None], seconds: float) -> tuple[Event, ...]:
    """Return a sequence as it was observed, spread evenly over its time; None stands for a write."""
    step = seconds / len(keys) if keys else 0.0
    return tuple(Event(number * step, key) for number, key in enumerate(keys))


def simulated(fingerprint: str, events: Iterable[Event], ttl: float) -> Replay:
    """Return how many reads a cache with that TTL answers, emptied of the statement's results at each write."""
    kept: dict[str, float] = {}
    reads = hits = 0
    for event in events:
        if event.key is None:
            kept.clear()
            continue
        reads += 1
        if kept.get(event.key, -1.0) > event.at:
            hits += 1
        else:
            kept[event.key] = event.at + ttl
    return Replay(fingerprint, reads, hits, 0, hits / reads if reads else 0.0)


def paced(events: Sequence[Event], speed: float) -> Iterator[tuple[float, Event]]:
    """Yield each event with the moment at which a replay `speed` times as fast has it."""
    for event in events:
        yield event.at / speed, event
