"""Figures of one moment: what a database holds and has counted, under names that all engines share."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

MetricKind = Literal["gauge", "counter"]


@dataclass(frozen=True, slots=True)
class MetricDefinition:
    """What a name stands for.

    Attributes:
        kind: a gauge is as it is; a counter grows until it is reset, so that two moments give a rate.
        unit: `bytes`, `seconds`, `milliseconds`, `ratio` (0 to 1), or what is counted.
        of: what `object` names; empty for figures of the database or server as a whole.
    """

    name: str
    kind: MetricKind
    unit: str
    help: str
    of: str = ""


def _definitions(*made: MetricDefinition) -> dict[str, MetricDefinition]:
    found = {one.name: one for one in made}
    if len(found) < len(made):
        raise ValueError("a metric is defined twice")
    return found


DEFINITIONS: Mapping[str, MetricDefinition] = _definitions(
    MetricDefinition("database_bytes", "gauge", "bytes", "Size of the database with its indexes"),
    MetricDefinition("disk_limit_bytes", "gauge", "bytes", "Size that the database can reach on its disk"),
    MetricDefinition("free_bytes", "gauge", "bytes", "Space inside of the database's files that is free for reuse"),
    MetricDefinition("table_bytes", "gauge", "bytes", "Size of a table with its indexes", "table"),
    MetricDefinition("table_rows", "gauge", "rows", "Rows of a table, as the engine estimates them", "table"),
    MetricDefinition("dead_rows", "gauge", "rows", "Rows of a table that wait for vacuum", "table"),
    MetricDefinition("connections_used", "gauge", "connections", "Client connections to the server"),
    MetricDefinition("connections_max", "gauge", "connections", "Client connections that the server takes at most"),
    MetricDefinition("cache_hits", "counter", "reads", "Reads that the engine's cache answered"),
    MetricDefinition("cache_misses", "counter", "reads", "Reads that went past the engine's cache"),
    MetricDefinition("commits", "counter", "transactions", "Transactions committed"),
    MetricDefinition("rollbacks", "counter", "transactions", "Transactions rolled back"),
    MetricDefinition("temp_bytes", "counter", "bytes", "Bytes spilled to temporary files"),
    MetricDefinition("temp_tables", "counter", "tables", "Temporary tables written to disk"),
    MetricDefinition("deadlocks", "counter", "deadlocks", "Deadlocks that the engine resolved"),
    MetricDefinition("operations", "counter", "operations", "Statements or commands executed"),
    MetricDefinition("oldest_transaction_seconds", "gauge", "seconds", "Age of the oldest open transaction"),
    MetricDefinition("frozen_age_ratio", "gauge", "ratio", "Part of the transaction numbers used since the last freeze"),
    MetricDefinition("replication_lag_seconds", "gauge", "seconds", "How far a replica is behind", "replica"),
    MetricDefinition("replication_running", "gauge", "replicas", "1 while a replica follows its source, 0 while it stands still", "replica"),
    MetricDefinition("replication_lag_bytes", "gauge", "bytes", "Log that a replica has not replayed", "replica"),
    MetricDefinition("sequence_used_ratio", "gauge", "ratio", "Part of a sequence's numbers that is used", "sequence"),
    MetricDefinition("memory_bytes", "gauge", "bytes", "Memory that the data takes"),
    MetricDefinition("memory_limit_bytes", "gauge", "bytes", "Memory that the data may take"),
    MetricDefinition("keys", "gauge", "keys", "Keys of all databases"),
    MetricDefinition("evicted_keys", "counter", "keys", "Keys thrown away for lack of memory"),
    MetricDefinition("expired_keys", "counter", "keys", "Keys whose time had come"),
    MetricDefinition("wal_bytes", "gauge", "bytes", "Size of the write-ahead log beside the database"),
    MetricDefinition("statement_calls", "counter", "calls", "Executions of a statement", "statement"),
    MetricDefinition("statement_ms", "counter", "milliseconds", "Time that a statement took in all", "statement"),
    MetricDefinition("statement_drift_ratio", "gauge", "times", "Mean time of a statement's newest calls by its usual one", "statement"),
    MetricDefinition("days_to_limit", "gauge", "days", "Days until a figure is expected to reach its limit", "figure"),
    MetricDefinition("days_to_limit_earliest", "gauge", "days", "The same by the early edge of the interval", "figure"),
)  # fmt: skip
LIMITS: Mapping[str, str] = {
    "database_bytes": "disk_limit_bytes",
    "connections_used": "connections_max",
    "memory_bytes": "memory_limit_bytes",
}
"""Which figure must not reach which."""
MOST_OBJECTS = 100
"""Tables, and sequences, of one moment: the largest, and the fullest."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure; `object` names the table, sequence, replica or statement that it is of, never a row."""

    name: str
    value: float
    object: str = ""

    def __post_init__(self) -> None:
        if bool(DEFINITIONS[self.name].of) is not bool(self.object):
            raise ValueError(f"{self.name} wants {'an object' if DEFINITIONS[self.name].of else 'no object'}")

    @property
    def definition(self) -> MetricDefinition:
        """What the name stands for."""
        return DEFINITIONS[self.name]


@dataclass(frozen=True, slots=True)
class MetricMoment:
    """Everything that was measured at a moment, and what could not be (name, reason)."""

    taken_at: dt.datetime
    metrics: tuple[Metric, ...]
    not_told: tuple[tuple[str, str], ...] = ()

    def value(self, name: str, object_: str = "") -> float | None:
        """Return a figure; None where it was not measured."""
        return next((m.value for m in self.metrics if m.name == name and m.object == object_), None)

    def objects(self, name: str) -> Iterator[str]:
        """Yield what a figure was measured of."""
        return (m.object for m in self.metrics if m.name == name)


def gathered(figures: Iterable[tuple[str, object] | tuple[str, object, object]]) -> tuple[Metric, ...]:
    """Return metrics of (name, value[, object]); what has no value is left out."""
    found = []
    for name, value, *of in figures:
        if value is not None:
            found.append(Metric(name, float(str(value)), str(of[0]) if of else ""))
    return tuple(found)
