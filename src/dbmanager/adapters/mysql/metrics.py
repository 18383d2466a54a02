"""Figures of a moment of a MySQL or MariaDB database."""

from __future__ import annotations

import datetime as dt

from dbmanager.adapters.mysql.reading import PACKAGE
from dbmanager.adapters.mysql.replication import channels
from dbmanager.adapters.mysql.session import OWN_SECONDS, Sessions
from dbmanager.adapters.mysql.wire import DriverError
from dbmanager.adapters.sql.blocks import blocks
from dbmanager.errors import PermissionDenied
from dbmanager.model.metrics import MetricMoment, gathered

COUNTED = {
    "threads_connected": "connections_used", "innodb_buffer_pool_reads": "cache_misses", "com_commit": "commits",
    "com_rollback": "rollbacks", "created_tmp_disk_tables": "temp_tables", "innodb_deadlocks": "deadlocks",
    "questions": "operations",
}  # fmt: skip
REQUESTS = "innodb_buffer_pool_read_requests"
HIDDEN = "the account lacks the privilege PROCESS"
NO_REPLICATION = "the account lacks the privilege REPLICATION CLIENT (MariaDB: REPLICA MONITOR)"


class MysqlMetrics:
    """The `Metrics` facet."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def moment(self) -> MetricMoment:
        """Read sizes, the fullest AUTO_INCREMENT columns and the server's counters; six reads, no table scanned."""
        not_told: list[tuple[str, str]] = []
        product = (await self._sessions.facts()).product
        async with self._sessions.reading(timeout_seconds=OWN_SECONDS, lock_seconds=5) as raw:
            ((size, free),) = await raw.fetch(blocks(PACKAGE)["metrics_size"].sql)
            figures: list[tuple[str, object] | tuple[str, object, object]] = [
                ("database_bytes", size or 0),
                ("free_bytes", free or 0),
            ]
            for name, table_bytes, rows in await raw.fetch(blocks(PACKAGE)["metrics_tables"].sql):
                figures += [("table_bytes", table_bytes, name), ("table_rows", rows, name)]
            figures += [
                ("sequence_used_ratio", used, name)
                for name, used in await raw.fetch(blocks(PACKAGE)["metrics_sequences"].sql)
            ]
            status = {str(name).lower(): value for name, value in await raw.fetch("SHOW GLOBAL STATUS")}
            figures += [(ours, status.get(theirs)) for theirs, ours in COUNTED.items()]
            if REQUESTS in status:
                figures.append(("cache_hits", int(status[REQUESTS]) - int(status["innodb_buffer_pool_reads"])))
            figures += [("connections_max", row[0]) for row in await raw.fetch("SELECT @@GLOBAL.max_connections")]
            try:
                figures += [
                    ("oldest_transaction_seconds", row[0])
                    for row in await raw.fetch(blocks(PACKAGE)["metrics_oldest"].sql)
                ]
            except DriverError:
                not_told.append(("oldest_transaction_seconds", HIDDEN))
            try:
                followed = await channels(raw, product)
            except (DriverError, PermissionDenied):
                not_told += [(name, NO_REPLICATION) for name in ("replication_lag_seconds", "replication_running")]
            else:
                for one in followed:
                    replica = f"this server {one.name}".strip()
                    figures += [
                        ("replication_running", int(one.is_running), replica),
                        ("replication_lag_seconds", one.behind_seconds, replica),
                    ]
                if any(one.behind_seconds is None for one in followed):
                    not_told.append(("replication_lag_seconds", "it stands still"))
        return MetricMoment(dt.datetime.now(dt.UTC), gathered(figures), tuple(not_told))
