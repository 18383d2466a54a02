"""Engines by name. Adding an engine is its folder and one line here; drivers load on first use only."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Protocol, cast

from dbmanager.adapters.facets import Adapter
from dbmanager.errors import InvalidChoice, MissingDriver
from dbmanager.model.configuration import ConnectionSettings, ResolvedUrl


@dataclass(frozen=True, slots=True)
class EngineEntry:
    """Where an engine's adapter lives, which URL schemes name it and which driver it needs.

    Attributes:
        options: options of the URL that the adapter heeds; every other one is refused.
    """

    module: str
    schemes: tuple[str, ...]
    driver: str
    install: str
    options: tuple[str, ...] = ()


ENGINES: dict[str, EngineEntry] = {
    "sqlite": EngineEntry("dbmanager.adapters.sqlite.adapter", ("sqlite",), "aiosqlite", "aiosqlite"),
    "postgresql": EngineEntry(
        "dbmanager.adapters.postgresql.adapter",
        ("postgresql", "postgres"),
        "asyncpg",
        "asyncpg",
        ("client_encoding",),
    ),
    "redis": EngineEntry(
        "dbmanager.adapters.redis.adapter",
        ("redis", "rediss", "valkey", "valkeys"),
        "redis.asyncio",
        "'dbmanager-mcp[redis]'",
    ),
    "mongodb": EngineEntry(
        "dbmanager.adapters.mongodb.adapter",
        ("mongodb",),
        "pymongo",
        "'dbmanager-mcp[mongodb]'",
        (
            "authSource",
            "authMechanism",
            "authMechanismProperties",
            "replicaSet",
            "directConnection",
            "readPreference",
            "maxStalenessSeconds",
            "srvServiceName",
            "srvMaxHosts",
            "loadBalanced",
        ),
    ),
    "mysql": EngineEntry(
        "dbmanager.adapters.mysql.adapter", ("mysql", "mariadb"), "aiomysql", "'dbmanager-mcp[mysql]'"
    ),
}


class _AdapterModule(Protocol):
    def open_adapter(self, name: str, url: ResolvedUrl, settings: ConnectionSettings) -> Adapter: ...


def engine_of_scheme(scheme: str) -> str:
    """Return the engine a URL scheme names; `postgresql+asyncpg` counts as `postgresql`."""
    plain = scheme.partition("+")[0].lower()
    for engine, entry in ENGINES.items():
        if plain in entry.schemes:
            return engine
    raise InvalidChoice.of("engine", plain, [s for entry in ENGINES.values() for s in entry.schemes])


def open_adapter(name: str, url: ResolvedUrl, settings: ConnectionSettings) -> Adapter:
    """Return an adapter for a connection without connecting yet.

    Raises:
        MissingDriver: the engine's Python driver is not installed.
    """
    entry = ENGINES[url.engine]
    try:
        importlib.import_module(entry.driver)
    except ModuleNotFoundError as missing:
        raise MissingDriver(
            f"connection {name!r} needs the Python package {entry.driver!r}, which is not installed",
            object_name=name,
            hint=f"Run: pip install {entry.install}",
        ) from missing
    module = cast(_AdapterModule, importlib.import_module(entry.module))
    return module.open_adapter(name, url, settings)
