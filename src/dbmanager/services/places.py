"""Where a connection leads, so that two names of one database are known for what they are."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path

from dbmanager.model.configuration import ResolvedUrl, SshSettings

DEFAULT_PORTS = {"postgresql": 5432, "mysql": 3306, "mongodb": 27017, "redis": 6379}
LOOPBACK = "loopback"


@dataclass(frozen=True, slots=True)
class Place:
    """A database by its address.

    Attributes:
        servers: host and port of every server named; the file's device and inode for SQLite.
        through: the SSH server that the hosts are seen from; loopback means another machine there.
    """

    engine: str
    servers: frozenset[tuple[str, int]]
    database: str
    through: str

    def is_same(self, other: Place) -> bool:
        """Whether both lead to one database. A server under two unlike addresses is not recognised."""
        alike = (self.engine, self.database, self.through) == (other.engine, other.database, other.through)
        return alike and bool(self.servers & other.servers)


def place_of(url: ResolvedUrl, ssh: SshSettings | None) -> Place:
    """Return where an address leads; loopback under all of its names, a file under all of its links."""
    if url.engine == "sqlite":
        return _file(Path(url.database))
    default = DEFAULT_PORTS[url.engine]
    named = url.hosts.split(",") if "," in url.hosts else [_joined(url.host or "", url.port)]
    through = f"{_host(ssh.host)}:{ssh.port}" if ssh else ""
    return Place(url.engine, frozenset(_server(host, default) for host in named), url.database, through)


def _file(path: Path) -> Place:
    try:
        status = path.stat()
    except OSError:
        return Place("sqlite", frozenset({(os.path.realpath(path), 0)}), "", "")
    return Place("sqlite", frozenset({(f"{status.st_dev:x}", status.st_ino)}), "", "")


def _joined(host: str, port: int | None) -> str:
    plain = f"[{host}]" if ":" in host else host
    return f"{plain}:{port}" if port else plain


def _server(written: str, default: int) -> tuple[str, int]:
    """Return host and port of one `host`, `host:port` or `[address]:port`."""
    host, colon, port = written.strip().rpartition(":")
    if colon and port.isdigit() and (host.endswith("]") or ":" not in host):
        return _host(host), int(port)
    return _host(written.strip()), default


def _host(written: str) -> str:
    host = written.strip("[]").rstrip(".").casefold()
    if host in ("", "localhost"):
        return LOOPBACK
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return LOOPBACK if address.is_loopback or address.is_unspecified else address.compressed
