"""The facet that holds writes for a moment, so that two databases can be compared as they are."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from dbmanager.model.schema import Table

WAIT_SECONDS = 5.0
"""How long the lock itself is waited for: whoever writes meanwhile waits behind it."""


class Freeze(Protocol):
    """Holds writes to tables for a bounded time; reading goes on.

    The hold belongs to a session: it ends with the block, at the time limit, and with the process, however it dies.
    """

    def held(self, tables: Sequence[Table], *, seconds: float) -> AbstractAsyncContextManager[None]:
        """Hold writes to the tables while the block runs.

        Raises:
            AccessDenied: the connection is configured read-only.
            LockTimeout: a writer did not let go within 5 seconds; nothing was held.
            QueryTimeout: the time limit came before the end of the block; writes go on.
        """
        ...
