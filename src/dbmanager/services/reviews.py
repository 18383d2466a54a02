"""Keeps what the last review of each connection found."""

from __future__ import annotations

import json
from collections.abc import Set

from sqlalchemy import delete, insert, select

from dbmanager.services.store import Store, compact, now
from dbmanager.services.tables import REVIEWS

Key = tuple[str, str]
"""The id of a check and the object that it found something of."""


class Reviews:
    """The newest review by connection."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def replaced(self, connection: str, findings: Set[Key]) -> tuple[str, frozenset[Key]] | None:
        """Keep a review, and return when the one before it was taken and what it found; None for the first."""
        own = REVIEWS.c.connection == connection
        async with self._store.write(alone=True) as writing:
            row = (await writing.execute(select(REVIEWS).where(own))).first()
            await writing.execute(delete(REVIEWS).where(own))
            await writing.execute(
                insert(REVIEWS).values(connection=connection, taken_at=now(), findings=compact(sorted(findings)))
            )
        return None if row is None else (row.taken_at, frozenset((check, of) for check, of in json.loads(row.findings)))
