"""Findings about a workload: repeated look-ups, connections for single statements, spills, wasted reading, slowdowns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from dbmanager.analyzers.workload.difference import WorkloadDifference
from dbmanager.analyzers.workload.gathering import reading_of
from dbmanager.model.findings import Finding, Fix, Severity
from dbmanager.model.queries import Cell
from dbmanager.model.workload import Workload, WorkloadStatement

Order = str
LOOKUP_CALLS = 50
LOOKUP_ROWS = 1.2
LOOKUP_MS = 5.0
PARENT_ROWS = 5.0
"""A parent gives at least so many rows a call, and its rows are as many as the look-ups, within a half and the double."""
STATEMENTS_A_CONNECTION = 5.0
WASTED_RATIO = 100.0
WASTED_ROWS = 10_000

_ORDERS: Mapping[Order, Callable[[WorkloadStatement], float]] = {
    "total": lambda s: s.total_ms or 0.0,
    "mean": lambda s: s.mean_ms or 0.0,
    "calls": lambda s: s.calls,
    "rows_per_call": lambda s: (s.rows or 0) / s.calls if s.calls else 0.0,
    "reads": lambda s: s.blocks_read or s.rows_examined or 0,
}


def ranked(workload: Workload, order: Order = "total") -> tuple[WorkloadStatement, ...]:
    """Return the statements by time, time a call, calls, rows a call, or what was read for them; the most first."""
    measure = _ORDERS[order]
    return tuple(sorted(workload.statements, key=lambda s: (-measure(s), -s.calls, s.fingerprint)))


def findings(workload: Workload, dialect: str, changed: WorkloadDifference | None = None) -> tuple[Finding, ...]:
    """Return what is worth knowing, the worst first; with a difference also what became slower."""
    found = [
        *_repeated(workload, dialect),
        *_chatty(workload),
        *_spilling(workload, dialect),
        *_wasted(workload, dialect),
    ]
    if changed is not None:
        found += [
            _finding("WL-005", Severity.HIGH, one.statement, dialect, "calls take longer than before",
                     {"before_ms": round(one.before_ms, 3), "now_ms": round(one.now_ms, 3), "extra_ms": round(one.extra_ms, 1)},
                     "Compare its plans; look at what changed since: data, statistics, indexes, settings, locks.")
            for one in changed.slower
        ]  # fmt: skip
    return tuple(sorted(found, key=lambda finding: (finding.severity.order, finding.id)))


def _repeated(workload: Workload, dialect: str) -> Iterator[Finding]:
    """Find look-ups of one row that follow the rows of another statement: one query and then one more for each row."""
    parents = [s for s in workload.statements if s.kind == "read" and s.rows and s.rows / s.calls >= PARENT_ROWS]
    for child in workload.statements:
        rows = None if child.rows is None else child.rows / child.calls
        if child.kind != "read" or child.calls < LOOKUP_CALLS or rows is None or rows > LOOKUP_ROWS:
            continue
        if (child.mean_ms or 0.0) > LOOKUP_MS:
            continue
        parent = _parent(child, parents)
        if parent is not None:
            yield _finding(
                "WL-001", Severity.MEDIUM, child, dialect, "looked up once for each row of another statement",
                {"calls": child.calls, "rows_per_call": round(rows, 2), "parent_calls": parent.calls, "parent_rows": parent.rows,
                 "parent": reading_of(parent.text, dialect).shown[:300]},
                "Join it to the parent, or fetch all keys in one statement (IN, = ANY, $in, MGET).",
            )  # fmt: skip


def _parent(child: WorkloadStatement, parents: Sequence[WorkloadStatement]) -> WorkloadStatement | None:
    fitting = [
        p for p in parents if p is not child and p.calls * 2 <= child.calls and 0.5 <= child.calls / (p.rows or 1) <= 2
    ]
    return min(fitting, key=lambda p: abs(child.calls - (p.rows or 0)), default=None)


def _chatty(workload: Workload) -> Iterator[Finding]:
    opened, asked = workload.connections_opened, sum(s.calls for s in workload.statements)
    if opened is not None and opened >= LOOKUP_CALLS and asked / opened < STATEMENTS_A_CONNECTION:
        yield Finding(
            "WL-002", Severity.MEDIUM, "connections", "hardly any statements for each connection opened",
            "Opening a connection costs a round trip for TLS, one for the login and a process or thread of the server.",
            "https://www.postgresql.org/docs/current/connect-estab.html",
            {"connections_opened": opened, "statements": asked}, None,
            Fix("Keep connections open: a pool in the application, or a pooler before the server."),
        )  # fmt: skip


def _spilling(workload: Workload, dialect: str) -> Iterator[Finding]:
    for one in workload.statements:
        spilled = one.temporary_blocks or one.temporary_tables
        if spilled:
            yield _finding(
                "WL-003", Severity.MEDIUM, one, dialect, "sorts or hashes on disk",
                {"temporary_blocks": one.temporary_blocks, "temporary_tables": one.temporary_tables, "calls": one.calls},
                "An index in the order wanted, fewer columns, or more memory for it (work_mem, tmp_table_size).",
            )  # fmt: skip


def _wasted(workload: Workload, dialect: str) -> Iterator[Finding]:
    for one in workload.statements:
        examined, given = one.rows_examined or 0, max(one.rows or 0, one.calls)
        if examined >= WASTED_ROWS and examined / given >= WASTED_RATIO:
            yield _finding(
                "WL-004", Severity.MEDIUM, one, dialect, "reads many rows for each that it gives",
                {"rows_examined": examined, "rows": one.rows, "calls": one.calls}, "Try an index: advise_indexes.",
            )  # fmt: skip


_WHY = {
    "WL-001": ("Each call costs a round trip whatever the statement costs (the N+1 problem).",
               "https://docs.sqlalchemy.org/en/20/glossary.html#term-N-plus-one-problem"),
    "WL-003": ("What does not fit into memory is written to disk and read again.",
               "https://www.postgresql.org/docs/current/runtime-config-resource.html#GUC-WORK-MEM"),
    "WL-004": ("Rows read and thrown away cost as much as rows that are given.",
               "https://dev.mysql.com/doc/refman/8.4/en/performance-schema-statement-summary-tables.html"),
    "WL-005": ("The same statement does more work or waits longer than before.",
               "https://www.postgresql.org/docs/current/pgstatstatements.html"),
}  # fmt: skip


def _finding(
    id_: str, severity: Severity, statement: WorkloadStatement, dialect: str, title: str, evidence: Mapping[str, Cell], advice: str
) -> Finding:  # fmt: skip
    rationale, source = _WHY[id_]
    known = {name: value for name, value in evidence.items() if value is not None}
    shown = {"statement": reading_of(statement.text, dialect).shown[:300], **known}
    return Finding(id_, severity, statement.fingerprint, title, rationale, source, shown, None, Fix(advice))
