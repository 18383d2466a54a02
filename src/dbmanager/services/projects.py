"""Keeps projects, their evidence and their decisions."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import insert, select

from dbmanager.errors import NotFound
from dbmanager.model.projects import Decision, Evidence, Project
from dbmanager.services.store import Store, compact, new_id, now
from dbmanager.services.tables import DECISIONS, EVIDENCE, PROJECTS


class Projects:
    """Projects in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def create(self, goal: str, connections: Sequence[str]) -> Project:
        """Begin a project."""
        id_ = new_id("prj")
        async with self._store.write() as connection:
            await connection.execute(
                insert(PROJECTS).values(id=id_, goal=goal, connections=compact(list(connections)), created_at=now())
            )
        return await self.get(id_)

    async def get(self, id_: str) -> Project:
        """Return a project with its evidence, oldest first; NotFound names the nearest id."""
        async with self._store.read() as connection:
            row = (await connection.execute(select(PROJECTS).where(PROJECTS.c.id == id_))).first()
            if row is None:
                ids = [r[0] for r in await connection.execute(select(PROJECTS.c.id))]
                raise NotFound.of("project", id_, ids)
            evidence = await connection.execute(
                select(EVIDENCE).where(EVIDENCE.c.project_id == id_).order_by(EVIDENCE.c.id)
            )
            decisions = await connection.execute(
                select(DECISIONS).where(DECISIONS.c.project_id == id_).order_by(DECISIONS.c.id)
            )
            return Project(
                id=row.id,
                goal=row.goal,
                connections=tuple(json.loads(row.connections)),
                created_at=dt.datetime.fromisoformat(row.created_at),
                evidence=tuple(
                    Evidence(e.kind, e.title, json.loads(e.payload), dt.datetime.fromisoformat(e.created_at))
                    for e in evidence
                ),
                decisions=tuple(
                    Decision(d.title, d.reason, dt.datetime.fromisoformat(d.created_at)) for d in decisions
                ),
            )

    async def ids(self) -> list[str]:
        """Return every project's id, newest first."""
        async with self._store.read() as connection:
            return [
                r[0] for r in await connection.execute(select(PROJECTS.c.id).order_by(PROJECTS.c.created_at.desc()))
            ]

    async def keep(self, id_: str, kind: str, title: str, payload: Mapping[str, Any]) -> None:
        """Add evidence. The payload holds figures and names only."""
        await self.get(id_)
        async with self._store.write() as connection:
            await connection.execute(
                insert(EVIDENCE).values(
                    project_id=id_, kind=kind, title=title, payload=compact(dict(payload)), created_at=now()
                )
            )

    async def decide(self, id_: str, title: str, reason: str) -> None:
        """Add a decision with its reason."""
        await self.get(id_)
        async with self._store.write() as connection:
            await connection.execute(
                insert(DECISIONS).values(project_id=id_, title=title, reason=reason, created_at=now())
            )
