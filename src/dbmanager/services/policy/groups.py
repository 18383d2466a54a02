"""Figures over few rows that restricted columns chose tell of a person; they are hidden."""

from __future__ import annotations

from dataclasses import replace

from dbmanager.analyzers.classification.kinds import KINDS
from dbmanager.analyzers.lineage.model import Trace
from dbmanager.model.classification import Level
from dbmanager.model.lineage import BaseColumn
from dbmanager.model.queries import Cell, QueryResult, Row

LEAST_ROWS = 5
SMALL = "[fewer than 5]"


def is_restricted(kind: str | None) -> bool:
    """Whether a masked column's kind is of the level restricted."""
    return kind is not None and kind in KINDS and KINDS[kind].level is Level.RESTRICTED


def hide_small_groups(
    result: QueryResult, traces: tuple[Trace, ...], counted: frozenset[BaseColumn], *, everywhere: bool
) -> tuple[QueryResult, dict[str, str]]:
    """Return the result with figures of small groups hidden, and which outputs they stood in.

    A figure passes when a plain count in its row shows that it is over five rows or more. This is a brake on guessing
    value by value, not a proof against it: a query can pad its groups.

    Args:
        result: what came back.
        traces: one per output.
        counted: the restricted columns that outputs count or filter by.
        everywhere: restricted columns decide which rows count at all.
    """
    touched = [at for at, trace in enumerate(traces) if _is_figure(trace) and (everywhere or trace.counted & counted)]
    if not touched:
        return result, {}
    sizes = [at for at, trace in enumerate(traces) if trace.is_count and (everywhere or not trace.counted & counted)]
    hidden: set[int] = set()

    def kept(row: Row) -> Row:
        large = any(_is_large(row[at]) for at in sizes)
        small = [
            at
            for at in touched
            if not (large and not traces[at].counted & counted) and not _passes(row[at], traces[at])
        ]
        hidden.update(small)
        return tuple(SMALL if at in small and cell is not None else cell for at, cell in enumerate(row))

    rows = tuple(kept(row) for row in result.rows)
    return replace(result, rows=rows), {result.columns[at].name: "small_group" for at in sorted(hidden)}


def _is_figure(trace: Trace) -> bool:
    """Whether an output is a figure over rows; a command's counts are traced to nothing at all."""
    return trace.aggregates or trace.is_count


def _is_large(cell: Cell) -> bool:
    return isinstance(cell, int) and not isinstance(cell, bool) and cell >= LEAST_ROWS


def _passes(cell: Cell, trace: Trace) -> bool:
    return trace.is_count and _is_large(cell)
