"""What a MongoDB database was asked, as its profiler recorded it."""

from __future__ import annotations

import datetime as dt
import json

from bson import json_util

from dbmanager.adapters.facets import Unsupported
from dbmanager.adapters.mongodb.errors import NoSuchCollection
from dbmanager.adapters.mongodb.query import MongoQuery
from dbmanager.adapters.mongodb.session import Sessions
from dbmanager.errors import InvalidStatement, PermissionDenied, StatementFailed, UnsupportedCapability
from dbmanager.model.operations import operation
from dbmanager.model.queries import QueryPlan, QueryRequest
from dbmanager.model.workload import Workload

SOURCE = "profiler"
OFF = (
    "the profiler of this database has recorded nothing: db.setProfilingLevel(1, {slowms: 20}) lets it record what takes longer; "
    "or give mongod's log as a file, or the commands themselves"
)


class MongoWorkload:
    """The `WorkloadSource` facet."""

    sources = (SOURCE,)

    def __init__(self, sessions: Sessions, query: MongoQuery) -> None:
        self._sessions = sessions
        self._query = query

    async def collect(self, source: str | None = None, *, most: int = 2_000) -> Workload | Unsupported:
        """Return the newest operations of `system.profile`, which holds a part of all: what was slow, or was sampled."""
        if source not in (None, *self.sources):
            raise InvalidStatement(
                f"MongoDB has no source {source!r}", hint=f"There is {SOURCE}, and its log as a file."
            )
        asked = {"find": "system.profile", "filter": {"ns": {"$ne": f"{self._sessions.database}.system.profile"}},
                 "sort": {"ts": -1}, "limit": most}  # fmt: skip
        try:
            entries = [entry async for entry in self._query.each(asked)]
        except (UnsupportedCapability, StatementFailed, NoSuchCollection):
            return Unsupported("this server has no profiler: give mongod's log as a file, or the commands themselves")
        except PermissionDenied:
            raise PermissionDenied(
                f"connection {self._sessions.name!r}: the user may not read system.profile", object_name=self._sessions.name,
                hint="Grant it dbAdmin on the database, or find on system.profile.",
            ) from None  # fmt: skip
        if not entries:
            return Unsupported(OFF)
        plain = [json.loads(json_util.dumps(entry, json_options=json_util.RELAXED_JSON_OPTIONS)) for entry in entries]
        statements = tuple(found for entry in plain if (found := operation(entry, self._sessions.database)) is not None)
        return Workload(
            SOURCE, dt.datetime.now(dt.UTC), statements, is_cumulative=False,
            notes=("only what the profiler recorded: operations slower than slowms, or a sample of them",),
        )  # fmt: skip

    async def plan(self, statement: str) -> QueryPlan | Unsupported:
        """Return the plan of a command; the profiler keeps its values."""
        return await self._query.explain(QueryRequest(statement))
