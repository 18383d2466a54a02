"""Reaches a database through an SSH server: a forwarded port of loopback that lives as long as this process."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dbmanager.errors import AuthenticationFailed, ConfigurationError, ConnectionFailed, MissingDriver
from dbmanager.model.configuration import ConnectionSettings, ResolvedUrl, SshSettings

CONNECT_SECONDS = 15.0
KEEPALIVE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Tunnel:
    """A forwarded port and the SSH connection that carries it."""

    port: int
    connection: Any

    @property
    def is_open(self) -> bool:
        """Whether the SSH connection still stands."""
        return not self.connection.is_closed()

    async def close(self) -> None:
        """End the SSH connection; what goes through it is cut."""
        self.connection.close()
        await self.connection.wait_closed()


async def open_tunnel(name: str, ssh: SshSettings, url: ResolvedUrl, base: Path) -> Tunnel:
    """Return a tunnel from a free port of loopback to the database's host and port as the SSH server sees them.

    Raises:
        MissingDriver: the package asyncssh is not installed.
        ConnectionFailed, AuthenticationFailed: the SSH server can't be reached, is not the known one, or refuses us.
    """
    try:
        import asyncssh
    except ModuleNotFoundError:
        raise MissingDriver(
            f"connection {name!r} needs the Python package 'asyncssh' for its tunnel",
            object_name=name, hint="Run: pip install 'dbmanager-mcp[ssh]'",
        ) from None  # fmt: skip
    known = base / ssh.known_hosts if ssh.known_hosts else Path.home() / ".ssh" / "known_hosts"
    keys = [str(base / ssh.key_file)] if ssh.key_file else ()
    where = f"{ssh.host}:{ssh.port}"
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            connection = await asyncssh.connect(
                ssh.host, ssh.port, username=ssh.user or (), client_keys=keys, known_hosts=str(known), password=None,
                keepalive_interval=KEEPALIVE_SECONDS, config=None,
            )  # fmt: skip
            listener = await connection.forward_local_port("127.0.0.1", 0, url.host or "localhost", url.port or 0)
    except asyncssh.HostKeyNotVerifiable:
        raise ConnectionFailed(
            f"connection {name!r}: {where} is not the SSH server that {known} knows", object_name=name,
            hint="A person compares its key and adds it there.",
        ) from None  # fmt: skip
    except asyncssh.PermissionDenied:
        raise AuthenticationFailed(
            f"connection {name!r}: {where} refuses this user and key", object_name=name,
            hint=f"Correct connections.{name}.ssh.user or key_file; keys with a passphrase come from an agent.",
        ) from None  # fmt: skip
    except (asyncssh.KeyImportError, FileNotFoundError, PermissionError):
        raise ConfigurationError(
            f"connections.{name}.ssh: the key file or {known} can't be read", hint="Correct its path or permissions."
        ) from None
    except (OSError, TimeoutError, asyncssh.Error):
        raise ConnectionFailed(
            f"connection {name!r}: no SSH server answers at {where}", object_name=name,
            hint=f"Correct connections.{name}.ssh, or start it.",
        ) from None  # fmt: skip
    return Tunnel(int(listener.get_port()), connection)


def through(tunnel: Tunnel, url: ResolvedUrl) -> ResolvedUrl:
    """Return the address by which the driver reaches the tunnel's end."""
    return url.model_copy(update={"host": "127.0.0.1", "port": tunnel.port, "hosts": f"127.0.0.1:{tunnel.port}"})


def refuse_unverifiable(name: str, settings: ConnectionSettings) -> None:
    """Refuse to promise a check of the host name that a forwarded port makes impossible."""
    if settings.ssh is not None and settings.tls is not None and settings.tls.mode == "verify-full":
        raise ConfigurationError(
            f"connections.{name}.tls.mode = 'verify-full' can't be kept through an SSH tunnel, where the host is loopback",
            hint="Use verify-ca; the SSH server's key is verified already.",
        )
