"""PostgreSQL's plan told as MongoDB tells plans: stages, index, documents; only what the engine said.

The engine's own plan is kept under `postgresql`. It does not say how many index keys were examined.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

Plan = dict[str, Any]
SCAN = "DocumentDBApiExplainQueryScan"
STAGES = {"Sort": "SORT", "Incremental Sort": "SORT", "Aggregate": "GROUP", "Limit": "LIMIT", "Result": "PROJECTION"}


def explained(value: str, *, analyzed: bool) -> dict[str, Any]:
    """Return the answer to `explain` from `EXPLAIN (FORMAT JSON)`."""
    found = json.loads(value)[0]
    top = found["Plan"]
    scans = [node for node in _nodes(top) if "namespaceName" in node]
    answer: dict[str, Any] = {
        "explainVersion": "1",
        "queryPlanner": {"namespace": scans[0]["namespaceName"] if scans else "", "winningPlan": _stage(top)},
    }
    if analyzed:
        answer["executionStats"] = {
            "executionSuccess": True, "nReturned": int(top["Actual Rows"]),
            "executionTimeMillis": round(found["Execution Time"]),
            "totalDocsExamined": int(sum(_examined(node) for node in _nodes(top))),
        }  # fmt: skip
    return {**answer, "postgresql": found, "ok": 1.0}


def _nodes(plan: Plan) -> Iterator[Plan]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _nodes(inner)


def _stage(plan: Plan) -> Plan:
    if plan.get("Custom Plan Provider") == SCAN:
        return _scan(plan)
    stage: Plan = {"stage": STAGES.get(plan["Node Type"], plan["Node Type"].upper().replace(" ", "_"))}
    inner = [_stage(part) for part in plan.get("Plans", ())]
    return {**stage, **({"inputStage": inner[0]} if len(inner) == 1 else {"inputStages": inner} if inner else {})}


def _scan(plan: Plan) -> Plan:
    """Return an index scan; one over all of `_id_` without bounds reads the whole collection."""
    bounded = [index for index in plan.get("IndexDetails", ()) if "indexBounds" in index]
    if not bounded:
        return {"stage": "COLLSCAN"}
    index = bounded[0]
    keys = {
        "keyPattern": json.loads(index["indexKey"]), "indexName": index["indexName"],
        "isMultiKey": index["isMultiKey"], "indexBounds": index["indexBounds"],
    }  # fmt: skip
    return {"stage": "FETCH", "inputStage": {"stage": "IXSCAN", **keys}}


def _examined(plan: Plan) -> float:
    """Return how many documents a node took from the collection's table."""
    if "Relation Name" not in plan:
        return 0
    removed = plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
    return float((plan["Actual Rows"] + removed) * plan["Actual Loops"])
