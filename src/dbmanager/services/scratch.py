"""Throw-away databases: registered before they exist, filled within a budget, dropped whatever happens."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import secrets
import socket
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Literal, cast

import anyio
from sqlalchemy import delete, insert, select, update

from dbmanager.adapters.facets import Adapter, Scratch, ScratchPlace, need, scratch_place
from dbmanager.adapters.private_server import remove_folder
from dbmanager.errors import DbManagerError, ResourceExhausted
from dbmanager.services.box import SealedBox
from dbmanager.services.connections import Connections
from dbmanager.services.scratch_filling import Budget, Filling
from dbmanager.services.store import Store, new_id
from dbmanager.services.tables import SCRATCH

__all__ = ["Budget", "Contents", "ScratchDatabase", "Scratches"]

ALIVE_SECONDS = 60.0
FORGET_SECONDS = 7 * 24 * 3_600.0
Contents = Literal["nothing", "schema", "sample", "full"]


@dataclass(frozen=True, slots=True)
class ScratchDatabase:
    """A throw-away database while it exists.

    Attributes:
        rows: rows copied, by table.
        left_out: a sentence for everything of the source that is not in it.
    """

    adapter: Adapter
    place: ScratchPlace
    facet: Scratch
    rows: dict[str, int]
    left_out: tuple[str, ...]


class Book:
    """The rows of the store about the places of one connection; says that their owner is alive for as long as it is."""

    def __init__(self, store: Store, box: SealedBox, connection: str, owner: str, alive_seconds: float) -> None:
        self._store = store
        self._box = box
        self._connection = connection
        self._owner = owner
        self._alive_seconds = alive_seconds
        self._ids: dict[str, str] = {}

    async def add(self, place: ScratchPlace) -> None:
        """Keep a place, sealed, before it is made."""
        id_ = self._ids[place.name] = new_id("scr")
        sealed = self._box.seal(cast(Any, dataclasses.asdict(place)))
        row = {
            "id": id_, "connection": self._connection, "place": sealed, "owner": self._owner,
            "alive_until": time.time() + self._alive_seconds,
        }  # fmt: skip
        async with self._store.write() as connection:
            await connection.execute(insert(SCRATCH).values(**row))

    async def remove(self, place: ScratchPlace) -> None:
        """Forget a place that is gone."""
        async with self._store.write() as connection:
            await connection.execute(delete(SCRATCH).where(SCRATCH.c.id == self._ids.pop(place.name)))

    async def stay_alive(self) -> None:
        """Say again and again that the owner is alive, until cancelled."""
        while True:
            await anyio.sleep(self._alive_seconds / 4)
            with suppress(DbManagerError):  # a store that is busy now is asked again
                async with self._store.write() as connection:
                    alive = time.time() + self._alive_seconds
                    mine = SCRATCH.c.id.in_(list(self._ids.values()))
                    await connection.execute(update(SCRATCH).where(mine).values(alive_until=alive))


class Scratches:
    """Makes, fills, drops and cleans up throw-away databases."""

    def __init__(
        self, store: Store, box: SealedBox, connections: Connections, *, alive_seconds: float = ALIVE_SECONDS
    ) -> None:
        self._store = store
        self._box = box
        self._connections = connections
        self._alive_seconds = alive_seconds
        self._owner = f"{socket.gethostname()[:32]}:{os.getpid()}:{secrets.token_hex(4)}"

    @asynccontextmanager
    async def book(self, connection: str) -> AsyncIterator[Book]:
        """Yield a book of a connection's places; what is in it counts as alive until the block ends."""
        book = Book(self._store, self._box, connection, self._owner, self._alive_seconds)
        alive = asyncio.create_task(book.stay_alive())
        try:
            yield book
        finally:
            alive.cancel()
            with suppress(asyncio.CancelledError):
                await alive

    @asynccontextmanager
    async def made(
        self, connection: str, adapter: Adapter, contents: Contents = "schema", tables: Sequence[str] | None = None,
        *, sample_rows: int | Mapping[str, int] = 2_000, budget: Budget | None = None,
    ) -> AsyncIterator[ScratchDatabase]:  # fmt: skip
        """Yield a filled throw-away database of the same engine; the source is only read, within bounds.

        Args:
            connection: the name of the connection.
            adapter: the source.
            contents: `sample` takes rows spread over each table, and the parents that they refer to.
            tables: names; all base tables when None.
            sample_rows: rows of each table in a sample, parents not counted; or by the table's name.
            budget: rows, bytes and seconds; the seconds count until the block ends.

        Raises:
            UnsupportedCapability: no scratch database can be made; the reason says why.
            ResourceExhausted: the budget's end was reached.
        """
        budget = budget or Budget()
        facet = need(adapter.scratch, connection)
        with anyio.move_on_after(budget.seconds) as clock:
            async with self.book(connection) as book, scratch_place(facet, connection, book) as place:
                target = facet.open(place)
                try:
                    filling = Filling(adapter, target, facet, place, budget)
                    if contents != "nothing":
                        await filling.fill(contents, tables, sample_rows)
                    yield ScratchDatabase(target, place, facet, filling.rows, tuple(filling.left_out))
                finally:
                    with anyio.CancelScope(shield=True):
                        await target.close()
        if clock.cancelled_caught:
            raise ResourceExhausted(
                f"the scratch database took longer than its budget of {budget.seconds:g} seconds", object_name=connection,
                hint="Set a higher budget of seconds, name fewer tables, or take a smaller sample.",
            )  # fmt: skip

    async def clean(self) -> tuple[str, ...]:
        """Drop the places whose owner is gone; return a sentence for each that was dropped or could not be."""
        async with self._store.read() as connection:
            found = await connection.execute(select(SCRATCH).where(SCRATCH.c.alive_until < time.time()))
            rows = [dict(row) for row in found.mappings()]
        return tuple([await self._cleaned(row) for row in rows])

    async def _cleaned(self, row: dict[str, Any]) -> str:
        name = row["connection"]
        try:
            place = ScratchPlace(**cast(dict[str, Any], self._box.open(row["place"])))
            if not place.is_here and time.time() - row["alive_until"] < FORGET_SECONDS:
                return f"{place.name} of {name}: left to a process on {place.machine}"
            if not place.is_here:
                pass  # a machine that has cleaned nothing for a week is gone, and the folder with it
            elif place.kind == "database":
                adapter = await self._connections.adapter(name)
                await need(adapter.scratch, name).drop(place)
            else:
                await remove_folder(place.path)
        except DbManagerError as problem:
            return f"a scratch database of {name} could not be dropped: {problem.sentence()}"
        async with self._store.write() as connection:
            await connection.execute(
                delete(SCRATCH).where(SCRATCH.c.id == row["id"], SCRATCH.c.alive_until == row["alive_until"])
            )
        return f"{place.name} of {name}: {'dropped' if place.is_here else 'forgotten'}, its owner was gone"
