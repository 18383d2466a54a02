"""Figures of a moment of a MongoDB database."""

from __future__ import annotations

import datetime as dt
from typing import Any

from dbmanager.adapters.mongodb.errors import NoSuchCollection
from dbmanager.adapters.mongodb.query import MongoQuery
from dbmanager.adapters.mongodb.session import OWN_SECONDS, Sessions
from dbmanager.errors import DbManagerError, InvalidStatement, PermissionDenied, StatementFailed, UnsupportedCapability
from dbmanager.model.metrics import MOST_OBJECTS, MetricMoment, gathered

REFUSED = (StatementFailed, UnsupportedCapability, InvalidStatement, NoSuchCollection, PermissionDenied)
Figures = list[tuple[str, object] | tuple[str, object, object]]


class MongoMetrics:
    """The `Metrics` facet."""

    def __init__(self, sessions: Sessions, query: MongoQuery) -> None:
        self._sessions = sessions
        self._query = query

    async def moment(self) -> MetricMoment:
        """Read dbStats, collStats of a hundred collections, and serverStatus where the user may."""
        figures: Figures = []
        not_told: list[tuple[str, str]] = []
        try:
            figures += server_figures(await self._sessions.command({"serverStatus": 1}, database="admin"))
        except REFUSED as refused:
            not_told.append(("connections_used", f"serverStatus: {_why(refused)}"))
        names = sorted(
            [str(row["name"]) async for row in self._query.each({"listCollections": 1}) if row.get("type") != "view"]
        )
        total = 0
        for name in names[:MOST_OBJECTS]:
            try:
                found = await self._sessions.command({"collStats": name}, seconds=OWN_SECONDS)
            except REFUSED as refused:
                not_told.append((f"table_bytes of {name}", _why(refused)))
                continue
            size = int(found.get("storageSize") or 0) + int(found.get("totalIndexSize") or 0)
            total += size
            figures += [("table_bytes", size, name), ("table_rows", found.get("count"), name)]
        if len(names) <= MOST_OBJECTS:
            figures.append(("database_bytes", total))
        else:
            not_told.append(("database_bytes", f"only {MOST_OBJECTS} of {len(names)} collections were measured"))
        return MetricMoment(dt.datetime.now(dt.UTC), gathered(figures), tuple(not_told))


def server_figures(reply: dict[str, Any]) -> Figures:
    """Return what serverStatus counts."""
    connections, operations = reply.get("connections") or {}, reply.get("opcounters") or {}
    cache = (reply.get("wiredTiger") or {}).get("cache") or {}
    used, left = connections.get("current"), connections.get("available")
    read, asked = cache.get("pages read into cache"), cache.get("pages requested from the cache")
    return [
        ("connections_used", used),
        ("connections_max", used + left if used is not None and left is not None else None),
        ("cache_misses", read),
        ("cache_hits", asked - read if read is not None and asked is not None else None),
        ("operations", sum(value for value in operations.values() if isinstance(value, int)) if operations else None),
        ("memory_bytes", cache.get("bytes currently in the cache")),
        ("memory_limit_bytes", cache.get("maximum bytes configured")),
    ]


def _why(problem: DbManagerError) -> str:
    return "the user may not run it" if isinstance(problem, PermissionDenied) else "the server does not execute it"
