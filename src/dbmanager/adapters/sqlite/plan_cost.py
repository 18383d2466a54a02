"""What a plan of SQLite costs, from its shape and the statistics it was made with: EXPLAIN QUERY PLAN tells no figure.

Loops of one level are nested in the order in which they are listed. The constants are SQLite's own (3.45, `where.c`:
`whereLoopAddBtree`, `whereRangeScanEst`): a row of a scan counts 3, a row found by an index 1 and its way to the table
3 more, a bound of a range leaves a quarter, a sort costs n log n.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dbmanager.model.queries import PlanNode

SCANNED_ROW, INDEXED_ROW, LOOKUP = 3.0, 1.0, 3.0
_USUAL_ROWS = 1_048_576.0
_RANGE_LEAVES = 0.25
_EQUAL_LEAVES = 0.1
_TERM = re.compile(r"(=|>|<)\?")
_ONCE = ("MATERIALIZE", "CO-ROUTINE", "SCALAR SUBQUERY", "LIST SUBQUERY", "SUBQUERY")


@dataclass(frozen=True, slots=True)
class Selectivities:
    """What `sqlite_stat1` says: rows by table, and by index the rows of one value of each prefix of its keys."""

    rows: Mapping[str, float]
    prefixes: Mapping[str, Sequence[float]]
    widths: Mapping[str, float]
    """By index, its entry's share of a table row's length, for covering scans."""


def plan_cost(roots: Sequence[PlanNode], known: Selectivities) -> float:
    """Return the cost of a plan; comparable between plans of one database."""
    return _level(roots, known, 1.0)[0]


def _level(nodes: Sequence[PlanNode], known: Selectivities, times: float) -> tuple[float, float]:
    """Return the cost of one level run so many times, and the rows that come out of one run."""
    cost, rows = 0.0, 1.0
    for node in nodes:
        word = node.operation
        if node.access == "sort":
            cost += times * rows * math.log2(rows + 2)
        elif node.table is not None:
            each, found = _loop(node, known)
            cost += times * rows * each + (times * _build(node, known) if _is_automatic(node) else 0.0)
            rows *= max(found, 0.1)
            cost += _level(node.children, known, times * rows)[0] if node.children else 0.0
        else:
            correlated = word.startswith("CORRELATED")
            runs = times * rows if correlated else 1.0 if word.startswith(_ONCE) else times
            inner, found = _level(node.children, known, runs)
            cost += inner
            if not correlated and word.startswith(("MATERIALIZE", "CO-ROUTINE")):
                cost += found * INDEXED_ROW
    return cost, rows


def _loop(node: PlanNode, known: Selectivities) -> tuple[float, float]:
    """Return what one run of a loop costs, and how many rows it gives."""
    total = known.rows.get(node.table or "", _USUAL_ROWS)
    seek = math.log2(total + 2)
    if node.operation == "SCAN":
        wide = known.widths.get(node.index or "", 1.0) if node.access == "index_only" else 1.0
        extra = LOOKUP if node.access == "index_scan" else 0.0
        return total * (SCANNED_ROW * wide + extra), total
    terms = _TERM.findall(node.condition or "")
    equal = sum(term == "=" for term in terms)
    bounds = len(terms) - equal
    if node.access == "primary_key":
        rows = 1.0 if equal else max(1.0, total * _RANGE_LEAVES**bounds)
        return seek + rows * INDEXED_ROW, rows
    prefixes = known.prefixes.get(node.index or "")
    skipped = (node.condition or "").count("ANY(")
    rows, seeks = total, 1.0
    if prefixes is not None and 0 < skipped <= len(prefixes):  # one search for each value of the keys before
        seeks = max(1.0, total / max(1.0, prefixes[skipped - 1]))
    if equal:
        depth = equal + skipped
        known_prefix = prefixes is not None and depth <= len(prefixes)
        rows = seeks * prefixes[depth - 1] if known_prefix and prefixes else max(1.0, total * _EQUAL_LEAVES**equal)
    rows = max(1.0, rows * _RANGE_LEAVES**bounds)
    each = INDEXED_ROW if node.access == "index_only" or _is_automatic(node) else INDEXED_ROW + LOOKUP
    return seek * seeks + rows * each, rows


def _is_automatic(node: PlanNode) -> bool:
    """Whether an index is built for this statement alone: a table is searched that is read whole."""
    return node.operation == "SEARCH" and node.access == "full_scan"


def _build(node: PlanNode, known: Selectivities) -> float:
    total = known.rows.get(node.table or "", _USUAL_ROWS)
    return total * (SCANNED_ROW + math.log2(total + 2))
