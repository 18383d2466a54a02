"""The SQLite adapter: one file, all facets."""

from __future__ import annotations

from pathlib import Path

from dbmanager.adapters.facets import Unsupported
from dbmanager.adapters.sqlite.backup import SqliteBackup
from dbmanager.adapters.sqlite.backup_script import SqliteBackupScripts
from dbmanager.adapters.sqlite.bulk import SqliteBulk
from dbmanager.adapters.sqlite.catalog import SqliteCatalog
from dbmanager.adapters.sqlite.comparing import SqliteComparison
from dbmanager.adapters.sqlite.emit import SqliteEmit
from dbmanager.adapters.sqlite.execute import SqliteExecute
from dbmanager.adapters.sqlite.freeze import SqliteFreeze
from dbmanager.adapters.sqlite.metrics import SqliteMetrics
from dbmanager.adapters.sqlite.provenance import SqliteProvenance
from dbmanager.adapters.sqlite.query import SqliteQuery
from dbmanager.adapters.sqlite.scratch import SqliteScratch
from dbmanager.adapters.sqlite.security import SqliteSecurity
from dbmanager.adapters.sqlite.session import Sessions
from dbmanager.adapters.sqlite.statistics import SqliteStatistics
from dbmanager.adapters.sqlite.tuning import SqliteTuning
from dbmanager.adapters.sqlite.what_if import SqliteWhatIf
from dbmanager.model.configuration import ConnectionSettings, ResolvedUrl


class SqliteAdapter:
    """One SQLite file. Nothing is opened before the first statement."""

    engine = "sqlite"
    dialect = "sqlite"

    def __init__(self, name: str, path: Path, *, read_only: bool, scratch: bool = True) -> None:
        self._sessions = Sessions(name, path, writable=not read_only)
        self.catalog = SqliteCatalog(self._sessions, read_only=read_only)
        self.query = SqliteQuery(self._sessions)
        self.execute = SqliteExecute(self._sessions)
        self.emit = SqliteEmit()
        self.steps = self.emit
        self.statistics = SqliteStatistics(self._sessions, self.catalog, self.query, self.emit)
        self.provenance = SqliteProvenance(self._sessions, self.catalog, self.query)
        self.comparison = SqliteComparison(self._sessions, self.query)
        self.what_if = SqliteWhatIf(self._sessions)
        self.workload = Unsupported("SQLite counts no statements: give a file of them or the statements themselves")
        self.backup_scripts = SqliteBackupScripts()
        self.bulk = SqliteBulk(self._sessions)
        self.freeze = SqliteFreeze(self._sessions)
        self.scratch = SqliteScratch(self._sessions, allowed=scratch)
        self.backup = SqliteBackup(self._sessions, self.scratch)
        self.security = SqliteSecurity(self._sessions)
        self.tuning = SqliteTuning(self._sessions)
        self.metrics = SqliteMetrics(self._sessions)

    async def close(self) -> None:
        """Close every handle."""
        await self._sessions.close()


def open_adapter(name: str, url: ResolvedUrl, settings: ConnectionSettings) -> SqliteAdapter:
    """Return the adapter of a configured connection."""
    return SqliteAdapter(
        name,
        Path(url.database),
        read_only=settings.access == "read_only",
        scratch=settings.scratch_mode != "none",
    )
