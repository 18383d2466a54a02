"""Rules over the steps of a plan."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dbmanager.analyzers.plans.facts import PlanRule, Seen, StatementFacts
from dbmanager.model.findings import Severity
from dbmanager.model.queries import PlanNode

MISESTIMATE, LEAST_ROWS = 10.0, 100.0
DISCARDED_RATIO, DISCARDED_ROWS = 0.9, 1_000.0
LOOPS = 100.0
BIG_TABLE_ROWS, FEW_RATIO = 10_000, 0.05
FETCHED_RATIO, FETCHED_ROWS = 0.1, 1_000.0
EXAMINED_RATIO, EXAMINED_LEAST = 10.0, 1_000.0
_INDEX = "advise_indexes with this statement; an index on the columns of the condition."
_DROP = "DROP INDEX of what was made."


def _name(node: PlanNode) -> str:
    return " ".join(part for part in (node.operation, node.table, f"by {node.index}" if node.index else None) if part)


def _misestimated(facts: StatementFacts) -> Iterator[Seen]:
    for node in facts.nodes():
        if node.rows_actual is None or node.rows_estimated is None or facts.engine == "mongodb":
            continue
        estimated = max(node.rows_estimated * (node.loops or 1), 1)
        actual = max(node.rows_actual, 1)
        ratio = max(estimated / actual, actual / estimated)
        if ratio >= MISESTIMATE and max(estimated, actual) >= LEAST_ROWS and not _is_cut(facts):
            yield Seen(
                _name(node), "Bring the statistics up to date (ANALYZE), then more of them on columns that hang together.",
                round(ratio, 1), "Statistics need no undoing; extended ones are dropped by DROP STATISTICS.",
            )  # fmt: skip
            return  # those above follow from it


def _is_cut(facts: StatementFacts) -> bool:
    return any(node.operation.upper().startswith("LIMIT") for node in facts.nodes())


def _discarding(facts: StatementFacts) -> Iterator[Seen]:
    for scan in _scans(facts):
        if scan.read is None or scan.kept is None or scan.read - scan.kept < DISCARDED_ROWS:
            continue
        ratio = 1 - scan.kept / scan.read
        if ratio >= DISCARDED_RATIO:
            yield Seen(_name(scan.node), _INDEX, round(ratio, 3), _DROP)


@dataclass(frozen=True, slots=True)
class _Scan:
    """A step that reads rows and keeps those of a condition; in total, None where the engine does not tell."""

    node: PlanNode
    read: float | None
    kept: float | None
    estimated: float | None
    is_filtered: bool


def _scans(facts: StatementFacts) -> Iterator[_Scan]:
    """Yield the steps that filter: PostgreSQL counts what passed, MariaDB what was read, MySQL has a step for each."""
    filtered = set()
    for node in facts.nodes():
        below = node.children[0] if len(node.children) == 1 else None
        if facts.engine == "mysql" and node.operation.startswith("Filter") and below is not None and below.table:
            filtered.add(id(below))
            yield _Scan(below, below.rows_actual, node.rows_actual, node.rows_estimated, True)
        elif id(node) not in filtered:
            actual, removed = node.rows_actual, node.rows_removed
            if actual is None or removed is None:
                yield _Scan(node, None, actual, node.rows_estimated, node.condition is not None)
            elif facts.engine == "mysql":
                yield _Scan(node, actual, actual - removed, node.rows_estimated, node.condition is not None)
            else:
                yield _Scan(node, actual + removed, actual, node.rows_estimated, node.condition is not None)


def _spilled(facts: StatementFacts) -> Iterator[Seen]:
    for node in facts.nodes():
        if node.spilled_bytes:
            yield Seen(
                _name(node), "Sort or join fewer columns and rows, or an index in the order wanted; else raise work_mem for this query alone (SET LOCAL).",
                node.spilled_bytes, "SET LOCAL ends with its transaction.",
            )  # fmt: skip


def _looping(facts: StatementFacts) -> Iterator[Seen]:
    for node in facts.nodes():
        times = node.loops if facts.plan.analyzed else None
        if node.access == "full_scan" and node.table and times is not None and times >= LOOPS:
            yield Seen(
                _name(node), "An index on the inner side's columns of the join, or one grouped join.", times, _DROP
            )
        elif not facts.plan.analyzed:
            yield from _expected_to_loop(node)


def _expected_to_loop(node: PlanNode) -> Iterator[Seen]:
    if node.access != "join" or "nested" not in node.operation.lower() or len(node.children) != 2:
        return
    outer, inner = node.children
    while inner.operation == "Limit" and inner.children:
        inner = inner.children[0]
    times = outer.rows_estimated
    if inner.access == "full_scan" and inner.table and times is not None and times >= LOOPS:
        yield Seen(_name(inner), "An index on the inner side's columns of the join, or one grouped join.", times, _DROP)


def _few_of_many(facts: StatementFacts) -> Iterator[Seen]:
    for scan in _scans(facts):
        table = facts.table(scan.node.table)
        if scan.node.access != "full_scan" or table is None or (table.row_estimate or 0) < BIG_TABLE_ROWS:
            continue
        rows = scan.estimated if scan.kept is None else scan.kept / (scan.node.loops or 1)
        ratio = None if rows is None else rows / (table.row_estimate or 1)
        if scan.is_filtered and ratio is not None and ratio <= FEW_RATIO:
            yield Seen(_name(scan.node), _INDEX, round(ratio, 6), _DROP)


def _fetched(facts: StatementFacts) -> Iterator[Seen]:
    for node in facts.nodes():
        fetched = node.heap_fetches or 0
        if fetched >= FETCHED_ROWS and fetched >= FETCHED_RATIO * (node.rows_actual or 0):
            yield Seen(_name(node), "VACUUM the table, so that the visibility map is up to date; then let autovacuum do it sooner.", fetched,
                       "VACUUM needs no undoing; ALTER TABLE ... RESET (autovacuum_vacuum_insert_scale_factor).")  # fmt: skip


def _temp_b_tree(facts: StatementFacts) -> Iterator[Seen]:
    for node in facts.nodes():
        if "TEMP B-TREE" in node.operation:
            yield Seen(
                node.operation,
                "An index that begins with the condition's columns and goes on in the order wanted.",
                undo=_DROP,
            )


def _automatic_index(facts: StatementFacts) -> Iterator[Seen]:
    for node in facts.nodes():
        if node.trait == "automatic index":
            table = facts.table(node.table)
            yield Seen(
                f"{table.name if table else node.table} ({node.condition})",
                "Make the index that SQLite builds anew for each run of this statement.", undo=_DROP,
            )  # fmt: skip


def _temporary(facts: StatementFacts) -> Iterator[Seen]:
    found = [node for node in facts.nodes() if node.trait == "temporary table"]
    if found:
        yield Seen(
            _name(found[0]),
            "An index whose first keys are the grouped columns; group and order by the same ones.",
            undo=_DROP,
        )


def _filesort(facts: StatementFacts) -> Iterator[Seen]:
    found = [node for node in facts.nodes() if node.trait == "filesort"]
    if found:
        yield Seen(_name(found[0]), "An index on the condition's columns followed by those of the order.", undo=_DROP)


def _collscan(facts: StatementFacts) -> Iterator[Seen]:
    for node in facts.nodes():
        if node.operation == "COLLSCAN":
            yield Seen(_name(node), _INDEX, undo="dropIndexes of what was made.")


def _sorted_in_memory(facts: StatementFacts) -> Iterator[Seen]:
    for node in facts.nodes():
        if node.operation == "SORT":
            yield Seen(
                "SORT",
                "An index with the keys of equality first, then those of the sort, then ranges.",
                undo="dropIndexes of what was made.",
            )


def _examining(facts: StatementFacts) -> Iterator[Seen]:
    for node in facts.plan.roots:
        if node.examined is not None and node.rows_actual is not None and node.examined >= EXAMINED_LEAST:
            ratio = node.examined / max(node.rows_actual, 1)
            if ratio >= EXAMINED_RATIO:
                yield Seen(_name(node), _INDEX, round(ratio, 1), "dropIndexes of what was made.")


PG, MY, LITE, MONGO = (frozenset((name,)) for name in ("postgresql", "mysql", "sqlite", "mongodb"))
_MANUAL = "https://www.postgresql.org/docs/current/"
RULES: tuple[PlanRule, ...] = (
    PlanRule("PLAN-001", Severity.MEDIUM, PG | MY, "the planner was wrong about the number of rows",
             f"our limit: a factor of {MISESTIMATE:g} over {LEAST_ROWS:g} rows; {_MANUAL}planner-stats.html",
             "The values of this run are rare ones, or a step was ended early by what stands above it.", _misestimated, MISESTIMATE),
    PlanRule("PLAN-002", Severity.MEDIUM, PG | MY, "most rows that were read are thrown away",
             f"our limit: {DISCARDED_ROWS:g} rows and more; {_MANUAL}using-explain.html",
             "Other values of the same query may keep most rows; an index slows writes.", _discarding, DISCARDED_RATIO),
    PlanRule("PLAN-003", Severity.MEDIUM, PG, "a sort or a hash did not fit into memory",
             f"any spill counts; {_MANUAL}runtime-config-resource.html#GUC-WORK-MEM",
             "A report that runs at night may well spill; memory is taken per step and per session.", _spilled, 0.0),
    PlanRule("PLAN-004", Severity.HIGH, PG | MY, "a table is read as a whole again and again",
             f"our limit: {LOOPS:g} times; {_MANUAL}using-explain.html",
             "A tiny table is read as fast as an index; estimates of the outer side may be wrong.", _looping, LOOPS),
    PlanRule("PLAN-005", Severity.MEDIUM, PG | MY, "a big table is read as a whole for few of its rows",
             f"our limit: {BIG_TABLE_ROWS:,} rows, of which this share; {_MANUAL}indexes-intro.html",
             "The number of rows is an estimate; the rows may be wanted too rarely to pay for an index.", _few_of_many, FEW_RATIO),
    PlanRule("PLAN-006", Severity.LOW, PG, "an index-only scan looks rows up in the table all the same",
             f"our limit: {FETCHED_ROWS:g} rows and a tenth; {_MANUAL}indexes-index-only-scans.html",
             "The table was written to just now, and autovacuum will come by itself.", _fetched, FETCHED_ROWS),
    PlanRule("PLAN-007", Severity.LOW, LITE, "rows are sorted or grouped in a temporary B-tree",
             "https://www.sqlite.org/eqp.html#temporary_sorting_b_trees",
             "Few rows are sorted in no time.", _temp_b_tree),
    PlanRule("PLAN-008", Severity.MEDIUM, LITE, "an index is built for this statement alone, each time",
             "https://www.sqlite.org/optoverview.html#automatic_query_time_indexes",
             "The table is tiny, or the statement runs once.", _automatic_index),
    PlanRule("PLAN-009", Severity.LOW, MY, "groups are gathered in a temporary table",
             "https://dev.mysql.com/doc/refman/8.4/en/internal-temporary-tables.html",
             "Few groups stay in memory.", _temporary),
    PlanRule("PLAN-010", Severity.LOW, MY, "rows are sorted by the server (filesort)",
             "https://dev.mysql.com/doc/refman/8.4/en/order-by-optimization.html",
             "Few rows are sorted in no time.", _filesort),
    PlanRule("PLAN-011", Severity.MEDIUM, MONGO, "the whole collection is read (COLLSCAN)",
             "https://www.mongodb.com/docs/manual/reference/explain-results/",
             "The collection is small, or most of it is wanted.", _collscan),
    PlanRule("PLAN-012", Severity.MEDIUM, MONGO, "documents are sorted in memory",
             "https://www.mongodb.com/docs/manual/tutorial/sort-results-with-indexes/",
             "Few documents are sorted in no time.", _sorted_in_memory),
    PlanRule("PLAN-013", Severity.MEDIUM, MONGO, "many documents are looked at for each that is answered",
             f"our limit, over {EXAMINED_LEAST:g} documents; https://www.mongodb.com/docs/manual/tutorial/evaluate-operation-performance/",
             "An aggregate looks at many to answer few, and rightly so.", _examining, EXAMINED_RATIO),
)  # fmt: skip
