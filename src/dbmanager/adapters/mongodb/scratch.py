"""Throw-away MongoDB databases beside the source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dbmanager.adapters.facets import ScratchPlace, Unsupported
from dbmanager.adapters.facets.scratch import FORBIDDEN, SchemaPart, database_place, require_ours
from dbmanager.adapters.mongodb.session import Sessions
from dbmanager.adapters.mongodb.values import document_of
from dbmanager.model.configuration import ResolvedUrl
from dbmanager.model.schema import Table

if TYPE_CHECKING:
    from dbmanager.adapters.mongodb.adapter import MongoAdapter

_PRIVATE = 'no private mongod is started yet; a person may set scratch = "server" to allow a database beside the source'

_DESIGN = ("create", "createIndexes", "dropIndexes", "collMod", "drop")


class MongoScratch:
    """The `Scratch` facet."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def places(self, name: str) -> tuple[ScratchPlace, ...] | Unsupported:
        """Return a database of that name on the same server."""
        mode = self._sessions.settings.scratch_mode
        if mode == "server":
            return (database_place(name),)
        return Unsupported(FORBIDDEN if mode == "none" else _PRIVATE)

    async def create(self, place: ScratchPlace) -> None:
        """Do nothing but look at the name: the first collection makes the database."""
        require_ours(place)

    def open(self, place: ScratchPlace) -> MongoAdapter:
        """Return a writable adapter."""
        from dbmanager.adapters.mongodb.adapter import MongoAdapter

        require_ours(place)
        settings = self._sessions.settings.model_copy(update={"access": "read_write"})
        return MongoAdapter("scratch", beside(self._sessions.url, place.name), settings)

    async def size_bytes(self, place: ScratchPlace) -> int:
        """Return what `dbStats` tells of documents and indexes."""
        require_ours(place)
        found = await self._sessions.command({"dbStats": 1}, database=place.name)
        return int(found.get("dataSize", 0)) + int(found.get("indexSize", 0))

    async def drop(self, place: ScratchPlace) -> None:
        """Drop the database."""
        require_ours(place)
        await self._sessions.command({"dropDatabase": 1}, database=place.name)

    async def copy_schema(self, place: ScratchPlace, part: SchemaPart) -> tuple[str, ...] | Unsupported:
        """Collections are made one by one from their options."""
        return Unsupported("collections are made one by one from their options")

    def beyond(self, statement: str) -> str | None:
        """Let pass the commands about one collection of the database that they are sent to."""
        command = document_of(statement)
        word = next(iter(command), "")
        if word in _DESIGN and not {"viewOn", "pipeline", "$db"} & set(command):
            return None
        return f"{word} is no command about one collection's design"

    async def gather_statistics(self, place: ScratchPlace, tables: Sequence[Table]) -> None:
        """MongoDB keeps no planner statistics: it tries plans."""


def beside(url: ResolvedUrl, database: str) -> ResolvedUrl:
    """Return the address of another database on the same server, logged in where the first one is."""
    options = dict(url.options)
    if url.user is not None and not any(name.lower() == "authsource" for name in options):
        options["authSource"] = url.database
    return url.model_copy(update={"database": database, "options": options})
