"""Keeps what databases were asked at several moments: counts in clear, texts and samples sealed until they expire."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.engine import Row

from dbmanager.analyzers.workload.difference import WorkloadDifference, difference
from dbmanager.analyzers.workload.gathering import reading_of
from dbmanager.analyzers.workload.history import Point, history
from dbmanager.errors import InvalidStatement, NotFound
from dbmanager.model.workload import Routine, Workload, WorkloadStatement
from dbmanager.services.box import SealedBox
from dbmanager.services.store import Store, compact, new_id
from dbmanager.services.tables import WORKLOADS

KEPT = 60
"""Snapshots of a connection; the oldest go first."""
SAMPLES_SECONDS = 7 * 24 * 3_600.0
LONGEST_SHOWN = 4_000
MOST_SEALED = 4_000_000
"""Characters of texts and samples of one snapshot."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One kept workload: its id, source, moment, and how many statements it holds."""

    id: str
    connection: str
    source: str
    taken_at: dt.datetime
    statements: int


class Workloads:
    """Snapshots of workloads. What a statement's values were stands sealed, and is gone after a week."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._box = SealedBox(store)

    async def keep(
        self, connection: str, workload: Workload, dialect: str, *, samples_seconds: float = SAMPLES_SECONDS
    ) -> Snapshot:
        """Keep a workload that was understood, drop the oldest beyond 60, purge samples that have expired."""
        id_, taken = new_id("wl"), workload.taken_at
        async with self._store.write() as writing:
            await writing.execute(
                insert(WORKLOADS).values(
                    id=id_, connection=connection, source=workload.source, taken_at=taken.isoformat(),
                    counts=compact(_counts(workload, dialect)), sealed=self._box.seal(_sealed(workload, dialect)),
                    samples_until=time.time() + samples_seconds,
                )
            )  # fmt: skip
            own = select(WORKLOADS.c.id).where(WORKLOADS.c.connection == connection)
            newest = [row.id for row in await writing.execute(own.order_by(WORKLOADS.c.taken_at.desc()).limit(KEPT))]
            old = (WORKLOADS.c.connection == connection) & WORKLOADS.c.id.not_in(newest)
            await writing.execute(delete(WORKLOADS).where(old))
        await self.purge()
        return Snapshot(id_, connection, workload.source, taken, len(workload.statements))

    async def purge(self) -> int:
        """Take texts and samples whose time has come out of the store, and return how many snapshots lost theirs."""
        expired = (WORKLOADS.c.samples_until < time.time()) & WORKLOADS.c.sealed.is_not(None)
        async with self._store.write() as writing:
            return int((await writing.execute(update(WORKLOADS).where(expired).values(sealed=None))).rowcount)

    async def list(self, connection: str) -> tuple[Snapshot, ...]:
        """Return the snapshots of a connection, the newest first."""
        query = select(WORKLOADS).where(WORKLOADS.c.connection == connection).order_by(WORKLOADS.c.taken_at.desc())
        async with self._store.read() as reading:
            return tuple(_snapshot(row) for row in await reading.execute(query))

    async def latest(self, connection: str, source: str | None = None) -> tuple[Snapshot, Workload] | None:
        """Return the newest snapshot of a connection (of a source) with its workload; None where there is none."""
        query = select(WORKLOADS).where(WORKLOADS.c.connection == connection).order_by(WORKLOADS.c.taken_at.desc())
        if source is not None:
            query = query.where(WORKLOADS.c.source == source)
        async with self._store.read() as reading:
            row = (await reading.execute(query.limit(1))).first()
        return None if row is None else (_snapshot(row), self._opened(row))

    async def history(
        self, connection: str, source: str, *, most: int = 10, fingerprint: str | None = None
    ) -> tuple[Point, ...]:
        """Return how the load of a connection moved over its newest snapshots of a source, the oldest first."""
        query = select(WORKLOADS).where(WORKLOADS.c.connection == connection, WORKLOADS.c.source == source)
        async with self._store.read() as reading:
            rows = list(await reading.execute(query.order_by(WORKLOADS.c.taken_at.desc()).limit(most + 1)))
        opened = [self._opened(row) for row in reversed(rows)]
        return tuple(history([one for one in opened if one.is_cumulative], fingerprint))

    async def get(self, connection: str, id_: str) -> tuple[Snapshot, Workload]:
        """Return a snapshot of a connection; NotFound names the nearest. Samples that have expired are purged first."""
        await self.purge()
        query = select(WORKLOADS).where(WORKLOADS.c.connection == connection)
        async with self._store.read() as reading:
            row = (await reading.execute(query.where(WORKLOADS.c.id == id_))).first()
        if row is None:
            known = await self.list(connection)
            raise NotFound.of("workload snapshot", id_, [snapshot.id for snapshot in known])
        return _snapshot(row), self._opened(row)

    async def compare(self, connection: str, before: str, now: str) -> WorkloadDifference:
        """Return what happened between two snapshots.

        Raises: InvalidStatement when they are of different sources.
        """
        (first, earlier), (second, later) = await self.get(connection, before), await self.get(connection, now)
        if first.source != second.source:
            raise InvalidStatement(
                f"{before} was counted by {first.source}, {now} by {second.source}", object_name=before,
                hint="Compare two snapshots of one source.",
            )  # fmt: skip
        return difference(earlier, later)

    def _opened(self, row: Row[Any]) -> Workload:
        """Return the workload; once its samples have expired, with texts whose values are folded and no samples."""
        hidden: Any = {}
        if row.sealed is not None and row.samples_until >= time.time():
            hidden = self._box.open(row.sealed)
        facts = json.loads(row.counts)
        texts, samples, bodies = (hidden.get(name, {}) for name in ("texts", "samples", "bodies"))
        statements = tuple(
            WorkloadStatement(**{**one, "text": texts.get(one["fingerprint"], one["text"]),
                                 "samples": tuple(samples.get(one["fingerprint"], ()))})
            for one in facts.pop("statements")
        )  # fmt: skip
        routines = tuple(
            Routine(**{**one, "body": bodies.get(one["name"], ""), "arguments": tuple(one["arguments"]),
                       "statements": tuple(one["statements"])})
            for one in facts.pop("routines")
        )  # fmt: skip
        since = facts.pop("since")
        return Workload(
            statements=statements, routines=routines, taken_at=dt.datetime.fromisoformat(facts.pop("taken_at")),
            since=dt.datetime.fromisoformat(since) if since else None,
            skipped=tuple((text, why) for text, why in facts.pop("skipped")), notes=tuple(facts.pop("notes")), **facts,
        )  # fmt: skip


def _counts(workload: Workload, dialect: str) -> dict[str, Any]:
    """Return what may stand in clear: figures, names, and texts with every value folded."""
    facts = dataclasses.asdict(workload)
    facts["taken_at"] = workload.taken_at.isoformat()
    facts["since"] = workload.since.isoformat() if workload.since else None
    facts["table_writes"] = dict(workload.table_writes)
    for kept, statement in zip(facts["statements"], workload.statements, strict=True):
        del kept["samples"]
        kept["text"] = reading_of(statement.text, dialect).shown[:LONGEST_SHOWN]
    for kept in facts["routines"]:
        del kept["body"]
    return facts


def _sealed(workload: Workload, dialect: str) -> dict[str, Any]:
    """Return texts as their source gave them, samples and bodies of routines, as many as there is room for."""
    left = MOST_SEALED
    texts: dict[str, str] = {}
    samples: dict[str, list[str]] = {}
    for statement in workload.statements:
        needed = len(statement.text) + sum(map(len, statement.samples))
        if needed <= left:
            left -= needed
            texts[statement.fingerprint] = statement.text
            samples[statement.fingerprint] = list(statement.samples)
    bodies: Mapping[str, str] = {r.name: r.body for r in workload.routines if len(r.body) <= left // 100}
    return {"texts": texts, "samples": samples, "bodies": dict(bodies)}


def _snapshot(row: Row[Any]) -> Snapshot:
    count = len(json.loads(row.counts)["statements"])
    return Snapshot(row.id, row.connection, row.source, dt.datetime.fromisoformat(row.taken_at), count)
