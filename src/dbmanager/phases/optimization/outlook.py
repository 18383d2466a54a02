"""Tells where a database is going by its kept figures: growth, what runs out and when, statements that drift."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import anyio.to_thread

from dbmanager.analyzers.forecasting.forecast import Forecast, TooLittle, forecast
from dbmanager.analyzers.forecasting.rates import means
from dbmanager.model.metrics import LIMITS
from dbmanager.services.metric_history import MetricHistory, Series

OUTLOOK = (
    "database_bytes", "disk_limit_bytes", "connections_used", "connections_max", "memory_bytes", "memory_limit_bytes",
    "sequence_used_ratio", "table_bytes", "table_rows", "statement_ms", "statement_calls",
)  # fmt: skip
MOST_OF_A_KIND = 5
HOUR = 3_600.0


@dataclass(frozen=True, slots=True)
class Outlook:
    """One figure's history and what it says; `name` tells the figure and its object."""

    name: str
    unit: str
    points: Sequence[tuple[float, float]]
    limit: float | None
    told: Forecast | TooLittle


async def outlook(history: MetricHistory, connection: str, *, horizon_days: float = 30.0) -> tuple[Outlook, ...]:
    """Return the outlook of every figure that is forecast; those that run out within the interval first.

    Thinking takes some tenths of a second a figure; it is done in a thread.
    """
    series = await history.series(connection, OUTLOOK)
    return await anyio.to_thread.run_sync(_all, series, horizon_days)


def _all(series: Series, horizon_days: float) -> tuple[Outlook, ...]:
    made = [
        Outlook(name, unit, points, limit, forecast(points, limit=limit, horizon_days=horizon_days))
        for name, unit, points, limit in _subjects(series)
    ]
    return tuple(sorted(made, key=_urgency))


Subject = tuple[str, str, Sequence[tuple[float, float]], float | None]
"""Name, unit, points and limit of what is forecast."""


def limited(series: Series) -> Iterator[Subject]:
    """Yield what can run out: figures whose limit is kept beside them, and the fullest sequences."""
    for name, limit_name in LIMITS.items():
        points, limits = series.get((name, ""), ()), series.get((limit_name, ""), ())
        if points:
            unit = "connections" if name == "connections_used" else "bytes"
            yield name, unit, peaks(points) if unit == "connections" else points, limits[-1][1] if limits else None
    for of, points in _largest(series, "sequence_used_ratio"):
        yield f"sequence_used_ratio {of}", "ratio", points, 1.0


def _subjects(series: Series) -> Iterator[Subject]:
    yield from limited(series)
    sizes = _largest(series, "table_bytes")
    for of, points in sizes or _largest(series, "table_rows"):
        yield f"{'table_bytes' if sizes else 'table_rows'} {of}", "bytes" if sizes else "rows", points, None
    for of, points in _largest(series, "statement_ms"):
        yield f"statement_mean_ms {of}", "ms", means(points, series.get(("statement_calls", of), ())), None


def _largest(series: Series, name: str) -> list[tuple[str, Sequence[tuple[float, float]]]]:
    found = [(of, points) for (figure, of), points in series.items() if figure == name]
    return sorted(found, key=lambda one: (-one[1][-1][1], one[0]))[:MOST_OF_A_KIND]


def peaks(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the highest value of each hour: what saturates is a peak, not a mean."""
    slots: dict[int, tuple[float, float]] = {}
    for time, value in points:
        slot = int(time // HOUR)
        if slot not in slots or value > slots[slot][1]:
            slots[slot] = (time, value)
    return [slots[slot] for slot in sorted(slots)]


def _urgency(one: Outlook) -> tuple[int, float]:
    if isinstance(one.told, TooLittle):
        return 2, 0.0
    found = one.told.reached
    when = None if found is None else found.earliest
    return (1, 0.0) if when is None else (0, when)


def by_name(outlooks: Sequence[Outlook]) -> Mapping[str, Outlook]:
    """Return outlooks by their name."""
    return {one.name: one for one in outlooks}
