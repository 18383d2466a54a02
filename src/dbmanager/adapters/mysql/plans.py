"""EXPLAIN FORMAT=JSON of MySQL (both of its shapes) and MariaDB as plan nodes."""

from __future__ import annotations

import json
import re
from typing import Any

from dbmanager.model.queries import PlanNode

_TABLE_ACCESS = {
    "ALL": "full_scan",
    "index": "index_scan",
    "range": "index_scan",
    "ref": "index_scan",
    "ref_or_null": "index_scan",
    "eq_ref": "index_scan",
    "const": "index_scan",
    "system": "full_scan",
    "fulltext": "index_scan",
    "index_merge": "index_scan",
    "unique_subquery": "index_scan",
    "index_subquery": "index_scan",
}
_STEP_ACCESS = {"table": "full_scan", "index": "index_scan", "sort": "sort", "join": "join"}
_INNER = ("query_block", "filesort", "ordering_operation", "grouping_operation", "duplicates_removal",
          "read_sorted_file", "materialized", "materialized_from_subquery", "buffer_result", "window_functions_computation",
          "expression_cache", "block-nl-join", "optimized_away_subqueries", "having_subqueries", "windowing", "insert_from")  # fmt: skip
_LISTS = ("nested_loop", "query_specifications", "subqueries", "attached_subqueries", "select_list_subqueries",
          "group_by_subqueries", "order_by_subqueries", "having_subqueries", "optimized_away_subqueries", "windows")  # fmt: skip


_TEXT = re.compile(r'^(\s*"[\w-]+": )"(.*)"(,?)$', re.M)


def plan_facts(text: str) -> dict[str, Any]:
    """Return the JSON of EXPLAIN; MariaDB writes conditions into it as SQL has them, one a line, quotes and all."""
    try:
        found: dict[str, Any] = json.loads(text, strict=False)
    except ValueError:
        found = json.loads(_TEXT.sub(lambda match: f"{match[1]}{json.dumps(match[2])}{match[3]}", text), strict=False)
    return found


def plan_roots(found: dict[str, Any]) -> tuple[PlanNode, ...]:
    """Return the plan's top nodes."""
    if "query_plan" in found:
        return (_step(found["query_plan"]),)
    return tuple(_below(found))


def plan_cost(found: dict[str, Any], roots: tuple[PlanNode, ...]) -> float | None:
    """Return the whole plan's cost; None where the server tells none."""
    block = found.get("query_block", {})
    told = block.get("cost_info", {}).get("query_cost", block.get("cost"))
    if told is not None:
        return float(told)
    return max((node.cost for root in roots for node in root.walk() if node.cost is not None), default=None)


def _step(facts: dict[str, Any]) -> PlanNode:
    """Return the node of one step of the iterator shape (explain_json_format_version 2)."""
    kind, index = facts.get("access_type", ""), facts.get("index_name")
    table = facts.get("table_name")
    access = _STEP_ACCESS.get(kind, "other")
    if table is not None and str(table).startswith("<"):
        access, table = "other", None
    if kind == "index":
        access = "primary_key" if index == "PRIMARY" else "index_only" if facts.get("covering") else "index_scan"
    loops, rows, last = (facts.get(name) for name in ("actual_loops", "actual_rows", "actual_last_row_ms"))
    return PlanNode(
        operation=facts.get("operation", kind),
        access=access,
        table=table,
        index=index,
        condition=facts.get("condition") or facts.get("lookup_condition"),
        rows_estimated=facts.get("estimated_rows"),
        rows_actual=rows * loops if rows is not None and loops is not None else None,
        cost=facts.get("estimated_total_cost"),
        time_ms=last * loops if last is not None and loops is not None else None,
        children=tuple(_step(child) for name in facts if name.startswith("inputs") for child in facts[name]),
        loops=loops,
        trait=_trait(str(facts.get("operation", "")), access),
    )


def _trait(operation: str, access: str) -> str | None:
    if "temporary" in operation and "scan" not in operation:
        return "temporary table"
    return "filesort" if access == "sort" else None


def _below(facts: dict[str, Any]) -> list[PlanNode]:
    """Return the nodes under one entry of the block shape, in the order in which they are listed."""
    nodes: list[PlanNode] = []
    for name, value in facts.items():
        if name == "table" and isinstance(value, dict):
            nodes.append(_table(value))
        elif name == "union_result" and isinstance(value, dict):
            nodes.append(PlanNode("union", "other", children=tuple(_below(value))))
        elif name in ("filesort", "ordering_operation") and isinstance(value, dict):
            is_sort = value.get("using_filesort", True)
            nodes.append(PlanNode(name, "sort" if is_sort else "other", condition=value.get("sort_key"),
                                  time_ms=value.get("r_total_time_ms"), children=tuple(_below(value)),
                                  trait="filesort" if is_sort else None))  # fmt: skip
        elif name == "temporary_table" and isinstance(value, dict):
            nodes.append(PlanNode("temporary table", "other", children=tuple(_below(value)), trait="temporary table"))
        elif name == "nested_loop" and isinstance(value, list) and len(value) > 1:
            nodes.append(PlanNode("nested loop", "join", children=tuple(n for item in value for n in _below(item))))
        elif name in _LISTS and isinstance(value, list):
            nodes += [node for item in value if isinstance(item, dict) for node in _below(item)]
        elif name in _INNER and isinstance(value, dict):
            nodes += _below(value)
    return nodes


def _table(facts: dict[str, Any]) -> PlanNode:
    kind, index = facts.get("access_type", ""), facts.get("key")
    access = _TABLE_ACCESS.get(kind, "other")
    if access == "index_scan" and index == "PRIMARY":
        access = "primary_key"
    elif access == "index_scan" and facts.get("using_index"):
        access = "index_only"
    loops, rows = facts.get("r_loops"), facts.get("r_rows")
    cost = facts.get("cost_info", {}).get("prefix_cost", facts.get("cost"))
    table = facts.get("table_name")
    passed = facts.get("r_filtered")
    return PlanNode(
        operation=kind or facts.get("message", "table"),
        access=access,
        table=None if table is not None and str(table).startswith("<") else table,
        index=index,
        condition=facts.get("attached_condition"),
        rows_estimated=_number(facts.get("rows", facts.get("rows_examined_per_scan"))),
        rows_actual=rows * loops if rows is not None and loops is not None else None,
        cost=_number(cost),
        time_ms=_number(facts.get("r_table_time_ms", facts.get("r_total_time_ms"))),
        children=tuple(_below(facts)),
        rows_removed=None if rows is None or loops is None or passed is None else rows * loops * (1 - passed / 100),
        loops=loops,
    )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
