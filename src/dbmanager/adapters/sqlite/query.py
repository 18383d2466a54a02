"""Reads on SQLite: gated, authorised, bounded, stoppable."""

from __future__ import annotations

import re
import time

from dbmanager.adapters.facets import Metered
from dbmanager.adapters.sql.bounds import BoundedRows
from dbmanager.adapters.sql.gate import parse_single_read
from dbmanager.adapters.sql.values import canonical
from dbmanager.adapters.sqlite.session import PROGRESS_STEPS, Handle, Sessions
from dbmanager.model.queries import PlanNode, QueryPlan, QueryRequest, QueryResult, ResultColumn, Row, Scalar

OWN_SECONDS = 600.0
_DETAIL = re.compile(
    r"(?P<verb>SCAN|SEARCH)\s+(?:TABLE\s+)?(?P<table>\S+)"
    r"(?:.*?USING\s+(?P<how>COVERING INDEX|INDEX|INTEGER PRIMARY KEY|PRIMARY KEY|AUTOMATIC[A-Z ]*INDEX)"
    r"\s*(?P<index>[^\s(]+)?)?"
    r"(?:\s*\((?P<condition>.*)\))?"
)


class SqliteQuery:
    """The `Query` facet."""

    work_unit = "virtual machine steps"

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def check(self, sql: str) -> None:
        """Pass one plain read; refuse everything else."""
        parse_single_read(sql, "sqlite")

    async def run(self, request: QueryRequest) -> QueryResult:
        """Return a page of rows."""
        await self.check(request.statement)
        return await self._run_ungated(request)

    async def _run_ungated(self, request: QueryRequest) -> QueryResult:
        """Run without the gate: what is left is the engine's own read-only session. For tests of that layer."""

        def work(handle: Handle) -> QueryResult:
            rows = BoundedRows(request)
            cursor = handle.raw.execute(request.statement, request.parameters)
            columns = [ResultColumn(item[0]) for item in cursor.description or ()]
            skipped = 0
            while skipped < request.offset:
                batch = cursor.fetchmany(min(1_000, request.offset - skipped))
                if not batch:
                    break
                skipped += len(batch)
            while True:
                batch = cursor.fetchmany(rows.wanted())
                if not batch or not rows.feed(batch):
                    break
            cursor.close()
            return rows.result(columns)

        limits = request.limits
        return await self._sessions.read(
            work, timeout_seconds=limits.timeout_seconds, lock_seconds=limits.lock_timeout_seconds
        )

    async def explain(self, request: QueryRequest, *, analyze: bool = False) -> QueryPlan:
        """Return SQLite's plan; `analyze` runs the statement and counts its virtual machine steps as `cost`.

        The count is in thousands of steps: a measure of work that does not depend on how busy the machine is.
        """
        await self.check(request.statement)

        def work(handle: Handle) -> QueryPlan:
            raw = handle.raw.execute("EXPLAIN QUERY PLAN " + request.statement, request.parameters).fetchall()
            nodes = _tree([(int(r[0]), int(r[1]), str(r[3])) for r in raw])
            text = "\n".join(str(r[3]) for r in raw)
            if not analyze:
                return QueryPlan(nodes, None, False, text=text)
            handle.ticks = 0
            started = time.perf_counter()
            cursor = handle.raw.execute(request.statement, request.parameters)
            produced = 0
            while batch := cursor.fetchmany(1_000):
                produced += len(batch)
            elapsed_ms = (time.perf_counter() - started) * 1_000
            steps = handle.ticks * PROGRESS_STEPS / 1_000
            return QueryPlan(nodes, steps, True, execution_ms=elapsed_ms, text=f"{text}\n{produced} rows")

        return await self._sessions.read(
            work,
            timeout_seconds=request.limits.timeout_seconds,
            lock_seconds=request.limits.lock_timeout_seconds,
        )

    async def metered(self, request: QueryRequest) -> Metered:
        """Run a read to its end and return what it cost."""
        from dbmanager.adapters.sqlite.metering import metered

        await self.check(request.statement)
        return await metered(self._sessions, request)

    async def fetch(self, sql: str, parameters: tuple[Scalar, ...] = ()) -> list[Row]:
        """Return all rows of one of our own statements."""

        def work(handle: Handle) -> list[Row]:
            return [tuple(canonical(v) for v in row) for row in handle.raw.execute(sql, parameters)]

        return await self._sessions.read(work, timeout_seconds=OWN_SECONDS)


def _tree(rows: list[tuple[int, int, str]]) -> tuple[PlanNode, ...]:
    """Build nodes from `(id, parent, detail)` rows; a child's id is greater than its parent's."""
    children: dict[int, list[tuple[int, str]]] = {}
    for id_, parent, detail in rows:
        children.setdefault(parent, []).append((id_, detail))

    def build(parent: int) -> tuple[PlanNode, ...]:
        return tuple(plan_node(detail, build(id_)) for id_, detail in children.get(parent, ()))

    return build(0)


def plan_node(detail: str, children: tuple[PlanNode, ...] = ()) -> PlanNode:
    """Return the node that one line of EXPLAIN QUERY PLAN describes."""
    match = _DETAIL.match(detail)
    if match is None or match["table"] in ("CONSTANT", "SUBQUERY"):
        access = "sort" if "TEMP B-TREE" in detail else "other"
        return PlanNode(detail, access, children=children)
    how = match["how"] or ""
    access = "full_scan" if match["verb"] == "SCAN" else "index_scan"
    if "PRIMARY KEY" in how:
        access = "primary_key"
    elif how == "COVERING INDEX":
        access = "index_only"
    elif how == "INDEX" and match["verb"] == "SCAN":
        access = "index_scan"
    elif how.startswith("AUTOMATIC"):
        access = "full_scan"  # it is built by scanning the table, for this statement only
    index = match["index"] if how in ("INDEX", "COVERING INDEX") else None
    trait = "automatic index" if how.startswith("AUTOMATIC") else None
    return PlanNode(match["verb"], access, match["table"], index, match["condition"], children=children, trait=trait)
