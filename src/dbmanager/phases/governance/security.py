"""Runs an engine's security checks and reports what could not be seen."""

from __future__ import annotations

from dbmanager.adapters.facets import Security, Unsupported
from dbmanager.model.findings import CheckReport, Finding


async def check_security(security: Security, *, engine: str) -> CheckReport:
    """Return the findings of every check of the engine, the worst first, and why others were not run."""
    findings: list[Finding] = []
    checked: list[str] = []
    not_run: dict[str, str] = {}
    for check in security.checks():
        if engine not in check.engines:
            continue
        facts = await security.facts(check)
        if isinstance(facts, Unsupported):
            not_run[check.id] = facts.reason
            continue
        checked.append(check.id)
        findings += check.findings(facts)
    findings.sort(key=lambda finding: (finding.severity.order, finding.id, finding.object_name))
    return CheckReport(tuple(findings), tuple(checked), not_run)
