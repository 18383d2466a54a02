"""A model of one figure over time: trend, week, and the interval around both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dbmanager.analyzers.forecasting.season import DAY, Season, offset, weekly
from dbmanager.analyzers.forecasting.slope import MOST_POINTS, Points, Slope, theil_sen

LEAST_POINTS = 12
LEAST_DAYS = 3.0
COVERED = 0.9
"""How much of what comes the interval is meant to hold."""
EDGE, KEPT = 0.12, 0.95
"""What is left out at each side of the residuals, and how much of what was missed by is kept within: chosen so that made
histories of seven kinds come nearest to 90 %, see tests/unit/test_forecast_coverage.py."""
ORIGINS, FIRST_ORIGIN, LAST_ORIGIN = 10, 0.25, 0.95
LEAST_TRIED, LEAST_KNOWN, LEAST_HALF = 24, 8, 6
MOST_TRIED = 80
BETTER = 0.7
"""A shorter past takes the place of the whole where it errs at most so much of what the whole does."""


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
        below: how far values stood below trend and week, but for the lowest eighth; at most 0.
        above: the same upwards; at least 0.
        wander: how far, per second ahead, this very history ran off what its own earlier parts foretold; None where it
            is too short to tell.
    """

    origin: float
    trend: Slope
    season: Season
    below: float
    above: float
    wander: float | None = None

    @property
    def paces(self) -> tuple[float, float]:
        """The slopes of the interval's edges; Sen's own where the history is too short to have been tried on itself."""
        if self.wander is None:
            return self.trend.low, self.trend.high
        return self.trend.value - self.wander, self.trend.value + self.wander

    def at(self, time: float) -> Estimate:
        """Return the value expected at a time; the interval widens with the distance from the newest point."""
        ahead, middle = abs(time - self.origin), self.middle(time)
        low, high = self.paces
        return Estimate(
            middle,
            middle + self.below - (self.trend.value - low) * ahead,
            middle + self.above + (high - self.trend.value) * ahead,
        )

    def middle(self, time: float) -> float:
        """Return the value expected at a time."""
        return self.trend.at(time - self.origin) + offset(self.season, time)


def too_little(points: Points) -> str | None:
    """Return why a history is too short to tell anything from; None where it is long enough."""
    days = (points[-1][0] - points[0][0]) / DAY if points else 0.0
    if len(points) >= LEAST_POINTS and days >= LEAST_DAYS:
        return None
    return f"{len(points)} measurements over {days:.1f} days; {LEAST_POINTS} over {LEAST_DAYS:g} days are needed"


def fitted(points: Points) -> Fit | None:
    """Return the model of (seconds since 1970, value) in order of time; None where all are of one time.

    Sen's interval takes measurements for independent. What grows by steps of chance is not: each step stays. So the
    interval widens as fast as the history was seen to run off its own past, by split-conformal intervals with rolling
    origins: ten earlier parts of the history foretell what came after, and all but one in twenty of what they
    missed by, per time ahead, lies within.

    Source: V. Vovk, A. Gammerman, G. Shafer, Algorithmic Learning in a Random World (2005), 4.1, inductive conformal.
    """
    found = _recent(points)
    if found is None or len(points) < LEAST_TRIED:
        return found
    return replace(found, wander=_wander(points))


def _wander(points: Points) -> float | None:
    missed: list[tuple[float, float]] = []
    lengths = {
        round(len(points) * (FIRST_ORIGIN + (LAST_ORIGIN - FIRST_ORIGIN) * n / (ORIGINS - 1))) for n in range(ORIGINS)
    }
    for length in sorted(one for one in lengths if one >= LEAST_KNOWN):
        early = _recent(points[:length], MOST_TRIED)
        later = [point for point in _few(points[length:]) if early is not None and point[0] > early.origin]
        for time, value in later:
            assert early is not None
            off = value - early.middle(time)
            missed.append((max(0.0, off - early.above, early.below - off) / (time - early.origin), 1 / len(later)))
    return _weighted_quantile(missed, KEPT) if missed else None


def _recent(points: Points, most: int = MOST_POINTS) -> Fit | None:
    """Return the model of all points, or of their last half or quarter where that would have foretold the last fifth far better.

    A trend that has turned is followed so, sooner than all points together would turn it.
    """
    whole = _plain(points, most)
    cut = round(0.8 * len(points))
    late = _few(points[cut:])
    if whole is None or len(points) < LEAST_TRIED:
        return whole
    tried = {}
    for part in (1, 2, 4):
        begin = len(points) - len(points) // part
        if cut - begin > LEAST_HALF and (fit := _plain(points[begin:cut], MOST_TRIED)) is not None:
            tried[part] = sum(abs(value - fit.middle(time)) for time, value in late)
    best = min(tried, key=lambda part: tried[part], default=1)
    if best == 1 or tried[best] >= BETTER * tried[1]:
        return whole
    return _plain(points[len(points) - len(points) // best :], most) or whole


def _plain(points: Points, most: int = MOST_POINTS) -> Fit | None:
    if not points:
        return None
    origin = points[-1][0]
    shifted = [(time - origin, value) for time, value in points]
    trend = theil_sen(shifted, most)
    if trend is None:
        return None
    season = weekly(points, trend, origin)
    if season:  # an uneven end of the last week bends the first trend a little
        trend = theil_sen([(t, v - offset(season, t + origin)) for t, v in shifted], most) or trend
    rest = sorted(v - trend.at(t) - offset(season, t + origin) for t, v in shifted)
    return Fit(origin, trend, season, min(0.0, _quantile(rest, EDGE)), max(0.0, _quantile(rest, 1 - EDGE)))


def _few(points: Points) -> Points:
    return points if len(points) <= MOST_TRIED else points[:: -(-len(points) // MOST_TRIED)]


def _weighted_quantile(pairs: Sequence[tuple[float, float]], share: float) -> float:
    """Return the least value that such a share of the weight does not exceed."""
    left = share * sum(weight for _, weight in pairs)
    for value, weight in sorted(pairs):
        left -= weight
        if left <= 0:
            return value
    return max(value for value, _ in pairs)


def _quantile(ordered: Sequence[float], share: float) -> float:
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
