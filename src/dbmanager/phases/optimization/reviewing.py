"""Looks at a database again, compares with last time, and proposes the next change set."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from dbmanager.adapters.facets import Adapter, Unsupported
from dbmanager.analyzers.describe import markdown
from dbmanager.analyzers.reviewing.comparison import INDEX, SETTING, STATEMENT, WAYS, Change, Fact, compared
from dbmanager.errors import DbManagerError, UnsupportedCapability
from dbmanager.model.changes import ChangePlan, ChangeSet, ChangeState, ChangeStep
from dbmanager.model.findings import CheckReport, Finding, Severity
from dbmanager.model.tuning import TuningReport
from dbmanager.phases.optimization.collecting import observe, state_lines
from dbmanager.phases.optimization.outlook import outlook
from dbmanager.phases.optimization.outlook_text import outlook_lines
from dbmanager.phases.optimization.review_load import LoadReview, review_load
from dbmanager.phases.optimization.tune import tune
from dbmanager.services.checking import run_checks
from dbmanager.services.container import Services
from dbmanager.services.linting import lint_database
from dbmanager.services.proposing import plan_statements

MOST_STEPS = 10
MOST_TOLD = 20
Step = tuple[str, str | None, str | None] | ChangeStep
SEVERE = len(Severity)
_INDEX_ON = re.compile(r"CREATE INDEX .*? ON (.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Review:
    """What a review found, and how that differs from the one before.

    Attributes:
        before: when the one before was taken; None for the first.
        changes: what is worse, new, better or gone since then; of a first review, everything is new.
        texts: statements by fingerprint, without values.
        plan: indexes that the load wants, fixes that can be undone, settings to change; None where there are none.
        not_run: what could not be looked at, and why.
    """

    connection: str
    before: str | None
    findings: tuple[Finding, ...]
    changes: tuple[Change, ...]
    texts: Mapping[str, str]
    plan: ChangePlan | None
    lines: tuple[str, ...]
    not_run: dict[str, str] = field(default_factory=dict)


async def review(services: Services, connection: str) -> Review:
    """Measure, check design, health and security, judge settings and load, and compare with the last review, replacing it.

    The schema's checks sample tables and count orphans: scans, bounded in rows and time by the connection's limits. What
    concerns the load is bounded to 90 s.

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
    load = await review_load(services, adapter, connection, not_run)
    facts = [*(Fact(f.id, f.object_name, SEVERE - f.severity.order) for f in findings), *_setting_facts(settings)]
    looked = {check for report in reports for check in report.checked} | ({SETTING} if settings is not None else set())
    if load is not None:
        facts += load.facts
        lines += load.lines
        looked |= {INDEX} if load.is_advised else set()
    known = await services.reviews.replaced(connection, facts)
    before, old = known if known is not None else (None, ())
    return Review(
        connection, before, findings, compared(old, facts, looked), load.texts if load is not None else {},
        await _plan(adapter, connection, findings, settings, load, not_run), tuple(lines), not_run,
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
) -> TuningReport | None:
    try:
        return await tune(adapter, connection, is_local=services.connections.is_local(connection))
    except UnsupportedCapability as problem:
        not_run["settings"] = problem.message
        return None


def _setting_facts(report: TuningReport | None) -> list[Fact]:
    found = report.recommendations if report is not None else ()
    return [Fact(SETTING, f"{one.rule.setting} {one.proposed.object_name}".strip()) for one in found]


async def _plan(
    adapter: Adapter,
    connection: str,
    findings: Sequence[Finding],
    settings: TuningReport | None,
    load: LoadReview | None,
    not_run: dict[str, str],
) -> ChangePlan | None:
    """Return one plan: indexes that the load wants, fixes that one statement makes and another undoes, settings.

    It is one, since the first of two that was applied would make the other stale.
    """
    steps: list[Step] = []
    steps += load.steps[:MOST_STEPS] if load is not None else ()
    indexed = {_what_is_indexed(step.statement) for step in steps if isinstance(step, ChangeStep)}
    for finding in findings:
        fix = finding.fix
        if fix is None or len(fix.statements) != 1 or len(fix.inverse) != 1 or len(steps) >= MOST_STEPS:
            continue
        if _what_is_indexed(fix.statements[0]) in indexed:
            continue
        step = (fix.statements[0], fix.inverse[0], f"{finding.id}: {finding.title}"[:200])
        try:
            await plan_statements(adapter, connection, title="tried", reason="tried", steps=[*steps, step])
        except DbManagerError as problem:
            not_run[f"fix of {finding.id} {finding.object_name}"] = problem.message
        else:
            steps.append(step)
    steps += settings.steps if settings is not None else ()
    if not steps:
        return None
    return await plan_statements(
        adapter, connection, title=f"Review of {connection}: {len(steps)} steps"[:300],
        reason="What a review found that can be mended and undone", steps=steps,
    )  # fmt: skip


def _what_is_indexed(statement: str) -> str:
    """Return table and keys of a CREATE INDEX, which two advisers may name differently; other statements as they are."""
    found = _INDEX_ON.match(statement)
    return found[1] if found else statement


async def proposed(services: Services, plan: ChangePlan) -> tuple[ChangeSet, bool]:
    """Return the change set of a plan, and whether it is new: the same plan, not yet approved or applied, is kept once."""
    for change in await services.changes.all():
        if change.state is ChangeState.PROPOSED and change.plan == plan:
            return change, False
    return await services.changes.propose(plan), True


def review_lines(found: Review) -> list[str]:
    """Return a review as Markdown: what is worse, new, better and gone, where it is going, what could not be looked at."""
    since = f"since {found.before}" if found.before else "this is the first review"
    counts = {way: [one for one in found.changes if one.way == way] for way in WAYS}
    told = ", ".join(f"{len(ones)} {way}" for way, ones in counts.items())
    known = {(finding.id, finding.object_name): finding for finding in found.findings}
    lines = [f"Review of {found.connection}: {len(found.findings)} findings; {told} ({since})."]
    for way, ones in counts.items():
        lines += [_change_line(one, known, found.texts) for one in ones[:MOST_TOLD]]
        if len(ones) > MOST_TOLD:
            lines.append(
                f"{len(ones) - MOST_TOLD} more that are {way}; check_database and plan_tuning show what stands."
            )
    lines += found.lines
    if found.not_run:
        lines.append("Not looked at: " + "; ".join(f"{what} ({why})" for what, why in found.not_run.items()))
    return lines


def _change_line(one: Change, known: Mapping[tuple[str, str], Finding], texts: Mapping[str, str]) -> str:
    finding, fact = known.get(one.now.key), one.now
    if one.way == "new" and finding is not None:
        return markdown.finding(finding)
    if fact.kind == STATEMENT:
        return (
            f"- {one.way}: {one.before:,.3g} to {fact.figure:,.3g} ms a call: `{texts.get(fact.object, fact.object)}`"
        )
    if fact.kind == INDEX and one.before is not None:
        return (
            f"- {one.way}: index {fact.object} would save {fact.figure:.0%} of its queries' cost, was {one.before:.0%}"
        )
    return f"- {one.way}: {fact.kind} {fact.object}" + (f", now {finding.severity}" if finding and one.before else "")
