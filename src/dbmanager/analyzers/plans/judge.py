"""Judges one statement by every rule of its engine."""

from __future__ import annotations

from collections.abc import Sequence

import sqlglot
from sqlglot.errors import SqlglotError

from dbmanager.analyzers.plans import steps, texts
from dbmanager.analyzers.plans.facts import PlanRule, StatementFacts
from dbmanager.model.plan_findings import PlanFinding
from dbmanager.model.queries import QueryPlan
from dbmanager.model.schema import DatabaseSchema

_SQL_DIALECTS = ("postgres", "mysql", "sqlite")


def _rules() -> tuple[PlanRule, ...]:
    found = (*steps.RULES, *texts.RULES)
    if len({rule.id for rule in found}) != len(found):
        raise ValueError("duplicate rule ids")
    return found


RULES = _rules()


def plan_findings(
    statement: str, plan: QueryPlan, schema: DatabaseSchema, *, engine: str, dialect: str
) -> list[PlanFinding]:
    """Return what the plan and the text show, the worst first; the same of one place once."""
    tree = None
    if dialect in _SQL_DIALECTS:
        try:
            tree = sqlglot.parse_one(statement, dialect=dialect)
        except (SqlglotError, RecursionError):
            tree = None
    facts = StatementFacts(engine, dialect, schema, plan, tree)
    found = {(f.id, f.where): f for rule in RULES if engine in rule.engines for f in rule.findings(facts)}
    return sorted(found.values(), key=lambda finding: (finding.severity.order, finding.id))


def findings_text(findings: Sequence[PlanFinding], *, limit: int = 8) -> str:
    """Return findings as a compact list; empty where there are none."""
    lines = []
    for f in findings[:limit]:
        figure = f" {f.value:g}" if f.value is not None else ""
        bound = f" (limit {f.threshold:g})" if f.threshold is not None else ""
        lines.append(
            f"- {f.severity.value} {f.id} {f.where}: {f.title}{figure and ':' + figure}{bound}. Fix: {f.fix} Wrong if: {f.doubt}"
        )
    if len(findings) > limit:
        lines.append(f"- {len(findings) - limit} more")
    return "\n".join(lines)
