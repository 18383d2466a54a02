"""A line over time as an SVG of its own: measurements, forecast with its interval, limit."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 300, 84, 16, 40, 36
MOST_POINTS = 240
INK, QUIET, LINE, AHEAD, STOP = "#1f2933", "#9aa5b1", "#1f6feb", "#d97706", "#c0262d"

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Chart:
    """What is drawn. Times are seconds since 1970.

    Attributes:
        band: (time, low, value, high) of the forecast, in order of time; empty without one.
        shown: writes a value of the axis.
    """

    title: str
    points: Points
    band: Sequence[tuple[float, float, float, float]] = ()
    limit: float | None = None
    shown: Callable[[float], str] = "{:,.4g}".format


def drawn(chart: Chart) -> str:
    """Return the SVG; at most 240 measurements are drawn, evenly taken, the first and the newest among them."""
    points = _few(chart.points)
    times = [t for t, _ in points] + [t for t, *_ in chart.band]
    values = [v for _, v in points] + [v for _, *rest in chart.band for v in rest]
    if chart.limit is not None:
        values.append(chart.limit)
    first, last, low, high = min(times), max(times), min(0.0, *values), max(values)
    step = _step((high - low) or 1.0)
    high = math.ceil((high or 1.0) / step) * step

    def place(time: float, value: float) -> str:
        x = LEFT + (time - first) / ((last - first) or 1) * (WIDTH - LEFT - RIGHT)
        y = HEIGHT - BOTTOM - (value - low) / ((high - low) or 1) * (HEIGHT - TOP - BOTTOM)
        return f"{x:.1f},{y:.1f}"

    parts = [*_axis(chart, low, high, step, place, first, last)]
    if chart.band:
        edge = [place(t, h) for t, _, _, h in chart.band] + [place(t, w) for t, w, _, _ in reversed(chart.band)]
        parts.append(f'<polygon class="interval" points="{" ".join(edge)}" fill="{AHEAD}" fill-opacity="0.18"/>')
        middle = " ".join(place(t, v) for t, _, v, _ in chart.band)
        parts.append(
            f'<polyline class="forecast" points="{middle}" fill="none" stroke="{AHEAD}" stroke-width="2" stroke-dasharray="6 4"/>'
        )
    line = " ".join(place(t, v) for t, v in points)
    parts.append(f'<polyline class="measured" points="{line}" fill="none" stroke="{LINE}" stroke-width="2"/>')
    if chart.limit is not None:
        start, end = place(first, chart.limit).split(","), place(last, chart.limit).split(",")
        parts.append(
            f'<line class="limit" x1="{start[0]}" y1="{start[1]}" x2="{end[0]}" y2="{end[1]}" stroke="{STOP}" stroke-width="1.5"/>'
        )
        parts.append(
            f'<text x="{WIDTH - RIGHT}" y="{float(end[1]) - 4:.1f}" text-anchor="end" fill="{STOP}">limit {escape(chart.shown(chart.limit))}</text>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" font-family="sans-serif" font-size="11">'
        f'<title>{escape(chart.title)}</title><rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>'
        f'<text x="{LEFT}" y="22" font-size="14" fill="{INK}">{escape(chart.title)}</text>{"".join(parts)}</svg>\n'
    )  # fmt: skip


def _axis(
    chart: Chart, low: float, high: float, step: float, place: Callable[[float, float], str], first: float, last: float
) -> list[str]:
    parts = []
    for number in range(math.floor(low / step), round(high / step) + 1):
        value = number * step
        if value >= low:
            y = place(first, value).split(",")[1]
            parts.append(
                f'<line x1="{LEFT}" y1="{y}" x2="{WIDTH - RIGHT}" y2="{y}" stroke="{QUIET}" stroke-opacity="0.35"/>'
            )
            parts.append(
                f'<text x="{LEFT - 6}" y="{float(y) + 4:.1f}" text-anchor="end" fill="{INK}">{escape(chart.shown(value))}</text>'
            )
    for part in range(5):
        time = first + (last - first) * part / 4
        form = "%Y-%m-%d" if last - first > 3 * 86_400 else "%m-%d %H:%M"
        x = place(time, low).split(",")[0]
        anchor = "end" if part == 4 else "middle" if part else "start"
        when = dt.datetime.fromtimestamp(time, dt.UTC).strftime(form)
        parts.append(f'<text x="{x}" y="{HEIGHT - 14}" text-anchor="{anchor}" fill="{INK}">{when}</text>')
    return parts


def _few(points: Points) -> Points:
    if len(points) <= MOST_POINTS:
        return points
    return [points[round(n * (len(points) - 1) / (MOST_POINTS - 1))] for n in range(MOST_POINTS)]


def _step(span: float) -> float:
    """Return a round distance of lines, so that four to eight of them fit."""
    rough = span / 5
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
