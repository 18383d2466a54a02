"""Keeps the figures of many moments, thinned as they grow old."""

from __future__ import annotations

import datetime as dt
import json
import time
import zlib
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

import anyio.to_thread
from sqlalchemy import delete, insert, select

from dbmanager.model.metrics import DEFINITIONS, Metric, MetricMoment
from dbmanager.services.store import Store, compact
from dbmanager.services.tables import METRIC_MOMENTS

DAY = 86_400.0
TIERS = ((DAY, 60.0), (7 * DAY, 300.0), (90 * DAY, 3_600.0), (1_100 * DAY, DAY))
"""Up to an age one moment is kept in so many seconds; what is older than the last goes."""
MOST_SHOWN = 7_000
"""More than the tiers leave."""

Series = Mapping[tuple[str, str], Sequence[tuple[float, float]]]
"""(time in seconds since 1970, value) in order of time, by name and object."""


@dataclass(frozen=True, slots=True)
class Span:
    """How much history there is."""

    moments: int
    first: dt.datetime | None
    last: dt.datetime | None


def thinned(moments: Iterable[float], at: float) -> set[float]:
    """Return which moments go: of each slot of its tier the first stays."""
    seen: set[tuple[float, int]] = set()
    gone: set[float] = set()
    for moment in sorted(moments):
        slot = next((seconds for age, seconds in TIERS if at - moment <= age), None)
        key = (slot, int(moment // slot)) if slot is not None else None
        if key is None or key in seen:
            gone.add(moment)
        else:
            seen.add(key)
    return gone


class MetricHistory:
    """Moments by connection: every minute for a day, 5 minutes for a week, an hour for 90 days, then daily."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def keep(self, connection: str, moments: Sequence[MetricMoment]) -> None:
        """Keep moments, the last in place of one of the same instant, and drop what has grown too old or dense."""
        rows = {moment.taken_at.timestamp(): packed(moment.metrics) for moment in moments}
        own = METRIC_MOMENTS.c.connection == connection
        async with self._store.write() as writing:
            await writing.execute(delete(METRIC_MOMENTS).where(own, METRIC_MOMENTS.c.taken_at.in_(rows)))
            await writing.execute(
                insert(METRIC_MOMENTS),
                [{"connection": connection, "taken_at": at, "figures": figures} for at, figures in rows.items()],
            )
            known = [row.taken_at for row in await writing.execute(select(METRIC_MOMENTS.c.taken_at).where(own))]
            # The newest stays although an older one of its minute is there: it is what alerts and people look at.
            gone = sorted(thinned(known, time.time()) - {max(known)})
            for start in range(0, len(gone), 500):
                part = gone[start : start + 500]
                await writing.execute(delete(METRIC_MOMENTS).where(own, METRIC_MOMENTS.c.taken_at.in_(part)))

    async def span(self, connection: str) -> Span:
        """Return how much is kept of a connection."""
        query = select(METRIC_MOMENTS.c.taken_at).where(METRIC_MOMENTS.c.connection == connection)
        async with self._store.read() as reading:
            times = [row.taken_at for row in await reading.execute(query)]
        edges = [dt.datetime.fromtimestamp(at, dt.UTC) for at in (min(times), max(times))] if times else [None, None]
        return Span(len(times), edges[0], edges[1])

    async def latest(self, connection: str, *, skip: int = 0) -> MetricMoment | None:
        """Return the newest moment, or one so many before it; None where there is none."""
        query = select(METRIC_MOMENTS).where(METRIC_MOMENTS.c.connection == connection)
        async with self._store.read() as reading:
            query = query.order_by(METRIC_MOMENTS.c.taken_at.desc()).offset(skip).limit(1)
            row = (await reading.execute(query)).first()
        if row is None:
            return None
        return MetricMoment(dt.datetime.fromtimestamp(row.taken_at, dt.UTC), _metrics(row.figures))

    async def series(self, connection: str, names: Iterable[str], *, since: float = 0.0) -> Series:
        """Return the named figures over time; counters as they stood, see `rates`."""
        query = select(METRIC_MOMENTS).where(
            METRIC_MOMENTS.c.connection == connection, METRIC_MOMENTS.c.taken_at >= since
        )
        async with self._store.read() as reading:
            rows = list(await reading.execute(query.order_by(METRIC_MOMENTS.c.taken_at.desc()).limit(MOST_SHOWN)))
        kept = [(row.taken_at, row.figures) for row in reversed(rows)]
        return await anyio.to_thread.run_sync(_series, kept, frozenset(names))


def _series(kept: Sequence[tuple[float, bytes]], wanted: Set[str]) -> Series:
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for at, figures in kept:
        for name, value, of in unpacked(figures):
            if name in wanted:
                found.setdefault((name, of), []).append((at, value))
    return found


def packed(metrics: Sequence[Metric]) -> bytes:
    """Return figures as they are kept."""
    return zlib.compress(compact([[m.name, m.value, m.object] for m in metrics]).encode())


def unpacked(figures: bytes) -> list[tuple[str, float, str]]:
    """Return kept figures as (name, value, object)."""
    return [(name, value, of) for name, value, of in json.loads(zlib.decompress(figures))]


def _metrics(figures: bytes) -> tuple[Metric, ...]:
    """Return kept figures; names that this version no longer knows are passed over."""
    return tuple(Metric(name, value, of) for name, value, of in unpacked(figures) if name in DEFINITIONS)
