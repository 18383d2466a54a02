"""Change sets as rows of the store."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import time
from typing import Any

from sqlalchemy import Row, insert, or_, select, update

from dbmanager.errors import InvalidTransition, NotFound
from dbmanager.model.changes import ChangePlan, ChangeSet, ChangeState, StepRecord, StepState
from dbmanager.services.approvals import Approvals
from dbmanager.services.store import Store, compact, new_id, now
from dbmanager.services.tables import CHANGES, IMAGES, STEPS

LEASE_SECONDS = 5.0
IMAGE_DAYS = 90


def plan_hash(plan: ChangePlan) -> str:
    """Return the hash an approval binds to; empty notes count for nothing, as in plans of before there were any."""
    left_out = None if plan.notes else {"notes"}
    return hashlib.sha256(compact(plan.model_dump(mode="json", exclude=left_out)).encode()).hexdigest()


class ChangeStore:
    """Keeps plans, step states, leases and before-images; every method is one short transaction."""

    def __init__(self, store: Store, approvals: Approvals) -> None:
        self._store = store
        self._approvals = approvals

    async def add(self, plan: ChangePlan, project_id: str | None) -> str:
        """Keep a new plan and return its id."""
        id_ = new_id("chg")
        async with self._store.write() as connection:
            await connection.execute(
                insert(CHANGES).values(
                    id=id_,
                    connection=plan.connection,
                    plan=plan.model_dump_json(),
                    plan_hash=plan_hash(plan),
                    state=ChangeState.PROPOSED.value,
                    fingerprint=plan.precondition,
                    project_id=project_id,
                    created_at=now(),
                    note="",
                )
            )
            await connection.execute(
                insert(STEPS),
                [
                    {
                        "change_id": id_,
                        "number": number,
                        "state": StepState.PENDING.value,
                        "detail": "",
                        "progress": "{}",
                    }
                    for number in range(1, len(plan.steps) + 1)
                ],
            )
        return id_

    async def get(self, id_: str) -> ChangeSet:
        """Return a change set; one whose owner died while applying reads as interrupted.

        Raises: NotFound naming the nearest id.
        """
        async with self._store.read() as connection:
            row = (await connection.execute(select(CHANGES).where(CHANGES.c.id == id_))).first()
            if row is None:
                ids = [r[0] for r in await connection.execute(select(CHANGES.c.id))]
                raise NotFound.of("change", id_, ids)
            steps = (
                await connection.execute(select(STEPS).where(STEPS.c.change_id == id_).order_by(STEPS.c.number))
            ).all()
        return await self._change(row, steps)

    async def all(self, limit: int = 50) -> list[ChangeSet]:
        """Return the newest change sets."""
        async with self._store.read() as connection:
            ids = [r[0] for r in await connection.execute(
                select(CHANGES.c.id).order_by(CHANGES.c.created_at.desc()).limit(limit))]  # fmt: skip
        return [await self.get(id_) for id_ in ids]

    async def _change(self, row: Row[Any], steps: Any) -> ChangeSet:
        plan = ChangePlan.model_validate_json(row.plan)
        state = ChangeState(row.state)
        if state in (ChangeState.APPLYING, ChangeState.ROLLING_BACK) and (row.lease_until or 0) < time.time():
            state = ChangeState.INTERRUPTED
        return ChangeSet(
            id=row.id,
            plan=plan,
            plan_hash=plan_hash(plan),
            state=state,
            created_at=dt.datetime.fromisoformat(row.created_at),
            steps=tuple(
                StepRecord(s.number, plan.steps[s.number - 1], StepState(s.state), s.detail, s.elapsed_seconds)
                for s in steps
            ),
            approval=await self._approvals.standing(row.id),
            project_id=row.project_id,
            notes=(row.note,) if row.note else (),
        )

    async def take_lease(self, id_: str, owner: str, state: ChangeState) -> None:
        """Become the only one to work on a change.

        Raises: InvalidTransition while another process holds it.
        """
        async with self._store.write() as connection:
            taken = await connection.execute(
                update(CHANGES)
                .where(
                    CHANGES.c.id == id_,
                    or_(
                        CHANGES.c.lease_until.is_(None),
                        CHANGES.c.lease_until < time.time(),
                        CHANGES.c.lease_owner == owner,
                    ),
                )
                .values(lease_owner=owner, lease_until=time.time() + LEASE_SECONDS, state=state.value)
            )
            if taken.rowcount != 1:
                raise InvalidTransition(
                    f"change {id_} is being worked on by another process",
                    object_name=id_,
                    hint="Look at it again later.",
                )

    async def renew_lease(self, id_: str, owner: str) -> bool:
        """Hold on to the lease; False when it was lost."""
        async with self._store.write() as connection:
            kept = await connection.execute(
                update(CHANGES)
                .where(CHANGES.c.id == id_, CHANGES.c.lease_owner == owner)
                .values(lease_until=time.time() + LEASE_SECONDS)
            )
            return kept.rowcount == 1

    async def finish(self, id_: str, state: ChangeState, note: str = "") -> None:
        """Set the state and let the lease go."""
        async with self._store.write() as connection:
            await connection.execute(
                update(CHANGES)
                .where(CHANGES.c.id == id_)
                .values(state=state.value, note=note, lease_owner=None, lease_until=None)
            )

    async def set_fingerprint(self, id_: str, fingerprint: str) -> None:
        """Keep the catalog's fingerprint as it is after our own step."""
        async with self._store.write() as connection:
            await connection.execute(update(CHANGES).where(CHANGES.c.id == id_).values(fingerprint=fingerprint))

    async def fingerprint(self, id_: str) -> str:
        """Return the fingerprint that the catalog must still have."""
        async with self._store.read() as connection:
            return str(
                (await connection.execute(select(CHANGES.c.fingerprint).where(CHANGES.c.id == id_))).scalar_one()
            )

    async def set_step(
        self, id_: str, number: int, state: StepState, detail: str = "", elapsed_seconds: float | None = None
    ) -> None:
        """Keep how a step stands, durably before and after it runs."""
        async with self._store.write() as connection:
            await connection.execute(
                update(STEPS)
                .where(STEPS.c.change_id == id_, STEPS.c.number == number)
                .values(state=state.value, detail=detail, elapsed_seconds=elapsed_seconds)
            )

    async def progress(self, id_: str, number: int) -> dict[str, Any]:
        """Return what a step's handler kept."""
        async with self._store.read() as connection:
            found = (
                await connection.execute(
                    select(STEPS.c.progress).where(STEPS.c.change_id == id_, STEPS.c.number == number)
                )
            ).scalar_one()
        loaded: dict[str, Any] = json.loads(found)
        return loaded

    async def set_progress(self, id_: str, number: int, progress: dict[str, Any]) -> None:
        """Keep what a step's handler needs to go on after a crash."""
        async with self._store.write() as connection:
            await connection.execute(
                update(STEPS)
                .where(STEPS.c.change_id == id_, STEPS.c.number == number)
                .values(progress=compact(progress))
            )

    async def keep_image(self, id_: str, number: int, sealed: bytes) -> None:
        """Keep a sealed before-image."""
        expires = (dt.datetime.now(dt.UTC) + dt.timedelta(days=IMAGE_DAYS)).isoformat()
        async with self._store.write() as connection:
            await connection.execute(IMAGES.delete().where(IMAGES.c.change_id == id_, IMAGES.c.number == number))
            await connection.execute(IMAGES.delete().where(IMAGES.c.expires_at < now()))
            await connection.execute(
                insert(IMAGES).values(change_id=id_, number=number, sealed=sealed, expires_at=expires)
            )

    async def image(self, id_: str, number: int) -> bytes | None:
        """Return a sealed before-image, None when none was kept or it has expired."""
        async with self._store.read() as connection:
            found = await connection.execute(
                select(IMAGES.c.sealed).where(IMAGES.c.change_id == id_, IMAGES.c.number == number)
            )
            row = found.first()
        return bytes(row[0]) if row else None
