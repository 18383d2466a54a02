"""Reads on PostgreSQL: gated, confined, streamed, bounded, stoppable."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import asyncpg

from dbmanager.adapters.facets import Metered
from dbmanager.adapters.postgresql.catalog import PACKAGE
from dbmanager.adapters.postgresql.gate import FunctionFacts, Reach, check_read
from dbmanager.adapters.postgresql.long_values import cut_statement, joined
from dbmanager.adapters.postgresql.session import OWN_SECONDS, Sessions
from dbmanager.adapters.sql.blocks import blocks
from dbmanager.adapters.sql.bounds import BoundedRows
from dbmanager.adapters.sql.values import canonical
from dbmanager.model.queries import PlanNode, QueryPlan, QueryRequest, QueryResult, ResultColumn, Row, Scalar

_ACCESS = {
    "Seq Scan": "full_scan",
    "Parallel Seq Scan": "full_scan",
    "Index Scan": "index_scan",
    "Index Only Scan": "index_only",
    "Bitmap Index Scan": "index_scan",
    "Bitmap Heap Scan": "index_scan",
    "Sort": "sort",
    "Incremental Sort": "sort",
    "Nested Loop": "join",
    "Hash Join": "join",
    "Merge Join": "join",
}


_REMOVED = ("Rows Removed by Filter", "Rows Removed by Join Filter", "Rows Removed by Index Recheck")


class PostgresQuery:
    """The `Query` facet."""

    work_unit = "buffers"

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def check(self, sql: str) -> None:
        """Pass a plain read that calls nothing with effects."""
        await check_read(sql, self._reach)

    async def _reach(self, names: Sequence[str]) -> Reach:
        """Look the names up anew each time: a function may have been replaced since."""
        async with self._sessions.reading(timeout_seconds=OWN_SECONDS, lock_seconds=5, confined=False) as raw:
            rows = await raw.fetch(blocks(PACKAGE)["reach"].sql, list(names))
        return Reach(
            tuple(FunctionFacts(*row.values()) for row in rows if row["schema"] is not None),
            frozenset(row["name"] for row in rows if row["schema"] is None),
        )

    async def run(self, request: QueryRequest) -> QueryResult:
        """Return a page of rows."""
        await self.check(request.statement)
        return await self._run_ungated(request)

    async def _run_ungated(self, request: QueryRequest) -> QueryResult:
        """Run without the gate: what is left is the engine's own read-only session. For tests of that layer."""
        limits = request.limits
        rows = BoundedRows(request)
        async with self._sessions.reading(
            timeout_seconds=limits.timeout_seconds, lock_seconds=limits.lock_timeout_seconds, confined=True
        ) as raw:
            statement = await raw.prepare(request.statement, name="")
            columns = [ResultColumn(a.name, a.type.name) for a in statement.get_attributes()]
            types = [column.type for column in columns]
            cut = cut_statement(request.statement, types, limits.max_cell_bytes)
            if cut is not None:
                statement = await raw.prepare(cut, name="")
            if not columns:
                await statement.fetch(*request.parameters)
                return rows.result(())
            cursor = await statement.cursor(*request.parameters)
            if request.offset:
                await cursor.forward(request.offset)
            while True:
                batch = await cursor.fetch(rows.wanted())
                values = (tuple(record.values()) for record in batch)
                if not batch or not rows.feed(joined(v, types) if cut is not None else v for v in values):
                    break
        return rows.result(columns)

    async def explain(self, request: QueryRequest, *, analyze: bool = False) -> QueryPlan:
        """Return the planner's plan; with `analyze` also what really happened."""
        await self.check(request.statement)
        limits = request.limits
        options = "FORMAT JSON, ANALYZE, BUFFERS" if analyze else "FORMAT JSON"
        async with self._sessions.reading(
            timeout_seconds=limits.timeout_seconds, lock_seconds=limits.lock_timeout_seconds, confined=True
        ) as raw:
            return await explained(raw, request.statement, request.parameters, options, analyze)

    async def metered(self, request: QueryRequest) -> Metered:
        """Run a read to its end and return what it cost."""
        from dbmanager.adapters.postgresql.metering import metered

        await self.check(request.statement)
        return await metered(self._sessions, request)

    async def fetch(self, sql: str, parameters: tuple[Scalar, ...] = ()) -> list[Row]:
        """Return all rows of one of our own statements."""
        async with self._sessions.reading(timeout_seconds=OWN_SECONDS, lock_seconds=5, confined=False) as raw:
            return [tuple(canonical(v) for v in row.values()) for row in await raw.fetch(sql, *parameters)]


async def explained(
    raw: asyncpg.Connection[Any], sql: str, parameters: Sequence[Scalar], options: str, analyzed: bool
) -> QueryPlan:
    """Run EXPLAIN and return its plan."""
    statement = sql.strip().rstrip(";")
    found = json.loads(await raw.fetchval(f"EXPLAIN ({options}) {statement}", *parameters))[0]
    root = plan_node(found["Plan"])
    return QueryPlan(
        (root,),
        root.cost,
        analyzed,
        planning_ms=found.get("Planning Time"),
        execution_ms=found.get("Execution Time"),
    )


def plan_node(facts: dict[str, Any]) -> PlanNode:
    """Return the node of one entry of EXPLAIN's JSON; deep plans are bounded by the statement's size."""
    loops = facts.get("Actual Loops")
    actual = facts.get("Actual Rows")
    conditions = [
        facts[key] for key in ("Index Cond", "Hash Cond", "Merge Cond", "Join Filter", "Filter") if key in facts
    ]
    kind = facts["Node Type"]
    removed = [facts[key] for key in _REMOVED if key in facts]
    return PlanNode(
        operation=kind,
        access=_ACCESS.get(kind, "other"),
        table=facts.get("Relation Name"),
        index=facts.get("Index Name"),
        condition=" and ".join(conditions) or None,
        rows_estimated=facts.get("Plan Rows"),
        rows_actual=actual * loops if actual is not None and loops is not None else None,
        cost=facts.get("Total Cost"),
        time_ms=facts["Actual Total Time"] * loops if "Actual Total Time" in facts and loops else None,
        children=tuple(plan_node(child) for child in facts.get("Plans", ())),
        rows_removed=sum(removed) * loops if removed and loops is not None else None,
        loops=loops,
        spilled_bytes=_spilled(facts),
        heap_fetches=facts.get("Heap Fetches"),
    )


def _spilled(facts: dict[str, Any]) -> float | None:
    """Return what a sort or a hash wrote to disk; an aggregate tells its disk use, a hash join its batches alone."""
    if facts.get("Sort Space Type") == "Disk":
        return float(facts["Sort Space Used"]) * 1_024
    if facts.get("Disk Usage"):
        return float(facts["Disk Usage"]) * 1_024
    batches = facts.get("Hash Batches", 1)
    return float(facts.get("Peak Memory Usage", 0)) * 1_024 * (batches - 1) if batches > 1 else None
