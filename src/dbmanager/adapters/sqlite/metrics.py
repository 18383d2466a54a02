"""Figures of a moment of a SQLite file."""

from __future__ import annotations

import datetime as dt
import shutil

from dbmanager.adapters.sqlite.session import Handle, Sessions
from dbmanager.model.metrics import MOST_OBJECTS, MetricMoment, gathered

LARGEST_ROWID = 2**63 - 1
_ROWS = "SELECT tbl, max(CAST(stat AS INTEGER)) FROM sqlite_stat1 GROUP BY tbl ORDER BY 2 DESC LIMIT ?"
_SEQUENCES = "SELECT name, max(seq) FROM sqlite_sequence GROUP BY name ORDER BY 2 DESC LIMIT ?"
Figures = list[tuple[str, object] | tuple[str, object, object]]


class SqliteMetrics:
    """The `Metrics` facet. Sizes of tables are not told: SQLite reads the whole file for them."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def moment(self) -> MetricMoment:
        """Read the file's header, what ANALYZE and AUTOINCREMENT left behind, and the free space of its disk."""
        figures = await self._sessions.read(self._look, timeout_seconds=10)
        return MetricMoment(
            dt.datetime.now(dt.UTC), gathered(figures),
            (("table_bytes", "SQLite would read the whole file for it"), ("connections_used", "SQLite has no server")),
        )  # fmt: skip

    def _look(self, handle: Handle) -> Figures:
        pages, size, free = (
            int(handle.raw.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("page_count", "page_size", "freelist_count")
        )
        path = self._sessions.path
        wal = path.with_name(path.name + "-wal")
        figures: Figures = [
            ("database_bytes", pages * size), ("free_bytes", free * size), ("wal_bytes", wal.stat().st_size if wal.exists() else 0),
            ("disk_limit_bytes", pages * size + shutil.disk_usage(path.parent).free),
        ]  # fmt: skip
        kept = {row[0] for row in handle.raw.execute("SELECT name FROM sqlite_master WHERE name LIKE 'sqlite_s%'")}
        if "sqlite_stat1" in kept:
            figures += [("table_rows", rows, table) for table, rows in handle.raw.execute(_ROWS, (MOST_OBJECTS,))]
        if "sqlite_sequence" in kept:
            figures += [
                ("sequence_used_ratio", value / LARGEST_ROWID, name)
                for name, value in handle.raw.execute(_SEQUENCES, (MOST_OBJECTS,))
            ]
        return figures
