"""Keeps values out of plans: engines put rows that they looked up in place of columns, and count what matched."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from dbmanager.model.queries import PlanNode, QueryPlan
from dbmanager.services.policy.groups import LEAST_ROWS

_LITERAL = re.compile(r"'((?:[^'\\]|''|\\.)*)'|(?<![\w.])(\d{5,})(?![\w.])")
_HIDDEN = "'[value]'"


def without_values(plan: QueryPlan, given: Sequence[str], *, counts: bool) -> QueryPlan:
    """Return a plan in which every literal that its reader did not write is hidden.

    Args:
        plan: as the engine told it.
        given: the statement and its parameters: what stands in them may be repeated.
        counts: whether the number of rows that really matched may be told when it is below five.
    """
    known = "\0".join(given)

    def shown(text: str) -> str:
        return _LITERAL.sub(lambda m: m[0] if _inner(m) in known else _HIDDEN, text)

    def cleaned(node: PlanNode) -> PlanNode:
        few = not counts and node.rows_actual is not None and node.rows_actual < LEAST_ROWS
        if not counts:
            node = replace(node, rows_removed=None, loops=None, heap_fetches=None, examined=None)
        return replace(
            node, operation=shown(node.operation), condition=shown(node.condition) if node.condition else node.condition,
            rows_actual=None if few else node.rows_actual, children=tuple(map(cleaned, node.children)),
        )  # fmt: skip

    text = shown(plan.text) if counts or not plan.analyzed else ""
    return replace(plan, roots=tuple(map(cleaned, plan.roots)), text=text)


def _inner(match: re.Match[str]) -> str:
    return next(group for group in match.groups() if group is not None)
