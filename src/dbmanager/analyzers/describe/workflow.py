"""Describes change sets, projects and jobs as a person or a model reads them."""

from __future__ import annotations

import re

from dbmanager.model.changes import ChangeSet, StepRecord
from dbmanager.model.configuration import ConnectionSettings
from dbmanager.model.jobs import Job
from dbmanager.model.projects import EXPERTS, Project, phase_status

LINE_ENDS = re.compile("\r\n|[\n\r\v\f\x85\u2028\u2029]")
"""Whatever may end a line, and with it a comment, on some engine or in some terminal."""


def connection_text(name: str, settings: ConnectionSettings) -> str:
    """Return a connection's line: engine, access, environment, who approves; never its address."""
    engine = settings.url.partition(":")[0].partition("+")[0]
    masking = "" if settings.masking else ", masking OFF"
    approved = f"changes approved by {settings.approval_mode}"
    return f"- {name}: {engine}, {settings.access}, {settings.environment}, {approved}{masking}"


def change_text(change: ChangeSet, settings: ConnectionSettings) -> str:
    """Return a change set with every step, its risk, lock and inverse, and how it stands."""
    lines = [
        f"**{change.id}** on {change.plan.connection} ({settings.environment}): {_one_line(change.plan.title)}. "
        f"State: {change.state.value}. Reason: {_one_line(change.plan.reason)}",
        *change.notes,
        *change.plan.notes,
    ]
    for record in change.steps:
        lines += _step(record)
    if change.approval is not None and change.approval.plan_hash == change.plan_hash:
        until = f", good until {change.approval.expires_at:%Y-%m-%d %H:%M} UTC" if change.open else ""
        lines.append(f"Approved by {change.approval.approver} ({change.approval.method}){until}.")
    elif change.open and settings.approval_mode == "person":
        lines.append(f"To approve, a person runs: dbmanager approve {change.id}")
    return "\n".join(lines)


def _step(record: StepRecord) -> list[str]:
    step = record.step
    facts = [f"risk {step.risk}"] + ([f"lock: {step.lock}"] if step.lock else [])
    facts += ["rewrites the table"] if step.rewrites_table else []
    facts += [f"{record.elapsed_seconds:.3f} s"] if record.elapsed_seconds is not None else []
    lines = [
        f"{record.number}. [{record.state.value}] {_one_line(step.title)} ({', '.join(facts)})",
        *_statement(step.statement),
    ]
    if step.inverse:
        lines.append("   undo:")
        lines += [line for one in step.inverse for line in _statement(one)]
    elif step.before_image is not None:
        lines.append("   undo: rows are kept before they change")
    elif not step.reversible:
        lines.append("   IRREVERSIBLE: it can't be undone")
    if record.detail:
        lines.append(f"   {record.detail}")
    return lines


def _one_line(text: str) -> str:
    """Return a text that can't look like more lines than one, nor hide anything in a terminal."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _statement(text: str) -> list[str]:
    """Return a statement whole, line by line: a comment must end where the engine ends it, and nothing may be hidden.

    Each line bears a mark, so that none can pass for a line of the plan itself.
    """
    parts = LINE_ENDS.split(text.strip())
    return [
        "    | " + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in part.expandtabs(4)) for part in parts
    ]


def project_text(project: Project) -> str:
    """Return a project's gates, what each still asks for and the tool that makes it."""
    lines = [f"**{project.id}**: {project.goal} ({', '.join(project.connections)})"]
    for status in phase_status(project):
        lines.append(f"{status.phase.number}. {status.phase.title}: {status.state.replace('_', ' ')}")
        lines += [
            f"   {EXPERTS[demand.expert]} asks that {demand.what}: call `{demand.action}` with this project"
            for demand in status.missing
        ]
    lines += [f"Decided: {item.title} ({item.reason})" for item in project.decisions]
    return "\n".join(lines)


def job_text(job: Job) -> str:
    """Return how a job stands: state, progress with the time it may still take, result or failure."""
    lines = [f"**{job.id}** {job.kind} ({job.about}): {job.state.value}"]
    if job.ended:
        lines += [job.result] if job.result else []
        return "\n".join(lines)
    if job.total:
        lines[0] += f", {job.done:g} of {job.total:g}"
    if job.message:
        lines[0] += f", {job.message}"
    remaining = job.remaining_seconds
    if remaining is not None:
        lines[0] += f", about {remaining:.0f} s left"
    if job.cancel_requested:
        lines.append("It was asked to stop.")
    if job.attempts > 1:
        lines.append(f"Taken up {job.attempts} times; its worker was lost before.")
    return "\n".join(lines)
