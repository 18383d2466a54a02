"""Measures MongoDB for its settings, and writes the step that changes the cache."""

from __future__ import annotations

from dbmanager.adapters.facets import Unsupported
from dbmanager.adapters.mongodb.session import Sessions
from dbmanager.adapters.mongodb.tuning.rules import RULES
from dbmanager.errors import InvalidStatement, PermissionDenied, UnsupportedCapability
from dbmanager.model.changes import ChangeStep
from dbmanager.model.queries import Cell
from dbmanager.model.tuning import Measured, Recommendation, TuningRule


class MongoTuning:
    """The `Tuning` facet."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def rules(self) -> tuple[TuningRule, ...]:
        """Return the rules in id order."""
        return RULES

    async def measured(self) -> Measured | Unsupported:
        """Read serverStatus; the privilege clusterMonitor is needed."""
        try:
            reply = await self._sessions.command({"serverStatus": 1}, database="admin", seconds=None)
        except (UnsupportedCapability, InvalidStatement):
            return Unsupported("the server does not execute serverStatus")
        except PermissionDenied:
            return Unsupported("the user may not run serverStatus (role clusterMonitor)")
        return Measured(figures(reply))

    def steps(self, recommendation: Recommendation, measured: Measured) -> tuple[ChangeStep, ...]:
        """Return nothing: the value stands in the configuration file, which a person writes."""
        return ()

    def by_hand(self, recommendation: Recommendation, measured: Measured) -> str | None:
        """Return the line of the configuration file."""
        size = int(recommendation.proposed.value) / 1_024
        return f"Write into mongod.conf: storage.wiredTiger.engineConfig.cacheSizeGB: {size:g}, and restart each member in turn."

    def finish(self) -> tuple[ChangeStep, ...]:
        """Return nothing."""
        return ()


def figures(reply: dict[str, object]) -> dict[str, Cell]:
    """Return the figures of a serverStatus that the rules judge."""
    engine = reply.get("wiredTiger")
    cache = engine.get("cache") if isinstance(engine, dict) else None
    found = dict(cache) if isinstance(cache, dict) else {}
    return {
        "cache_bytes": found.get("bytes currently in the cache"),
        "cache_maximum_bytes": found.get("maximum bytes configured"),
        "evicted_by_application": found.get("pages evicted by application threads"),
        "counted_since": f"{reply.get('uptime')} s ago",
    }
