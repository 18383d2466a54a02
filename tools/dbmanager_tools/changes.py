"""Change tools: propose, review, apply, roll back; the only way anything is written to a database."""

from __future__ import annotations

from typing import Annotated

from mcp.server.mcpserver import Context, Elicit, ElicitationResult, Resolve
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.resolve import AcceptedElicitation
from mcp.types import CallToolResult
from pydantic import BaseModel, Field, JsonValue

from dbmanager.adapters.facets import Adapter
from dbmanager.analyzers.describe.workflow import change_text
from dbmanager.errors import ApprovalRequired, DbManagerError, InvalidStatement
from dbmanager.model.changes import ChangeSet, ChangeState, ChangeStep
from dbmanager.services import principal
from dbmanager.services.container import Services
from dbmanager_tools.core import Connection, statement_of
from dbmanager_tools.house import Background, Closed, Evidence, answer, error_text, services_of, tool, work

ChangeId = Annotated[str, Field(description="Change id, e.g. chg_0a1b2c3d4e")]


LONGEST_QUESTION = 20_000
"""Characters of a plan that a dialog shows whole; a longer one is approved at a terminal, or by the plan's token."""
Sql = Annotated[str, Field(max_length=100_000)]


class Disclosure(Closed):
    """Classified columns to show in clear for a while."""

    columns: list[str] = Field(min_length=1, max_length=20, description="table.column")
    rows: int = Field(50, ge=1, le=10_000)
    minutes: int = Field(30, ge=1, le=480)


class LabelDecision(Closed):
    """What a column holds, whatever classification finds."""

    column: str = Field(description="table.column")
    kind: str = Field(description="A type of classify_data, or harmless")


class StatementStep(Closed):
    """One step of a proposed change: a statement, or a decision about classified data."""

    sql: Sql | None = Field(None, description="One DDL, UPDATE, DELETE or INSERT statement in the engine's SQL")
    command: dict[str, JsonValue] | list[JsonValue] | None = Field(
        None, description='Instead of sql: a MongoDB command document, or a Redis command such as ["SET", "k", "v"]'
    )
    inverse: str | dict[str, JsonValue] | list[JsonValue] | None = Field(
        None, description="Statement that undoes it, in the same form; found for you where possible"
    )
    title: str | None = Field(None, description="What the step does; its statement when left out")
    disclose: Disclosure | None = Field(
        None, description="Instead: show these columns in clear; the reason is the change's"
    )
    label: LabelDecision | None = Field(None, description="Instead: fix a column's classification")


def _inverse(given: str | dict[str, JsonValue] | list[JsonValue] | None) -> str | None:
    return given if isinstance(given, str) or given is None else statement_of(None, given)


async def _step(
    services: Services, adapter: Adapter, connection: str, step: StatementStep, reason: str
) -> tuple[str, str | None, str | None] | ChangeStep:
    if step.disclose is None and step.label is None:
        return statement_of(step.sql, step.command), _inverse(step.inverse), step.title
    from dbmanager.services.policy.steps import disclosure_step, label_step, place_of

    if sum(one is not None for one in (step.sql, step.command, step.disclose, step.label)) != 1:
        raise InvalidStatement("a step is one of sql, command, disclose and label")
    schema = await adapter.catalog.read_schema()
    named = (
        [step.label.column] if step.label is not None else step.disclose.columns if step.disclose is not None else []
    )
    kinds = {}
    for column in named:
        owner, table, _ = place_of(schema, column)
        for label in await services.labels.labels(connection, adapter, schema, schema.table(table, owner or None)):
            kinds[(label.schema or "", label.table, label.column)] = label.type
    if step.label is not None:
        return label_step(schema, step.label.column, step.label.kind, kinds.get(place_of(schema, step.label.column)))
    asked = step.disclose or Disclosure(columns=named)
    return disclosure_step(schema, kinds, asked.columns, rows=asked.rows, minutes=asked.minutes, reason=reason)


class Decision(BaseModel):
    """A person's answer to a plan."""

    approve: bool = Field(description="Carry out this change?")


@tool(phase=0, title="Propose change", idempotent=False)
async def propose_change(
    connection: Connection,
    ctx: Context,
    title: Annotated[str, Field(min_length=3, max_length=300, description="What the change does, in a few words")],
    reason: Annotated[
        str, Field(min_length=3, max_length=4_000, description="Why, with the finding or measurement behind it")
    ],
    steps: Annotated[list[StatementStep], Field(min_length=1, max_length=50, description="Carried out in this order")],
    project: Evidence = None,
) -> CallToolResult:
    """Plan a change to a database: statements with risk, lock, inverse and probe. Nothing is written yet; steps that
    change the design are tried on an empty throw-away copy, and one that can't run is refused. Then review_change, and
    apply_change once it is approved. For indexes take advise_indexes, for copies plan_migration: they propose for you.
    A step may also ask to see masked columns (disclose) or correct a classification (label)."""
    from dbmanager.services.proposing import plan_statements

    services = services_of(ctx)
    adapter = await services.connections.adapter(connection)
    plan = await plan_statements(
        adapter,
        connection,
        title=title,
        reason=reason,
        steps=[await _step(services, adapter, connection, one, reason) for one in steps],
        scratches=services.scratches,
    )
    change = await services.changes.propose(plan, project)
    return answer(review_text(change, services), {"change": change.id, "state": change.state.value})


@tool(phase=0, title="Review change")
async def review_change(change: ChangeId, ctx: Context) -> CallToolResult:
    """Show a change set: every statement, its risk, lock and inverse, how each step stands, and what is needed to
    approve it. After a crash it tells which steps took effect."""
    services = services_of(ctx)
    found = await services.changes.get(change)
    if found.state is ChangeState.INTERRUPTED:
        found = await services.changes.reconcile(change)
    return answer(review_text(found, services), {"change": found.id, "state": found.state.value})


async def approval_gate(change: str, confirm_token: str | None, ctx: Context) -> Decision | Elicit[Decision]:
    """Find the approval of a change, or ask for it the way its connection demands; fails closed."""
    services = services_of(ctx)
    try:
        found = await services.changes.get(change)
        mode = services.connections.settings(found.plan.connection).approval_mode
        if await _stands(services, found):
            return Decision(approve=True)
        if confirm_token is not None:
            await services.approvals.redeem(found, confirm_token, mode)
            return Decision(approve=True)
        capabilities = ctx.client_capabilities
        may_ask = capabilities is not None and capabilities.elicitation is not None
        text = change_text(found, services.connections.settings(found.plan.connection))
        if may_ask and len(text) <= LONGEST_QUESTION and (mode != "person" or principal.proves_person("elicitation")):
            return Elicit(text, Decision)
        raise ApprovalRequired(
            f"change {change} has not been approved",
            object_name=change,
            hint=f"A person reviews and approves it in a terminal: dbmanager approve {change}"
            if mode == "person"
            else "Show the plan to the user, then pass the confirm token that review_change gives.",
            next_actions=() if mode == "person" else ("review_change",),
        )
    except DbManagerError as refused:
        raise ToolError(error_text(refused, services)) from None


async def _stands(services: Services, change: ChangeSet) -> bool:
    try:
        await services.approvals.require(change)
    except ApprovalRequired:
        return False
    return True


@tool(phase=0, title="Apply change", reads=False, destructive=True, idempotent=False)
async def apply_change(
    change: ChangeId,
    ctx: Context,
    decision: Annotated[ElicitationResult[Decision], Resolve(approval_gate)],
    confirm_token: Annotated[str | None, Field(description="From review_change, once the user has agreed")] = None,
    background: Background = False,
) -> CallToolResult:
    """Carry out an approved change set, step by step, measuring and probing each, and verify it. Resumes one that
    was interrupted. If a step fails, earlier ones stand: mend and apply again, or roll_back_change."""
    services = services_of(ctx)
    found = await services.changes.get(change)
    if not isinstance(decision, AcceptedElicitation) or not decision.data.approve:
        return answer(
            f"Change {change} was not approved; nothing was written.", {"change": change, "state": "declined"}
        )
    if not await _stands(services, found):
        mode = services.connections.settings(found.plan.connection).approval_mode
        await services.approvals.approve(
            found, approver=f"the user of {principal.current().name}'s client", method="elicitation", mode=mode
        )
    from dbmanager.services.change_jobs import APPLY

    return await work(ctx, APPLY, change, {"change": change}, background, lane=found.plan.connection)


@tool(phase=0, title="Roll back change", reads=False, destructive=True, idempotent=False)
async def roll_back_change(change: ChangeId, ctx: Context, background: Background = False) -> CallToolResult:
    """Undo the steps of a change set that took effect, the last first, by their inverses or stored before-images.
    Refuses as a whole when one of them can't be undone."""
    from dbmanager.services.change_jobs import ROLL_BACK

    found = await services_of(ctx).changes.get(change)
    return await work(ctx, ROLL_BACK, change, {"change": change}, background, lane=found.plan.connection)


@tool(phase=0, title="Verify audit log")
async def verify_audit_log(ctx: Context, project: Evidence = None) -> CallToolResult:
    """Walk the whole audit log and say whether an entry was edited, removed or cut off."""
    services = services_of(ctx)
    verdict = await services.audit.verify()
    await services.keep_evidence(
        project if verdict.intact else None, "audit_verified", "audit log intact", {"entries": verdict.entries}
    )
    text = (
        f"{verdict.entries} entries, the chain is intact."
        if verdict.intact
        else "BROKEN: " + "; ".join(verdict.problems)
    )
    return answer(text, {"entries": verdict.entries, "intact": verdict.intact})


def review_text(change: ChangeSet, services: Services) -> str:
    """Return a change set for review and, where its connection trusts the client, the token that approves it."""
    settings = services.connections.settings(change.plan.connection)
    text = change_text(change, settings)
    approved = change.approval is not None and change.approval.plan_hash == change.plan_hash
    if change.open and not approved and settings.approval_mode == "client":
        token = services.approvals.issue_token(change, settings.approval_mode)
        text += f"\nOnce the user agrees: apply_change with confirm_token={token!r} (15 minutes, once)."
    return text
