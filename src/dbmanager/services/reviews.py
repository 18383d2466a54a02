"""Keeps what the last review of each connection said."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import delete, insert, select

from dbmanager.analyzers.reviewing.comparison import Fact
from dbmanager.services.store import Store, compact, now
from dbmanager.services.tables import REVIEWS


class Reviews:
    """The newest review by connection."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def replaced(self, connection: str, facts: Sequence[Fact]) -> tuple[str, tuple[Fact, ...]] | None:
        """Keep a review, and return when the one before it was taken and what it said; None for the first."""
        own = REVIEWS.c.connection == connection
        kept = compact([[fact.kind, fact.object, fact.figure] for fact in facts])
        async with self._store.write(alone=True) as writing:
            row = (await writing.execute(select(REVIEWS).where(own))).first()
            await writing.execute(delete(REVIEWS).where(own))
            await writing.execute(insert(REVIEWS).values(connection=connection, taken_at=now(), findings=kept))
        return None if row is None else (row.taken_at, tuple(Fact(*kept) for kept in json.loads(row.findings)))
