"""The week's pattern: how far each six hours of a week stand off the trend."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median

from dbmanager.analyzers.forecasting.slope import Points, Slope

DAY = 86_400.0
WEEK = 7 * DAY
BIN = DAY / 4
LEAST_WEEKS = 4

Season = Mapping[int, float]
"""Offset by the six hours of the week, the first from Thursday 0:00 UTC (where the count of seconds begins)."""


def offset(season: Season, time: float) -> float:
    """Return the pattern's offset at a time, 0 where it tells none."""
    return season.get(int(time % WEEK // BIN), 0.0)


def weekly(points: Points, trend: Slope, origin: float) -> Season:
    """Return the pattern of four weeks or more, if it would have foretold the last week better than none; else nothing.

    Args:
        points: (seconds since 1970, value) in order of time.
        trend: over seconds since `origin`.
        origin: seconds since 1970.
    """
    if not points or points[-1][0] - points[0][0] < LEAST_WEEKS * WEEK - BIN:
        return {}
    rest = [(time, value - trend.at(time - origin)) for time, value in points]
    held = points[-1][0] - WEEK
    early, late = [r for r in rest if r[0] <= held], [r for r in rest if r[0] > held]
    if not late:
        return {}
    tried = _offsets(early)
    plain = sum(abs(value) for _, value in late)
    patterned = sum(abs(value - offset(tried, time)) for time, value in late)
    return _offsets(rest) if patterned < 0.9 * plain else {}


def _offsets(rest: Points) -> Season:
    bins: dict[int, list[float]] = {}
    for time, value in rest:
        bins.setdefault(int(time % WEEK // BIN), []).append(value)
    return {number: median(values) for number, values in bins.items() if len(values) >= LEAST_WEEKS - 1}
