"""The facet that makes throw-away databases, and the one way in which a place is made, held and dropped."""

from __future__ import annotations

import re
import secrets
import socket
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import anyio

from dbmanager.adapters.facets.capability import Unsupported, need
from dbmanager.errors import AccessDenied, AuthenticationFailed, DbManagerError, PermissionDenied
from dbmanager.model.schema import Table

if TYPE_CHECKING:
    from dbmanager.adapters.facets.adapter import Adapter

PREFIX = "dbmanager_scratch_"
FORBIDDEN = "scratch databases are forbidden for this connection (scratch = false)"
_NAME = re.compile(rf"{PREFIX}[0-9a-f]{{16}}")
PlaceKind = Literal["file", "database", "instance"]
SchemaPart = Literal["all", "before_rows", "after_rows"]


@dataclass(frozen=True, slots=True)
class ScratchPlace:
    """Where a throw-away database is: all that a later process needs to drop it; no address, no password.

    Attributes:
        name: our prefix and a random part; a database's name where the kind is `database`.
        kind: `file` and `instance` are folders on `machine`, `database` stands beside the source on its server.
        machine: the name of the machine that made it.
        folder: the folder that holds all of it; None for a `database`.
    """

    name: str
    kind: PlaceKind
    machine: str
    folder: str | None = None

    @property
    def is_here(self) -> bool:
        """Whether this process could drop it: a folder of another machine it can't see."""
        return self.kind == "database" or self.machine == socket.gethostname()

    @property
    def path(self) -> Path:
        """The folder.

        Raises: AccessDenied when it is not one of ours.
        """
        require_ours(self)
        return Path(self.folder or "")


class Scratch(Protocol):
    """Makes throw-away databases of this engine. Nothing of it writes to the source."""

    async def places(self, name: str) -> tuple[ScratchPlace, ...] | Unsupported:
        """Return where a database of that name may be made, best first; nothing is made yet.

        Beside the source only where the connection's `scratch` setting allows it, else in a private instance.
        """
        ...

    async def create(self, place: ScratchPlace) -> None:
        """Make it, empty.

        Raises: PermissionDenied when the role may not; then the next place can be tried.
        """
        ...

    def open(self, place: ScratchPlace) -> Adapter:
        """Return a writable adapter on a place that this process made; the caller closes it."""
        ...

    async def size_bytes(self, place: ScratchPlace) -> int:
        """Return what it takes on disk, or in memory where it is kept there."""
        ...

    async def drop(self, place: ScratchPlace) -> None:
        """Remove it and whatever serves it; nothing happens where there is nothing.

        Raises: AccessDenied when the place does not bear our prefix.
        """
        ...

    async def copy_schema(self, place: ScratchPlace, part: SchemaPart) -> tuple[str, ...] | Unsupported:
        """Copy what is declared by the engine's own means, and return a sentence for each thing left out.

        `before_rows` is what rows need, `after_rows` what is better made after them (indexes, references, triggers).
        """
        ...

    def beyond(self, statement: str) -> str | None:
        """Return why a statement must not be tried unasked in a scratch place; None when it can't reach beyond it."""
        ...

    async def gather_statistics(self, place: ScratchPlace, tables: Sequence[Table]) -> None:
        """Bring the planner's figures of these tables up to date."""
        ...


class ScratchBook(Protocol):
    """Keeps, durably, which places there are, so that those of a dead process can be dropped."""

    async def add(self, place: ScratchPlace) -> None:
        """Keep a place that is about to be made."""
        ...

    async def remove(self, place: ScratchPlace) -> None:
        """Forget a place that is gone."""
        ...


def fresh_name() -> str:
    """Return a name that nobody has."""
    return PREFIX + secrets.token_hex(8)


def database_place(name: str) -> ScratchPlace:
    """Return a place beside the source."""
    return ScratchPlace(name, "database", socket.gethostname())


def folder_place(name: str, kind: PlaceKind) -> ScratchPlace:
    """Return a place in a folder of the system's temporary folder; the folder is not made yet."""
    folder = Path(tempfile.gettempdir()).resolve() / name.replace("_", "-")
    return ScratchPlace(name, kind, socket.gethostname(), str(folder))


def require_ours(place: ScratchPlace) -> None:
    """Refuse a place that was not named by `fresh_name`.

    Raises: AccessDenied.
    """
    folder = place.folder is not None and Path(place.folder)
    if not _NAME.fullmatch(place.name) or (folder and folder.name != place.name.replace("_", "-")):
        raise AccessDenied("that is no scratch place of this server; it is left alone", object_name=place.name)


@asynccontextmanager
async def scratch_place(
    scratch: Scratch | Unsupported, connection: str, book: ScratchBook | None = None
) -> AsyncIterator[ScratchPlace]:
    """Make a place, yield it and drop it whatever happened; the book knows of it before it exists.

    Raises:
        UnsupportedCapability: none can be made; the reason says why.
        PermissionDenied: the role may not, and there is no other place.
    """
    facet = need(scratch, connection)
    refused: DbManagerError | None = None
    for place in need(await facet.places(fresh_name()), connection):
        try:
            if book is not None:
                await book.add(place)
            await facet.create(place)
        except (PermissionDenied, AuthenticationFailed) as refusal:  # nothing was made
            if book is not None:
                await book.remove(place)
            refused = refused or refusal
            continue
        except BaseException:
            await _gone(facet, place, book)
            raise
        try:
            yield place
        finally:
            await _gone(facet, place, book)
        return
    if refused is not None:
        raise refused


async def _gone(facet: Scratch, place: ScratchPlace, book: ScratchBook | None) -> None:
    """Drop a place, cancelled or not; what the book still holds when that fails is dropped by the next clean-up."""
    with anyio.CancelScope(shield=True):
        try:
            await facet.drop(place)
        except DbManagerError:
            if book is None:
                raise
            return
        if book is not None:
            await book.remove(place)
