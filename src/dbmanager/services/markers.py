"""What changes whenever a job or a change set is seen to stand otherwise, whichever process made it so.

A marker is an opaque text. Each question is one short read of the store by primary keys; no database of a user is asked.
"""

from __future__ import annotations

import datetime as dt
import time
from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import Row, Select, select

from dbmanager.model.changes import ChangeState
from dbmanager.services.store import Store, compact
from dbmanager.services.tables import APPROVALS, CHANGES, JOBS, STEPS

NEWEST = 20
_LEASED = (ChangeState.APPLYING.value, ChangeState.ROLLING_BACK.value)


class Markers:
    """Reads markers; one that is gone is missing from what is returned."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def jobs(self, ids: Collection[str]) -> dict[str, str]:
        """Return each job's marker: state, progress, message, attempts."""
        columns = (JOBS.c.state, JOBS.c.done, JOBS.c.total, JOBS.c.message, JOBS.c.attempts, JOBS.c.cancel_requested)
        rows = await self._rows(select(JOBS.c.id, *columns).where(JOBS.c.id.in_(ids)))
        return {row.id: compact(list(row)) for row in rows}

    async def changes(self, ids: Collection[str]) -> dict[str, str]:
        """Return each change set's marker: state, steps, and whether an approval stands."""
        parts: dict[str, list[object]] = defaultdict(list)
        change = select(CHANGES.c.id, CHANGES.c.state, CHANGES.c.note, CHANGES.c.lease_until)
        for row in await self._rows(change.where(CHANGES.c.id.in_(ids))):
            lost = row.state in _LEASED and (row.lease_until or 0) < time.time()
            parts[row.id] += [row.state, row.note, lost]
        step = select(STEPS.c.change_id, STEPS.c.number, STEPS.c.state).where(STEPS.c.change_id.in_(ids))
        for row in await self._rows(step.order_by(STEPS.c.change_id, STEPS.c.number)):
            parts[row.change_id].append([row.number, row.state])
        given = select(APPROVALS.c.change_id, APPROVALS.c.given_at, APPROVALS.c.expires_at)
        moment = dt.datetime.now(dt.UTC).isoformat()
        for row in await self._rows(given.where(APPROVALS.c.change_id.in_(ids))):
            parts[row.change_id].append([row.given_at, row.expires_at <= moment])
        return {id_: compact(found) for id_, found in parts.items()}

    async def newest_jobs(self) -> str:
        """Return the marker of the list of the newest jobs."""
        newest = select(JOBS.c.id, JOBS.c.state).order_by(JOBS.c.created_at.desc()).limit(NEWEST)
        return compact([list(row) for row in await self._rows(newest)])

    async def newest_changes(self, connections: Collection[str] | None = None) -> str:
        """Return the marker of the list of the newest change sets, of these connections only when they are given."""
        newest = select(CHANGES.c.id, CHANGES.c.state).order_by(CHANGES.c.created_at.desc()).limit(NEWEST)
        if connections is not None:
            newest = newest.where(CHANGES.c.connection.in_(connections))
        return compact([list(row) for row in await self._rows(newest)])

    async def _rows(self, query: Select[tuple[object, ...]] | Select[tuple[()]]) -> list[Row[tuple[object, ...]]]:
        async with self._store.read() as connection:
            return list(await connection.execute(query))
