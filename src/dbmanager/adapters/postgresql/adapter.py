"""The PostgreSQL adapter: one database, all facets."""

from __future__ import annotations

from dbmanager.adapters.postgresql.backup import PostgresBackup
from dbmanager.adapters.postgresql.backup_script import PostgresBackupScripts
from dbmanager.adapters.postgresql.bulk import PostgresBulk
from dbmanager.adapters.postgresql.catalog import PostgresCatalog
from dbmanager.adapters.postgresql.comparing import PostgresComparison
from dbmanager.adapters.postgresql.emit import PostgresEmit
from dbmanager.adapters.postgresql.execute import PostgresExecute
from dbmanager.adapters.postgresql.freeze import PostgresFreeze
from dbmanager.adapters.postgresql.metrics import PostgresMetrics
from dbmanager.adapters.postgresql.provenance import PostgresProvenance
from dbmanager.adapters.postgresql.query import PostgresQuery
from dbmanager.adapters.postgresql.scratch import PostgresScratch
from dbmanager.adapters.postgresql.security import PostgresSecurity
from dbmanager.adapters.postgresql.session import Sessions
from dbmanager.adapters.postgresql.statistics import PostgresStatistics
from dbmanager.adapters.postgresql.tuning import PostgresTuning
from dbmanager.adapters.postgresql.what_if import PostgresWhatIf
from dbmanager.adapters.postgresql.workload import PostgresWorkload
from dbmanager.model.configuration import ConnectionSettings, ResolvedUrl


class PostgresAdapter:
    """One PostgreSQL database. Nothing is connected before the first statement."""

    engine = "postgresql"
    dialect = "postgres"

    def __init__(self, name: str, url: ResolvedUrl, settings: ConnectionSettings) -> None:
        self._sessions = Sessions(name, url, settings)
        self.catalog = PostgresCatalog(self._sessions)
        self.query = PostgresQuery(self._sessions)
        self.execute = PostgresExecute(self._sessions)
        self.emit = PostgresEmit()
        self.steps = self.emit
        self.statistics = PostgresStatistics(self._sessions, self.query)
        self.provenance = PostgresProvenance(self._sessions, self.query)
        self.comparison = PostgresComparison(self._sessions, self.query)
        self.what_if = PostgresWhatIf(self._sessions, self.query)
        self.workload = PostgresWorkload(self._sessions, self.query)
        self.backup_scripts = PostgresBackupScripts()
        self.bulk = PostgresBulk(self._sessions)
        self.freeze = PostgresFreeze(self._sessions)
        self.scratch = PostgresScratch(self._sessions)
        self.backup = PostgresBackup(self._sessions, self.scratch)
        self.security = PostgresSecurity(self._sessions)
        self.tuning = PostgresTuning(self._sessions)
        self.metrics = PostgresMetrics(self._sessions)

    @property
    def sessions(self) -> Sessions:
        """The pool, for what makes scratch databases."""
        return self._sessions

    def pool_use(self) -> tuple[int, int] | None:
        """Return busy and idle connections of the pool."""
        return self._sessions.pool_use()

    async def close(self) -> None:
        """Stop what runs and close the pool."""
        await self._sessions.close()


def open_adapter(name: str, url: ResolvedUrl, settings: ConnectionSettings) -> PostgresAdapter:
    """Return the adapter of a configured connection."""
    return PostgresAdapter(name, url, settings)
