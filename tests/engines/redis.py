"""Private Redis instances on loopback, from the distribution or extracted (also Valkey), never as root."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.engines.instance import (
    EngineMissing,
    environment,
    free_port,
    given_url,
    login,
    private_folder,
    serving,
)

SUPERUSER, PASSWORD = login("redis")
DATABASES = 16


@dataclass(slots=True)
class RedisServer:
    """A running instance; its numbered databases are handed out empty, one after the other."""

    host: str
    port: int
    client: Path
    version: str = ""
    _count: int = field(default=0)

    def url(self, database: int, user: str = SUPERUSER) -> str:
        """Return the address of a database without a password."""
        return f"redis://{user}@{self.host}:{self.port}/{database}"

    def run(self, *command: str, database: int = 0, user: str = SUPERUSER, password: str = PASSWORD) -> str:
        """Run a command through the engine's client and return its answer."""
        done = subprocess.run(
            [str(self.client), "-e", "--raw", "-h", self.host, "-p", str(self.port), "-n", str(database),
             "--user", user, "--no-auth-warning", *command],
            text=True, capture_output=True, check=False, env={**environment(), "REDISCLI_AUTH": password},
        )  # fmt: skip
        if done.returncode or "AUTH failed" in done.stderr:
            raise AssertionError(done.stderr or done.stdout)
        return done.stdout.strip()

    def create_database(self) -> int:
        """Return the number of an empty database; after the last comes number 1 again."""
        number = self._count % (DATABASES - 1) + 1
        self._count += 1
        self.run("FLUSHDB", database=number)
        return number

    def drop_database(self, number: int) -> None:
        """Empty a database."""
        self.run("FLUSHDB", database=number)


@contextmanager
def running(programs: Path | None = None, **settings: str) -> Iterator[RedisServer]:
    """Start the distribution's Redis or the one in `programs`, yield it, stop and remove it.

    Without programs and settings it may be the server of `DBMANAGER_TEST_REDIS_URL`.
    """
    given = given_url("redis")
    if given and not programs and not settings:
        yield _described(RedisServer(given.hostname or "127.0.0.1", given.port or 6379, _distribution()[1]))
        return
    daemon, client = _extracted(programs) if programs else _distribution()
    server = RedisServer("127.0.0.1", free_port(), client)
    with private_folder("redis") as folder:
        named = folder / daemon.name.replace("check-rdb", "server")
        named.symlink_to(daemon)
        with serving("Redis", [str(named), str(_configuration(folder, server, settings))], folder):
            yield _described(server)


def _configuration(folder: Path, server: RedisServer, settings: dict[str, str]) -> Path:
    secret = hashlib.sha256(PASSWORD.encode()).hexdigest()
    chosen = {
        "bind": server.host, "port": str(server.port), "dir": str(folder), "databases": str(DATABASES),
        "supervised": "systemd", "save": '""', "appendonly": "no", **{name.replace("_", "-"): value for name, value in settings.items()},
    }  # fmt: skip
    lines = [*(f"{name} {value}" for name, value in chosen.items()),
             "user default off", f"user {SUPERUSER} on #{secret} ~* &* +@all"]  # fmt: skip
    path = folder / "redis.conf"
    path.write_text("\n".join(lines) + "\n")
    path.chmod(0o644)
    return path


def _described(server: RedisServer) -> RedisServer:
    facts = dict(line.split(":", 1) for line in server.run("INFO", "server").splitlines() if ":" in line)
    name = facts.get("server_name", "redis")
    server.version = f"{name} {facts[f'{name}_version']}".strip()
    return server


def _extracted(programs: Path) -> tuple[Path, Path]:
    name = "valkey" if (programs / "valkey-server").exists() else "redis"
    return programs / f"{name}-server", programs / f"{name}-cli"


def _distribution() -> tuple[Path, Path]:
    """Return the distribution's server and client.

    The package redis-server adds no more than a service and a link: the program is redis-check-rdb of redis-tools,
    which is the server when it is called so.
    """
    client, daemon = shutil.which("redis-cli"), shutil.which("redis-server") or shutil.which("redis-check-rdb")
    if not client or not daemon:
        raise EngineMissing("Redis is not installed; run `make engines`")
    return Path(daemon), Path(client)
