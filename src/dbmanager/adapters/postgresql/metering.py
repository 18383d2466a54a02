"""What one execution of a read costs PostgreSQL: buffers touched and the server process's own processor time."""

from __future__ import annotations

import json
from typing import Any

from dbmanager.adapters.facets import Metered
from dbmanager.adapters.postgresql.query import plan_node
from dbmanager.adapters.postgresql.session import Sessions
from dbmanager.adapters.processor_time import is_here, processor_seconds
from dbmanager.model.queries import QueryPlan, QueryRequest

_TOUCHED = (
    "Shared Hit Blocks", "Shared Read Blocks", "Local Hit Blocks", "Local Read Blocks", "Temp Read Blocks",
    "Temp Written Blocks",
)  # fmt: skip


async def metered(sessions: Sessions, request: QueryRequest) -> Metered:
    """Run a gated read once in one process, without clocks in the plan, which would cost more than what they measure.

    Source: PostgreSQL 15 manual, EXPLAIN (BUFFERS, TIMING); a node's buffers hold those of the nodes below.
    """
    limits = request.limits
    async with sessions.reading(
        timeout_seconds=limits.timeout_seconds, lock_seconds=limits.lock_timeout_seconds, confined=True
    ) as raw:
        await raw.execute("SET LOCAL max_parallel_workers_per_gather = 0")
        number = await raw.fetchval("SELECT pg_backend_pid()") if is_here(sessions.url.host) else None
        before = _used(number)
        statement = request.statement.strip().rstrip(";")
        told = await raw.fetchval(
            f"EXPLAIN (FORMAT JSON, ANALYZE, BUFFERS, TIMING OFF) {statement}", *request.parameters
        )
        after = _used(number)
    facts: dict[str, Any] = json.loads(told)[0]
    root = plan_node(facts["Plan"])
    return Metered(
        QueryPlan((root,), root.cost, True, facts.get("Planning Time"), facts.get("Execution Time")),
        rows=int(root.rows_actual or 0),
        work=float(sum(facts["Plan"].get(name, 0) for name in _TOUCHED)),
        seconds=after - before if before is not None and after is not None else facts["Execution Time"] / 1_000,
        is_processor_time=before is not None and after is not None,
    )


def _used(number: int | None) -> float | None:
    return processor_seconds(number, ("postgres",)) if number is not None else None
