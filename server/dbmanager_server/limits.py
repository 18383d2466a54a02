"""Bounds on HTTP requests: so many a minute for each principal, so many at a time, and a body that comes in time."""

from __future__ import annotations

import math
import time
from collections import Counter, OrderedDict

import anyio
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dbmanager_server.binding import PATH

BODY_SECONDS = 30.0
MOST_KEYS = 10_000
SHARES = 4
"""One principal has a quarter of the requests at a time, streams that stay open among them: others get theirs."""
FREE = frozenset(("/healthz", "/readyz"))


class Buckets:
    """A token bucket for each key: it holds `burst`, and fills at `per_minute`. The latest 10,000 keys are kept."""

    def __init__(self, per_minute: float, burst: int) -> None:
        self._rate, self._burst = per_minute / 60, float(burst)
        self._kept: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> float:
        """Take one from a key's bucket; return 0, or the seconds until there will be one."""
        now = time.monotonic()
        left, since = self._kept.pop(key, (self._burst, now))
        left = min(self._burst, left + (now - since) * self._rate)
        enough = left >= 1
        self._kept[key] = (left - 1 if enough else left, now)
        if len(self._kept) > MOST_KEYS:
            self._kept.popitem(last=False)
        return 0.0 if enough else (1 - left) / self._rate


class Limits:
    """ASGI middleware inside the one that reads tokens; what it refuses has reached neither SDK nor database."""

    def __init__(
        self, app: ASGIApp, *, per_minute: int, burst: int, max_concurrent: int, body_seconds: float = BODY_SECONDS
    ) -> None:
        self._app = app
        self._buckets = Buckets(per_minute, burst)
        self._most, self._body_seconds = max_concurrent, body_seconds
        self._share = max(1, max_concurrent // SHARES)
        self._running: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 429, 503 or 408, or let the request through."""
        if scope["type"] != "http" or scope["path"] in FREE:
            await self._app(scope, receive, send)
            return
        if scope["method"] == "GET" and scope["path"] == PATH:  # a stream that would carry nothing, without sessions
            await Response(status_code=405, headers={"Allow": "POST"})(scope, receive, send)
            return
        key = _key(scope)
        wait = self._buckets.take(key)
        if wait:
            await _refusal(429, "too many requests", wait)(scope, receive, send)
            return
        alone = key.startswith("principal") and self._running[key] >= self._share
        if alone or self._running.total() >= self._most:
            await _refusal(503, "too many requests at a time", 1)(scope, receive, send)
            return
        self._running[key] += 1
        try:
            await self._through(scope, receive, send)
        finally:
            self._running[key] -= 1
            if not self._running[key]:
                del self._running[key]

    async def _through(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application until it has answered or the client has left, which ends the work in either form."""
        request = _Request(receive, send, anyio.current_time() + self._body_seconds)
        async with anyio.create_task_group() as group:
            group.start_soon(request.left, group.cancel_scope)
            try:
                await self._app(scope, request.receive, request.send)
            except TimeoutError:
                if request.begun or not request.late:
                    raise
                await _refusal(408, "the request did not come in time", 1)(scope, receive, send)
            group.cancel_scope.cancel()


class _Request:
    """One request under way: its body must come before the deadline."""

    def __init__(self, receive: Receive, send: Send, deadline: float) -> None:
        self._receive, self._send, self._deadline = receive, send, deadline
        self._complete = anyio.Event()
        self.begun = self.late = False

    async def receive(self) -> Message:
        """Return the next message, or raise `TimeoutError` when the body is late."""
        if self._complete.is_set():
            return await self._receive()
        with anyio.move_on_after(self._deadline - anyio.current_time()):
            message = await self._receive()
            if not message.get("more_body", False):
                self._complete.set()
            return message
        self.late = True
        raise TimeoutError

    async def send(self, message: Message) -> None:
        """Send, and note that the answer has begun."""
        self.begun = True
        await self._send(message)

    async def left(self, work: anyio.CancelScope) -> None:
        """Wait until the client hangs up, and end the work then."""
        await self._complete.wait()
        while (await self._receive())["type"] != "http.disconnect":
            continue
        work.cancel()


def _key(scope: Scope) -> str:
    user = scope.get("user")
    if isinstance(user, AuthenticatedUser):
        return f"principal {user.access_token.subject}"
    return f"peer {(scope.get('client') or ('unknown',))[0]}"


def _refusal(status: int, error: str, wait_seconds: float) -> JSONResponse:
    seconds = max(1, math.ceil(wait_seconds))
    return JSONResponse({"error": error, "retry_after_seconds": seconds}, status, headers={"Retry-After": str(seconds)})
