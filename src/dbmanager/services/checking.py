"""Runs an engine's checks of one pack and reports what could not be seen."""

from __future__ import annotations

from dbmanager.adapters.facets import Security, Unsupported
from dbmanager.errors import LockTimeout, QueryTimeout, StatementFailed
from dbmanager.model.findings import CheckReport, FactRows, Finding, Pack, QueryCheck


async def run_checks(security: Security, *, engine: str, pack: Pack = "security") -> CheckReport:
    """Return the findings of every check of the pack, the worst first, and why others were not run.

    Checks of health that judge the same facts are given the same: a server is asked once for all of its counters.
    """
    findings: list[Finding] = []
    checked: list[str] = []
    not_run: dict[str, str] = {}
    asked: dict[str, FactRows | Unsupported] = {}
    for check in security.checks():
        if engine not in check.engines or check.pack != pack:
            continue
        is_shared = pack == "health" and check.min_version is None
        facts = asked.get(check.query) if is_shared else None
        if facts is None:
            facts = await _facts(security, check)
        if is_shared:
            asked[check.query] = facts
        if isinstance(facts, Unsupported):
            not_run[check.id] = facts.reason
            continue
        checked.append(check.id)
        findings += check.findings(facts)
    findings.sort(key=lambda finding: (finding.severity.order, finding.id, finding.object_name))
    return CheckReport(tuple(findings), tuple(checked), not_run)


async def _facts(security: Security, check: QueryCheck) -> FactRows | Unsupported:
    """Return the facts of one check, or why they were not got: a lock or a large catalog stops no other check."""
    try:
        return await security.facts(check)
    except (LockTimeout, QueryTimeout, StatementFailed) as problem:
        return Unsupported(problem.sentence())
