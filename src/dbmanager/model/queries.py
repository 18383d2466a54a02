"""Reading: what is asked, within which bounds, and what came back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

Scalar: TypeAlias = str | int | float | bool | None
"""A value as it leaves an adapter: JSON-safe. Decimals, times, UUIDs and blobs arrive as text."""
Cell: TypeAlias = "Scalar | list[Cell] | dict[str, Cell]"
Row: TypeAlias = tuple[Cell, ...]
Parameters: TypeAlias = tuple[Scalar, ...] | Mapping[str, Scalar]


@dataclass(frozen=True, slots=True)
class QueryLimits:
    """Bounds that hold for every read unless the connection's configuration narrows them."""

    max_rows: int = 1_000
    max_bytes: int = 150_000
    max_cell_bytes: int = 8_192
    timeout_seconds: float = 30.0
    lock_timeout_seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class QueryRequest:
    """One read. `offset` rows are skipped first: that is what a cursor resumes with.

    Attributes:
        statement: text in the engine's own language: SQL; one MongoDB command document as (Extended) JSON; one Redis
            command as a JSON list of its arguments.
    """

    statement: str
    parameters: tuple[Scalar, ...] = ()
    limits: QueryLimits = QueryLimits()
    offset: int = 0


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """A column of a result.

    Attributes:
        type: the engine's spelling, or empty when it does not tell.
        paths: dotted paths met below the column, on engines whose values nest.
    """

    name: str
    type: str = ""
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class QueryResult:
    """Rows within the bounds, and exactly what was left out.

    Attributes:
        truncated_by: which bound ended the result; None when it is complete.
        next_offset: where the next page starts; None when the result is complete.
        clipped_cells: how many cells were shortened to `max_cell_bytes`.
        size_bytes: the rows' size as JSON.
    """

    columns: tuple[ResultColumn, ...]
    rows: tuple[Row, ...]
    truncated_by: Literal["rows", "bytes"] | None = None
    next_offset: int | None = None
    clipped_cells: int = 0
    size_bytes: int = 0
    elapsed_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class PlanNode:
    """One step of an execution plan, engine-neutral.

    Attributes:
        operation: the engine's word (`Seq Scan`, `SCAN`, `SEARCH`).
        access: how rows are reached: `full_scan`, `index_scan`, `index_only`, `primary_key`, `sort`, `join`, `other`.
        rows_estimated: the planner's estimate; None when the engine gives none.
        rows_actual: rows really produced in total (loops included); None unless analysed.
        rows_removed: rows that a condition threw away here in total; None where the engine does not tell.
        loops: how often it was begun; None unless analysed.
        spilled_bytes: what did not fit into memory; None where the engine does not tell.
        heap_fetches: rows that an index-only scan had to look up all the same.
        examined: rows or documents that were looked at for the whole plan; None where the engine does not tell.
        trait: what the engine says besides: `automatic index`, `temporary table`, `filesort`.
    """

    operation: str
    access: str
    table: str | None = None
    index: str | None = None
    condition: str | None = None
    rows_estimated: float | None = None
    rows_actual: float | None = None
    cost: float | None = None
    time_ms: float | None = None
    children: tuple[PlanNode, ...] = ()
    rows_removed: float | None = None
    loops: float | None = None
    spilled_bytes: float | None = None
    heap_fetches: float | None = None
    examined: float | None = None
    trait: str | None = None

    def walk(self) -> list[PlanNode]:
        """Return this node and all below it, parents first."""
        found, stack = [], [self]
        while stack:
            node = stack.pop()
            found.append(node)
            stack.extend(reversed(node.children))
        return found


@dataclass(frozen=True, slots=True)
class QueryPlan:
    """How the engine would run, or ran, one statement. `cost` is in planner units, None where there are none."""

    roots: tuple[PlanNode, ...]
    cost: float | None
    analyzed: bool
    planning_ms: float | None = None
    execution_ms: float | None = None
    text: str = ""

    @property
    def work(self) -> float:
        """A figure to compare plans by where the engine gives no cost: rows looked at, loops within loops multiplied."""
        return sum(_work(root, 1.0)[0] for root in self.roots)

    def nodes(self) -> list[PlanNode]:
        """Return every node, parents first."""
        return [node for root in self.roots for node in root.walk()]


def _work(node: PlanNode, times: float) -> tuple[float, float]:
    """Return the rows that a node and those below look at in so many runs, and the rows that one run gives."""
    looked, given = 0.0, 1.0
    for child in node.children:
        each, found = _work(child, times * given if node.access == "join" else times)
        looked += each
        given = given * found if node.access == "join" else max(given, found)
    if node.table is not None:
        rows = max(1.0, node.rows_estimated or 1.0)
        weight = {"full_scan": 1.0, "index_only": 1.0}.get(node.access, 2.0)
        return looked + times * rows * weight, rows
    return looked + (times * given if node.access == "sort" else 0.0), given
