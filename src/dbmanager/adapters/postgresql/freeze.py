"""Holds writes on PostgreSQL by a SHARE lock in a session of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from dbmanager.adapters.facets.freezing import WAIT_SECONDS
from dbmanager.adapters.postgresql.session import Sessions
from dbmanager.adapters.sql.holding import at_most
from dbmanager.adapters.sql.names import quote
from dbmanager.model.schema import Table


class PostgresFreeze:
    """The `Freeze` facet. The server ends the session at the limit itself, should nobody be there to end it.

    Source: https://www.postgresql.org/docs/current/explicit-locking.html (SHARE).
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    @asynccontextmanager
    async def held(self, tables: Sequence[Table], *, seconds: float) -> AsyncIterator[None]:
        """Hold writes to the tables."""
        named = ", ".join(".".join(quote(part) for part in (table.schema, table.name) if part) for table in tables)
        async with self._sessions.writing(timeout_seconds=seconds, lock_seconds=WAIT_SECONDS) as raw:
            await raw.execute(f"SET LOCAL idle_in_transaction_session_timeout = {int(seconds * 1000) + 500}")
            await raw.execute(f"LOCK TABLE {named} IN SHARE MODE")
            async with at_most(seconds, self._sessions.name):
                yield
