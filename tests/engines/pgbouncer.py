"""PgBouncer in transaction mode before a private PostgreSQL."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from tests.engines.instance import EngineMissing, free_port, private_folder, serving
from tests.engines.postgresql import PASSWORD, SUPERUSER, PostgresServer

CONNECTIONS = 3
"""Server connections of the pool: fewer than the clients of a test, so that they meet each other's."""


@contextmanager
def pooling(server: PostgresServer) -> Iterator[int]:
    """Start a pooler and yield its port."""
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if program is None:
        raise EngineMissing("PgBouncer is not installed; run `make engines`")
    port = free_port()
    with private_folder("pgbouncer") as folder:
        secret = PASSWORD.replace('"', '""')
        (folder / "users").write_text(f'"{SUPERUSER}" "{secret}"\n')
        (folder / "ini").write_text(
            f"[databases]\n* = host={server.host} port={server.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
            f"listen_port = {port}\nunix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {folder / 'users'}\n"
            f"pool_mode = transaction\ndefault_pool_size = {CONNECTIONS}\nmax_client_conn = 50\n"
        )
        with serving("pgbouncer", [program, str(folder / "ini")], folder):
            yield port
