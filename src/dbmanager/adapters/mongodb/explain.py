"""The server's explain output as a plan: its stages, and the figures that it gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dbmanager.adapters.mongodb.values import short_text
from dbmanager.model.queries import PlanNode, QueryPlan

_ACCESS = {
    "COLLSCAN": "full_scan", "IXSCAN": "index_scan", "COUNT_SCAN": "index_only", "DISTINCT_SCAN": "index_only",
    "IDHACK": "primary_key", "EXPRESS_IXSCAN": "index_scan", "EXPRESS_CLUSTERED_IXSCAN": "primary_key",
    "CLUSTERED_IXSCAN": "primary_key", "PROJECTION_COVERED": "index_only", "SORT": "sort", "SORT_MERGE": "sort",
    "TEXT_MATCH": "index_scan", "GEO_NEAR_2DSPHERE": "index_scan", "EQ_LOOKUP": "join", "NESTED_LOOP_JOIN": "join",
}  # fmt: skip
Facts = Mapping[str, Any]


def query_plan(reply: Facts, *, analyzed: bool) -> QueryPlan:
    """Return the plan of a reply to `explain`: of a find, of an aggregation's stages, or of a stand-in's.

    The cost is the server's own estimate where it gives one; mongod gives none, so with `analyzed` it is what was
    examined: keys plus documents.
    """
    planner, stats = _parts(reply)
    plan = planner.get("winningPlan", {})
    executed = stats.get("executionStages") or {}
    namespace = str(planner.get("namespace", "")).partition(".")[2] or None
    root = _node(plan.get("queryPlan", plan), executed, namespace)
    for stage in _later_stages(reply):
        root = PlanNode(operation=stage, access="join" if stage == "$lookup" else "other", children=(root,))
    examined = stats.get("totalKeysExamined", 0) + stats.get("totalDocsExamined", 0) if stats else None
    own = reply.get("postgresql", {}).get("Plan", {})
    return QueryPlan(
        (_with_totals(root, stats, own),),
        float(examined) if analyzed and examined is not None else own.get("Total Cost"),
        analyzed,
        execution_ms=stats.get("executionTimeMillis") if stats else None,
    )


def _parts(reply: Facts) -> tuple[Facts, Facts]:
    """Return `queryPlanner` and `executionStats`; an aggregation keeps them in its `$cursor` stage."""
    if "queryPlanner" in reply:
        return reply["queryPlanner"], reply.get("executionStats") or {}
    for stage in reply.get("stages", ()):
        if "$cursor" in stage:
            return stage["$cursor"].get("queryPlanner", {}), stage["$cursor"].get("executionStats") or {}
    for shard in (reply.get("shards") or {}).values():
        return _parts(shard)
    return {}, {}


def _later_stages(reply: Facts) -> Iterator[str]:
    for stage in reply.get("stages", ()):
        yield from (name for name in stage if name.startswith("$") and name != "$cursor")


def _node(plan: Facts, executed: Facts, namespace: str | None) -> PlanNode:
    stage = str(plan.get("stage", "UNKNOWN"))
    inner = [plan["inputStage"]] if "inputStage" in plan else list(plan.get("inputStages", ()))
    ran = [executed["inputStage"]] if "inputStage" in executed else list(executed.get("inputStages", ()))
    children = tuple(
        _node(part, ran[number] if number < len(ran) else {}, namespace) for number, part in enumerate(inner)
    )
    bounds = plan.get("indexBounds")
    condition = plan.get("filter") or plan.get("parsedQuery")
    return PlanNode(
        operation=stage,
        access=_ACCESS.get(stage, "other"),
        table=namespace if stage not in ("SORT", "LIMIT", "GROUP") else None,
        index=plan.get("indexName"),
        condition=_shape(bounds if bounds is not None else condition),
        rows_actual=executed.get("nReturned"),
        time_ms=executed.get("executionTimeMillisEstimate"),
        children=children,
    )


def _shape(condition: Any) -> str | None:
    """Return the fields of a condition: its values are the statement's own and need not be repeated."""
    if not condition:
        return None
    if isinstance(condition, Mapping):
        return ", ".join(str(name) for name in condition)
    return short_text(condition)[:200] if isinstance(condition, list) else "bounds"


def _with_totals(root: PlanNode, stats: Facts, own: Facts) -> PlanNode:
    return PlanNode(
        root.operation, root.access, root.table, root.index, root.condition,
        rows_estimated=own.get("Plan Rows"),
        rows_actual=root.rows_actual if root.rows_actual is not None else stats.get("nReturned"),
        cost=own.get("Total Cost"), time_ms=root.time_ms, children=root.children,
        examined=stats.get("totalDocsExamined"),
    )  # fmt: skip
