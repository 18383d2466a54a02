"""Timed samples: rounds that interleave what is compared, after a warm-up, so that load hits all of it alike."""

from __future__ import annotations

import gc
import statistics
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

FEWEST_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Series:
    """Raw samples of one thing that was measured, in the order they were taken."""

    name: str
    unit: str
    samples: tuple[float, ...]

    @property
    def minimum(self) -> float:
        """The least sample: what the work costs when nothing disturbs it."""
        return min(self.samples)

    @property
    def median(self) -> float:
        """The p50: what was usual in this run."""
        return statistics.median(self.samples)


class Sampler:
    """Collects samples by name."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], list[float]] = defaultdict(list)

    def add(self, name: str, unit: str, value: float) -> None:
        """Keep one sample, to six digits."""
        self._found[name, unit].append(float(f"{value:.6g}"))

    @contextmanager
    def time(self, name: str) -> Iterator[None]:
        """Time the block in milliseconds."""
        started = time.perf_counter()
        yield
        self.add(name, "ms", (time.perf_counter() - started) * 1000)

    @contextmanager
    def time_settled(self, name: str) -> Iterator[None]:
        """Time a long block; what was there before is kept from the collector, as the server keeps it.

        Not for blocks under some milliseconds: collecting first leaves the processor's caches cold.
        """
        gc.collect()
        gc.freeze()
        with self.time(name):
            yield
        gc.unfreeze()

    def series(self) -> tuple[Series, ...]:
        """Return everything collected, in the order it first came."""
        return tuple(Series(name, unit, tuple(samples)) for (name, unit), samples in self._found.items())


async def rounds(
    once: Callable[[Sampler], Awaitable[None]],
    *,
    warm_up: int,
    repetitions: int,
    seconds: float = 120.0,
    fewest: int = FEWEST_ROUNDS,
) -> tuple[Series, ...]:
    """Run a round `warm_up` times unrecorded, then up to `repetitions` times, and return the samples.

    Args:
        once: one round; it measures each of the compared things once.
        warm_up: rounds that fill caches and are thrown away.
        repetitions: rounds that count.
        seconds: no further round starts after this much time, but the fewest are always run.
        fewest: rounds that are run however long they take; a result needs two.
    """
    for _ in range(warm_up):
        await once(Sampler())
    kept, started = Sampler(), time.monotonic()
    for number in range(repetitions):
        if number >= fewest and time.monotonic() - started > seconds:
            break
        await once(kept)
    return kept.series()
