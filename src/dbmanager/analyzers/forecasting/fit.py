"""A model of one figure over time: trend, week, and the interval around both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dbmanager.analyzers.forecasting.season import DAY, Season, offset, weekly
from dbmanager.analyzers.forecasting.slope import Points, Slope, theil_sen

LEAST_POINTS = 12
LEAST_DAYS = 3.0
COVERED = 0.9
"""How much of what comes the interval is meant to hold."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 90 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Fit:
    """What a history says of any time.

    Attributes:
        origin: the time of the newest point, seconds since 1970; the trend counts from there.
        below: how far values stood below trend and week, but for the lowest twentieth; at most 0.
        above: the same upwards; at least 0.
    """

    origin: float
    trend: Slope
    season: Season
    below: float
    above: float
    wander: float = 0.0
    """How far, per second ahead, the last fifth of this very history ran off what the rest of it foretold."""

    def at(self, time: float) -> Estimate:
        """Return the value expected at a time; the interval widens with the distance from the newest point."""
        ahead = abs(time - self.origin)
        middle = self.trend.at(time - self.origin) + offset(self.season, time)
        return Estimate(
            middle,
            middle + self.below - (self.trend.value - self.trend.low + self.wander) * ahead,
            middle + self.above + (self.trend.high - self.trend.value + self.wander) * ahead,
        )


def too_little(points: Points) -> str | None:
    """Return why a history is too short to tell anything from; None where it is long enough."""
    days = (points[-1][0] - points[0][0]) / DAY if points else 0.0
    if len(points) >= LEAST_POINTS and days >= LEAST_DAYS:
        return None
    return f"{len(points)} measurements over {days:.1f} days; {LEAST_POINTS} over {LEAST_DAYS:g} days are needed"


def fitted(points: Points) -> Fit | None:
    """Return the model of (seconds since 1970, value) in order of time; None where all are of one time.

    Sen's interval takes measurements for independent. What grows by steps of chance is not: each step stays. So the
    interval widens as fast as the history was seen to run off its own past.
    """
    found = _plain(points)
    early = _plain(points[: round(0.8 * len(points))]) if found is not None and len(points) >= LEAST_POINTS else None
    if found is None or early is None:
        return found
    ran_off = []
    for time, value in points[round(0.8 * len(points)) :]:
        told = early.at(time)
        if time > early.origin:
            ran_off.append(max(0.0, value - told.high, told.low - value) / (time - early.origin))
    return replace(found, wander=_quantile(sorted(ran_off), 0.95) if ran_off else 0.0)


def _plain(points: Points) -> Fit | None:
    if not points:
        return None
    origin = points[-1][0]
    shifted = [(time - origin, value) for time, value in points]
    trend = theil_sen(shifted)
    if trend is None:
        return None
    season = weekly(points, trend, origin)
    if season:  # an uneven end of the last week bends the first trend a little
        trend = theil_sen([(t, v - offset(season, t + origin)) for t, v in shifted]) or trend
    rest = sorted(v - trend.at(t) - offset(season, t + origin) for t, v in shifted)
    return Fit(origin, trend, season, min(0.0, _quantile(rest, 0.05)), max(0.0, _quantile(rest, 0.95)))


def _quantile(ordered: Sequence[float], share: float) -> float:
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
