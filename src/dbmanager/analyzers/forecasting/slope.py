"""A slope that a third of wild points can't move, with its interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

MOST_POINTS = 200
"""More are taken together by the median of neighbours: pairs grow with the square."""
Z_90 = 1.6449

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Slope:
    """Value per unit of time, its 90 % interval, and the value at time 0."""

    value: float
    low: float
    high: float
    level: float

    def at(self, time: float) -> float:
        """Return the line's value."""
        return self.level + self.value * time


def grouped(points: Points, most: int = MOST_POINTS) -> list[tuple[float, float]]:
    """Return at most so many points, each the median of neighbours in time."""
    size = max(1, math.ceil(len(points) / most))
    parts = [points[start : start + size] for start in range(0, len(points), size)]
    return [(median(t for t, _ in part), median(v for _, v in part)) for part in parts]


def theil_sen(points: Points, most: int = MOST_POINTS) -> Slope | None:
    """Return the median of the slopes of all pairs; None where all points are of one time.

    Source: P. K. Sen, Estimates of the regression coefficient based on Kendall's tau, JASA 63 (1968), for the interval.
    """
    few = grouped(points, most)
    slopes = sorted((v - u) / (t - s) for i, (s, u) in enumerate(few) for t, v in few[i + 1 :] if t != s)
    if not slopes:
        return None
    n, pairs = len(few), len(slopes)
    spread = Z_90 * math.sqrt(n * (n - 1) * (2 * n + 5) / 18)
    low = slopes[max(0, math.floor((pairs - spread) / 2))]
    high = slopes[min(pairs - 1, math.ceil((pairs + spread) / 2))]
    middle = median(slopes)
    return Slope(middle, min(low, middle), max(high, middle), median(v - middle * t for t, v in few))
