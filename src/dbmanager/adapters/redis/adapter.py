"""The Redis adapter: one logical database of a Redis or Valkey server, all facets that it has."""

from __future__ import annotations

from dbmanager.adapters.facets import Unsupported
from dbmanager.adapters.redis.backup import RedisBackup
from dbmanager.adapters.redis.backup_script import RedisBackupScripts
from dbmanager.adapters.redis.bulk import RedisBulk
from dbmanager.adapters.redis.catalog import RedisCatalog
from dbmanager.adapters.redis.execute import RedisExecute
from dbmanager.adapters.redis.metrics import RedisMetrics
from dbmanager.adapters.redis.query import RedisQuery
from dbmanager.adapters.redis.scratch import RedisScratch
from dbmanager.adapters.redis.security import RedisSecurity
from dbmanager.adapters.redis.session import Sessions
from dbmanager.adapters.redis.statistics import RedisStatistics
from dbmanager.adapters.redis.steps import RedisSteps
from dbmanager.adapters.redis.tuning import RedisTuning
from dbmanager.adapters.redis.workload import RedisWorkload
from dbmanager.model.configuration import ConnectionSettings, ResolvedUrl


class RedisAdapter:
    """One logical database. Nothing is connected before the first command."""

    engine = "redis"
    dialect = "redis"

    def __init__(self, name: str, url: ResolvedUrl, settings: ConnectionSettings, socket: str | None = None) -> None:
        self.sessions = Sessions(name, url, settings, socket)
        self.catalog = RedisCatalog(self.sessions)
        self.query = RedisQuery(self.sessions, self.catalog)
        self.execute = RedisExecute(self.sessions, self.catalog)
        self.emit = Unsupported("Redis declares no tables and no indexes: there is nothing to create before writing")
        self.steps = RedisSteps()
        self.statistics = RedisStatistics(self.sessions, self.catalog)
        self.provenance = Unsupported("Redis commands name their keys; there is nothing to resolve")
        self.comparison = Unsupported("Redis has no query language: a command has no other form to compare with")
        self.what_if = Unsupported("Redis has no indexes and no planner to try them with")
        self.workload = RedisWorkload(self.sessions)
        self.backup_scripts = RedisBackupScripts()
        self.bulk = RedisBulk(self.sessions, self.catalog)
        self.freeze = Unsupported(
            "Redis pauses every writer of the server at once (CLIENT PAUSE), never those of some keys"
        )
        self.scratch = RedisScratch(self.sessions)
        self.backup = RedisBackup(self.sessions, self.scratch)
        self.security = RedisSecurity(self.sessions, self.catalog)
        self.tuning = RedisTuning(self.sessions, self.catalog)
        self.metrics = RedisMetrics(self.sessions)

    async def close(self) -> None:
        """Stop what runs and close the pool."""
        await self.sessions.close()


def open_adapter(name: str, url: ResolvedUrl, settings: ConnectionSettings) -> RedisAdapter:
    """Return the adapter of a configured connection."""
    return RedisAdapter(name, url, settings)
