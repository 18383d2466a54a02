"""Subscriptions of both eras: `resources/subscribe` until 2025-11-25, `subscriptions/listen` since 2026-07-28."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any

import anyio
from mcp import MCPError
from mcp.server import MCPServer, ServerRequestContext
from mcp.server.session import ServerSession
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ResourceUpdated
from mcp.types import (
    INVALID_PARAMS,
    EmptyResult,
    ServerCapabilities,
    SubscribeRequestParams,
    SubscriptionFilter,
    SubscriptionsListenRequestParams,
    SubscriptionsListenResult,
    UnsubscribeRequestParams,
)

from dbmanager.errors import DbManagerError
from dbmanager.services.container import Services
from dbmanager_server.watching import Watcher

TELL_SECONDS = 5.0
"""Longest wait for a client that does not read; it misses what it would have been told."""


class Subscriptions:
    """Who is subscribed to what, in either era, and the watcher that looks for all of them."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._watcher = Watcher(services, self._tell)
        self._bus = InMemorySubscriptionBus()
        self._sessions: dict[str, dict[int, ServerSession]] = {}

    def register(self, server: MCPServer[Any], *, sessions: bool) -> None:
        """Serve the methods of both eras; the lists of tools, prompts and resources are said never to change.

        Args:
            server: the server.
            sessions: whether its transport reaches clients of the handshake era between their requests.
        """
        inner = server._lowlevel_server  # the SDK offers no public way to add these handlers
        if sessions:
            inner.add_request_handler("resources/subscribe", SubscribeRequestParams, self._subscribe)
            inner.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, self._unsubscribe)
        inner.add_request_handler("subscriptions/listen", SubscriptionsListenRequestParams, _Listen(self))
        told = inner.get_capabilities

        def get_capabilities(*arguments: Any, **options: Any) -> ServerCapabilities:
            found = told(*arguments, **options)
            for part in (found.tools, found.prompts, found.resources):
                if part is not None:
                    part.list_changed = False
            return found

        inner.get_capabilities = get_capabilities  # type: ignore[method-assign] # it takes listening for changing lists

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Let the watcher run when it is needed; nothing of it is left afterwards."""
        async with anyio.create_task_group() as group:
            self._watcher.enter(group)
            try:
                yield
            finally:
                self._watcher.enter(None)
                group.cancel_scope.cancel()

    @asynccontextmanager
    async def holding(self, uris: Collection[str]) -> AsyncIterator[list[str]]:
        """Watch the addresses that can be watched, which are yielded, until the end."""
        held: list[str] = []
        try:
            for uri in dict.fromkeys(uris):
                try:
                    await self._watcher.hold(uri)
                except DbManagerError:
                    continue  # what is not acknowledged is not watched
                held.append(uri)
            yield held
        finally:
            for uri in held:
                self._watcher.release(uri)

    @property
    def bus(self) -> InMemorySubscriptionBus:
        """Carries what has changed to the open streams."""
        return self._bus

    async def _subscribe(self, ctx: ServerRequestContext[Any], params: SubscribeRequestParams) -> EmptyResult:
        connection = ctx.session._connection  # the session is made anew for every request, this is what lasts
        uri = str(params.uri)
        if not connection.has_standalone_channel:
            raise MCPError(INVALID_PARAMS, "this transport can't carry notifications: read the resource again instead")
        if id(connection) in self._sessions.get(uri, {}):
            return EmptyResult()
        try:
            await self._watcher.hold(uri)
        except DbManagerError as problem:
            raise MCPError(INVALID_PARAMS, self._services.redactor.text(problem.sentence()), {"uri": uri}) from None
        self._sessions.setdefault(uri, {})[id(connection)] = ctx.session
        connection.exit_stack.callback(self._drop, uri, id(connection))
        return EmptyResult()

    async def _unsubscribe(self, ctx: ServerRequestContext[Any], params: UnsubscribeRequestParams) -> EmptyResult:
        self._drop(str(params.uri), id(ctx.session._connection))
        return EmptyResult()

    def _drop(self, uri: str, connection: int) -> None:
        """Forget a subscription; once it is gone, another time does nothing."""
        if self._sessions.get(uri, {}).pop(connection, None) is None:
            return
        if not self._sessions[uri]:
            del self._sessions[uri]
        self._watcher.release(uri)

    async def _tell(self, uri: str) -> None:
        await self._bus.publish(ResourceUpdated(uri=uri))
        for session in list(self._sessions.get(uri, {}).values()):
            with anyio.move_on_after(TELL_SECONDS):
                await session.send_resource_updated(uri)


class _Listen(ListenHandler):
    """Acknowledges and watches the addresses of one stream for as long as it is open."""

    def __init__(self, subscriptions: Subscriptions) -> None:
        super().__init__(subscriptions.bus)
        self._subscriptions = subscriptions

    async def __call__(
        self, ctx: ServerRequestContext[Any, Any], params: SubscriptionsListenRequestParams
    ) -> SubscriptionsListenResult:
        async with self._subscriptions.holding(params.notifications.resource_subscriptions or ()) as held:
            kept = SubscriptionFilter(resource_subscriptions=held or None)
            return await super().__call__(ctx, params.model_copy(update={"notifications": kept}))
