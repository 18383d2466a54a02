"""An outlook as Markdown, as charts, and as the evidence of a project."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence
from typing import Any

from dbmanager.analyzers.charts.svg import Chart, drawn
from dbmanager.analyzers.describe import markdown
from dbmanager.analyzers.forecasting.fit import COVERED, LEAST_TRIED, Estimate
from dbmanager.analyzers.forecasting.forecast import Forecast, Reached, TooLittle
from dbmanager.analyzers.forecasting.season import DAY
from dbmanager.phases.optimization.outlook import Outlook
from dbmanager.services.metric_history import Span

NARROW = 0.7
"""Where less of the past lay within the intervals, they are said to have been too narrow."""
MOST_CHARTS = 12
COLUMNS = (
    "figure",
    "now",
    "per day (90 %)",
    "ahead (90 %)",
    "limit reached (earliest to latest)",
    "past error",
    "in interval",
)


def outlook_lines(connection: str, span: Span, outlooks: Sequence[Outlook]) -> list[str]:
    """Return what is known and foretold, each forecast with its own past error; too little history is said."""
    lines = [
        f"History of {connection}: {span.moments} moments"
        + (f" since {span.first:%Y-%m-%d %H:%M} UTC." if span.first else ".")
    ]
    told = [(one, one.told) for one in outlooks if isinstance(one.told, Forecast)]
    if told:
        lines += [
            "Past error: the last fifth of the history foretold from the rest, mean of |foretold - measured| / measured; "
            f"in interval: how much of it lay within, {COVERED:.0%} is meant.",
            markdown.table(COLUMNS, [_row(one, found) for one, found in told]),
        ]
    untried = [one.name for one, found in told if not found.is_tried]
    if untried:
        lines.append(
            f"Under {LEAST_TRIED} measurements intervals can't be tried on the history itself and are too narrow where growth "
            f"is uneven: {', '.join(untried)}."
        )
    narrow = [one.name for one, found in told if found.back_test is not None and found.back_test.covered_ratio < NARROW]
    if narrow:
        lines.append(
            f"Their intervals have been too narrow, so dates are less sure than they look: {', '.join(narrow)}."
        )
    silent: dict[str, list[str]] = {}
    for one in outlooks:
        if isinstance(one.told, TooLittle):
            silent.setdefault(one.told.reason, []).append(one.name)
    lines += [f"Not foretold, too little history ({why}): {', '.join(names)}." for why, names in silent.items()]
    return lines


def _row(one: Outlook, found: Forecast) -> list[str]:
    shown, test = writer(one.unit), found.back_test
    return [
        one.name + (" (weekly pattern)" if found.is_weekly else ""), shown(one.points[-1][1]), _estimate(found.per_day, shown),
        f"{found.horizon_days:.0f} d: {_estimate(found.ahead, shown)}", _reached(found.reached, shown),
        "not enough history" if test is None else "-" if test.error_ratio is None else f"{test.error_ratio:.1%}",
        "" if test is None else f"{test.covered_ratio:.0%} of {test.points}",
    ]  # fmt: skip


def _estimate(one: Estimate, shown: Callable[[float], str]) -> str:
    return f"{shown(one.value)} ({shown(one.low)} to {shown(one.high)})"


def _reached(found: Reached | None, shown: Callable[[float], str]) -> str:
    if found is None:
        return "no limit known"
    if found.earliest is None and found.expected is None:
        return f"{shown(found.limit)}: not within {found.days:.0f} days, further is not told"
    dates = [
        _date(found.expected) or "after that",
        _date(found.earliest) or "after that",
        _date(found.latest) or "after that",
    ]
    return f"{shown(found.limit)}: {dates[0]} ({dates[1]} to {dates[2]}; looked {found.days:.0f} days ahead)"


def _date(at: float | None) -> str | None:
    return None if at is None else dt.datetime.fromtimestamp(at, dt.UTC).date().isoformat()


def writer(unit: str) -> Callable[[float], str]:
    """Return what writes a value of a unit for people."""
    if unit == "bytes":
        return lambda value: ("-" if value < 0 else "") + markdown.size(abs(round(value)))
    if unit == "ratio":
        return lambda value: f"{value:.2%}"
    return lambda value: f"{value:,.4g}" + (" ms" if unit == "ms" else "")


def charts(connection: str, outlooks: Sequence[Outlook]) -> dict[str, str]:
    """Return SVGs by file name, of what has two measurements or more."""
    found: dict[str, str] = {}
    for one in [one for one in outlooks if len(one.points) > 1][:MOST_CHARTS]:
        band: list[tuple[float, float, float, float]] = []
        if isinstance(one.told, Forecast):
            for step in range(31):
                at = one.told.now + one.told.horizon_days * DAY * step / 30
                ahead = one.told.fit.at(at)
                band.append((at, ahead.low, ahead.value, ahead.high))
        near = one.limit if one.limit is not None and one.limit < 20 * max(v for _, v in one.points) else None
        name = re.sub(r"[^A-Za-z0-9_-]+", "-", f"{connection}-{one.name}").strip("-")[:100]
        found[f"{name}.svg"] = drawn(Chart(f"{connection}: {one.name}", one.points, band, near, writer(one.unit)))
    return found


def monitoring_payload(
    connection: str, lines: Sequence[str], outlooks: Sequence[Outlook], firing: Sequence[str]
) -> dict[str, Any]:
    """Return an outlook as evidence of kind `monitoring`."""
    return {
        "connection": connection, "text": "\n".join(lines), "charts": charts(connection, outlooks), "firing": list(firing),
        "foretold": [_facts(one, one.told) for one in outlooks if isinstance(one.told, Forecast)],
    }  # fmt: skip


def _facts(one: Outlook, found: Forecast) -> dict[str, Any]:
    test, reached = found.back_test, found.reached
    return {
        "name": one.name, "now": one.points[-1][1], "per_day": found.per_day.value, "limit": one.limit,
        "reached": reached and [_date(reached.expected), _date(reached.earliest), _date(reached.latest)],
        "past_error_ratio": test and test.error_ratio, "covered_ratio": test and test.covered_ratio,
    }  # fmt: skip
