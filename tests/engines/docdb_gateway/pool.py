"""Connections to the engine, each as the user who logged in; its socket is open to the folder's owner only."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

APPLICATION = "docdb_gateway"
Connection = Any  # asyncpg has no types


class Pool:
    """Idle connections by user; None is the engine's owner, who checks logins."""

    def __init__(self, folder: str, owner: str) -> None:
        self._folder = folder
        self._owner = owner
        self._idle: dict[str | None, list[Connection]] = defaultdict(list)
        self._closing: set[asyncio.Task[None]] = set()

    async def take(self, user: str | None) -> Connection:
        """Return a connection that acts as the user."""
        while self._idle[user]:
            connection = self._idle[user].pop()
            if not connection.is_closed():
                return connection
        connection = await asyncpg.connect(
            host=self._folder, user=user or self._owner, database="postgres",
            server_settings={"application_name": APPLICATION, "idle_in_transaction_session_timeout": "60s"},
        )  # fmt: skip
        for name in ("bson", "bsonsequence"):
            await connection.set_type_codec(
                name, schema="documentdb_core", encoder=bytes, decoder=bytes, format="binary"
            )
        return connection

    def give(self, user: str | None, connection: Connection) -> None:
        """Take a connection back for the next command."""
        self._idle[user].append(connection)

    def discard(self, connection: Connection) -> None:
        """Close a connection in the background, once the cancelling of its statement is through."""
        task = asyncio.get_running_loop().create_task(connection.close(timeout=10))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    @asynccontextmanager
    async def borrowed(self, user: str | None) -> AsyncIterator[Connection]:
        """Lend a connection; one whose command was broken off does not come back."""
        connection = await self.take(user)
        try:
            yield connection
        except asyncio.CancelledError:
            self.discard(connection)
            raise
        except BaseException:
            self.give(user, connection)
            raise
        self.give(user, connection)
