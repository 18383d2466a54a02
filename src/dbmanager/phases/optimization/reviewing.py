"""Looks at a database again, compares with last time, and proposes the next change set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain

from dbmanager.adapters.facets import Adapter, Unsupported
from dbmanager.analyzers.describe import markdown
from dbmanager.errors import DbManagerError, UnsupportedCapability
from dbmanager.model.changes import ChangePlan, ChangeStep
from dbmanager.model.findings import CheckReport, Finding
from dbmanager.phases.optimization.collecting import observe, state_lines
from dbmanager.phases.optimization.outlook import outlook
from dbmanager.phases.optimization.outlook_text import outlook_lines
from dbmanager.phases.optimization.tune import tune
from dbmanager.services.checking import run_checks
from dbmanager.services.container import Services
from dbmanager.services.linting import lint_database
from dbmanager.services.proposing import plan_statements

MOST_STEPS = 10
MOST_TOLD = 20
Step = tuple[str, str | None, str | None] | ChangeStep


@dataclass(frozen=True, slots=True)
class Review:
    """What a review found, and how that differs from the one before.

    Attributes:
        before: when the one before was taken; None for the first.
        gone: (check, object) that were found then and are not now.
        plan: settings to change and fixes that can be undone; None where there are none.
        not_run: what could not be looked at, and why.
    """

    connection: str
    before: str | None
    findings: tuple[Finding, ...]
    new: tuple[Finding, ...]
    gone: tuple[tuple[str, str], ...]
    plan: ChangePlan | None
    lines: tuple[str, ...]
    not_run: dict[str, str] = field(default_factory=dict)


async def review(services: Services, connection: str) -> Review:
    """Measure, check design, health and security, judge settings, and compare with the last review, which it replaces.

    The schema's checks sample tables and count orphans: scans, bounded in rows and time by the connection's limits.

    Raises: what connecting raises.
    """
    adapter = await services.connections.adapter(connection)
    not_run: dict[str, str] = {}
    lines: list[str] = []
    try:
        collected = await observe(services, connection)
        span = await services.metrics.span(connection)
        lines += outlook_lines(connection, span, await outlook(services.metrics, connection))
        lines += state_lines(collected, services.loaded.configuration.monitoring)
    except UnsupportedCapability as problem:
        not_run["monitoring"] = problem.message
    reports = await _checked(adapter, not_run)
    findings = tuple(chain.from_iterable(report.findings for report in reports))
    settings = await _settings(services, adapter, connection, not_run)
    known = await services.reviews.replaced(connection, {(f.id, f.object_name) for f in findings})
    before, old = known if known is not None else (None, frozenset())
    now = {(f.id, f.object_name) for f in findings}
    looked = {check for report in reports for check in report.checked}
    return Review(
        connection, before, findings, tuple(f for f in findings if (f.id, f.object_name) not in old),
        tuple(sorted(key for key in old - now if key[0] in looked)),
        await _plan(adapter, connection, findings, settings, not_run), tuple(lines), not_run,
    )  # fmt: skip


async def _checked(adapter: Adapter, not_run: dict[str, str]) -> list[CheckReport]:
    reports: list[CheckReport] = []
    try:
        reports.append((await lint_database(adapter)).report)
        if isinstance(adapter.security, Unsupported):
            not_run["security, health"] = adapter.security.reason
        else:
            reports.append(await run_checks(adapter.security, engine=adapter.engine, pack="security"))
            reports.append(await run_checks(adapter.security, engine=adapter.engine, pack="health"))
    except UnsupportedCapability as problem:
        not_run["checks"] = problem.message
    return reports


async def _settings(
    services: Services, adapter: Adapter, connection: str, not_run: dict[str, str]
) -> Sequence[ChangeStep]:
    try:
        report = await tune(adapter, connection, is_local=services.connections.is_local(connection))
    except UnsupportedCapability as problem:
        not_run["settings"] = problem.message
        return ()
    return report.steps


async def _plan(
    adapter: Adapter,
    connection: str,
    findings: Sequence[Finding],
    settings: Sequence[ChangeStep],
    not_run: dict[str, str],
) -> ChangePlan | None:
    """Return one plan of the fixes that a single statement makes and another undoes, and of the settings."""
    steps: list[Step] = []
    for finding in findings:
        fix = finding.fix
        if fix is None or len(fix.statements) != 1 or len(fix.inverse) != 1 or len(steps) >= MOST_STEPS:
            continue
        step = (fix.statements[0], fix.inverse[0], f"{finding.id}: {finding.title}"[:200])
        try:
            await plan_statements(adapter, connection, title="tried", reason="tried", steps=[*steps, step])
        except DbManagerError as problem:
            not_run[f"fix of {finding.id} {finding.object_name}"] = problem.message
        else:
            steps.append(step)
    steps += settings
    if not steps:
        return None
    return await plan_statements(
        adapter, connection, title=f"Review of {connection}: {len(steps)} steps"[:300],
        reason="What a review found that can be mended and undone", steps=steps,
    )  # fmt: skip


def review_lines(found: Review) -> list[str]:
    """Return a review as Markdown: what is new, what is gone, where it is going, what could not be looked at."""
    since = f"since {found.before}" if found.before else "this is the first review"
    lines = [
        f"Review of {found.connection}: {len(found.findings)} findings, {len(found.new)} new, {len(found.gone)} gone ({since}).",
        *(markdown.finding(one) for one in found.new[:MOST_TOLD]),
    ]
    if len(found.new) > MOST_TOLD:
        lines.append(f"{len(found.new) - MOST_TOLD} more that are new; check_database shows them.")
    lines += [f"- gone: {check} {of}" for check, of in found.gone[:MOST_TOLD]]
    lines += found.lines
    if found.not_run:
        lines.append("Not looked at: " + "; ".join(f"{what} ({why})" for what, why in found.not_run.items()))
    return lines
