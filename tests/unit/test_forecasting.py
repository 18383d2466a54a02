"""Forecasts: exact on what is straight, unmoved by wild points, honest about the past and about too little of it."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dbmanager.analyzers.forecasting.forecast import Forecast, TooLittle, back_test, forecast
from dbmanager.analyzers.forecasting.rates import means, parts, rates
from dbmanager.analyzers.forecasting.season import DAY
from dbmanager.analyzers.forecasting.slope import theil_sen

START = 1_790_000_000.0
GB = 1e9


def _days(count: int, value: object, *, step: float = DAY) -> list[tuple[float, float]]:
    assert callable(value)
    return [(START + n * step, float(value(n * step / DAY))) for n in range(count)]


def _told(points: list[tuple[float, float]], **options: float) -> Forecast:
    found = forecast(points, **options)
    assert isinstance(found, Forecast), found
    return found


def test_a_straight_line_is_continued_and_reaches_its_limit_on_the_day() -> None:
    found = _told(_days(30, lambda day: GB + day * 1e7), limit=2 * GB, horizon_days=10)
    assert found.per_day.value == pytest.approx(1e7)
    assert found.ahead.value == pytest.approx(GB + 39 * 1e7)
    assert found.reached is not None
    assert found.reached.expected == pytest.approx(START + 100 * DAY, rel=1e-9)
    assert found.back_test is not None
    assert found.back_test.error_ratio == pytest.approx(0, abs=1e-9)


@given(
    st.floats(-1e6, 1e6),
    st.floats(-1e6, 1e6),
    st.lists(st.integers(0, 39), max_size=9, unique=True),
    st.floats(-1e12, 1e12),
)
def test_a_fifth_of_wild_points_does_not_move_the_slope(
    level: float, slope: float, wild: list[int], far: float
) -> None:
    points = [(float(n), level + slope * n) for n in range(40)]
    for n in wild:
        points[n] = (float(n), far)
    found = theil_sen(points)
    assert found is not None
    assert found.low <= found.value <= found.high
    clean = (40 - len(wild)) * (39 - len(wild)) / 2
    if clean > 40 * 39 / 4:  # more than half of all pairs are clean: the breakdown point of the estimator
        others = sorted((v - u) / (t - s) for i, (s, u) in enumerate(points) for t, v in points[i + 1 :])
        assert others[0] <= found.value <= others[-1]
        if not wild:
            assert found.value == pytest.approx(slope, rel=1e-6, abs=1e-6)


def test_a_third_of_wild_points_leaves_the_trend_of_the_rest() -> None:
    rng = random.Random(7)
    points = [(float(n), 100 + 3.0 * n if rng.random() > 0.25 else rng.uniform(0, 10_000)) for n in range(100)]
    found = theil_sen(points)
    assert found is not None
    assert found.value == pytest.approx(3.0, rel=0.15)


@given(st.floats(0.1, 1e3), st.floats(-1e6, 1e6), st.floats(1e-3, 1e3))
def test_units_of_value_and_time_carry_through(scale: float, shift: float, stretch: float) -> None:
    rng = random.Random(1)
    points = [(float(n), 5.0 * n + rng.gauss(0, 10)) for n in range(30)]
    one = theil_sen(points)
    other = theil_sen([(t * stretch, v * scale + shift) for t, v in points])
    assert one is not None
    assert other is not None
    assert other.value == pytest.approx(one.value * scale / stretch, rel=1e-3)


@settings(max_examples=15)
@given(st.integers(0, 10_000))
def test_intervals_hold_most_of_what_comes(seed: int) -> None:
    """Over 20 seeded histories of noise around a trend; the interval is meant to hold 90 %."""
    covered = []
    for n in range(20):
        rng = random.Random(seed * 100 + n)
        points = _days(60, lambda day, rng=rng: 1e9 + 1e7 * day + rng.gauss(0, 3e7))
        found = back_test(points)
        assert found is not None
        covered.append(found.covered_ratio)
    assert sum(covered) / len(covered) > 0.75


def test_intervals_hold_most_of_what_grows_by_steps_of_chance() -> None:
    covered = []
    for seed in range(60):
        rng, points = random.Random(seed), [(START, GB)]
        for day in range(1, 90):
            points.append((START + day * DAY, points[-1][1] + rng.expovariate(1e-7)))
        found = back_test(points)
        assert found is not None
        covered.append(found.covered_ratio)
    assert sum(covered) / len(covered) > 0.7


def test_the_week_is_learnt_from_four_weeks_on_and_not_before() -> None:
    def load(day: float) -> float:
        return 100 + (0 if (START / DAY + day + 4) % 7 < 2 else 80)

    five = _told(_days(35 * 4, load, step=DAY / 4))
    assert five.is_weekly
    assert five.back_test is not None
    assert five.back_test.error_ratio is not None
    assert five.back_test.error_ratio < 0.2
    weekend = [t for t in (five.now + n * DAY / 4 for n in range(1, 29)) if load((t - START) / DAY) == 100]
    assert weekend
    assert all(five.fit.at(t).value < 130 for t in weekend)
    assert not _told(_days(21 * 4, load, step=DAY / 4)).is_weekly


def test_noise_without_a_week_gets_none() -> None:
    rng = random.Random(3)
    found = _told(_days(60 * 4, lambda day: 100 + rng.gauss(0, 5), step=DAY / 4))
    assert not found.is_weekly


@pytest.mark.parametrize(("count", "step"), [(0, DAY), (1, DAY), (11, DAY), (200, 60.0)])
def test_too_little_history_is_said(count: int, step: float) -> None:
    found = forecast(_days(count, lambda day: day, step=step), limit=1e9)
    assert isinstance(found, TooLittle)
    assert "are needed" in found.reason
    assert str(count) in found.reason


def test_a_limit_further_than_the_history_supports_is_not_dated() -> None:
    found = _told(_days(20, lambda day: GB + day * 1_000), limit=2 * GB)
    assert found.reached is not None
    assert found.reached.expected is None
    assert found.reached.days == pytest.approx(95)


def test_what_shrinks_never_reaches_its_limit_and_what_stands_above_has() -> None:
    shrinking = _told(_days(20, lambda day: 100 - day), limit=200).reached
    assert shrinking is not None
    assert (shrinking.expected, shrinking.earliest) == (None, None)
    full = _told(_days(20, lambda day: 100 + day), limit=50).reached
    assert full is not None
    assert full.expected == START + 19 * DAY


def test_earliest_comes_before_expected_and_that_before_latest() -> None:
    rng = random.Random(5)
    found = _told(_days(60, lambda day: 1e9 + 1e7 * day + rng.gauss(0, 2e7)), limit=2e9).reached
    assert found is not None
    assert found.earliest is not None
    assert found.expected is not None
    assert found.latest is not None
    assert found.earliest < found.expected < found.latest


def test_a_change_of_pace_shows_as_past_error() -> None:
    found = _told(_days(50, lambda day: 100 + day if day < 40 else 140 + 40 * (day - 40))).back_test
    assert found is not None
    assert found.error_ratio is not None
    assert found.error_ratio > 0.3
    assert found.covered_ratio < 0.5


def test_a_counter_that_was_reset_gives_no_rate_there() -> None:
    counted = [(0.0, 10.0), (10.0, 30.0), (20.0, 5.0), (30.0, 25.0)]
    assert rates(counted) == [(10.0, 2.0), (30.0, 2.0)]
    assert means([(0, 0), (10, 100), (20, 100)], [(0, 0), (10, 50), (20, 50)]) == [(10, 2.0)]
    assert parts([(0, 5), (10, 8)], [(0, 10), (10, 0)]) == [(0, 0.5)]


@given(st.lists(st.tuples(st.floats(0, 1e7), st.floats(0, 1e15)), min_size=12, max_size=60))
def test_any_history_gives_an_answer_in_order(points: list[tuple[float, float]]) -> None:
    found = forecast(sorted(points), limit=1e15)
    if isinstance(found, Forecast):
        assert found.ahead.low <= found.ahead.value <= found.ahead.high
        assert math.isfinite(found.ahead.value)
