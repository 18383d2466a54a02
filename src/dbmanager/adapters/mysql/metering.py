"""What one execution of a read costs MySQL or MariaDB: rows asked of the storage engine, and its thread's processor time."""

from __future__ import annotations

import time

from dbmanager.adapters.facets import Metered
from dbmanager.adapters.mysql.plans import plan_cost, plan_facts, plan_roots
from dbmanager.adapters.mysql.query import LAST_COST
from dbmanager.adapters.mysql.session import Sessions
from dbmanager.adapters.mysql.wire import DriverError, Wire
from dbmanager.adapters.processor_time import is_here, processor_seconds
from dbmanager.model.queries import QueryPlan, QueryRequest

_HANDLERS = "SHOW SESSION STATUS LIKE 'Handler_read%'"
_THREADS = (
    "SELECT TID FROM information_schema.PROCESSLIST WHERE ID = CONNECTION_ID()",
    "SELECT THREAD_OS_ID FROM performance_schema.threads WHERE PROCESSLIST_ID = CONNECTION_ID()",
)
"""MariaDB's and MySQL's number of the thread in the operating system."""
_PROGRAMS = ("mariadbd", "mysqld", "connection", "one_connection", "ld-linux")
"""How threads of the server call themselves."""


async def metered(sessions: Sessions, request: QueryRequest) -> Metered:
    """Run a gated read to its end, its rows dropped as they come, and count.

    Source: MariaDB and MySQL manuals, server status variables, Handler_read_*: rows or positions asked for.
    """
    limits = request.limits
    statement = request.statement.strip().rstrip(";")
    async with (
        sessions.bounded(limits.timeout_seconds),
        sessions.reading(timeout_seconds=limits.timeout_seconds, lock_seconds=limits.lock_timeout_seconds) as raw,
    ):
        facts = plan_facts(str((await raw.fetch("EXPLAIN FORMAT=JSON " + statement))[0][0]))
        roots = plan_roots(facts)
        cost = plan_cost(facts, roots)
        if cost is None:  # older MariaDB tells it beside the plan
            cost = float((await raw.fetch(LAST_COST))[0][1]) or None
        thread = await _thread(raw) if is_here(sessions.url.host) else None
        first, before = await _read(raw), await _read(raw)
        used, began, rows = _used(thread), time.perf_counter(), 0
        await raw.begin_stream(statement)
        while await raw.next_row() is not None:
            rows += 1
        elapsed, used_after = time.perf_counter() - began, _used(thread)
        after = await _read(raw)
    is_processor_time = used is not None and used_after is not None
    return Metered(
        QueryPlan(roots, cost, True, execution_ms=elapsed * 1_000),
        rows=rows,
        work=float(max(0, after - before - (before - first))),  # looking itself reads
        seconds=used_after - used if used is not None and used_after is not None else elapsed,
        is_processor_time=is_processor_time,
    )


async def _read(raw: Wire) -> int:
    return sum(int(value) for _, value in await raw.fetch(_HANDLERS))


async def _thread(raw: Wire) -> int | None:
    for query in _THREADS:
        try:
            rows = await raw.fetch(query)
        except DriverError:  # of the other product, or nothing that this account may read
            continue
        if rows and rows[0][0] is not None:
            return int(rows[0][0])
    return None


def _used(thread: int | None) -> float | None:
    return processor_seconds(thread, _PROGRAMS) if thread is not None else None
