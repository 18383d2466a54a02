"""Subscriptions: tells clients of jobs, changes and schemas that have changed, whichever process changed them."""

from __future__ import annotations

import hashlib
import logging
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
from mcp import MCPError
from mcp.server import MCPServer
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.session import ServerSession
from mcp.server.subscriptions import InMemorySubscriptionBus, ResourceUpdated
from mcp.types import INVALID_PARAMS, EmptyResult, SubscribeRequestParams, UnsubscribeRequestParams

from dbmanager.errors import DbManagerError
from dbmanager.services.container import Services

LOOK_SECONDS = 0.5
SCHEMA_LOOKS = 10
"""A schema is looked at once in so many looks: the store answers in a millisecond, a catalog may not."""
MOST = 200
LISTED = 50
WATCHED = re.compile(
    r"dbm://(?P<list>jobs|changes)$|dbm://jobs/(?P<job>[^/]+)$|dbm://changes/(?P<change>[^/]+)$"
    r"|dbm://connections/(?P<connection>[^/]+)/(?:schema|tables/(?P<table>[^/]+))$"
)
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Watch:
    """Looks at what somebody has subscribed to, and only while somebody has.

    Attributes:
        bus: the way to clients of the era without handshake.
    """

    services: Services
    bus: InMemorySubscriptionBus = field(default_factory=InMemorySubscriptionBus)
    _wanted: Counter[str] = field(default_factory=Counter, init=False)
    _sessions: dict[str, list[ServerSession]] = field(default_factory=dict, init=False)
    _seen: dict[str, str] = field(default_factory=dict, init=False)
    _somebody: anyio.Event = field(default_factory=anyio.Event, init=False)

    async def run(self) -> None:
        """Look again and again; for as long as the server lives."""
        looks = 0
        while True:
            await self._somebody.wait()
            for uri in list(self._wanted):
                if looks % SCHEMA_LOOKS == 0 or not uri.startswith("dbm://connections/"):
                    await self._look(uri)
            looks += 1
            await anyio.sleep(LOOK_SECONDS)

    async def _look(self, uri: str) -> None:
        try:
            now = await self._marker(uri)
        except DbManagerError:
            return  # what can't be looked at now is looked at again
        if now is None or self._seen.setdefault(uri, now) == now:
            return
        self._seen[uri] = now
        await self.bus.publish(ResourceUpdated(uri=uri))
        for session in list(self._sessions.get(uri, ())):
            try:
                await session.send_resource_updated(uri)
            except (MCPError, anyio.ClosedResourceError, anyio.BrokenResourceError):
                self.forget(uri, session)

    async def _marker(self, uri: str) -> str | None:
        """Return what changes whenever the resource does; None where nothing is watched."""
        found = WATCHED.match(uri)
        if found is None:
            return None
        if found["list"] == "jobs":
            return repr([(job.id, job.state) for job in await self.services.jobs.newest(LISTED)])
        if found["list"] == "changes":
            return repr([(one.id, one.state) for one in (await self.services.changes.all())[:LISTED]])
        if found["job"]:
            job = await self.services.jobs.get(found["job"])
            return repr((job.state, job.done, job.message, job.reported_at))
        if found["change"]:
            change = await self.services.changes.get(found["change"])
            return repr((change.state, change.approval, [step.state for step in change.steps]))
        return await self._catalog(found["connection"], found["table"])

    async def _catalog(self, connection: str, table: str | None) -> str:
        adapter = await self.services.connections.adapter(connection)
        schema = await adapter.catalog.read_schema()
        described = repr(schema if table is None else schema.table(table))
        return hashlib.sha256(described.encode()).hexdigest()

    async def remember(self, uri: str, session: ServerSession) -> None:
        """Tell a session of the handshake era from now on.

        Raises: MCPError when there are too many subscriptions.
        """
        if sum(self._wanted.values()) >= MOST:
            raise MCPError(code=INVALID_PARAMS, message=f"more than {MOST} subscriptions; unsubscribe from some first")
        self._sessions.setdefault(uri, []).append(session)
        await self._want(uri)

    def forget(self, uri: str, session: ServerSession | None = None) -> None:
        """Tell a session no longer; every one when none is named."""
        there = self._sessions.get(uri, [])
        gone = there[:] if session is None else [session]
        for one in gone:
            if one in there:
                there.remove(one)
                self._leave(uri)

    async def _want(self, uri: str) -> None:
        """Begin to watch: what the resource is like now is known before the subscription is confirmed."""
        self._wanted[uri] += 1
        if uri not in self._seen:
            try:
                marker = await self._marker(uri)
            except DbManagerError:
                marker = None
            if marker is not None:
                self._seen.setdefault(uri, marker)
        self._somebody.set()

    def _leave(self, uri: str) -> None:
        self._wanted[uri] -= 1
        if self._wanted[uri] <= 0:
            del self._wanted[uri]
            self._seen.pop(uri, None)
        if not self._wanted:
            self._somebody = anyio.Event()

    @contextmanager
    def _watched(self, uris: list[str]) -> Iterator[None]:
        try:
            yield
        finally:
            for uri in uris:
                self._leave(uri)

    async def middleware(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """Watch what a `subscriptions/listen` request names, as long as its stream lasts."""
        if ctx.method != "subscriptions/listen":
            return await call_next(ctx)
        named = (ctx.params or {}).get("notifications") or {}
        asked = named.get("resourceSubscriptions") if isinstance(named, dict) else None
        uris = [uri for uri in asked or () if isinstance(uri, str)][: MOST - sum(self._wanted.values())]
        with self._watched(uris):
            for uri in uris:
                await self._want(uri)
            return await call_next(ctx)


def serve_subscriptions(server: MCPServer[Any], watch: Watch) -> None:
    """Answer the subscription requests of the handshake era; the SDK's server has no public way to."""
    inner = server._lowlevel_server

    async def subscribe(ctx: ServerRequestContext[Any, Any], params: SubscribeRequestParams) -> EmptyResult:
        await watch.remember(str(params.uri), ctx.session)
        return EmptyResult()

    async def unsubscribe(_ctx: ServerRequestContext[Any, Any], params: UnsubscribeRequestParams) -> EmptyResult:
        watch.forget(str(params.uri))
        return EmptyResult()

    inner.add_request_handler("resources/subscribe", SubscribeRequestParams, subscribe)
    inner.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, unsubscribe)
