"""Runs every lint rule over the facts."""

from __future__ import annotations

from dbmanager.analyzers.schema_lint.facts import LintFacts
from dbmanager.analyzers.schema_lint.modelling import MODELLING
from dbmanager.analyzers.schema_lint.structure import STRUCTURE
from dbmanager.model.findings import CheckReport, Finding, catalogue

RULES = catalogue(STRUCTURE, MODELLING)


def lint(facts: LintFacts) -> CheckReport:
    """Return the findings of every rule for this engine, the worst first."""
    rules = [rule for rule in RULES if facts.schema.engine in rule.engines]
    findings: list[Finding] = [finding for rule in rules for finding in rule.findings(facts)]
    findings.sort(key=lambda finding: (finding.severity.order, finding.id, finding.object_name))
    return CheckReport(tuple(findings), tuple(rule.id for rule in rules))
