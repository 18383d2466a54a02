"""MySQL's own word on a statement: the text it rewrote it to, every name resolved and views merged in."""

from __future__ import annotations

import re
from collections.abc import Sequence

from dbmanager.adapters.facets import Unsupported
from dbmanager.adapters.mysql.query import MysqlQuery, with_literals
from dbmanager.adapters.mysql.session import OWN_SECONDS, Sessions
from dbmanager.model.lineage import EngineReading
from dbmanager.model.queries import Scalar

_REWRITTEN = 1003
_OWN = re.compile(r"<[a-z_ ]+>(<[^>]*>)?\(|\bmultiple equal\(")
"""Marks of the optimizer's own that are no SQL: caches around expressions, classes of equal columns."""


class MysqlProvenance:
    """The `Provenance` facet: EXPLAIN leaves the rewritten statement as a note. Nothing of it is run.

    The note may hold values of rows that the optimizer looked up by a unique key, so it is only compared, never shown.
    Source: https://dev.mysql.com/doc/refman/8.4/en/explain-extended.html
    """

    def __init__(self, sessions: Sessions, query: MysqlQuery) -> None:
        self._sessions = sessions
        self._query = query

    async def reading(self, statement: str, parameters: Sequence[Scalar] = ()) -> EngineReading | Unsupported:
        """Return the statement as the engine understood it."""
        await self._query.check(statement)
        facts = await self._sessions.facts()
        how = "EXPLAIN EXTENDED " if "max_statement_time" in facts.has else "EXPLAIN FORMAT=TRADITIONAL "
        async with self._sessions.reading(timeout_seconds=OWN_SECONDS, lock_seconds=5) as raw:
            database = str((await raw.fetch("SELECT DATABASE()"))[0][0]).replace("`", "``")
            await raw.fetch(how + with_literals(raw, statement.strip().rstrip(";"), tuple(parameters)))
            notes = [str(row[2]) for row in await raw.fetch("SHOW WARNINGS") if int(row[1]) == _REWRITTEN]
        if len(notes) != 1:
            return Unsupported("the engine left no rewritten statement")
        return EngineReading(resolved=_OWN.sub("(", notes[0].replace(f"`{database}`.", "")))
