"""How rows become problems: each row is one, with a fix written for its object."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from dbmanager.adapters import counters
from dbmanager.adapters.row_problems import each_row
from dbmanager.adapters.sql.row_findings import flagged
from dbmanager.model.findings import FactRows, Fix, Problem

__all__ = ["COUNTERS", "LOCK_WAITS", "MYSQL", "Counters", "counted", "each_row", "flagged"]

MYSQL = frozenset({"mysql"})
COUNTERS = "SHOW GLOBAL STATUS"
"""Names the facts of one row: every counter and every setting of the server, by its name in small letters."""
LOCK_WAITS = "facts:lock_waits"
HOUR = 3_600


class Counters(counters.Counters):
    """The server's counters and settings."""

    @property
    def hours(self) -> float:
        """For how long has been counted, an hour at least, so that a young server is not extrapolated."""
        seconds = self["uptime_since_flush_status"] or self["uptime"]
        return max(seconds, HOUR) / HOUR


def counted(
    about: str,
    is_wrong: Callable[[Counters], bool],
    advice: str,
    shows: str = "",
    statement: str = "",
    inverse: str = "",
) -> Callable[[FactRows], Iterator[Problem]]:
    """Return a judge over the counters; `shows` names those that are the evidence, beside since when they count."""

    def judge(facts: FactRows) -> Iterator[Problem]:
        for row in facts:
            if is_wrong(Counters(row)):
                shown = {
                    name: row.get(name)
                    for name in [*shows.split(), "uptime_since_flush_status", "uptime"]
                    if name in row
                }
                undo = inverse.format_map({name: str(value) for name, value in row.items()}) if inverse else ""
                yield Problem(about, shown, fix=Fix(advice, (statement,) if statement else (), (undo,) if undo else ()))

    return judge
