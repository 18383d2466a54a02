"""The life of a change set: propose, review, approve, apply, verify, roll back; truthful after a crash."""

from __future__ import annotations

import datetime as dt
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio

from dbmanager.adapters.facets import Adapter, CapturedRows, Progress, Statement
from dbmanager.errors import (
    AccessDenied,
    DbManagerError,
    InvalidTransition,
    Irreversible,
    StaleChange,
    StatementFailed,
    VerificationFailed,
)
from dbmanager.model.changes import ChangePlan, ChangeSet, ChangeState, ChangeStep, StepRecord, StepState
from dbmanager.model.schema import Table
from dbmanager.services import principal
from dbmanager.services.approvals import Approvals
from dbmanager.services.audit import AuditLog
from dbmanager.services.backups import Backups
from dbmanager.services.box import SealedBox
from dbmanager.services.change_store import LEASE_SECONDS, ChangeStore
from dbmanager.services.connections import Connections
from dbmanager.services.step_handlers import EvidenceItem, StepContext, StepHandler
from dbmanager.services.store import Store

__all__ = ["Changes", "EvidenceItem", "StepContext", "StepHandler"]

MAX_IMAGE_ROWS = 50_000
STEP_SECONDS = 3_600.0
NOTHING_CHANGED = "nothing_changed"
STARTABLE = (ChangeState.PROPOSED, ChangeState.APPROVED, ChangeState.FAILED, ChangeState.INTERRUPTED)
UNDOABLE = (ChangeState.APPLIED, ChangeState.VERIFIED, ChangeState.FAILED, ChangeState.INTERRUPTED)


async def _silent(done: float, total: float | None, message: str) -> None:
    return None


class Changes:
    """Proposes, applies, verifies and rolls back change sets."""

    def __init__(
        self, store: Store, audit: AuditLog, approvals: Approvals, connections: Connections, backups: Backups
    ) -> None:
        self._backups = backups
        self._audit = audit
        self._approvals = approvals
        self._connections = connections
        self._kept = ChangeStore(store, approvals)
        self._box = SealedBox(store)
        self._handlers: dict[str, StepHandler] = {}

    def register(self, kind: str, handler: StepHandler) -> None:
        """Make a kind of step known."""
        self._handlers[kind] = handler

    async def propose(self, plan: ChangePlan, project_id: str | None = None) -> ChangeSet:
        """Keep a plan; nothing is written to the database. Who proposed it stands in the audit log.

        Raises: AuditUnavailable when that can't be written.
        """
        kept = await self.get(await self._kept.add(plan, project_id))
        await self._audit.record(
            "propose", kept.id, "done", {"plan_hash": kept.plan_hash, "connection": plan.connection}
        )
        return kept

    async def get(self, id_: str) -> ChangeSet:
        """Return a change set as it stands."""
        return await self._kept.get(id_)

    async def all(self) -> list[ChangeSet]:
        """Return the newest change sets."""
        return await self._kept.all()

    async def apply(self, id_: str, progress: Progress | None = None) -> ChangeSet:
        """Carry out the steps that have not taken effect yet, in order; stop at the first failure.

        Raises:
            AccessDenied, ScopeMissing, ApprovalRequired, StaleChange, InvalidTransition, AuditUnavailable: nothing was done.
            DbManagerError: a step failed; earlier steps stand and the change can be resumed or rolled back.
        """
        change = await self.get(id_)
        if change.state not in STARTABLE:
            raise InvalidTransition(
                f"change {id_} is {change.state.value}", object_name=id_, hint="Review it to see more."
            )
        adapter = await self._writable(change)
        await self._approvals.require(change)
        await self._require_backup(change)
        async with self._leased(id_, ChangeState.APPLYING):
            change = await self.reconcile(id_)
            await self._refuse_stale(change, adapter)
            for record in change.steps:
                if record.state is not StepState.APPLIED:
                    await self._apply_step(change, record, adapter, progress or _silent)
            await self._kept.finish(id_, ChangeState.APPLIED)
        return await self.get(id_)

    async def verify(self, id_: str) -> ChangeSet:
        """Run every postcondition again.

        Raises: VerificationFailed naming the first step whose effect is not there.
        """
        change = await self.get(id_)
        adapter = await self._connections.adapter(change.plan.connection)
        if change.state not in (ChangeState.APPLIED, ChangeState.VERIFIED):
            raise InvalidTransition(f"change {id_} is {change.state.value}, not applied", object_name=id_)
        for record in change.steps:
            if await self._took_effect(change, record, adapter) is False:
                raise VerificationFailed(
                    f"step {record.number} ({record.step.title}) of {id_} is not in effect", object_name=id_,
                    next_actions=("review_change",),
                )  # fmt: skip
        await self._kept.finish(id_, ChangeState.VERIFIED)
        return await self.get(id_)

    async def roll_back(self, id_: str, progress: Progress | None = None) -> ChangeSet:
        """Undo the steps that took effect, the last first.

        Raises: Irreversible before anything is undone, when one of them can't be.
        """
        change = await self.get(id_)
        if change.state not in UNDOABLE:
            raise InvalidTransition(f"change {id_} is {change.state.value}; nothing to undo", object_name=id_)
        adapter = await self._writable(change)
        async with self._leased(id_, ChangeState.ROLLING_BACK):
            change = await self.reconcile(id_)
            done = [r for r in change.steps if r.state is StepState.APPLIED or (r.step.kind in self._handlers
                    and r.state is not StepState.PENDING and r.state is not StepState.UNDONE)]  # fmt: skip
            stuck = [r for r in done if not r.step.reversible]
            if stuck:
                await self._kept.finish(id_, ChangeState.APPLIED)
                raise Irreversible(
                    f"step {stuck[0].number} ({stuck[0].step.title}) of {id_} can't be undone; nothing was undone",
                    object_name=id_, hint="Restore a backup, or propose a change that mends it.",
                )  # fmt: skip
            for record in reversed(done):
                await self._undo_step(change, record, adapter, progress or _silent)
            await self._kept.finish(id_, ChangeState.ROLLED_BACK)
        return await self.get(id_)

    async def evidence(self, change: ChangeSet) -> list[EvidenceItem]:
        """Return what a verified change proves: that it is in effect, and what its kinds of step add."""
        found = [
            EvidenceItem(
                "change_verified",
                f"{change.plan.title} is in effect",
                {"change": change.id, "steps": len(change.steps)},
            )
        ]
        for kind, handler in self._handlers.items():
            done = [
                (record.step, await self._memory(change.id, record.number))
                for record in change.steps
                if record.step.kind == kind
            ]
            found += handler.evidence(done) if done else ()
        return found

    async def reconcile(self, id_: str) -> ChangeSet:
        """Find out, for every step that was running when its process died, whether it took effect."""
        change = await self.get(id_)
        adapter = await self._connections.adapter(change.plan.connection)
        for record in change.steps:
            if record.state not in (StepState.RUNNING, StepState.UNKNOWN):
                continue
            effect = await self._took_effect(change, record, adapter)
            state = {True: StepState.APPLIED, False: StepState.FAILED, None: StepState.UNKNOWN}[effect]
            detail = {True: "in effect, found after an interruption", False: "not in effect, found after an interruption",
                      None: "unknown after an interruption: it has no probe"}[effect]  # fmt: skip
            await self._kept.set_step(id_, record.number, state, detail)
            if effect:
                await self._kept.set_fingerprint(id_, await adapter.catalog.fingerprint())
        return await self.get(id_)

    async def _writable(self, change: ChangeSet) -> Adapter:
        name = change.plan.connection
        access = self._connections.settings(name).access
        asked = {record.step.access for record in change.steps}
        wanted = "admin" if "admin" in asked else "read_write"
        principal.current().require(principal.needed_by(change), f"change {change.id}")
        if asked - {"none"} and (access == "read_only" or (wanted == "admin" and access != "admin")):
            raise AccessDenied(
                f"connection {name!r} is configured {access}, the change wants {wanted}", object_name=name,
                hint=f'A person may set connections.{name}.access = "{wanted}".',
            )  # fmt: skip
        return await self._connections.adapter(name)

    async def _require_backup(self, change: ChangeSet) -> None:
        """Refuse what can't be undone in production unless a restore proved a backup of the last day."""
        name = change.plan.connection
        stuck = [r for r in change.steps if not r.step.reversible]
        if not stuck or self._connections.settings(name).environment != "production":
            return
        yesterday = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
        if not await self._backups.verified_since(name, yesterday):
            raise Irreversible(
                f"step {stuck[0].number} of {change.id} can't be undone, and production has no backup of the last day "
                "that a restore has proved",
                object_name=change.id,
                hint="Back up and drill first.",
                next_actions=("run_backup", "run_drill"),
            )

    async def _refuse_stale(self, change: ChangeSet, adapter: Adapter) -> None:
        if await adapter.catalog.fingerprint() != await self._kept.fingerprint(change.id):
            raise StaleChange(
                f"the schema of {change.plan.connection!r} has changed since {change.id} was planned",
                object_name=change.id,
                hint="Plan it again on what is there now.",
                next_actions=("propose_change",),
            )

    async def _apply_step(self, change: ChangeSet, record: StepRecord, adapter: Adapter, progress: Progress) -> None:
        id_, number, step = change.id, record.number, record.step
        await progress(number - 1, len(change.steps), step.title)
        await self._audit.record("apply_step", f"{id_}/{number}", "intent", {"title": step.title, "kind": step.kind})
        await self._kept.set_step(id_, number, StepState.RUNNING)
        started = time.perf_counter()
        try:
            detail = await self._carry_out(change, record, adapter, progress)
            if await self._took_effect(change, record, adapter) is False:
                raise StatementFailed(f"step {number} of {id_} ran but is not in effect", object_name=id_)
        except DbManagerError as problem:
            sentence = problem.sentence()
            await self._kept.set_step(id_, number, StepState.FAILED, sentence, time.perf_counter() - started)
            await self._audit.record("apply_step", f"{id_}/{number}", "failed", {"code": problem.code})
            await self._kept.finish(id_, ChangeState.FAILED, f"step {number} failed; earlier steps stand")
            raise
        elapsed = time.perf_counter() - started
        await self._kept.set_fingerprint(id_, await adapter.catalog.fingerprint())
        await self._kept.set_step(id_, number, StepState.APPLIED, detail, elapsed)
        await self._audit.record("apply_step", f"{id_}/{number}", "done", {"detail": detail})
        await progress(number, len(change.steps), step.title)

    async def _carry_out(self, change: ChangeSet, record: StepRecord, adapter: Adapter, progress: Progress) -> str:
        step = record.step
        handler = self._handlers.get(step.kind)
        if handler is not None:
            return await handler.apply(adapter, step, await self._context(change, record, progress))
        if step.kind != "statement":
            raise StatementFailed(f"no handler carries out steps of kind {step.kind!r}", object_name=change.id)
        limits = self._connections.settings(change.plan.connection).limits
        statement = Statement(step.statement)
        if step.before_image is not None:

            async def keep(rows: CapturedRows) -> None:
                await self._kept.keep_image(
                    change.id, record.number, self._box.seal([list(rows[0]), [list(row) for row in rows[1]]])
                )

            result = await adapter.execute.capture_and_execute(
                step.before_image, statement, keep, max_rows=MAX_IMAGE_ROWS,
                lock_timeout_seconds=limits.lock_timeout_seconds, timeout_seconds=STEP_SECONDS,
            )  # fmt: skip
            if await self._differs_from_image(change, record, adapter) is False:
                await self._remember(change.id, record.number, {NOTHING_CHANGED: True})
        else:
            result = await adapter.execute.execute(
                [statement], atomic=step.transactional,
                lock_timeout_seconds=limits.lock_timeout_seconds, timeout_seconds=STEP_SECONDS,
            )  # fmt: skip
        return f"{result.rows_changed} rows changed" if result.rows_changed > 0 else "done"

    async def _took_effect(self, change: ChangeSet, record: StepRecord, adapter: Adapter) -> bool | None:
        step = record.step
        handler = self._handlers.get(step.kind)
        if handler is not None:
            return await handler.took_effect(adapter, step, await self._context(change, record, _silent))
        if step.postcondition is not None:
            rows = await adapter.query.fetch(step.postcondition.statement, step.postcondition.parameters)
            return bool(rows) and rows[0][0] == step.postcondition.expected
        if step.before_image is not None:
            return await self._differs_from_image(change, record, adapter)
        return None

    async def _differs_from_image(self, change: ChangeSet, record: StepRecord, adapter: Adapter) -> bool | None:
        """Compare kept rows with the present ones: equal means the statement never took effect."""
        sealed = await self._kept.image(change.id, record.number)
        if sealed is None:
            return False  # the image is kept before the statement runs, so it did not run
        columns, rows = _captured(self._box.open(sealed))
        if not rows:
            return True
        if (await self._memory(change.id, record.number)).get(NOTHING_CHANGED):
            return None  # it ran and left the rows as they were: nothing tells
        return await adapter.execute.count_changed(await _changed_table(adapter, record.step), (columns, rows)) > 0

    async def _undo_step(self, change: ChangeSet, record: StepRecord, adapter: Adapter, progress: Progress) -> None:
        id_, number, step = change.id, record.number, record.step
        await progress(number, len(change.steps), f"undoing {step.title}")
        await self._audit.record("undo_step", f"{id_}/{number}", "intent", {"title": step.title})
        await self._kept.set_step(id_, number, StepState.RUNNING, "being undone")
        try:
            await self._undo(change, record, adapter, progress)
        except DbManagerError as problem:
            await self._kept.set_step(id_, number, StepState.UNKNOWN, problem.sentence())
            await self._audit.record("undo_step", f"{id_}/{number}", "failed", {"code": problem.code})
            await self._kept.finish(id_, ChangeState.FAILED, f"undoing step {number} failed")
            raise
        await self._kept.set_fingerprint(id_, await adapter.catalog.fingerprint())
        await self._kept.set_step(id_, number, StepState.UNDONE)
        await self._audit.record("undo_step", f"{id_}/{number}", "done")

    async def _undo(self, change: ChangeSet, record: StepRecord, adapter: Adapter, progress: Progress) -> None:
        step = record.step
        handler = self._handlers.get(step.kind)
        if handler is not None:
            await handler.undo(adapter, step, await self._context(change, record, progress))
            return
        if step.before_image is not None:
            sealed = await self._kept.image(change.id, record.number)
            if sealed is None:
                raise Irreversible(f"the before-image of step {record.number} is gone", object_name=change.id)
            table = await _changed_table(adapter, step)
            await adapter.execute.restore_rows(table, _captured(self._box.open(sealed)))
            return
        limits = self._connections.settings(change.plan.connection).limits
        await adapter.execute.execute(
            [Statement(sql) for sql in step.inverse], atomic=step.transactional,
            lock_timeout_seconds=limits.lock_timeout_seconds, timeout_seconds=STEP_SECONDS,
        )  # fmt: skip

    async def _context(self, change: ChangeSet, record: StepRecord, progress: Progress) -> StepContext:
        async def remember(memory: dict[str, Any]) -> None:
            await self._remember(change.id, record.number, memory)

        memory = await self._memory(change.id, record.number)
        place = f"{change.id}/{record.number}"
        return StepContext(change.plan.connection, place, self._connections, progress, memory, remember)

    async def _memory(self, id_: str, number: int) -> dict[str, Any]:
        """Return what a step remembered; it is kept sealed, since a copy's position may be a person's address."""
        kept = await self._kept.progress(id_, number)
        return dict(self._box.open(kept["sealed"].encode())) if kept else {}  # type: ignore[arg-type] # an object

    async def _remember(self, id_: str, number: int, memory: dict[str, Any]) -> None:
        await self._kept.set_progress(id_, number, {"sealed": self._box.seal(memory).decode()})

    @asynccontextmanager
    async def _leased(self, id_: str, state: ChangeState) -> AsyncIterator[None]:
        """Hold the lease, renewing it, for as long as the block runs."""
        owner = secrets.token_hex(
            8
        )  # of this very piece of work: another call of the same process waits like any other
        await self._kept.take_lease(id_, owner, state)

        async def renew() -> None:
            while True:
                await anyio.sleep(LEASE_SECONDS / 5)
                await self._kept.renew_lease(id_, owner)

        failure: DbManagerError | None = None
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(renew)
                try:
                    yield
                except DbManagerError as problem:
                    failure = problem
                group.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True):
                left = await self.get(id_)
                if left.state in (ChangeState.APPLYING, ChangeState.ROLLING_BACK):
                    refused = isinstance(failure, StaleChange)
                    await self._kept.finish(id_, ChangeState.PROPOSED if refused and not any(
                        s.state is not StepState.PENDING for s in left.steps) else ChangeState.INTERRUPTED)  # fmt: skip
        if failure is not None:
            raise failure


async def _changed_table(adapter: Adapter, step: ChangeStep) -> Table:
    """Return the table whose rows the step's image holds; a nameless one where the rows name their own place (keys)."""
    name = step.payload.get("table")
    return Table("", None, ()) if name is None else (await adapter.catalog.read_schema()).table(str(name))


def _captured(opened: Any) -> CapturedRows:
    columns, rows = opened
    return tuple(columns), tuple(tuple(row) for row in rows)
