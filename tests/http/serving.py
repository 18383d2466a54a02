"""Real server processes over HTTP on loopback, and clients of them in both eras."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

START_SECONDS = 60.0
ERAS = ("legacy", "2026-07-28")
TOKENS = {name: f"{name}-" + "0123456789abcdef" * 2 for name in ("reader", "writer", "other", "chief", "nobody")}
"""Planted secrets: they must not be met in anything a server writes."""
TOKEN_TABLES = "".join(
    f'[http.tokens.{name}]\ntoken = {{ env = "TOKEN_{name.upper()}" }}\nscopes = [{scopes}]\n'
    for name, scopes in {
        "reader": '"read"', "writer": '"write"', "other": '"write"', "chief": '"admin"', "nobody": "",
    }.items()
)  # fmt: skip
SLOW = "WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n WHERE v < 3000000000) SELECT max(v) AS slowest FROM n"
JSON_HEADERS = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}


@dataclass(slots=True)
class HttpServer:
    """A running process."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return self.url.removesuffix("/mcp")

    def post(self, body: Any = LIST, token: str | None = None, verify: Any = True, **headers: str) -> httpx2.Response:
        """Post one message as any program could."""
        with httpx2.Client(verify=verify, trust_env=False) as client:
            return client.post(self.url, json=body, headers={**JSON_HEADERS, **bearer(token), **headers}, timeout=30)

    def get(self, path: str, token: str | None = None, **headers: str) -> httpx2.Response:
        """Get another path."""
        with httpx2.Client(trust_env=False) as client:
            return client.get(self.origin + path, headers={**bearer(token), **headers}, timeout=30)


def bearer(token: str | None) -> dict[str, str]:
    """Return the header that carries a token."""
    return {} if token is None else {"Authorization": f"Bearer {token}"}


def environment(folder: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return what a server process gets."""
    tokens = {f"TOKEN_{name.upper()}": token for name, token in TOKENS.items()}
    return {"PATH": os.environ["PATH"], "HOME": str(folder), **tokens, **(more or {})}


@contextmanager
def serving(
    folder: Path, *arguments: str, place: str = "127.0.0.1:0", env: Mapping[str, str] | None = None, name: str = "log"
) -> Iterator[HttpServer]:
    """Start a server on any free port and yield it; what it writes is in a file."""
    log = folder / f"{name}.txt"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "dbmanager_server", "serve", "--http", place, *arguments], cwd=folder,
            env=environment(folder, {"PYTHONWARNINGS": "ignore", **(env or {})}), stdin=subprocess.DEVNULL,
            stdout=errors, stderr=errors,
        )  # fmt: skip
    try:
        yield HttpServer(process, _listening(process, log), log)
    finally:
        process.kill()
        process.wait()


def _listening(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        found = re.search(r"^Listening on (\S+)$", log.read_text(), re.M)
        if found:
            return found[1]
        assert process.poll() is None, log.read_text()
        time.sleep(0.02)
    raise AssertionError(f"no server after {START_SECONDS:.0f} s: {log.read_text()}")


@asynccontextmanager
async def client_of(
    server: HttpServer | str, token: str | None = None, *, mode: str = "auto", verify: Any = True, **options: Any
) -> AsyncIterator[Client]:
    """Yield a client of a server or an address."""
    url = server if isinstance(server, str) else server.url
    async with (
        httpx2.AsyncClient(headers=bearer(token), verify=verify, timeout=60, trust_env=False) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode, **options) as client,
    ):
        yield client


def shop(folder: Path, *tables: str, connection: str = 'access = "read_write"') -> Path:
    """Write a configuration over a small SQLite database; tables are appended."""
    with sqlite3.connect(folder / "shop.db") as raw:
        raw.executescript(
            "CREATE TABLE customers (id INTEGER PRIMARY KEY, email TEXT NOT NULL, city TEXT);"
            "INSERT INTO customers SELECT value, 'zebedee.quill' || value || '@example.org', 'Leeds' FROM "
            "(WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 300) SELECT value FROM n);"
        )
    raw.close()
    (folder / "dbmanager.toml").write_text(
        '[store]\ndata_dir = "state"\n' + "\n".join(tables)
        + f'\n[connections.shop]\nurl = "sqlite:///shop.db"\n{connection}\n'
    )  # fmt: skip
    return folder
