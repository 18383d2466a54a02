"""Watches what clients have subscribed to: jobs and change sets in the store, schemas by their fingerprint.

What another process did (the worker, `dbmanager approve`, anybody's DDL) is noticed like what this one did: by looking.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote

import anyio
from anyio.abc import TaskGroup

from dbmanager.errors import DbManagerError, InvalidChoice, InvalidStatement
from dbmanager.services.container import Services

STORE_SECONDS = 1.0
SCHEMA_SECONDS = 10.0
LOOK_SECONDS = 5.0
"""Longest look at one catalog; a database that doesn't answer in time is looked at again later."""
SPARED = 20
"""A catalog that is slow to read is read so many times its reading time apart: looking costs it 5 % at most."""
MOST = 256
Kind = Literal["job", "change", "jobs", "changes", "schema"]
WATCHED: tuple[tuple[str, Kind], ...] = (
    (r"dbm://jobs/([^/?#]+)", "job"),
    (r"dbm://changes/([^/?#]+)", "change"),
    (r"dbm://(jobs)", "jobs"),
    (r"dbm://(changes)", "changes"),
    (r"dbm://connections/([^/?#]+)/schema", "schema"),
    (r"dbm://connections/([^/?#]+)/tables/[^/?#]+", "schema"),
)
KNOWN = (
    "dbm://jobs", "dbm://jobs/{job}", "dbm://changes", "dbm://changes/{change}",
    "dbm://connections/{connection}/schema", "dbm://connections/{connection}/tables/{table}",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Subject:
    """What an address tells of."""

    kind: Kind
    name: str


def subject(uri: str) -> Subject:
    """Return what an address tells of.

    Raises: InvalidChoice for an address that can't be subscribed to.
    """
    for pattern, kind in WATCHED:
        found = re.fullmatch(pattern, uri)
        if found is not None:
            return Subject(kind, unquote(found.group(1)))
    raise InvalidChoice.of("address to subscribe to", uri, KNOWN)


class Watcher:
    """Looks while somebody is subscribed; between `entered` and its end, one task at most."""

    def __init__(self, services: Services, tell: Callable[[str], Awaitable[None]]) -> None:
        """Hold what is needed; nothing is looked at yet.

        Args:
            services: whose store and connections are watched.
            tell: called with the address of what has changed.
        """
        self._services = services
        self._tell = tell
        self._held: Counter[str] = Counter()
        self._marks: dict[Subject, str | None] = {}
        self._due: dict[str, float] = {}
        self._applied = ""
        self._group: TaskGroup | None = None
        self._running = False

    def enter(self, group: TaskGroup | None) -> None:
        """Take the task group that the looking runs in, None at the end."""
        self._group = group

    async def hold(self, uri: str) -> None:
        """Begin to watch an address: what changes from now on is told.

        Raises: InvalidChoice or NotFound when there is no such thing to watch, InvalidStatement when it is too much.
        """
        about = subject(uri)
        if self._group is None:
            raise InvalidStatement("the server is not running")
        if uri not in self._held and len(self._held) >= MOST:
            raise InvalidStatement(f"{MOST} addresses are watched already", hint="Unsubscribe from some.")
        self._held[uri] += 1
        try:
            if about not in self._marks:
                await self._check(about)
                self._marks[about] = (await self._look({about})).get(about)
        except BaseException:
            self.release(uri)
            raise
        if not self._running:
            self._running = True
            self._group.start_soon(self._run)

    def release(self, uri: str) -> None:
        """Let go of an address once."""
        self._held[uri] -= 1
        if self._held[uri] <= 0:
            del self._held[uri]
        kept = {subject(held) for held in self._held}
        self._marks = {about: mark for about, mark in self._marks.items() if about in kept}

    async def _check(self, about: Subject) -> None:
        if about.kind == "schema":
            self._services.connections.settings(about.name)
        elif about.kind == "job":
            await self._services.jobs.get(about.name)
        elif about.kind == "change":
            await self._services.changes.get(about.name)

    async def _run(self) -> None:
        try:
            while self._held:
                await anyio.sleep(STORE_SECONDS)
                await self._round()
        finally:
            self._running = False

    async def _round(self) -> None:
        try:
            found = await self._look({subject(uri) for uri in self._held} - await self._not_due())
        except DbManagerError:
            return  # the store is busy or its disk is full: the next round tells
        for about, mark in found.items():
            if about in self._marks and self._marks[about] != mark:
                self._marks[about] = mark
                for uri in [uri for uri in self._held if subject(uri) == about]:
                    await self._tell(uri)

    async def _not_due(self) -> set[Subject]:
        """Return the schemas that need no look now; an apply of ours makes all of them due."""
        schemas = {about for about in self._marks if about.kind == "schema"}
        if schemas:
            applied = await self._services.markers.newest_changes([about.name for about in schemas])
            if applied != self._applied:
                self._applied = applied
                return set()
        return {about for about in schemas if self._due.get(about.name, 0.0) > anyio.current_time()}

    async def _look(self, about: Collection[Subject]) -> dict[Subject, str]:
        """Return the markers of what could be looked at."""
        markers = self._services.markers
        names = {kind: [one.name for one in about if one.kind == kind] for kind in ("job", "change", "schema")}
        found: dict[Subject, str] = {}
        if names["job"]:
            found |= {Subject("job", id_): mark for id_, mark in (await markers.jobs(names["job"])).items()}
        if names["change"]:
            found |= {Subject("change", id_): mark for id_, mark in (await markers.changes(names["change"])).items()}
        if (jobs := Subject("jobs", "jobs")) in about:
            found[jobs] = await markers.newest_jobs()
        if (changes := Subject("changes", "changes")) in about:
            found[changes] = await markers.newest_changes()
        for name in names["schema"]:
            mark = await self._fingerprint(name)
            if mark is not None:
                found[Subject("schema", name)] = mark
        return found

    async def _fingerprint(self, connection: str) -> str | None:
        """Return a catalog's fingerprint, None when the database can't tell it now."""
        began, mark = anyio.current_time(), None
        try:
            with anyio.move_on_after(LOOK_SECONDS):
                adapter = await self._services.connections.adapter(connection)
                mark = await adapter.catalog.fingerprint()
        except DbManagerError:
            mark = None
        ended = anyio.current_time()
        self._due[connection] = ended + max(SCHEMA_SECONDS, SPARED * (ended - began))
        return mark
