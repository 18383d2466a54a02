"""Runs an engine's checks of one pack and reports what could not be seen."""

from __future__ import annotations

from dbmanager.adapters.facets import Security, Unsupported
from dbmanager.errors import LockTimeout, QueryTimeout, StatementFailed
from dbmanager.model.findings import CheckReport, FactRows, Finding, Pack, QueryCheck

UNSEEN = "unseen"
"""A field of a row that is no fact: it tells which objects the role could not see, so that silence means nothing there."""


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
        seen, unseen = told_apart(facts)
        if unseen:
            not_run[check.id] = f"in part: {'; '.join(unseen)}"
        findings += check.findings(seen)
    findings.sort(key=lambda finding: (finding.severity.order, finding.id, finding.object_name))
    return CheckReport(tuple(findings), tuple(checked), not_run)


def told_apart(facts: FactRows) -> tuple[FactRows, list[str]]:
    """Return the rows that are facts, and what other rows say under `unseen`: that the role could not see some."""
    unseen = [str(row[UNSEEN]) for row in facts if row.get(UNSEEN) is not None]
    rows = (row for row in facts if row.get(UNSEEN) is None)
    return tuple({name: value for name, value in row.items() if name != UNSEEN} for row in rows), unseen


async def _facts(security: Security, check: QueryCheck) -> FactRows | Unsupported:
    """Return the facts of one check, or why they were not got: a lock or a large catalog stops no other check."""
    try:
        return await security.facts(check)
    except (LockTimeout, QueryTimeout, StatementFailed) as problem:
        return Unsupported(problem.sentence())
