"""Figures that a moment gets from the history before it: days until a limit, and how far statements drifted."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from statistics import median

import anyio.to_thread

from dbmanager.analyzers.forecasting.forecast import Forecast, forecast
from dbmanager.analyzers.forecasting.rates import rates
from dbmanager.analyzers.forecasting.season import DAY
from dbmanager.model.metrics import LIMITS, Metric, MetricMoment
from dbmanager.phases.optimization.outlook import HOUR, limited
from dbmanager.services.metric_history import MetricHistory, Series

EXPECTED, EARLIEST, DRIFT = "days_to_limit", "days_to_limit_earliest", "statement_drift_ratio"
LIMITED = (*LIMITS, *LIMITS.values(), "sequence_used_ratio")
LEAST_CALLS, LEAST_EXTRA_MS, LEAST_MEANS = 10, 20.0, 5
"""A mean is of ten calls, a drift costs 20 ms in all, and what is usual takes five means of the day before."""


async def foretold(
    history: MetricHistory, connection: str, before: MetricMoment | None, now: MetricMoment
) -> MetricMoment:
    """Return the moment with what the history says of it.

    Forecasts are made once in an hour of the clock, some tenths of a second a figure; in between they are carried on.
    """
    at = now.taken_at.timestamp()
    is_new_hour = before is None or before.taken_at.timestamp() // HOUR != at // HOUR
    drifted = await _drifts(history, connection, now)
    carried = [m for m in before.metrics if m.name in (EXPECTED, EARLIEST)] if before is not None else []
    if not is_new_hour:
        why = [] if carried else [(name, "it is looked at once an hour") for name in (EXPECTED, EARLIEST)]
        return _with(now, [*carried, *drifted], why)
    series = _and_now(await history.series(connection, LIMITED), now, LIMITED)
    days, known = await anyio.to_thread.run_sync(_days, series, at)
    why = [] if known else [(name, "there is too little history") for name in (EXPECTED, EARLIEST)]
    return _with(now, [*days, *drifted], why)


def _with(moment: MetricMoment, more: Sequence[Metric], why: Sequence[tuple[str, str]]) -> MetricMoment:
    return dataclasses.replace(moment, metrics=(*moment.metrics, *more), not_told=(*moment.not_told, *why))


def _and_now(series: Series, now: MetricMoment, names: Sequence[str]) -> Series:
    at = now.taken_at.timestamp()
    found = {key: [point for point in points if point[0] < at] for key, points in series.items()}
    for metric in now.metrics:
        if metric.name in names:
            found.setdefault((metric.name, metric.object), []).append((at, metric.value))
    return found


def _days(series: Series, at: float) -> tuple[list[Metric], bool]:
    """Return days until limits, expected and earliest, by figure, and whether any figure could be foretold."""
    found: list[Metric] = []
    known = False
    for name, _, points, limit in limited(series):
        told = forecast(points, limit=limit)
        if not isinstance(told, Forecast) or told.reached is None:
            continue
        known = True
        for kind, when in ((EXPECTED, told.reached.expected), (EARLIEST, told.reached.earliest)):
            if when is not None:
                found.append(Metric(kind, max(0.0, (when - at) / DAY), name))
    return found, known


async def _drifts(history: MetricHistory, connection: str, now: MetricMoment) -> list[Metric]:
    names = ("statement_ms", "statement_calls")
    if not any(metric.name == "statement_ms" for metric in now.metrics):
        return []
    series = await history.series(connection, names, since=now.taken_at.timestamp() - DAY)
    return list(drifts(_and_now(series, now, names), now.taken_at.timestamp()))


def drifts(series: Series, at: float) -> Iterator[Metric]:
    """Yield the mean time of each statement's newest calls, as a multiple of the median of its means over the day before."""
    for (name, of), totals in series.items():
        if name != "statement_ms" or not totals or totals[-1][0] != at:
            continue
        means = _means(totals, series.get(("statement_calls", of), ()))
        if len(means) > LEAST_MEANS and means[-1][0] == at:
            usual, (_, mean, calls) = median(mean for _, mean, _ in means[:-1]), means[-1]
            if usual > 0 and ((mean - usual) * calls >= LEAST_EXTRA_MS or mean <= usual):
                yield Metric(DRIFT, mean / usual, of)


def _means(
    totals: Sequence[tuple[float, float]], counts: Sequence[tuple[float, float]]
) -> list[tuple[float, float, float]]:
    """Return (time, mean, calls) of each two moments in a row between which ten calls or more were counted."""
    spans = {later: later - earlier for (earlier, _), (later, _) in itertools.pairwise(totals)}
    counted = {time: rate * spans[time] for time, rate in rates(counts) if time in spans}
    return [
        (time, rate * spans[time] / counted[time], counted[time])
        for time, rate in rates(totals)
        if counted.get(time, 0) >= LEAST_CALLS
    ]
