"""Holds writes on MySQL and MariaDB by read locks in a session of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import anyio

from dbmanager.adapters.facets.freezing import WAIT_SECONDS
from dbmanager.adapters.mysql.session import Sessions
from dbmanager.adapters.mysql.tables import name_of
from dbmanager.adapters.sql.holding import at_most
from dbmanager.model.schema import Table


class MysqlFreeze:
    """The `Freeze` facet. The server ends the session once it was idle for the limit, should nobody be there to end it.

    Source: https://dev.mysql.com/doc/refman/8.4/en/lock-tables.html
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    @asynccontextmanager
    async def held(self, tables: Sequence[Table], *, seconds: float) -> AsyncIterator[None]:
        """Hold writes to the tables."""
        locks = ", ".join(f"{name_of(table.name)} READ" for table in tables)
        async with self._sessions.writing(timeout_seconds=seconds + WAIT_SECONDS, lock_seconds=WAIT_SECONDS) as raw:
            await raw.run(f"SET SESSION wait_timeout = {int(seconds) + 1}")
            await raw.run(f"LOCK TABLES {locks}")
            try:
                async with at_most(seconds, self._sessions.name):
                    yield
            finally:
                with anyio.CancelScope(shield=True):
                    await raw.run("UNLOCK TABLES")
                    await raw.run("SET SESSION wait_timeout = DEFAULT")
