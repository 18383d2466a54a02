"""Plans what to cache from what happened between two snapshots, and proves it by a replay through a real Redis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dbmanager.adapters.facets import Adapter
from dbmanager.analyzers.caching.candidates import candidate, parameters, read_facts, refusal
from dbmanager.analyzers.caching.replay import Event, drawn
from dbmanager.analyzers.describe import markdown
from dbmanager.analyzers.workload.gathering import COMMANDS, reading_of
from dbmanager.analyzers.workload.names import named
from dbmanager.errors import InvalidStatement, UnsupportedCapability
from dbmanager.model.caching import CacheCandidate, CachingPlan, Replay
from dbmanager.model.schema import DatabaseSchema
from dbmanager.model.workload import WorkloadStatement
from dbmanager.phases.optimization.kept_views import KeptView, kept_view
from dbmanager.services.cache_trials import replayed
from dbmanager.services.scratch import Scratches
from dbmanager.services.workloads import Workloads

HIT_MS = 0.3
"""A round trip to a cache in the same network, until a replay has measured one."""
MOST_CONSIDERED = 40
PROFILED_ROWS = 50_000
LEAST_SECONDS = 1.0


async def plan_caching(
    adapter: Adapter, workloads: Workloads, connection: str, before: str, now: str, *,
    staleness_seconds: float, hit_ms: float = HIT_MS,
) -> CachingPlan:  # fmt: skip
    """Return what is worth caching, by what was asked and written between two snapshots of a connection.

    Args:
        adapter: of the connection; its catalog is read, columns that parameters compare with are profiled within bounds.
        workloads: the snapshots.
        connection: its name.
        before: id of the earlier snapshot, as analyze_workload told it.
        now: id of the later one, of the same source.
        staleness_seconds: how old an answer may be, as the requirements say; 0 means that nothing may be cached.
        hit_ms: what a hit costs the application.

    Raises:
        NotFound: one of the snapshots is not there.
        InvalidStatement: they are of different sources, or no time lies between them.
        UnsupportedCapability: the engine has no statements of SQL.
    """
    if adapter.dialect in COMMANDS:
        raise UnsupportedCapability(
            "caching is planned for SQL engines; MongoDB and Redis are read by key", object_name=connection
        )
    changed = await workloads.compare(connection, before, now)
    if changed.seconds < LEAST_SECONDS:
        raise InvalidStatement(
            f"{before} and {now} are {changed.seconds:.1f} s apart: no rate can be told", object_name=now,
            hint="Take the second snapshot after some minutes of ordinary use.",
        )  # fmt: skip
    schema = await adapter.catalog.read_schema()
    considered = changed.period.statements[:MOST_CONSIDERED]
    distinct, sizes = await _distinct(adapter, schema, considered), await _row_bytes(adapter, schema)
    found: list[CacheCandidate] = []
    rejected: list[tuple[str, str]] = []
    for statement in considered:
        facts = read_facts(statement, adapter.dialect, schema, distinct, sizes)
        why = refusal(statement, adapter.dialect, facts)
        made = why if why is not None or facts is None else candidate(
            statement, facts, changed.period, changed.seconds, dialect=adapter.dialect, connection=connection,
            staleness_seconds=staleness_seconds, hit_ms=hit_ms,
        )  # fmt: skip
        if isinstance(made, CacheCandidate):
            found.append(made)
        elif made is not None:
            rejected.append((reading_of(statement.text, adapter.dialect).shown, made))
    found.sort(key=lambda one: -one.saved_ms_per_second)
    return CachingPlan(connection, changed.seconds, staleness_seconds, hit_ms, tuple(found), tuple(rejected))


async def verify_caching(
    plan: CachingPlan, scratches: Scratches, observed: Mapping[str, Sequence[Event]] | None = None, *, most: int = 3
) -> tuple[Replay, ...]:
    """Replay the best candidates through a real, private Redis; sequences are as observed, else drawn from the rates.

    Raises: ToolMissing when there is no redis-server or valkey-server on this machine.
    """
    by_key = [one for one in plan.candidates if one.place == "redis"][:most]
    async with scratches.book(plan.connection) as book:
        return tuple(
            [await replayed(one, (observed or {}).get(one.fingerprint) or drawn(one), book=book) for one in by_key]
        )


def caching_text(plan: CachingPlan, replays: Sequence[Replay] = ()) -> str:
    """Return the plan as Markdown, for an answer and for `optimization/caching/plan.md`; no values in it."""
    measured = {replay.fingerprint: replay for replay in replays}
    rows = [
        [one.fingerprint, one.place, round(one.reads_per_second, 3), round(one.writes_per_second, 4), round(one.mean_ms, 2), one.keys,
         round(one.hit_ratio, 3), round(measured[one.fingerprint].hit_ratio, 3) if one.fingerprint in measured else None,
         round(one.saved_ms_per_second, 2), markdown.size(one.memory_bytes), one.statement[:160]]
        for one in plan.candidates
    ]  # fmt: skip
    columns = [
        "",
        "where",
        "reads/s",
        "writes/s",
        "mean ms",
        "keys",
        "hits expected",
        "hits replayed",
        "saved ms/s",
        "memory",
        "statement",
    ]
    parts = [
        f"{len(plan.candidates)} statements worth caching, of {plan.seconds:,.0f} s; answers may be {plan.staleness_seconds:g} s old, "
        f"a hit costs {plan.hit_ms:g} ms.",
        *([markdown.table(columns, rows)] if rows else []),
        *[_design_text(one) for one in plan.candidates],
        *[f"Not worth it: {text[:120]} ({why})" for text, why in plan.rejected[:15]],
    ]  # fmt: skip
    return "\n".join(parts)


def views(plan: CachingPlan) -> list[tuple[CacheCandidate, KeptView]]:
    """Return the candidates that can be kept as materialized views, with what makes and refreshes each."""
    made = [(one, kept_view(one)) for one in plan.candidates if one.place == "materialized_view"]
    return [(one, view) for one, view in made if isinstance(view, KeptView)]


def view_steps(plan: CachingPlan) -> list[tuple[str, str | None, str | None]]:
    """Return `(statement, inverse, title)` of everything that makes the views."""
    return [
        (statement, undo, f"keep {one.fingerprint} as {view.name}")
        for one, view in views(plan)
        for statement, undo in view.statements
    ]


def _design_text(one: CacheCandidate) -> str:
    if one.place == "materialized_view":
        view = kept_view(one)
        if isinstance(view, str):
            return f"- {one.fingerprint}: keep it as a materialized view; {view}."
        return f"- {one.fingerprint}: keep it as {view.name}, read that instead, and {view.refresh} every {view.every_seconds:g} s."
    design = one.design
    return (
        f"- {one.fingerprint}: MGET {' '.join(design.generations)}, then GET {design.pattern}. On a miss SET …:lock NX PX {design.lock_ms}, "
        f"ask the database, SET the result PX {design.ttl_seconds * 1000:.0f} ± {design.jitter_ratio:.0%}. After each committed write "
        f"to {', '.join(one.tables)}: INCR its key."
    )


def caching_payload(plan: CachingPlan, replays: Sequence[Replay] = ()) -> dict[str, Any]:
    """Return the plan as evidence of kind `caching_plan`."""
    return {
        "connection": plan.connection, "seconds": plan.seconds, "staleness_seconds": plan.staleness_seconds,
        "candidates": [
            {"fingerprint": one.fingerprint, "statement": one.statement[:1_000], "tables": list(one.tables), "place": one.place,
             "hit_ratio": one.hit_ratio, "saved_ms_per_second": one.saved_ms_per_second, "memory_bytes": one.memory_bytes}
            for one in plan.candidates
        ],
        "replays": [{"fingerprint": one.fingerprint, "reads": one.reads, "hits": one.hits, "stale": one.stale} for one in replays],
        "refreshes": [{"every_seconds": view.every_seconds, "statement": view.refresh} for _, view in views(plan)],
        "text": caching_text(plan, replays),
    }  # fmt: skip


async def _distinct(
    adapter: Adapter, schema: DatabaseSchema, statements: Sequence[WorkloadStatement]
) -> dict[tuple[str, str], int]:
    """Return how many values the columns have that parameters compare with."""
    wanted: dict[str, set[str]] = {}
    for statement in statements if statements else ():
        text = statement.samples[0] if statement.samples else statement.text
        found = named(text, adapter.dialect, schema) if statement.kind == "read" else None
        for table, column in parameters(text, adapter.dialect, found.tables) if found else ():
            if table.is_base:
                wanted.setdefault(schema.display_name(table), set()).add(column)
    known: dict[tuple[str, str], int] = {}
    for name, columns in wanted.items():
        for profile in await adapter.statistics.profile(schema.table(name), sorted(columns), max_rows=PROFILED_ROWS):
            known[name, profile.column] = profile.distinct
    return known


async def _row_bytes(adapter: Adapter, schema: DatabaseSchema) -> dict[str, int]:
    sizes = {}
    for one in await adapter.statistics.tables():
        table = schema.find(one.table, one.schema)
        if table is not None and one.row_count and one.table_bytes:
            sizes[schema.display_name(table)] = max(1, one.table_bytes // one.row_count)
    return sizes
