"""The MongoDB adapter: one database, all facets."""

from __future__ import annotations

from dbmanager.adapters.facets import Unsupported
from dbmanager.adapters.mongodb.backup import MongoBackup
from dbmanager.adapters.mongodb.backup_script import MongoBackupScripts
from dbmanager.adapters.mongodb.bulk import MongoBulk
from dbmanager.adapters.mongodb.catalog import MongoCatalog
from dbmanager.adapters.mongodb.comparing import MongoComparison
from dbmanager.adapters.mongodb.emit import MongoEmit
from dbmanager.adapters.mongodb.execute import MongoExecute
from dbmanager.adapters.mongodb.metrics import MongoMetrics
from dbmanager.adapters.mongodb.query import MongoQuery
from dbmanager.adapters.mongodb.scratch import MongoScratch
from dbmanager.adapters.mongodb.security import MongoSecurity
from dbmanager.adapters.mongodb.session import Sessions
from dbmanager.adapters.mongodb.statistics import MongoStatistics
from dbmanager.adapters.mongodb.tuning import MongoTuning
from dbmanager.adapters.mongodb.workload import MongoWorkload
from dbmanager.model.configuration import ConnectionSettings, ResolvedUrl


class MongoAdapter:
    """One MongoDB database. Nothing is connected before the first command."""

    engine = "mongodb"
    dialect = "mongodb"

    def __init__(self, name: str, url: ResolvedUrl, settings: ConnectionSettings) -> None:
        self._sessions = Sessions(name, url, settings)
        self.query = MongoQuery(self._sessions)
        self.catalog = MongoCatalog(self._sessions, self.query)
        self.execute = MongoExecute(self._sessions, self.query)
        self.emit = MongoEmit(url.database)
        self.steps = self.emit
        self.statistics = MongoStatistics(self._sessions, self.query, self.catalog)
        self.provenance = Unsupported("MongoDB does not tell which fields a command reads")
        self.comparison = MongoComparison(self._sessions, self.query)
        self.what_if = Unsupported("MongoDB plans with indexes that exist only")
        self.workload = MongoWorkload(self._sessions, self.query)
        self.bulk = MongoBulk(self._sessions, self.query)
        self.backup_scripts = MongoBackupScripts()
        self.freeze = Unsupported(
            "MongoDB can hold the writes of a whole server only (fsyncLock), never those of some collections"
        )
        self.scratch = MongoScratch(self._sessions)
        self.backup = MongoBackup(self._sessions, self.query, self.catalog, self.scratch)
        self.security = MongoSecurity(self._sessions, self.query, self.catalog)
        self.tuning = MongoTuning(self._sessions)
        self.metrics = MongoMetrics(self._sessions, self.query)

    async def close(self) -> None:
        """Stop what runs and close the connections."""
        await self._sessions.close()


def open_adapter(name: str, url: ResolvedUrl, settings: ConnectionSettings) -> MongoAdapter:
    """Return the adapter of a configured connection."""
    return MongoAdapter(name, url, settings)
