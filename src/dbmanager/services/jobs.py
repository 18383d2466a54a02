"""Long work kept in the store: queued by a tool, done by a worker under a lease, seen by everyone."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import Row, delete, func, insert, or_, select, update

from dbmanager.adapters.facets import Progress
from dbmanager.errors import InvalidChoice, InvalidTransition, NotFound
from dbmanager.model.jobs import Job, JobState, Outcome
from dbmanager.services.store import Store, compact, new_id, now
from dbmanager.services.tables import JOBS, WORKERS

if TYPE_CHECKING:
    from dbmanager.services.container import Services

LEASE_SECONDS = 8.0
"""Longer than a change set's lease, so that the change is free when another worker takes up its job."""
MAX_ATTEMPTS = 5
WORKER_SEEN_SECONDS = 5.0

JobHandler = Callable[["Services", Mapping[str, Any], Progress], Awaitable[Outcome]]
"""Does the work of one kind of job. It must go on from where a lost worker left it, or begin anew harmlessly."""


class Jobs:
    """Jobs in the store. Phases register a handler for each kind; tools call the same handler when they wait."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._handlers: dict[str, JobHandler] = {}

    def register(self, kind: str, handler: JobHandler) -> None:
        """Make a kind of job known."""
        self._handlers[kind] = handler

    def handler(self, kind: str) -> JobHandler:
        """Return what does the work of a kind."""
        if kind not in self._handlers:
            raise InvalidChoice.of("job kind", kind, self._handlers)
        return self._handlers[kind]

    async def enqueue(self, kind: str, about: str, arguments: Mapping[str, Any]) -> Job:
        """Queue a job; a worker takes it up."""
        self.handler(kind)
        id_ = new_id("job")
        async with self._store.write() as connection:
            await connection.execute(
                insert(JOBS).values(
                    id=id_, kind=kind, about=about, arguments=compact(dict(arguments)), state=JobState.QUEUED.value,
                    created_at=now(), done=0.0, message="", attempts=0, cancel_requested=0, result="",
                )
            )  # fmt: skip
        return await self.get(id_)

    async def get(self, id_: str) -> Job:
        """Return a job as it stands; NotFound names the nearest id."""
        async with self._store.read() as connection:
            row = (await connection.execute(select(JOBS).where(JOBS.c.id == id_))).first()
            if row is None:
                ids = [r[0] for r in await connection.execute(select(JOBS.c.id))]
                raise NotFound.of("job", id_, ids)
        return _job(row)

    async def newest(self, limit: int = 20) -> list[Job]:
        """Return the newest jobs."""
        async with self._store.read() as connection:
            rows = await connection.execute(select(JOBS).order_by(JOBS.c.created_at.desc()).limit(limit))
            return [_job(row) for row in rows]

    async def cancel(self, id_: str) -> Job:
        """Ask a job to stop; one that waits is cancelled at once, one that runs within about a second.

        Raises: InvalidTransition when it has ended already.
        """
        job = await self.get(id_)
        if job.ended:
            raise InvalidTransition(f"job {id_} is {job.state.value} already", object_name=id_)
        async with self._store.write() as connection:
            await connection.execute(
                update(JOBS)
                .where(JOBS.c.id == id_, JOBS.c.state == JobState.QUEUED.value)
                .values(state=JobState.CANCELLED.value, ended_at=now(), result="Cancelled before it began.")
            )
            await connection.execute(update(JOBS).where(JOBS.c.id == id_).values(cancel_requested=1))
        return await self.get(id_)

    async def claim(self, owner: str) -> Job | None:
        """Take up the oldest job that waits, or whose worker was lost; None when there is none.

        One that was lost too often is ended as failed.
        """
        free = or_(
            JOBS.c.state == JobState.QUEUED.value,
            (JOBS.c.state == JobState.RUNNING.value) & (JOBS.c.lease_until < time.time()),
        )
        async with self._store.write() as connection:
            row = (await connection.execute(select(JOBS).where(free).order_by(JOBS.c.created_at).limit(1))).first()
            if row is None:
                return None
            values: dict[str, Any] = {
                "state": JobState.RUNNING.value, "attempts": row.attempts + 1, "started_at": row.started_at or now(),
                "lease_owner": owner, "lease_until": time.time() + LEASE_SECONDS,
            }  # fmt: skip
            if row.attempts >= MAX_ATTEMPTS:
                values = {
                    "state": JobState.FAILED.value, "ended_at": now(),
                    "result": f"Its worker was lost {row.attempts} times; see the worker's log.",
                }  # fmt: skip
            taken = await connection.execute(update(JOBS).where(JOBS.c.id == row.id, free).values(**values))
            if taken.rowcount != 1 or values["state"] != JobState.RUNNING.value:
                return None
        return await self.get(row.id)

    async def renew(self, id_: str, owner: str) -> bool:
        """Hold on to a job's lease; False when it was lost or the job is to stop."""
        async with self._store.write() as connection:
            kept = await connection.execute(
                update(JOBS)
                .where(JOBS.c.id == id_, JOBS.c.lease_owner == owner, JOBS.c.cancel_requested == 0)
                .values(lease_until=time.time() + LEASE_SECONDS)
            )
            return kept.rowcount == 1

    async def report(self, id_: str, owner: str, done: float, total: float | None, message: str) -> None:
        """Keep progress; ignored once the lease was lost."""
        async with self._store.write() as connection:
            await connection.execute(
                update(JOBS)
                .where(JOBS.c.id == id_, JOBS.c.lease_owner == owner)
                .values(done=float(done), total=total, message=message, reported_at=now())
            )

    async def finish(self, id_: str, owner: str, state: JobState, result: Outcome) -> None:
        """End a job; ignored once the lease was lost, since another worker goes on with it."""
        async with self._store.write() as connection:
            await connection.execute(
                update(JOBS)
                .where(JOBS.c.id == id_, JOBS.c.lease_owner == owner)
                .values(
                    state=state.value, ended_at=now(), result=result.text, lease_owner=None, lease_until=None,
                    facts=None if result.facts is None else compact(result.facts),
                )
            )  # fmt: skip

    async def release(self, id_: str, owner: str) -> None:
        """Put a job back into the queue, for a worker that leaves; one that is to stop is ended."""
        async with self._store.write() as connection:
            mine = (JOBS.c.id == id_, JOBS.c.lease_owner == owner)
            await connection.execute(
                update(JOBS)
                .where(*mine, JOBS.c.cancel_requested == 1)
                .values(state=JobState.CANCELLED.value, ended_at=now(), lease_owner=None, lease_until=None)
            )
            await connection.execute(
                update(JOBS).where(*mine).values(state=JobState.QUEUED.value, lease_owner=None, lease_until=None)
            )

    async def worker_seen(self, owner: str) -> None:
        """Keep that a worker is alive."""
        async with self._store.write() as connection:
            await connection.execute(delete(WORKERS).where(WORKERS.c.id == owner))
            await connection.execute(delete(WORKERS).where(WORKERS.c.seen_at < time.time() - 60))
            await connection.execute(insert(WORKERS).values(id=owner, seen_at=time.time()))

    async def worker_gone(self, owner: str) -> None:
        """Keep that a worker leaves."""
        async with self._store.write() as connection:
            await connection.execute(delete(WORKERS).where(WORKERS.c.id == owner))

    async def has_worker(self) -> bool:
        """Whether a worker was seen in the last seconds."""
        async with self._store.read() as connection:
            alive = select(func.count()).where(WORKERS.c.seen_at > time.time() - WORKER_SEEN_SECONDS)
            return bool((await connection.execute(alive)).scalar_one())


def _job(row: Row[Any]) -> Job:
    return Job(
        id=row.id, kind=row.kind, about=row.about, arguments=json.loads(row.arguments), state=JobState(row.state),
        created_at=dt.datetime.fromisoformat(row.created_at), started_at=_moment(row.started_at),
        reported_at=_moment(row.reported_at), ended_at=_moment(row.ended_at), done=row.done, total=row.total,
        message=row.message, attempts=row.attempts, cancel_requested=bool(row.cancel_requested), result=row.result,
        facts=None if row.facts is None else json.loads(row.facts),
    )  # fmt: skip


def _moment(text: str | None) -> dt.datetime | None:
    return None if text is None else dt.datetime.fromisoformat(text)
