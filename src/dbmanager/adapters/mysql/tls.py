"""Encryption to the server, the same for our own connections and for the client programs that we start."""

from __future__ import annotations

import ssl

from dbmanager.model.configuration import ConnectionSettings, ResolvedUrl

Mode = str
_LOOPBACK = (None, "localhost", "127.0.0.1", "::1")
_MODES = {"disable": "DISABLED", "require": "REQUIRED", "verify-ca": "VERIFY_CA", "verify-full": "VERIFY_IDENTITY"}


def demanded(url: ResolvedUrl, settings: ConnectionSettings) -> Mode | None:
    """Return the mode: as configured; on loopback None, which demands nothing; elsewhere a verified certificate."""
    if settings.tls is not None:
        return settings.tls.mode
    return None if url.host in _LOOPBACK or str(url.host).startswith("/") else "verify-full"


def context(url: ResolvedUrl, settings: ConnectionSettings) -> ssl.SSLContext | None:
    """Return the demand as the driver takes it; None for plain text."""
    mode = demanded(url, settings)
    if mode in (None, "disable"):
        return None
    authority = settings.tls.ca_file if settings.tls else None
    made = ssl.create_default_context(cafile=str(authority) if authority else None)
    made.check_hostname = mode == "verify-full"
    made.verify_mode = ssl.CERT_NONE if mode == "require" else ssl.CERT_REQUIRED
    return made


def client_options(url: ResolvedUrl, settings: ConnectionSettings, product: str) -> list[str]:
    """Return the demand as lines of the option file of MySQL's or MariaDB's own programs."""
    mode = demanded(url, settings)
    if mode is None:
        return []
    verified = mode in ("verify-ca", "verify-full")
    authority = _authority(settings) if verified else []
    if product == "mysql":
        return [f"ssl-mode={_MODES[mode]}", *authority]
    if mode == "disable":
        return ["skip-ssl"]
    return [
        "ssl",
        *(["ssl-verify-server-cert"] if mode == "verify-full" else ["skip-ssl-verify-server-cert"]),
        *authority,
    ]


def _authority(settings: ConnectionSettings) -> list[str]:
    """Return the named authority, else the system's store, which these programs do not look at by themselves."""
    if settings.tls is not None and settings.tls.ca_file is not None:
        return [f"ssl-ca={settings.tls.ca_file}"]
    store = ssl.get_default_verify_paths()
    return [f"ssl-ca={store.cafile}"] if store.cafile else [f"ssl-capath={store.capath}"] if store.capath else []
