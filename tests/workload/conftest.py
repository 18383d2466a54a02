"""Services over real engines, for what a database is asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dbmanager.model.configuration import Configuration
from dbmanager.services.configuration import LoadedConfiguration
from dbmanager.services.container import Services
from tests.engines.postgresql import PASSWORD, PostgresServer

SHOP = """
CREATE EXTENSION pg_stat_statements;
CREATE TABLE customers (id integer PRIMARY KEY, full_name text NOT NULL, email text NOT NULL);
CREATE TABLE orders (id integer PRIMARY KEY, customer_id integer NOT NULL, total numeric(10,2), note text);
INSERT INTO customers SELECT n, 'Zebedee Quill', 'zebedee.quill' || n || '@example.org' FROM generate_series(1, 200) AS g(n);
INSERT INTO orders SELECT n, n % 200 + 1, n, 'Note ' || n FROM generate_series(1, 2000) AS g(n);
ANALYZE;
"""
OpenServices = Callable[..., Services]


@pytest.fixture
async def open_services(tmp_path: Path) -> AsyncIterator[OpenServices]:
    """Return an opener of services over connections given by name; closed after the test."""
    opened: list[Services] = []

    def open_(**connections: dict[str, Any]) -> Services:
        configuration = Configuration.model_validate({"connections": connections, "store": {"data_dir": "state"}})
        opened.append(Services(LoadedConfiguration(configuration, (), tmp_path)))
        return opened[-1]

    yield open_
    for services in opened:
        await services.close()


@pytest.fixture
def shop(pg_server: PostgresServer) -> Iterator[str]:
    """Return a database with the extension, two tables, and no statement counted."""
    name = pg_server.create_database()
    pg_server.run_sql(name, SHOP)
    pg_server.run_sql(
        name, "SELECT pg_stat_statements_reset(0, (SELECT oid FROM pg_database WHERE datname = current_database()), 0)"
    )
    yield name
    pg_server.drop_database(name)


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return the reference to the password of the tests' user."""
    monkeypatch.setenv("SHOP_PASSWORD", PASSWORD)
    return {"env": "SHOP_PASSWORD"}
