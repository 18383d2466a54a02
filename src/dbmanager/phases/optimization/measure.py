"""How queries run today: measured within bounds."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dbmanager.adapters.facets import Adapter
from dbmanager.errors import DbManagerError, UnsupportedCapability
from dbmanager.model.queries import QueryLimits, QueryRequest

MEASURE_LIMITS = QueryLimits(timeout_seconds=30.0)
MEASURE_SECONDS = 60.0
"""Of all queries of one call together."""
SINGLE_SCANS = ("full_scan",)


@dataclass(frozen=True, slots=True)
class Measurement:
    """One query as it ran: its work (planner cost, or thousands of VM steps on SQLite), time, full scans, indexes read."""

    query: str
    cost: float | None
    execution_ms: float | None
    full_scans: tuple[str, ...]
    problem: str = ""
    indexes: tuple[str, ...] = ()


async def measure(
    adapter: Adapter, queries: Sequence[str], problems: Mapping[int, str] | None = None
) -> tuple[Measurement, ...]:
    """Run each query within bounds and return its work and time; a query that fails says why.

    `problems` tells by position why a query is not run at all.

    Raises: UnsupportedCapability where the engine has no plans to measure.
    """
    found: list[Measurement] = []
    ends = time.monotonic() + MEASURE_SECONDS
    for number, sql in enumerate(queries):
        left = ends - time.monotonic()
        problem = (problems or {}).get(number, "") or ("" if left > 0 else "not run: the time for measuring is used up")
        if problem:
            found.append(Measurement(sql, None, None, (), problem))
            continue
        limits = replace(MEASURE_LIMITS, timeout_seconds=max(1.0, min(MEASURE_LIMITS.timeout_seconds, left)))
        try:
            plan = await adapter.query.explain(QueryRequest(sql, limits=limits), analyze=True)
        except UnsupportedCapability:
            raise
        except DbManagerError as refused:
            found.append(Measurement(sql, None, None, (), refused.sentence()))
            continue
        scans = tuple(node.table or "" for node in plan.nodes() if node.access in SINGLE_SCANS)
        used = tuple(dict.fromkeys(node.index for node in plan.nodes() if node.index))
        found.append(Measurement(sql, plan.cost, plan.execution_ms, scans, indexes=used))
    return tuple(found)
