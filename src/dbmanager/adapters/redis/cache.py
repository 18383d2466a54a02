"""A cache in a private Redis: results kept by key and generation, the way that plans for caching describe it."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from dbmanager.adapters.facets import ScratchBook
from dbmanager.adapters.redis.scratch import needed_server, private_server
from dbmanager.adapters.redis.session import OWN_SECONDS, Wire


class CacheAside:
    """Looks a result up by its parameters and the generations of its tables; writes raise generations.

    One round trip reads the generations, one the result; a miss is kept with a TTL and jitter under a lock.
    """

    def __init__(
        self, wire: Wire, generations: Sequence[str], *, ttl_ms: float, jitter_ratio: float, lock_ms: int
    ) -> None:
        self._wire = wire
        self._generations = tuple(generations)
        self._ttl_ms = ttl_ms
        self._jitter = jitter_ratio
        self._lock_ms = lock_ms
        self._chance = random.Random(1)

    async def get(self, pattern: str, parameters: str) -> tuple[str, bytes | None]:
        """Return the key that a result has now, and the result, None when it is not kept."""
        now = await self._wire.call("MGET", *self._generations)
        numbers = "-".join((value or b"0").decode() for value in now)
        key = pattern.replace("{parameters}", parameters).replace("{generations}", numbers)
        found = await self._wire.call("GET", key)
        return key, found if isinstance(found, bytes) else None

    async def take_lock(self, key: str) -> bool:
        """Whether this caller is the one to ask the database; the lock ends by itself."""
        return await self._wire.call("SET", f"{key}:lock", "1", "NX", "PX", self._lock_ms) is not None

    async def keep(self, key: str, result: bytes) -> None:
        """Keep a result for its TTL, up to the jitter shorter or longer, and give up the lock."""
        lives = self._ttl_ms * (1 + self._chance.uniform(-self._jitter, self._jitter))
        await self._wire.many([("SET", key, result, "PX", max(1, round(lives))), ("DEL", f"{key}:lock")])

    async def written(self, table: int) -> None:
        """Raise the generation of one of the tables: what was kept before is no longer found."""
        await self._wire.call("INCR", self._generations[table])

    async def memory_bytes(self, key: str) -> int | None:
        """Return what one key weighs."""
        found = await self._wire.call("MEMORY", "USAGE", key)
        return int(found) if found is not None else None


@asynccontextmanager
async def private_cache(
    generations: Sequence[str], *, ttl_ms: float, jitter_ratio: float, lock_ms: int, book: ScratchBook | None = None
) -> AsyncIterator[CacheAside]:
    """Yield a cache in a Redis of our own, which is gone afterwards.

    Raises: ToolMissing when there is no server program on this machine.
    """
    async with (
        private_server(needed_server("redis"), None, 0, book) as adapter,
        adapter.sessions.writing(timeout_seconds=OWN_SECONDS) as wire,
    ):
        yield CacheAside(wire, generations, ttl_ms=ttl_ms, jitter_ratio=jitter_ratio, lock_ms=lock_ms)
