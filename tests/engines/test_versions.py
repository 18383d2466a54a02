"""The table of versions is true of the servers that can be started here."""

from __future__ import annotations

import re
import sqlite3
from contextlib import AbstractContextManager
from typing import Any

import pytest

from tests.conftest import needed
from tests.engine_versions import VERSIONS
from tests.engines import newest
from tests.engines.instance import given_url
from tests.tool_engines import ENGINES


def _begins(version: str, parts: int) -> str:
    found = re.search(r"\d+(?:\.\d+)*", version)
    assert found is not None
    return ".".join(found.group().split(".")[:parts])


def test_every_engine_of_the_tools_is_in_the_table() -> None:
    assert list(VERSIONS) == list(ENGINES)


def test_sqlite_is_at_least_what_the_table_says() -> None:
    """It comes with Python, so that it differs from machine to machine."""
    (oldest,) = VERSIONS["sqlite"]
    assert sqlite3.sqlite_version_info >= tuple(map(int, oldest.split(".")))


def test_postgresql(pg_server: Any) -> None:
    _holds("postgresql", pg_server.run_sql("postgres", "SHOW server_version"), 1)


@pytest.mark.parametrize("engine", ["mysql", "mariadb", "redis"])
def test_servers_that_say_their_version(engine: str, request: pytest.FixtureRequest) -> None:
    _holds(engine, request.getfixturevalue(f"{engine}_server").version, 2)


def test_mongodb(mongodb_server: Any) -> None:
    if given_url("mongodb"):
        pytest.skip("not a private server")
    (entry,) = VERSIONS["mongodb"]
    assert entry.startswith(_begins(mongodb_server.version, 2) + ",")
    assert "DocumentDB" in mongodb_server.version


@pytest.mark.slow
@pytest.mark.parametrize(
    ("engine", "start", "prefix"),
    [("postgresql", newest.newest_postgresql, ""), ("redis", newest.newest_redis, ""), ("redis", newest.valkey, "Valkey ")],
)  # fmt: skip
def test_the_newest_ring(engine: str, start: Any, prefix: str) -> None:
    ring: AbstractContextManager[Any] = start()
    with needed(), ring as server:
        said = server.run_sql("postgres", "SHOW server_version") if engine == "postgresql" else server.version
        version = f"{prefix}{_begins(said, 1 if engine == 'postgresql' else 2)}"
        assert version in VERSIONS[engine], f"add {version} to tests/engine_versions.py and run make docs"


def _holds(engine: str, said: str, parts: int) -> None:
    if given_url(engine):
        pytest.skip("not a private server")
    version = _begins(said, parts)
    assert version in VERSIONS[engine], f"add {version} to tests/engine_versions.py and run make docs"
