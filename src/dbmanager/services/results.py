"""Long answers kept for reading on: sealed, and gone after a day."""

from __future__ import annotations

import time
from dataclasses import dataclass

from sqlalchemy import delete, insert, select

from dbmanager.analyzers.describe.markdown import cut
from dbmanager.errors import NotFound
from dbmanager.services import principal
from dbmanager.services.box import SealedBox
from dbmanager.services.store import Store, new_id
from dbmanager.services.tables import RESULTS

KEPT_SECONDS = 24 * 3_600


@dataclass(frozen=True, slots=True)
class Part:
    """Characters of a kept answer from `start`; `next_start` is where to go on, None at the end."""

    title: str
    text: str
    start: int
    total: int
    next_start: int | None


class Results:
    """Answers too long for one message. What is kept has passed the masking exit and the redactor already."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._box = SealedBox(store)

    async def keep(self, title: str, text: str, id_: str | None = None) -> str:
        """Keep a text for a day and return its id; under a given id what was kept there already stays."""
        if id_ is not None and await self._is_kept(id_):
            return id_
        id_ = id_ or new_id("res")
        async with self._store.write() as connection:
            gone = (RESULTS.c.expires_at < time.time()) | (RESULTS.c.id == id_)
            await connection.execute(delete(RESULTS).where(gone))
            await connection.execute(
                insert(RESULTS).values(
                    id=id_,
                    title=title,
                    sealed=self._box.seal(text),
                    expires_at=time.time() + KEPT_SECONDS,
                    principal=principal.current().name,
                )
            )
        return id_

    async def _is_kept(self, id_: str) -> bool:
        async with self._store.read() as connection:
            found = select(RESULTS.c.id).where(RESULTS.c.id == id_, RESULTS.c.expires_at >= time.time())
            return (await connection.execute(found)).first() is not None

    async def read(self, id_: str, start: int = 0, characters: int | None = None) -> Part:
        """Return a part that ends at a line's end where it can.

        Raises: NotFound, also for what another principal was answered.
        """
        async with self._store.read() as connection:
            row = (
                await connection.execute(
                    select(RESULTS.c.title, RESULTS.c.sealed).where(
                        RESULTS.c.id == id_,
                        RESULTS.c.expires_at >= time.time(),
                        RESULTS.c.principal == principal.current().name,
                    )
                )
            ).first()
        if row is None:
            raise NotFound(
                f"result {id_!r} does not exist or is older than a day", object_name=id_, hint="Call its tool again."
            )
        text = str(self._box.open(row.sealed))
        end = cut(text, start, len(text) if characters is None else characters)
        return Part(row.title, text[start:end], start, len(text), end if end < len(text) else None)
