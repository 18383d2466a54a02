"""A small shop on each SQL engine, whose rows tell few wrong rewrites from right ones."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import pytest

from dbmanager.model.configuration import Configuration
from dbmanager.services.configuration import LoadedConfiguration
from dbmanager.services.container import Services
from tests.engines.instance import login
from tests.facets.contract import EngineUnderTest, Mysql, Postgres, Sqlite

SQL_ENGINES = ("postgresql", "mysql", "mariadb", "sqlite")
TABLES = """
CREATE TABLE customers (id integer NOT NULL PRIMARY KEY, name varchar(40), city varchar(20) NOT NULL, boss integer);
CREATE TABLE orders (id integer NOT NULL PRIMARY KEY, customer_id integer, status varchar(10) NOT NULL, total numeric(10,2),
  placed date NOT NULL, quantity integer NOT NULL CHECK (quantity >= 0), FOREIGN KEY (customer_id) REFERENCES customers (id));
CREATE TABLE items (order_id integer NOT NULL, line integer NOT NULL, price numeric(10,2), PRIMARY KEY (order_id, line),
  FOREIGN KEY (order_id) REFERENCES orders (id));
CREATE TABLE tags (order_id integer, label varchar(20));
"""
ROWS = """
INSERT INTO customers VALUES (1, 'Ann', 'Leeds', NULL), (2, 'Bob', 'York', 1), (3, 'Cy', 'Hull', 1);
INSERT INTO orders VALUES (1, 1, 'open', 10.50, '2024-05-06', 4), (2, 2, 'paid', 20.00, '2024-07-08', 9);
INSERT INTO items VALUES (1, 1, 5.00), (1, 2, 5.50), (2, 1, 20.00);
INSERT INTO tags VALUES (1, 'x'), (2, 'y');
"""


@dataclass(slots=True)
class Shop:
    """A database of one engine, and services with it as the connection `db`."""

    name: str
    engine: EngineUnderTest
    url: str
    folder: Path
    made: list[Services] = field(default_factory=list)

    def services(self, **more: Any) -> Services:
        """Return services; closed with the shop."""
        settings = {
            "connections": {"db": {"url": self.url, "access": "read_only", **more}},
            "store": {"data_dir": str(self.folder / "state")},
        }
        self.made.append(Services(LoadedConfiguration(Configuration.model_validate(settings), (), self.folder)))
        return self.made[-1]


def with_password(url: str, password: str) -> str:
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user}:{quote(password, safe='')}@{host}"))


@contextmanager
def opened_shop(request: pytest.FixtureRequest, name: str, folder: Path, script: str) -> Iterator[Shop]:
    """Yield a database of the engine filled by a script; the engine's own programs are on the path."""
    engine: Sqlite | Postgres | Mysql
    path = os.environ["PATH"]
    if name == "sqlite":
        engine = Sqlite(folder)
        url = f"sqlite:///{engine.path}"
    elif name == "postgresql":
        server = request.getfixturevalue("pg_server")
        engine = Postgres(server)
        url = with_password(server.url(engine.database), login("postgresql")[1])
    else:
        family = request.getfixturevalue(f"{name}_server")
        os.environ["PATH"] = f"{family.programs}{os.pathsep}{path}"
        engine = Mysql(family)
        url = with_password(family.url(engine.database), login(name)[1])
    engine.run(script)
    try:
        yield Shop(name, engine, url, folder)
    finally:
        os.environ["PATH"] = path
        if not isinstance(engine, Sqlite):
            engine.drop()
