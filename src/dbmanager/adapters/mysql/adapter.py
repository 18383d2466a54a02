"""The MySQL and MariaDB adapter: one database, all facets."""

from __future__ import annotations

from dbmanager.adapters.facets import Unsupported
from dbmanager.adapters.mysql.backup import MysqlBackup
from dbmanager.adapters.mysql.backup_script import MysqlBackupScripts
from dbmanager.adapters.mysql.bulk import MysqlBulk
from dbmanager.adapters.mysql.catalog import MysqlCatalog
from dbmanager.adapters.mysql.comparing import MysqlComparison
from dbmanager.adapters.mysql.emit import MysqlEmit
from dbmanager.adapters.mysql.execute import MysqlExecute
from dbmanager.adapters.mysql.freeze import MysqlFreeze
from dbmanager.adapters.mysql.metrics import MysqlMetrics
from dbmanager.adapters.mysql.provenance import MysqlProvenance
from dbmanager.adapters.mysql.query import MysqlQuery
from dbmanager.adapters.mysql.scratch import MysqlScratch
from dbmanager.adapters.mysql.security import MysqlSecurity
from dbmanager.adapters.mysql.session import Sessions
from dbmanager.adapters.mysql.statistics import MysqlStatistics
from dbmanager.adapters.mysql.tuning import MysqlTuning
from dbmanager.adapters.mysql.workload import MysqlWorkload
from dbmanager.model.configuration import ConnectionSettings, ResolvedUrl


class MysqlAdapter:
    """One MySQL or MariaDB database. Nothing is connected before the first statement."""

    engine = "mysql"
    dialect = "mysql"

    def __init__(self, name: str, url: ResolvedUrl, settings: ConnectionSettings) -> None:
        self._sessions = Sessions(name, url, settings)
        self.catalog = MysqlCatalog(self._sessions)
        self.query = MysqlQuery(self._sessions)
        self.execute = MysqlExecute(self._sessions)
        self.emit = MysqlEmit(lambda: self._sessions.known_facts)
        self.steps = self.emit
        self.statistics = MysqlStatistics(self._sessions, self.query)
        self.provenance = MysqlProvenance(self._sessions, self.query)
        self.comparison = MysqlComparison(self._sessions, self.query)
        self.what_if = Unsupported("MySQL and MariaDB have no hypothetical indexes")
        self.workload = MysqlWorkload(self._sessions, self.query)
        self.bulk = MysqlBulk(self._sessions)
        self.backup_scripts = MysqlBackupScripts(url, settings)
        self.freeze = MysqlFreeze(self._sessions)
        self.scratch = MysqlScratch(self._sessions)
        self.backup = MysqlBackup(self._sessions, self.scratch)
        self.security = MysqlSecurity(self._sessions)
        self.tuning = MysqlTuning(self._sessions)
        self.metrics = MysqlMetrics(self._sessions)

    @property
    def sessions(self) -> Sessions:
        """The pool, for what makes scratch databases."""
        return self._sessions

    def pool_use(self) -> tuple[int, int] | None:
        """Return busy and idle connections of the pool."""
        return self._sessions.pool_use()

    async def close(self) -> None:
        """Kill what runs and close the pool."""
        await self._sessions.close()


def open_adapter(name: str, url: ResolvedUrl, settings: ConnectionSettings) -> MysqlAdapter:
    """Return the adapter of a configured connection."""
    return MysqlAdapter(name, url, settings)
