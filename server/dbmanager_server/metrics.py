"""Counters of calls, and what is looked up at the moment of asking, in Prometheus's text format."""

from __future__ import annotations

from importlib.util import find_spec

from dbmanager.errors import StoreError
from dbmanager.model.jobs import JobState
from dbmanager.services.container import Services
from dbmanager_server.observing import Told

AVAILABLE = find_spec("prometheus_client") is not None
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)


class Metrics:
    """One process's figures; labels are names of methods, tools, codes and states, never anything else."""

    def __init__(self, services: Services) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._services = services
        self._registry = CollectorRegistry()
        named = ("method", "tool")
        self._calls = Counter(
            "dbmanager_calls", "Requests answered, by outcome", (*named, "outcome"), registry=self._registry
        )
        self._errors = Counter(
            "dbmanager_errors", "Requests that failed, by error code", ("code",), registry=self._registry
        )
        self._seconds = Histogram(
            "dbmanager_call_duration_seconds", "Time until a request was answered", named,
            buckets=BUCKETS, registry=self._registry,
        )  # fmt: skip
        self._running = Gauge("dbmanager_calls_running", "Requests under way", registry=self._registry)
        self._jobs = Gauge("dbmanager_jobs", "Jobs in the store, by state", ("state",), registry=self._registry)
        self._pools = Gauge(
            "dbmanager_pool_connections", "Connections of this process to databases, by use", ("connection", "use"),
            registry=self._registry,
        )  # fmt: skip

    def count(self, told: Told) -> None:
        """Count a finished request."""
        self._calls.labels(told.method, told.tool, told.outcome).inc()
        self._seconds.labels(told.method, told.tool).observe(told.seconds)
        if told.code:
            self._errors.labels(told.code).inc()

    def running(self, change: int) -> None:
        """Count a request that begins (+1) or ends (-1)."""
        self._running.inc(change)

    async def text(self) -> tuple[bytes, str]:
        """Return everything and its media type; jobs are left as they were while the store can't be read."""
        from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

        try:
            counted = await self._services.jobs.counted()
        except StoreError:
            self._jobs.clear()
        else:
            for state in JobState:
                self._jobs.labels(state.value).set(counted.get(state, 0))
        self._pools.clear()
        for name, (used, idle) in self._services.connections.pool_use().items():
            self._pools.labels(name, "busy").set(used)
            self._pools.labels(name, "idle").set(idle)
        return generate_latest(self._registry), CONTENT_TYPE_LATEST
