"""Where a benchmark works: a folder of its own, a private PostgreSQL, and a configuration naming both engines."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
from mcp import StdioServerParameters
from pydantic import SecretStr

from dbmanager.adapters.postgresql.adapter import PostgresAdapter
from dbmanager.model.configuration import ConnectionSettings, ResolvedUrl
from tests.engines.postgresql import PASSWORD, SUPERUSER, PostgresServer

BARE_SERVER = Path(__file__).with_name("bare_server.py")
PASSWORD_VARIABLE = "BENCHMARK_PASSWORD"


@dataclass(frozen=True, slots=True)
class Place:
    """One subject's working place; removed after it."""

    folder: Path
    server: PostgresServer
    database: str

    @property
    def file(self) -> Path:
        """The SQLite file of this subject."""
        return self.folder / "benchmark.db"

    @property
    def environment(self) -> dict[str, str]:
        """What child processes may know."""
        return {"PATH": os.environ["PATH"], "HOME": str(self.folder), PASSWORD_VARIABLE: PASSWORD}

    @property
    def our_server(self) -> list[str]:
        """The command of our server, as clients are configured to start it."""
        return [str(Path(sys.executable).with_name("dbmanager")), "serve"]

    @property
    def bare_server(self) -> list[str]:
        """The command of a server of one tool that returns a constant."""
        return [sys.executable, str(BARE_SERVER)]

    def parameters(self, command: list[str]) -> StdioServerParameters:
        """Return how a real client starts a server."""
        return StdioServerParameters(command=command[0], args=command[1:], cwd=self.folder, env=self.environment)

    def configure(self, *, masking: bool = True) -> Path:
        """Write a configuration with connections `lite` and `pg` and return its file."""
        file = self.folder / "dbmanager.toml"
        file.write_text(
            '[store]\ndata_dir = "state"\n'
            f'[connections.lite]\nurl = "sqlite:///{self.file.name}"\nmasking = {str(masking).lower()}\n'
            f'[connections.pg]\nurl = "{self.server.url(self.database)}"\nmasking = {str(masking).lower()}\n'
            f'password = {{ env = "{PASSWORD_VARIABLE}" }}\n'
        )
        return file

    async def connect(self) -> asyncpg.Connection[Any]:
        """Return a bare connection of the driver."""
        return await asyncpg.connect(
            host=self.server.host, port=self.server.port, user=SUPERUSER, password=PASSWORD, database=self.database
        )

    def adapter(self) -> PostgresAdapter:
        """Return our adapter on the same database; the caller closes it."""
        url = ResolvedUrl(
            engine="postgresql", host=self.server.host, port=self.server.port, user=SUPERUSER,
            password=SecretStr(PASSWORD), database=self.database,
        )  # fmt: skip
        return PostgresAdapter("benchmark", url, ConnectionSettings(url=self.server.url(self.database)))
