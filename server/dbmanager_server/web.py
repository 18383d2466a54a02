"""The ASGI application: MCP on /mcp, and what watches it beside."""

from __future__ import annotations

import anyio
from mcp.server import MCPServer
from mcp.server.auth.middleware.bearer_auth import RequireAuthMiddleware
from mcp.server.auth.routes import create_protected_resource_routes
from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from dbmanager.errors import DbManagerError
from dbmanager.model.configuration import HttpSettings
from dbmanager.services.container import Services
from dbmanager.services.principal import SCOPES
from dbmanager_server.binding import PATH
from dbmanager_server.limits import Limits
from dbmanager_server.metrics import Metrics

LOOK_SECONDS = 1.0
READY_SECONDS = 2.0


def make_app(
    server: MCPServer[Services], services: Services, security: TransportSecuritySettings, metrics: Metrics | None
) -> Starlette:
    """Return the application; every request stands for itself, so any replica may answer it."""
    settings = services.loaded.configuration.http
    app = server.streamable_http_app(
        streamable_http_path=PATH, stateless_http=True, json_response=settings.responses == "json",
        max_request_body_size=settings.max_body_bytes, transport_security=security,
    )  # fmt: skip
    app.user_middleware.append(
        Middleware(
            Limits, per_minute=settings.requests_per_minute, burst=settings.burst,
            max_concurrent=settings.max_concurrent,
        )
    )  # fmt: skip
    auth = server.settings.auth
    if auth is not None and auth.resource_server_url is not None:  # before the SDK's, which tells of required scopes
        app.router.routes[:0] = create_protected_resource_routes(
            auth.resource_server_url, [auth.issuer_url], list(SCOPES), server.title
        )
    app.router.routes.extend(_watched(services, settings, security, metrics))
    return app


def _watched(
    services: Services, settings: HttpSettings, security: TransportSecuritySettings, metrics: Metrics | None
) -> list[Route]:
    async def healthz(_request: Request) -> Response:
        return PlainTextResponse("ok\n")

    ready = _Readiness(services)

    async def readyz(_request: Request) -> Response:
        return await ready.answer()

    return [
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/metrics", _guarded(_Figures(metrics, security), settings)),
    ]


class _Readiness:
    """Answers whether the store can be read, looking at most once a second: anybody may ask. Why not is the log's matter."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._looking = anyio.Lock()
        self._until, self._told = 0.0, ""

    async def answer(self) -> Response:
        async with self._looking:
            if anyio.current_time() >= self._until:
                self._told = await self._trouble()
                self._until = anyio.current_time() + LOOK_SECONDS
        return JSONResponse({"ready": False, "store": self._told}, 503) if self._told else JSONResponse({"ready": True})

    async def _trouble(self) -> str:
        try:
            with anyio.fail_after(READY_SECONDS):
                await self._services.jobs.has_worker()
        except (DbManagerError, TimeoutError) as problem:
            return problem.code if isinstance(problem, DbManagerError) else "timeout"
        return ""


class _Figures:
    """Answers the metrics to whoever asks under a name of this server's."""

    def __init__(self, metrics: Metrics | None, security: TransportSecuritySettings) -> None:
        self._metrics = metrics
        self._security = TransportSecurityMiddleware(security)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refused = await self._security.validate_request(Request(scope, receive))
        await (refused or await self._answer())(scope, receive, send)

    async def _answer(self) -> Response:
        if self._metrics is None:
            return PlainTextResponse("Metrics need: pip install 'dbmanager-mcp[metrics]'\n", 501)
        text, media_type = await self._metrics.text()
        return Response(text, headers={"Content-Type": media_type})


def _guarded(app: ASGIApp, settings: HttpSettings) -> ASGIApp:
    return RequireAuthMiddleware(app, ["read"]) if settings.wants_tokens else app
