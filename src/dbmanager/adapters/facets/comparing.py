"""The facet that runs two statements so that what they answer can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from dbmanager.model.documents import Fields
from dbmanager.model.queries import QueryRequest
from dbmanager.model.rewrites import Answer, Digest

MOST_ROWS = 5_000
"""Rows taken of one answer on a small database."""


@dataclass(frozen=True, slots=True)
class BagRead:
    """A read to digest, and the positions of the columns whose order counts.

    Attributes:
        fields: of documents, the paths whose order counts.
        bags: of documents, the fields with arrays whose order does not.
    """

    request: QueryRequest
    order: tuple[int, ...] = ()
    fields: Fields = ()
    bags: tuple[str, ...] = ()


class Bench(Protocol):
    """One session on a scratch database, for hundreds of small databases one after another."""

    async def answers(self, load: Sequence[str], queries: Sequence[str]) -> tuple[Answer, ...] | str:
        """Write rows, ask each statement and take everything back; nothing is ever committed.

        The statements are asked read-only. One that fails is an answer with a problem. A text in place of answers says
        why the engine refused the rows.
        """
        ...


class Comparison(Protocol):
    """Runs statements that passed the gate, for comparison."""

    def bench(self, *, timeout_seconds: float) -> AbstractAsyncContextManager[Bench]:
        """Return a bench on a scratch database; each statement is stopped after the time.

        Raises: AccessDenied where the adapter is not one of a scratch place.
        """
        ...

    async def digests(self, reads: Sequence[BagRead], *, most_rows: int) -> tuple[Digest, ...]:
        """Read all of them in one read-only snapshot, gated, each within its time; rows are digested, never kept.

        Raises: what `Query.run` raises.
        """
        ...
