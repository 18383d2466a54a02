"""How much of what comes lies within the intervals: on made histories, even and uneven, from a stated seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping

import pytest

from dbmanager.analyzers.forecasting.fit import COVERED, LEAST_TRIED, fitted
from dbmanager.analyzers.forecasting.forecast import Forecast, back_test, forecast
from dbmanager.analyzers.forecasting.season import DAY

SEED, PER_LENGTH, LENGTHS = "coverage", 60, (40, 60, 120, 240)
START, GB = 1_790_000_000.0, 1e9
Growth = Callable[[random.Random, int], Iterator[float]]


def _noise(rng: random.Random, days: int) -> Iterator[float]:
    yield from (GB + 1e7 * day + rng.gauss(0, 3e7) for day in range(days))


def _weekly(rng: random.Random, days: int) -> Iterator[float]:
    yield from (GB + 5e6 * day + (0 if day % 7 < 2 else 8e7) + rng.gauss(0, 1e7) for day in range(days))


def _steps(rng: random.Random, days: int) -> Iterator[float]:
    value = GB
    for _ in range(days):
        yield value
        value += rng.expovariate(1e-7)


def _rare_steps(rng: random.Random, days: int) -> Iterator[float]:
    value = GB
    for _ in range(days):
        yield value
        value += rng.expovariate(1 / 8e7) if rng.random() < 0.12 else 1e6 * rng.random()


def _purges(rng: random.Random, days: int) -> Iterator[float]:
    value = GB
    for _ in range(days):
        value += rng.expovariate(1e-7)
        if rng.random() < 0.06:
            value -= (value - 0.8 * GB) * rng.uniform(0.1, 0.5)
        yield value


def _bursts(rng: random.Random, days: int) -> Iterator[float]:
    value, left, rate = GB, 0, 0.0
    for _ in range(days):
        if left == 0 and rng.random() < 0.05:
            left, rate = rng.randint(3, 10), rng.expovariate(1 / 4e7)
        value += 1e6 * rng.random() + (rate if left else 0)
        left = max(0, left - 1)
        yield value + rng.gauss(0, 2e6)


def _turned(rng: random.Random, days: int) -> Iterator[float]:
    """Change the slope once, at any time, also within what is held out."""
    at, before, value = rng.uniform(0.1, 0.9) * days, rng.uniform(2e6, 1e7), GB
    after = before * rng.uniform(0.3, 3)
    for day in range(days):
        yield value + rng.gauss(0, 1e7)
        value += before if day < at else after


KINDS: Mapping[str, Growth] = {
    "noise": _noise, "week": _weekly, "steps": _steps, "rare_steps": _rare_steps, "purges": _purges, "bursts": _bursts,
    "turned": _turned,
}  # fmt: skip


EVEN = ("noise", "week")
"""What never runs off its line gets intervals that are wider than it needs: nothing tells it from what has not turned yet."""


def _points(kind: str, number: int, days: int) -> list[tuple[float, float]]:
    rng = random.Random(f"{SEED}-{kind}-{days}-{number}")
    return [(START + day * DAY, value) for day, value in enumerate(KINDS[kind](rng, days))]


def coverage(kind: str, days: int, count: int = PER_LENGTH) -> float:
    """Return how much of the held-out fifths of so many histories lay within their intervals."""
    found = [back_test(_points(kind, number, days)) for number in range(count)]
    return sum(one.covered_ratio for one in found if one is not None) / count


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_intervals_hold_90_of_100_within_5_however_it_grows(kind: str) -> None:
    by_length = {days: coverage(kind, days) for days in LENGTHS}
    mean = sum(by_length.values()) / len(by_length)
    print(kind, {days: round(one, 3) for days, one in by_length.items()}, round(mean, 3))
    assert mean == pytest.approx(COVERED, abs=0.07 if kind in EVEN else 0.05)
    assert min(by_length.values()) > 0.8


def test_an_interval_is_no_wider_than_it_must_be() -> None:
    """Where growth is a line without noise the interval is that line, and a noisy one stays within some times the noise."""
    line = forecast([(START + day * DAY, GB + 1e7 * day) for day in range(60)])
    assert isinstance(line, Forecast)
    assert line.ahead.high - line.ahead.low < 1e4
    noisy = forecast(_points("noise", 0, 120))
    assert isinstance(noisy, Forecast)
    assert noisy.ahead.high - noisy.ahead.low < 15 * 3e7


def test_a_trend_that_turned_is_followed_by_its_recent_part() -> None:
    points = [(START + day * DAY, GB + 1e6 * day + (9e6 * (day - 60) if day > 60 else 0)) for day in range(120)]
    found = fitted(points)
    assert found is not None
    assert found.trend.value * DAY == pytest.approx(1e7, rel=0.01)


def test_a_history_too_short_to_be_tried_on_itself_says_so() -> None:
    short, long = (forecast(_points("steps", 0, days)) for days in (LEAST_TRIED - 1, LEAST_TRIED))
    assert isinstance(short, Forecast)
    assert isinstance(long, Forecast)
    assert (short.is_tried, long.is_tried) == (False, True)
