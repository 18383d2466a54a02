"""A shop of documents, some with fields missing, null, or an array, and services on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dbmanager.model.configuration import Configuration
from dbmanager.services.configuration import LoadedConfiguration
from dbmanager.services.container import Services
from tests.engines.instance import login
from tests.engines.mongodb import Client, MongoServer
from tests.optimization.shop import with_password

SECRET = "plain-secret-of-the-data"


@contextmanager
def filled(server: MongoServer) -> Iterator[tuple[str, Client]]:
    """Yield the name of a filled database and a client past every guard; afterwards no scratch database is left."""
    name = server.create_database()
    with server.client() as client:
        client[name]["orders"].insert_many(
            {"_id": n, "status": ("open", "paid", "sent")[n % 3], "amount": n * 1.5, "qty": n % 11, "customer": n % 5,
             "tags": ["red", "blue"][: n % 3], "scores": [n % 4, n % 7], "note": f"{SECRET} {n}",
             "items": [{"sku": "a", "n": n % 3}], "ship": {"city": "York", "zip": n % 2}}
            for n in range(60)
        )  # fmt: skip
        client[name]["orders"].insert_one({"_id": 60, "qty": None, "note": None})
        client[name]["customers"].insert_many({"_id": n, "code": n, "city": ("York", "Hull")[n % 2]} for n in range(4))
        yield name, client
        left = [one for one in client.list_database_names() if one.startswith("dbmanager_scratch_")]
        server.drop_database(name)
    assert left == [], "no scratch database is left"


def address(server: MongoServer, name: str) -> str:
    """Return the URL of a database with the password."""
    return with_password(server.url(name), login("mongodb")[1])


def services_on(server: MongoServer, name: str, folder: Path, **more: Any) -> Services:
    """Return services with the database as the connection `db`; the caller closes them."""
    settings = {
        "connections": {"db": {"url": address(server, name), "access": "read_only", **more}},
        "store": {"data_dir": str(folder / "state")},
    }
    return Services(LoadedConfiguration(Configuration.model_validate(settings), (), folder))
