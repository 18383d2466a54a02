"""Where the server may listen, and under which names it answers."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from mcp.server.transport_security import TransportSecuritySettings

from dbmanager.errors import ConfigurationError
from dbmanager.model.configuration import HttpSettings

PATH = "/mcp"
"""Where the protocol is spoken."""
LOOPBACK_HOSTS = ("127.0.0.1:*", "localhost:*", "[::1]:*")


@dataclass(frozen=True, slots=True)
class Place:
    """A host and port to listen on."""

    host: str
    port: int

    @classmethod
    def parsed(cls, text: str) -> Place:
        """Return the place written as HOST:PORT, an IPv6 address in brackets; port 0 takes any that is free."""
        with contextlib.suppress(ValueError):
            parts = urlsplit(f"//{text}")
            if parts.hostname and parts.port is not None and not (parts.path or parts.query or parts.username):
                return cls(parts.hostname, parts.port)
        raise ConfigurationError(f"--http {text!r} is not HOST:PORT", hint="Write e.g. --http 127.0.0.1:8000.")

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def listening(self) -> socket.socket:
        """Return a socket that listens here, or raise `ConfigurationError`."""
        try:
            family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
            return socket.create_server((self.host, self.port), family=family)
        except OSError as problem:
            raise ConfigurationError(
                f"cannot listen on {self.host} port {self.port}: {problem.strerror}", hint="Choose another --http."
            ) from None


def refuse_unsafe(place: Place, settings: HttpSettings) -> None:
    """Raise `ConfigurationError` for what would let others in: no token, a readable wire, or any name."""
    if place.is_loopback and not settings.behind_proxy:
        return
    where = f"{place.host} beyond this machine" if not place.is_loopback else "others through a proxy"
    if not settings.wants_tokens:
        raise ConfigurationError(
            f"serving {where} needs tokens",
            hint="Write [http.tokens.NAME] or [http.jwt], or use --http 127.0.0.1:PORT.",
        )
    if settings.tls_cert is None and not settings.behind_proxy:
        raise ConfigurationError(
            f"serving {where} needs TLS, since anyone on the way could read the tokens",
            hint="Set http.tls_cert and http.tls_key, or http.behind_proxy = true when a proxy in front does TLS.",
        )
    if not settings.allowed_hosts and (settings.behind_proxy or settings.url is None):
        raise ConfigurationError(
            f"serving {where} needs http.allowed_hosts",
            hint='Name what clients call it, e.g. ["db.example", "db.example:*"].',
        )


def security(place: Place, settings: HttpSettings) -> TransportSecuritySettings:
    """Return which Host and Origin headers are taken; the protection is never off."""
    hosts, origins = list(settings.allowed_hosts), list(settings.allowed_origins)
    if settings.url is not None:
        parts = urlsplit(settings.url)
        hosts += [parts.netloc, *([f"{parts.hostname}:*"] if parts.port is None else [])]
        origins.append(f"{parts.scheme}://{parts.netloc}")
    if place.is_loopback:
        hosts += LOOPBACK_HOSTS
        origins += [f"{scheme}://{host}" for scheme in ("http", "https") for host in LOOPBACK_HOSTS]
    return TransportSecuritySettings(allowed_hosts=hosts, allowed_origins=origins)


def check_certificate(settings: HttpSettings, base: Path) -> tuple[Path, Path] | None:
    """Return certificate and key when they are configured and fit each other, or raise `ConfigurationError`."""
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    files = base / settings.tls_cert, base / settings.tls_key
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*files)
    except (OSError, ssl.SSLError) as problem:
        raise ConfigurationError(
            f"http.tls_cert and http.tls_key can't be used: {getattr(problem, 'reason', None) or problem.strerror}",
            hint="Give PEM files of a certificate and its own key.",
        ) from None
    return files
