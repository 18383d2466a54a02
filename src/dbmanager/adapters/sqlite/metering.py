"""What one execution of a read costs SQLite: virtual machine steps, and the processor time of the thread that runs it."""

from __future__ import annotations

import time

from dbmanager.adapters.facets import Metered
from dbmanager.adapters.sqlite.query import _tree
from dbmanager.adapters.sqlite.session import PROGRESS_STEPS, Handle, Sessions
from dbmanager.model.queries import QueryPlan, QueryRequest

STEPS = 50
"""Steps between counts; a statement of fewer counts as so many."""


async def metered(sessions: Sessions, request: QueryRequest) -> Metered:
    """Run a gated read to its end and count."""

    def work(handle: Handle) -> Metered:
        raw = handle.raw.execute("EXPLAIN QUERY PLAN " + request.statement, request.parameters).fetchall()
        handle.raw.set_progress_handler(handle.watch, STEPS)
        try:
            handle.ticks = rows = 0
            began = time.thread_time()
            cursor = handle.raw.execute(request.statement, request.parameters)
            while batch := cursor.fetchmany(1_000):
                rows += len(batch)
            spent = time.thread_time() - began
            steps = (handle.ticks + 1) * STEPS
        finally:
            handle.raw.set_progress_handler(handle.watch, PROGRESS_STEPS)
        nodes = _tree([(int(r[0]), int(r[1]), str(r[3])) for r in raw])
        plan = QueryPlan(nodes, None, True, execution_ms=spent * 1_000, text="\n".join(str(r[3]) for r in raw))
        return Metered(plan, rows, float(steps), spent, True)

    limits = request.limits
    return await sessions.read(work, timeout_seconds=limits.timeout_seconds, lock_seconds=limits.lock_timeout_seconds)
