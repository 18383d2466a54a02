"""Forecasts with intervals, the moment a limit is reached, and how wrong the same method was on what is known."""

from __future__ import annotations

from dataclasses import dataclass

from dbmanager.analyzers.forecasting.fit import Estimate, Fit, fitted, too_little
from dbmanager.analyzers.forecasting.season import DAY
from dbmanager.analyzers.forecasting.slope import Points

HELD_OUT = 0.2
FURTHEST = 5.0
"""How many times the history's own length a limit's moment is told ahead; further it would be guessed."""
MOST_DAYS = 1_825.0


@dataclass(frozen=True, slots=True)
class BackTest:
    """The last fifth of the history foretold from the rest.

    Attributes:
        error_ratio: mean of |foretold - measured| / |measured| (MAPE); None where all that was measured is 0.
        covered_ratio: part of the measurements that lay within the interval, which is meant to hold 0.9.
    """

    points: int
    days: float
    error_ratio: float | None
    covered_ratio: float


@dataclass(frozen=True, slots=True)
class Reached:
    """When a limit is reached: expected, and the earliest and latest of the interval; None is not within `days`."""

    limit: float
    days: float
    expected: float | None
    earliest: float | None
    latest: float | None


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a figure's history says of its future. Times are seconds since 1970.

    Attributes:
        per_day: the trend with its interval.
        ahead: the value after `horizon_days`.
        back_test: None where the history is too short to hold a part of it out.
    """

    history_points: int
    history_days: float
    now: float
    per_day: Estimate
    horizon_days: float
    ahead: Estimate
    is_weekly: bool
    reached: Reached | None
    back_test: BackTest | None
    fit: Fit

    @property
    def is_tried(self) -> bool:
        """Whether the interval was tried on the history itself; else it takes measurements for independent."""
        return self.fit.wander is not None


@dataclass(frozen=True, slots=True)
class TooLittle:
    """A history from which nothing is told, and why."""

    reason: str


def forecast(points: Points, *, limit: float | None = None, horizon_days: float = 30.0) -> Forecast | TooLittle:
    """Return what a history says of the days to come; too short a history is told, never guessed from.

    Args:
        points: (seconds since 1970, value) in order of time.
        limit: what must not be reached from below.
        horizon_days: how far `ahead` looks; at most as long as five histories.
    """
    why = too_little(points)
    fit = fitted(points) if why is None else None
    if fit is None:
        return TooLittle(why or "all measurements are of one moment")
    history, now = (points[-1][0] - points[0][0]) / DAY, points[-1][0]
    horizon = min(horizon_days, FURTHEST * history)
    trend = fit.trend
    return Forecast(
        len(points), history, now, Estimate(trend.value * DAY, trend.low * DAY, trend.high * DAY), horizon,
        fit.at(now + horizon * DAY), bool(fit.season), None if limit is None else reached(fit, limit, history), back_test(points), fit,
    )  # fmt: skip


def reached(fit: Fit, limit: float, history_days: float) -> Reached:
    """Return when the trend, and the edges of its interval, reach a limit. The week's pattern is in the interval."""
    days = min(FURTHEST * history_days, MOST_DAYS)
    swing = [0.0, *fit.season.values()]
    low, high = fit.paces
    middle = _when(fit, limit, fit.trend.value, 0.0, days)
    early = _when(fit, limit, high, fit.above + max(swing), days)
    late = _when(fit, limit, low, fit.below + min(swing), days)
    return Reached(limit, days, middle, early, late)


def _when(fit: Fit, limit: float, slope: float, shift: float, days: float) -> float | None:
    missing = limit - (fit.trend.level + shift)
    if missing <= 0:
        return fit.origin
    if slope <= 0 or missing / slope > days * DAY:
        return None
    return fit.origin + missing / slope


def back_test(points: Points) -> BackTest | None:
    """Return how the last fifth would have been foretold from what was before it."""
    cut = len(points) - max(2, round(HELD_OUT * len(points)))
    known, held = points[: max(0, cut)], points[max(0, cut) :]
    fit = fitted(known) if too_little(known) is None else None
    if fit is None:
        return None
    errors, inside = [], 0
    for time, value in held:
        told = fit.at(time)
        inside += told.low <= value <= told.high
        if value:
            errors.append(abs(told.value - value) / abs(value))
    mean = sum(errors) / len(errors) if errors else None
    return BackTest(len(held), (held[-1][0] - held[0][0]) / DAY, mean, inside / len(held))
