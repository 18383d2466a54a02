"""Figures of a moment of a PostgreSQL database."""

from __future__ import annotations

import datetime as dt

from dbmanager.adapters.postgresql.catalog import PACKAGE
from dbmanager.adapters.postgresql.session import OWN_SECONDS, Sessions
from dbmanager.adapters.sql.blocks import blocks
from dbmanager.model.metrics import MetricMoment, gathered

BLOCKS = ("metrics_database", "metrics_tables", "metrics_sequences", "metrics_columns", "metrics_replicas")
_SEES_ALL = "SELECT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')"
_BEHIND = (
    "SELECT CASE WHEN pg_is_in_recovery() THEN CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0 "
    "ELSE extract(epoch FROM now() - pg_last_xact_replay_timestamp()) END END"
)
HIDDEN = "the role is no member of pg_read_all_stats"


class PostgresMetrics:
    """The `Metrics` facet."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def moment(self) -> MetricMoment:
        """Read size, counters, the largest tables, the fullest sequences and the replicas in one snapshot."""
        figures: list[tuple[str, object, object] | tuple[str, object]] = []
        async with self._sessions.reading(timeout_seconds=OWN_SECONDS, lock_seconds=5, confined=False) as raw:
            sees_all = await raw.fetchval(_SEES_ALL)
            for block in BLOCKS:
                for row in await raw.fetch(blocks(PACKAGE)[block].sql):
                    found = dict(row.items())
                    name = found.pop("name", None)
                    figures += [
                        (key, value) if name is None else (key, value, name or "?") for key, value in found.items()
                    ]
            figures.append(("replication_lag_seconds", await raw.fetchval(_BEHIND), "this server"))
        hidden = ("oldest_transaction_seconds", "replication_lag_seconds", "replication_lag_bytes")
        told = [one for one in figures if sees_all or one[0] not in hidden or one[-1] == "this server"]
        return MetricMoment(
            dt.datetime.now(dt.UTC), gathered(told), () if sees_all else tuple((name, HIDDEN) for name in hidden)
        )
