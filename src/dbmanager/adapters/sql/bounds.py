"""Collects rows within bounds and reports exactly what was left out."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from dbmanager.adapters.sql.values import canonical, clip, json_bytes
from dbmanager.model.queries import QueryRequest, QueryResult, ResultColumn, Row


@dataclass(slots=True)
class BoundedRows:
    """Feed it driver rows in order; it keeps what fits and tells when to stop reading.

    One row more than fits must be fed before the result counts as truncated, so a result that exactly fills its
    bound is reported complete. The first row of a page is always kept, whatever its size, so that a cursor advances.
    """

    request: QueryRequest
    started: float = field(default_factory=time.perf_counter)
    rows: list[Row] = field(default_factory=list)
    size_bytes: int = 2
    clipped_cells: int = 0
    truncated_by: Literal["rows", "bytes"] | None = None

    def feed(self, batch: Iterable[Iterable[object]]) -> bool:
        """Take a batch; return False once no more rows are wanted."""
        limits = self.request.limits
        for raw in batch:
            if len(self.rows) >= limits.max_rows:
                self.truncated_by = "rows"
                return False
            cells = [clip(canonical(value), limits.max_cell_bytes) for value in raw]
            row = tuple(cell for cell, _ in cells)
            size = json_bytes(row) + 1
            if self.rows and self.size_bytes + size > limits.max_bytes:
                self.truncated_by = "bytes"
                return False
            self.clipped_cells += sum(clipped for _, clipped in cells)
            self.size_bytes += size
            self.rows.append(row)
        return True

    def wanted(self) -> int:
        """How many rows to ask the engine for next, so that no batch holds much more than the bytes left."""
        left_rows = self.request.limits.max_rows - len(self.rows) + 1
        average = self.size_bytes / len(self.rows) if self.rows else self.request.limits.max_bytes / 8
        left_bytes = max(self.request.limits.max_bytes - self.size_bytes, 0)
        return max(1, min(left_rows, int(left_bytes / average) + 1, 1_000))

    def result(self, columns: Iterable[ResultColumn]) -> QueryResult:
        """Return the page with its truncation report."""
        return QueryResult(
            columns=tuple(columns),
            rows=tuple(self.rows),
            truncated_by=self.truncated_by,
            next_offset=self.request.offset + len(self.rows) if self.truncated_by else None,
            clipped_cells=self.clipped_cells,
            size_bytes=self.size_bytes,
            elapsed_seconds=time.perf_counter() - self.started,
        )
