"""Series made of series: the rate of a counter, one figure as part of another, the mean time of a statement."""

from __future__ import annotations

from itertools import pairwise

from dbmanager.analyzers.forecasting.slope import Points


def rates(points: Points) -> list[tuple[float, float]]:
    """Return a counter's growth per second at the later of each two moments; a reset gives none."""
    return [
        (later, (new - old) / (later - earlier))
        for (earlier, old), (later, new) in pairwise(points)
        if new >= old and later > earlier
    ]


def parts(points: Points, whole: Points) -> list[tuple[float, float]]:
    """Return one figure as part of another of the same moments."""
    of = dict(whole)
    return [(time, value / of[time]) for time, value in points if of.get(time)]


def means(totals: Points, counts: Points) -> list[tuple[float, float]]:
    """Return the growth of one counter per growth of another: time per call; nothing where nothing was counted."""
    counted = {time: rate for time, rate in rates(counts) if rate > 0}
    return [(time, rate / counted[time]) for time, rate in rates(totals) if time in counted]
