"""A fresh database on the real engine, and adapters on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from pydantic import SecretStr

from dbmanager.adapters.mongodb.adapter import MongoAdapter
from dbmanager.model.configuration import Access, ConnectionSettings, ResolvedUrl
from tests.engines.mongodb import PASSWORD, SUPERUSER, Client, MongoServer

Open = Callable[..., MongoAdapter]


@pytest.fixture(scope="session")
def mongo(mongodb_server: MongoServer) -> Iterator[Client]:
    """Return a client of the driver, past every guard."""
    with mongodb_server.client() as client:
        yield client


@pytest.fixture
def database(mongodb_server: MongoServer) -> Iterator[str]:
    """Return the name of a fresh database."""
    name = mongodb_server.create_database()
    yield name
    mongodb_server.drop_database(name)


def resolved(server: MongoServer, database: str, user: str = SUPERUSER, password: str = PASSWORD) -> ResolvedUrl:
    """Return the address as the configuration would give it."""
    return ResolvedUrl(
        engine="mongodb", scheme="mongodb", hosts=f"{server.host}:{server.port}", host=server.host, port=server.port,
        user=user, password=SecretStr(password), database=database,
        options={"authSource": "admin", "directConnection": "true"},
    )  # fmt: skip


@pytest.fixture
async def open_mongo(mongodb_server: MongoServer, database: str) -> AsyncIterator[Open]:
    """Return an opener of adapters that are closed after the test."""
    opened: list[MongoAdapter] = []

    def open_(
        name: str = database, *, access: Access = "read_write", user: str = SUPERUSER, password: str = PASSWORD
    ) -> MongoAdapter:
        settings = ConnectionSettings(url=mongodb_server.url(name, user), access=access)
        opened.append(MongoAdapter("test", resolved(mongodb_server, name, user, password), settings))
        return opened[-1]

    yield open_
    for adapter in opened:
        await adapter.close()
