"""The history of figures: kept, thinned as it grows old, read as series."""

from __future__ import annotations

import datetime as dt
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbmanager.model.metrics import MetricMoment, gathered
from dbmanager.services.container import Services
from dbmanager.services.metric_history import DAY, TIERS, thinned
from tests.services.test_guards import Open

pytestmark = pytest.mark.anyio
MINUTE = 60.0


def _moment(at: float, size: float = 1.0) -> MetricMoment:
    return MetricMoment(
        dt.datetime.fromtimestamp(at, dt.UTC), gathered([("database_bytes", size), ("table_bytes", size, "t")])
    )


async def _times(services: Services) -> list[float]:
    series = await services.metrics.series("db", ["database_bytes"])
    return [at for at, _ in series.get(("database_bytes", ""), ())]


async def test_moments_come_back_as_series_in_order_of_time_and_by_object(open_services: Open) -> None:
    services, at = open_services(), time.time()
    await services.metrics.keep("db", [_moment(at - 1_000 * n, 5.0 - n) for n in range(3)])
    await services.metrics.keep("other", [_moment(at, 99)])
    series = await services.metrics.series("db", ["table_bytes"])
    assert [value for _, value in series["table_bytes", "t"]] == [3, 4, 5]
    assert set(series) == {("table_bytes", "t")}
    newest = await services.metrics.latest("db")
    assert newest is not None
    assert newest.value("database_bytes") == 5
    assert (await services.metrics.span("db")).moments == 3
    assert (await services.metrics.span("nobody")).first is None


async def test_a_year_of_moments_is_thinned_to_hours_and_days(open_services: Open) -> None:
    services, at = open_services(), time.time()
    await services.metrics.keep("db", [_moment(at - 600 * n) for n in range(6 * 24 * 120)])
    kept = await _times(services)
    ages = [at - one for one in kept]
    assert sum(1 for age in ages if age <= 6 * DAY) == pytest.approx(6 * 144, abs=2)
    assert sum(1 for age in ages if 8 * DAY < age <= 9 * DAY) == pytest.approx(24, abs=1)
    assert sum(1 for age in ages if age > 90 * DAY + 3_600) == pytest.approx(30, abs=1)
    assert max(kept) == pytest.approx(at, abs=0.01)


async def test_collecting_every_second_keeps_one_a_minute_and_the_newest(open_services: Open) -> None:
    services, at = open_services(), time.time()
    await services.metrics.keep("db", [_moment(at - n) for n in range(3_600)])
    assert 60 <= len(await _times(services)) <= 63
    assert max(await _times(services)) == pytest.approx(at, abs=0.01)


@given(st.lists(st.floats(0, 4e8), max_size=200))
def test_thinning_leaves_one_of_a_slot_loses_none_and_is_done_after_once(ages: list[float]) -> None:
    now = 1.7e9
    moments = {now - age for age in ages}
    left = moments - thinned(moments, now)
    assert thinned(left, now) == set()
    for tier, (oldest, seconds) in enumerate(TIERS):
        newest = TIERS[tier - 1][0] if tier else -1.0
        slots = {int(one // seconds) for one in moments if newest < now - one <= oldest}
        assert {int(one // seconds) for one in left if newest < now - one <= oldest} == slots
