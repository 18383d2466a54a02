"""Replays reads and writes through a cache in a real, private Redis, faster than they came."""

from __future__ import annotations

import time
from collections.abc import Sequence

import anyio

from dbmanager.adapters.facets import ScratchBook
from dbmanager.analyzers.caching.replay import Event, paced, simulated
from dbmanager.model.caching import CacheCandidate, Replay

SECONDS = 4.0
"""A replay lasts about so long, whatever time the sequence is of."""
LEAST_TTL_MS = 40.0
"""A TTL that the replay's speed makes shorter than this would measure the machine's pauses."""


async def replayed(
    candidate: CacheCandidate, events: Sequence[Event], *, seconds: float = SECONDS, book: ScratchBook | None = None
) -> Replay:
    """Return what a real Redis answered of a sequence, with the keys, TTL, jitter and invalidation of the design.

    Each result kept tells how often the tables had been written, so that a stale answer is seen. By the book the folder of
    that Redis is removed also after this process was killed.

    Raises: ToolMissing when there is no redis-server or valkey-server on this machine.
    """
    from dbmanager.adapters.redis.cache import private_cache

    design = candidate.design
    length = events[-1].at if events else 0.0
    speed = max(1e-9, min(length / seconds, design.ttl_seconds * 1000 / LEAST_TTL_MS)) if length else 1.0
    reads = hits = stale = writes = 0
    spent, weights = 0.0, dict[str, int]()
    async with private_cache(
        design.generations,
        ttl_ms=design.ttl_seconds * 1000 / speed,
        jitter_ratio=design.jitter_ratio,
        lock_ms=design.lock_ms,
        book=book,
    ) as cache:
        began = anyio.current_time()
        for at, event in paced(events, speed):
            await anyio.sleep_until(began + at)
            if event.key is None:
                await cache.written(writes % len(design.generations))
                writes += 1
                continue
            reads += 1
            clock = time.perf_counter()
            key, found = await cache.get(design.pattern, event.key)
            if found is not None:
                hits += 1
                spent += time.perf_counter() - clock
                stale += int(found) != writes
            elif await cache.take_lock(key):
                await cache.keep(key, str(writes).encode())
                weights.setdefault(event.key, await cache.memory_bytes(key) or 0)
    theory = simulated(candidate.fingerprint, events, design.ttl_seconds)
    return Replay(
        candidate.fingerprint, reads, hits, stale, theory.hit_ratio, sum(weights.values()), spent / hits * 1000 if hits else None
    )  # fmt: skip
