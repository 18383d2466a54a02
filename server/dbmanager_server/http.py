"""Serves over streamable HTTP, both protocol eras, each request for itself; signals stop statements and exit."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import anyio
import uvicorn
from dbmanager_tools.house import REGISTRY
from mcp.server.auth.settings import AuthSettings
from mcp.server.request_state import AESGCMRequestStateCodec, RequestStateSecurity
from pydantic import AnyHttpUrl

from dbmanager.model.configuration import HttpSettings
from dbmanager.services.configuration import LoadedConfiguration
from dbmanager.services.container import Services
from dbmanager.services.principal import process_user
from dbmanager_server import metrics
from dbmanager_server.app import make_server, make_services
from dbmanager_server.bearer import Bearer, bearer_principal
from dbmanager_server.binding import PATH, Place, check_certificate, refuse_unsafe, security
from dbmanager_server.observing import Observer, log_as_json, write_line
from dbmanager_server.telemetry import switched_on
from dbmanager_server.web import make_app

LEAVING_SECONDS = 5.0


def serve(loaded: LoadedConfiguration, place: Place, phases: Iterable[int] | None, *, skills: bool = False) -> None:
    """Run until a signal comes, then exit the process with 128 and its number.

    Raises: ConfigurationError when it would not be safe, or can't be done; nothing listens then.
    """
    settings = loaded.configuration.http
    refuse_unsafe(place, settings)
    files = check_certificate(settings, loaded.base)
    last_spans = switched_on()
    if loaded.configuration.log == "json":
        log_as_json()
    services = make_services(loaded)
    app = _application(services, place, phases, skills)
    listening = place.listening()
    config = uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, ws="none", lifespan="on",
        timeout_graceful_shutdown=0, proxy_headers=settings.behind_proxy,
        forwarded_allow_ips=list(settings.trusted_proxies),
        ssl_certfile=files[0] if files else None, ssl_keyfile=files[1] if files else None,
    )  # fmt: skip
    code = anyio.run(_run, _Server(config), listening, files is not None)
    last_spans()
    sys.stderr.flush()
    os._exit(code)  # everything is closed; taking the interpreter down would take as long again


class _Server(uvicorn.Server):
    """Leaves signals to us: uvicorn would wait for the clients first, and end by the signal itself."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do nothing."""
        yield


async def _run(server: _Server, listening: socket.socket, encrypted: bool) -> int:
    code = 0

    async def watch() -> None:
        nonlocal code
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async for received in signals:
                code = 128 + received
                server.should_exit = True
                await anyio.sleep(LEAVING_SECONDS)
                os._exit(code)  # a thread may still wait for a statement that can't be cut short

    async with anyio.create_task_group() as group:
        if os.name == "posix":
            group.start_soon(watch)
        host, port = listening.getsockname()[:2]
        scheme, shown = "https" if encrypted else "http", f"[{host}]" if ":" in host else host
        print(f"Listening on {scheme}://{shown}:{port}{PATH}", file=sys.stderr, flush=True)
        logging.getLogger("uvicorn.error").addFilter(lambda _: not server.should_exit)  # it would tell of what is meant
        await server.serve(sockets=[listening])
        group.cancel_scope.cancel()
    return code


def _application(services: Services, place: Place, phases: Iterable[int] | None, skills: bool) -> Any:
    settings = services.loaded.configuration.http
    figures = metrics.Metrics(services) if metrics.AVAILABLE else None
    sinks = [*([figures.count] if figures else []),
             *([write_line] if services.loaded.configuration.log == "json" else [])]  # fmt: skip
    server = make_server(
        services.loaded, phases=phases, services=services, skills=skills, sessions=False, request_state_security=RequestStateSecurity(codec=_Sealed(services)),
        **_authorization(services, settings),
    )  # fmt: skip
    server.middleware.append(
        Observer(
            REGISTRY, services.connections.names(), sinks,
            timeout_seconds=settings.request_timeout_seconds,
            whom=bearer_principal if settings.wants_tokens else process_user,
            running=figures.running if figures else lambda _: None,
        )
    )  # fmt: skip
    return make_app(server, services, security(place, settings), figures)


def _authorization(services: Services, settings: HttpSettings) -> dict[str, Any]:
    """Return the SDK's options for tokens. Where an issuer gives them, clients are told of it (RFC 9728)."""
    if not settings.wants_tokens:
        return {}
    issuer = settings.jwt.issuer if settings.jwt is not None else None
    auth = AuthSettings(
        issuer_url=AnyHttpUrl(issuer or "https://none.invalid"), required_scopes=["read"], validate_token_resource=False,
        resource_server_url=AnyHttpUrl(settings.url) if issuer and settings.url else None,
    )  # fmt: skip
    return {"auth": auth, "token_verifier": Bearer.configured(settings, services.loaded.base, services.redactor)}


class _Sealed:
    """Seals what travels through a client while it is asked something, with a key that all replicas of a store have."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._codec: AESGCMRequestStateCodec | None = None

    def seal(self, payload: bytes) -> str:
        """Return the payload sealed."""
        return self._made().seal(payload)

    def unseal(self, token: str) -> bytes:
        """Return what was sealed, or raise the SDK's `InvalidRequestState`."""
        return self._made().unseal(token)

    def _made(self) -> AESGCMRequestStateCodec:
        if self._codec is None:
            self._codec = AESGCMRequestStateCodec([self._services.store.key("state")])
        return self._codec
