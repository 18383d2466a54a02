"""Long work kept in the store: queued by a tool, done by a worker under a lease, seen by everyone."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import Row, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dbmanager.adapters.facets import Progress
from dbmanager.errors import InvalidChoice, InvalidTransition, NotFound, ResourceExhausted
from dbmanager.model.configuration import Scope
from dbmanager.model.jobs import Job, JobState, LogLine, Outcome
from dbmanager.services import principal
from dbmanager.services.store import Store, compact, new_id, now
from dbmanager.services.tables import JOB_LOG, JOBS, WORKERS

if TYPE_CHECKING:
    from dbmanager.services.container import Services

LEASE_SECONDS = 8.0
"""Longer than a change set's lease, so that the change is free when another worker takes up its job."""
MAX_ATTEMPTS = 5
"""Workers lost at one and the same place before a job is given up."""
LOG_LINES = 1_000
MOST_WAITING = 100
"""Jobs of one principal that may wait at a time."""
WORKER_SEEN_SECONDS = 5.0

JobHandler = Callable[["Services", Mapping[str, Any], Progress], Awaitable[Outcome]]
"""Does the work of one kind of job. It must go on from where a lost worker left it, or begin anew harmlessly."""


class Jobs:
    """Jobs in the store. Phases register a handler for each kind; tools call the same handler when they wait."""

    def __init__(self, store: Store, *, per_lane: int = 1) -> None:
        self._store = store
        self._per_lane = per_lane
        self._handlers: dict[str, JobHandler] = {}
        self._priorities: dict[str, int] = {}
        self._scopes: dict[str, Scope] = {}

    def register(self, kind: str, handler: JobHandler, *, priority: int = 0, scope: Scope = "read") -> None:
        """Make a kind of job known, and the scope it needs; kinds of a higher priority are taken up first."""
        self._scopes[kind] = scope
        self._handlers[kind] = handler
        self._priorities[kind] = priority

    def handler(self, kind: str) -> JobHandler:
        """Return what does the work of a kind.

        Raises: ScopeMissing when whoever acts may not have it done.
        """
        if kind not in self._handlers:
            raise InvalidChoice.of("job kind", kind, self._handlers)
        principal.current().require(self._scopes[kind], kind)
        return self._handlers[kind]

    async def enqueue(self, kind: str, about: str, arguments: Mapping[str, Any], *, lane: str = "") -> Job:
        """Queue a job; a worker takes it up and does it for the principal that acts now.

        Args:
            kind: a registered kind.
            about: what it works on, for people.
            arguments: JSON-safe.
            lane: the database it works on; empty for none that has to be spared.

        Raises: ResourceExhausted when the same principal has too many waiting already.
        """
        self.handler(kind)
        id_, whose = new_id("job"), principal.written(principal.current())
        async with self._store.write() as connection:
            waiting = select(func.count()).where(JOBS.c.principal == whose, JOBS.c.state == JobState.QUEUED.value)
            if (await connection.execute(waiting)).scalar_one() >= MOST_WAITING:
                raise ResourceExhausted(
                    f"{MOST_WAITING} jobs of {principal.current().name} wait already",
                    hint="Wait for them, or stop some with cancel_job.", next_actions=("cancel_job",),
                )  # fmt: skip
            await connection.execute(
                insert(JOBS).values(
                    id=id_, kind=kind, about=about, arguments=compact(dict(arguments)), state=JobState.QUEUED.value,
                    created_at=now(), done=0.0, message="", attempts=0, cancel_requested=0, result="", lane=lane,
                    priority=self._priorities[kind], principal=whose,
                )
            )  # fmt: skip
        return await self.get(id_)

    async def get(self, id_: str) -> Job:
        """Return a job as it stands, without its answer where that belongs to another principal.

        Raises: NotFound, which names the nearest id.
        """
        async with self._store.read() as connection:
            row = (await connection.execute(select(JOBS).where(JOBS.c.id == id_))).first()
            if row is None:
                ids = [r[0] for r in await connection.execute(select(JOBS.c.id))]
                raise NotFound.of("job", id_, ids)
        return _seen(_job(row))

    async def newest(self, limit: int = 20) -> list[Job]:
        """Return the newest jobs, without the answers of other principals'."""
        async with self._store.read() as connection:
            rows = await connection.execute(select(JOBS).order_by(JOBS.c.created_at.desc()).limit(limit))
            return [_seen(_job(row)) for row in rows]

    async def counted(self) -> dict[JobState, int]:
        """Return how many jobs of each state there are."""
        async with self._store.read() as connection:
            rows = await connection.execute(select(JOBS.c.state, func.count()).group_by(JOBS.c.state))
            return {JobState(state): int(number) for state, number in rows}

    async def cancel(self, id_: str) -> Job:
        """Ask a job to stop; one that waits is cancelled at once, one that runs within about a second.

        Raises:
            InvalidTransition: it has ended already.
            ScopeMissing: another principal queued it, and whoever acts does not hold `admin`.
        """
        job = await self.get(id_)
        mine = _owner(job) == principal.current().name
        principal.current().require(
            "read" if mine else "admin", "stopping a job" + ("" if mine else f" of {_owner(job)}")
        )
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
        """Take up the most urgent job that waits, or whose worker was lost; None when there is none.

        A job waits while as many of its lane run as are allowed. One that was lost too often is ended as failed.
        """
        moment = time.time()
        waits = JOBS.c.state == JobState.QUEUED.value
        lost = (JOBS.c.state == JobState.RUNNING.value) & (JOBS.c.lease_until < moment)
        running = JOBS.alias()
        beside = (
            select(func.count())
            .where(running.c.lane == JOBS.c.lane, running.c.id != JOBS.c.id, running.c.lease_until >= moment,
                   running.c.state == JobState.RUNNING.value)
            .scalar_subquery()
        )  # fmt: skip
        free = or_(waits, lost) & ((JOBS.c.lane == "") | (beside < self._per_lane))
        async with self._store.write(alone=True) as connection:
            order = (JOBS.c.priority.desc(), JOBS.c.created_at)
            row = (await connection.execute(select(JOBS).where(free).order_by(*order).limit(1))).first()
            if row is None:
                return None
            values: dict[str, Any] = {
                "state": JobState.RUNNING.value, "attempts": row.attempts + 1, "started_at": row.started_at or now(),
                "lease_owner": owner, "lease_until": time.time() + LEASE_SECONDS, "taken_at": now(),
                "taken_done": row.done,
            }  # fmt: skip
            if row.attempts >= MAX_ATTEMPTS and not self._moved(row):
                values = {
                    "state": JobState.FAILED.value, "ended_at": now(),
                    "result": f"Its worker was lost {row.attempts} times; see the job's log.",
                }  # fmt: skip
            elif self._moved(row):
                values["attempts"] = 1
            taken = await connection.execute(update(JOBS).where(JOBS.c.id == row.id, or_(waits, lost)).values(**values))
            if taken.rowcount != 1 or values["state"] != JobState.RUNNING.value:
                return None
            line = "taken up" if row.started_at is None else "taken up again, its worker was lost or left"
            await connection.execute(insert(JOB_LOG).values(job_id=row.id, at=now(), worker=owner, line=line))
        return await self.get(row.id)

    @staticmethod
    def _moved(row: Row[Any]) -> bool:
        """Whether the last worker got further: only losing workers at the same place again and again is hopeless."""
        return bool(row.attempts) and row.done > row.taken_done

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
            if message:
                await self._add_line(connection, id_, owner, message)

    async def log(self, id_: str, limit: int = 20) -> list[LogLine]:
        """Return the newest lines of a job's log, oldest first."""
        async with self._store.read() as connection:
            query = select(JOB_LOG).where(JOB_LOG.c.job_id == id_).order_by(JOB_LOG.c.number.desc()).limit(limit)
            rows = list(await connection.execute(query))
        return [LogLine(dt.datetime.fromisoformat(row.at), row.worker, row.line) for row in reversed(rows)]

    async def _add_line(self, connection: AsyncConnection, id_: str, owner: str, line: str) -> None:
        """Append to a job's log, unless the newest line says the same; the newest 1,000 lines are kept."""
        newest = select(JOB_LOG).where(JOB_LOG.c.job_id == id_).order_by(JOB_LOG.c.number.desc())
        last = (await connection.execute(newest.limit(1))).first()
        if last is not None and (last.line, last.worker) == (line, owner):
            return
        await connection.execute(insert(JOB_LOG).values(job_id=id_, at=now(), worker=owner, line=line))
        old = (await connection.execute(newest.with_only_columns(JOB_LOG.c.number).offset(LOG_LINES).limit(1))).scalar()
        if old is not None:
            await connection.execute(delete(JOB_LOG).where(JOB_LOG.c.job_id == id_, JOB_LOG.c.number <= old))

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
            await self._add_line(connection, id_, owner, state.value)

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
                update(JOBS)
                .where(*mine)
                .values(state=JobState.QUEUED.value, lease_owner=None, lease_until=None, attempts=JOBS.c.attempts - 1)
            )
            await self._add_line(connection, id_, owner, "put back, its worker leaves")

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


def _owner(job: Job) -> str:
    return (principal.read(job.principal) or principal.process_user()).name


def _seen(job: Job) -> Job:
    """Return a job as whoever acts may see it: an answer belongs to the principal that it was queued by."""
    if principal.current().may("admin") or _owner(job) == principal.current().name:
        return job
    return replace(job, result=f"Its answer belongs to {_owner(job)}." if job.ended else "", facts=None, message="")


def _job(row: Row[Any]) -> Job:
    return Job(
        id=row.id, kind=row.kind, about=row.about, arguments=json.loads(row.arguments), state=JobState(row.state),
        created_at=dt.datetime.fromisoformat(row.created_at), started_at=_moment(row.started_at),
        reported_at=_moment(row.reported_at), ended_at=_moment(row.ended_at), done=row.done, total=row.total,
        message=row.message, attempts=row.attempts, cancel_requested=bool(row.cancel_requested), result=row.result,
        facts=None if row.facts is None else json.loads(row.facts), priority=row.priority, lane=row.lane,
        taken_at=_moment(row.taken_at), taken_done=row.taken_done, principal=row.principal,
    )  # fmt: skip


def _moment(text: str | None) -> dt.datetime | None:
    return None if text is None else dt.datetime.fromisoformat(text)
