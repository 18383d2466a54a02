"""Figures of a moment of MongoDB: collections, and serverStatus where it is executed."""

from __future__ import annotations

import pytest

from dbmanager.adapters.mongodb.metrics import server_figures
from dbmanager.model.metrics import gathered
from tests.engines.mongodb import Client
from tests.mongodb.conftest import Open

pytestmark = pytest.mark.anyio


async def test_collections_are_measured_and_what_is_not_seen_is_named(
    mongo: Client, database: str, open_mongo: Open
) -> None:
    mongo[database].things.insert_many([{"_id": n, "text": "x" * 200} for n in range(500)])
    moment = await open_mongo(access="read_only").metrics.moment()
    assert (moment.value("table_bytes", "things") or 0) > 50_000
    assert moment.value("database_bytes") == moment.value("table_bytes", "things")
    assert moment.value("connections_used") is None
    assert dict(moment.not_told)["connections_used"].startswith("serverStatus")


def test_a_recorded_server_status_gives_connections_cache_and_operations() -> None:
    reply = {
        "connections": {"current": 7, "available": 813, "totalCreated": 90},
        "opcounters": {"insert": 3, "query": 10, "update": 0, "delete": 0, "getmore": 2, "command": 85},
        "wiredTiger": {"cache": {"pages read into cache": 10, "pages requested from the cache": 1_000,
                                 "bytes currently in the cache": 4_096, "maximum bytes configured": 8_192}},
    }  # fmt: skip
    found = {m.name: m.value for m in gathered(server_figures(reply))}
    assert found == {"connections_used": 7, "connections_max": 820, "cache_misses": 10, "cache_hits": 990, "operations": 100,
                     "memory_bytes": 4_096, "memory_limit_bytes": 8_192}  # fmt: skip
    assert gathered(server_figures({})) == ()
