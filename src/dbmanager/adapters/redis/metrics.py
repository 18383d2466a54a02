"""Figures of a moment of a Redis server."""

from __future__ import annotations

import datetime as dt

from dbmanager.adapters.facets import Unsupported
from dbmanager.adapters.redis.checks.health import Told
from dbmanager.adapters.redis.security import health_facts
from dbmanager.adapters.redis.session import Sessions
from dbmanager.errors import PermissionDenied
from dbmanager.model.metrics import MetricMoment, gathered

COUNTED = {
    "used_memory": "memory_bytes", "connected_clients": "connections_used", "keyspace_hits": "cache_hits",
    "keyspace_misses": "cache_misses", "evicted_keys": "evicted_keys", "expired_keys": "expired_keys",
    "total_commands_processed": "operations",
}  # fmt: skip


class RedisMetrics:
    """The `Metrics` facet; its figures are the server's, of all databases."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def moment(self) -> MetricMoment | Unsupported:
        """Read INFO and the limits that CONFIG tells."""
        try:
            async with self._sessions.reading(timeout_seconds=30) as wire:
                (row,) = await health_facts(self._sessions, wire)
        except PermissionDenied as denied:
            return Unsupported(f"the user can't see it: {denied.message}")
        told = Told(row)
        figures: list[tuple[str, object] | tuple[str, object, object]] = [
            (ours, row.get(theirs)) for theirs, ours in COUNTED.items()
        ]
        limit = told["maxmemory"] or told["total_system_memory"]
        figures += [
            ("keys", told.keys()[0]),
            ("memory_limit_bytes", limit or None),
            ("connections_max", row.get("maxclients")),
        ]
        if told.text("role") == "slave":
            figures.append(("replication_running", int(told.text("master_link_status") == "up"), "this server"))
        if told.text("master_link_status") == "up":
            figures.append(("replication_lag_seconds", row.get("master_last_io_seconds_ago"), "this server"))
        not_told = (
            () if "maxclients" in row else (("connections_max", "the user may not ask for settings (CONFIG GET)"),)
        )
        return MetricMoment(dt.datetime.now(dt.UTC), gathered(figures), not_told)
