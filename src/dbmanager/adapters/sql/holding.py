"""A block that holds writes ends at its time limit, whatever it still does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from dbmanager.errors import QueryTimeout


@asynccontextmanager
async def at_most(seconds: float, connection: str) -> AsyncIterator[None]:
    """Run a block for at most so many seconds.

    Raises: QueryTimeout when it takes longer; it is cancelled first.
    """
    with anyio.move_on_after(seconds) as scope:
        yield
    if scope.cancelled_caught:
        raise QueryTimeout(
            f"what was done while writes to {connection!r} were held took longer than {seconds:g} s; they go on",
            object_name=connection, hint="Allow more seconds, or take fewer tables at a time.",
        )  # fmt: skip
