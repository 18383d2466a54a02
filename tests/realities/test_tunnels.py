"""A database behind an SSH server: reached through a tunnel to a server whose key is known, refused otherwise."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from dbmanager.errors import AuthenticationFailed, ConfigurationError, ConnectionFailed
from dbmanager.model.configuration import Configuration
from dbmanager.services.configuration import LoadedConfiguration
from dbmanager.services.container import Services
from tests.engines.instance import free_port
from tests.engines.postgresql import PASSWORD, SUPERUSER, PostgresServer

pytestmark = pytest.mark.anyio


@dataclass(slots=True)
class Jump:
    """An SSH server that lets one user forward to anywhere, and its files."""

    port: int
    folder: Path
    forwarded: list[tuple[str, int]]


class _Forwarding(asyncssh.SSHServer):
    def __init__(self, forwarded: list[tuple[str, int]]) -> None:
        self._forwarded = forwarded

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> bool:
        self._forwarded.append((dest_host, dest_port))
        return True


@pytest.fixture
async def jump(tmp_path: Path) -> AsyncIterator[Jump]:
    host_key, user_key, other_key = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(3))
    user_key.write_private_key(str(tmp_path / "user"))
    other_key.write_private_key(str(tmp_path / "other"))
    for name in ("user", "other"):
        (tmp_path / name).chmod(0o600)
    (tmp_path / "authorized").write_bytes(user_key.export_public_key())
    forwarded: list[tuple[str, int]] = []
    server = await asyncssh.listen(
        "127.0.0.1", 0, server_host_keys=[host_key], server_factory=lambda: _Forwarding(forwarded),
        authorized_client_keys=str(tmp_path / "authorized"),
    )  # fmt: skip
    port = server.get_port()
    line = b"[127.0.0.1]:%d %s"
    (tmp_path / "known").write_bytes(line % (port, host_key.export_public_key()))
    (tmp_path / "foreign").write_bytes(line % (port, other_key.export_public_key()))
    yield Jump(port, tmp_path, forwarded)
    server.close()
    await server.wait_closed()


def _services(jump: Jump, server: PostgresServer, database: str, **more: Any) -> Services:
    ssh = {"host": "127.0.0.1", "port": jump.port, "user": "jumper", "key_file": "user", "known_hosts": "known"}
    ssh |= more.pop("ssh", {})
    (jump.folder / "password").write_text(PASSWORD)
    configuration = Configuration.model_validate({
        "connections": {"far": {
            "url": f"postgresql://{SUPERUSER}@localhost:{server.port}/{database}", "password": {"file": "password"},
            "ssh": ssh, **more}},
        "store": {"data_dir": "state"},
    })  # fmt: skip
    return Services(LoadedConfiguration(configuration, (), jump.folder))


async def test_a_database_is_read_through_the_tunnel(jump: Jump, pg_server: PostgresServer, pg_database: str) -> None:
    services = _services(jump, pg_server, pg_database)
    try:
        page = await services.reader.query("far", "SELECT 6 * 7 AS answer")
        assert page.masked.result.rows == ((42,),)
        assert set(jump.forwarded) == {("localhost", pg_server.port)}
    finally:
        await services.close()


async def test_a_tunnel_that_was_cut_is_opened_again(jump: Jump, pg_server: PostgresServer, pg_database: str) -> None:
    services = _services(jump, pg_server, pg_database)
    try:
        await services.reader.query("far", "SELECT 1")
        await services.connections._tunnels["far"].close()
        page = await services.reader.query("far", "SELECT 2 AS again")
        assert page.masked.result.rows == ((2,),)
    finally:
        await services.close()


@pytest.mark.parametrize(
    ("ssh", "error", "told"),
    [
        ({"known_hosts": "foreign"}, ConnectionFailed, "is not the SSH server that"),
        ({"key_file": "other"}, AuthenticationFailed, "refuses this user and key"),
        ({"key_file": "nowhere"}, ConfigurationError, "can't be read"),
        ({"port": free_port()}, ConnectionFailed, "no SSH server answers"),
    ],
)
async def test_what_is_wrong_with_a_tunnel_is_said_in_a_sentence(
    ssh: dict[str, Any], error: type[Exception], told: str, jump: Jump, pg_server: PostgresServer, pg_database: str
) -> None:
    services = _services(jump, pg_server, pg_database, ssh=ssh)
    try:
        with pytest.raises(error, match=told):
            await services.reader.query("far", "SELECT 1")
        assert jump.forwarded == []
    finally:
        await services.close()


async def test_a_check_of_the_host_name_is_not_promised(
    jump: Jump, pg_server: PostgresServer, pg_database: str
) -> None:
    services = _services(jump, pg_server, pg_database, tls={"mode": "verify-full"})
    try:
        with pytest.raises(ConfigurationError, match="verify-full"):
            await services.reader.query("far", "SELECT 1")
    finally:
        await services.close()
