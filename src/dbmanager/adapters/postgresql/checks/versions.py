"""Which versions of PostgreSQL there were on a day, and whether a server is behind them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dbmanager.model.findings import FactRows, Fix, Problem, Severity

KNOWN_ON = "2026-05-14"
"""The day of the table below; renew it with the newest minor versions. Source: postgresql.org/support/versioning."""
NEWEST: Mapping[int, tuple[int, str]] = {
    18: (4, "2030-11-14"), 17: (10, "2029-11-08"), 16: (14, "2028-11-09"), 15: (18, "2027-11-11"), 14: (23, "2026-11-12"),
    13: (23, "2025-11-13"), 12: (22, "2024-11-21"), 11: (22, "2023-11-09"), 10: (23, "2022-11-10"),
}  # fmt: skip
"""Newest minor version and last day of support, by major version."""
A_YEAR_BEHIND = 4


def late(facts: FactRows) -> Iterator[Problem]:
    """Judge a server by its number and today's date; one that the table does not know is passed over."""
    for row in facts:
        major, minor = divmod(int(str(row["number"])), 10_000)
        if major not in NEWEST:
            continue
        newest, ends = NEWEST[major]
        has_ended = str(row["today"]) > ends
        if minor >= newest and not has_ended:
            continue
        severity = Severity.HIGH if has_ended else Severity.MEDIUM if newest - minor >= A_YEAR_BEHIND else None
        yield Problem(
            f"PostgreSQL {row['version']}",
            {"newest_known": f"{major}.{newest}", "table_of": KNOWN_ON, "behind": max(0, newest - minor), "supported_until": ends},
            fix=Fix(f"Install {major}.{newest} or newer and restart, nothing has to be dumped; after its last day move to a newer major version."),
            severity=severity,
        )  # fmt: skip
