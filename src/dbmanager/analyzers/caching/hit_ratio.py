"""How many reads a cache answers, by theory: reads and writes come at random moments (Poisson)."""

from __future__ import annotations

import math


def expected(reads: float, ttl: float, writes: float = 0.0) -> float:
    """Return the hit ratio of one key that is filled by a miss, lives `ttl`, and dies earlier at a write.

    A fill lives min(TTL, time to the next write), (1 - e^(-wT)) / w on average; reads in that time hit, and each fill
    costs one miss, so the ratio is rL / (1 + rL).

    Args:
        reads: of the key, each second.
        ttl: seconds.
        writes: that invalidate it, each second.

    Source: Jung, Berger, Balakrishnan: Modeling TTL-based Internet Caches (INFOCOM 2003), renewal argument.
    """
    if reads <= 0 or ttl <= 0:
        return 0.0
    life = ttl if writes * ttl < 1e-9 else -math.expm1(-writes * ttl) / writes
    return reads * life / (1 + reads * life)


def in_windows(reads: float, window: float) -> float:
    """Return the hit ratio of one key in a cache that is emptied every `window` seconds: 1 - (1 - e^(-rT)) / (rT).

    It is lower than that of a TTL which begins with the fill; it holds where everything is thrown away at fixed times.
    """
    asked = reads * window
    return 0.0 if asked <= 0 else 1 + math.expm1(-asked) / asked
