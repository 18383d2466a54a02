"""Facets that write: statements of an approved change set, and the steps that they become."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from dbmanager.model.changes import ChangeStep
from dbmanager.model.queries import Row, Scalar
from dbmanager.model.schema import DatabaseSchema, Table


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement in the engine's own language (see `QueryRequest.statement`) with bound values."""

    text: str
    parameters: tuple[Scalar, ...] = ()


@dataclass(frozen=True, slots=True)
class ExecutionResult:
    """What a write did: rows changed (-1 where the engine does not tell) and how long it took."""

    rows_changed: int
    elapsed_seconds: float


CapturedRows = tuple[tuple[str, ...], tuple[Row, ...]]
"""Column names and rows of a before-image; values as the adapter that captured them encodes them, JSON-safe."""


class Execute(Protocol):
    """Writes of an approved change set. Only the change executor and scratch places hold this facet."""

    async def execute(
        self,
        statements: Sequence[Statement],
        *,
        atomic: bool,
        lock_timeout_seconds: float,
        timeout_seconds: float,
    ) -> ExecutionResult:
        """Run the statements in order, in one transaction when `atomic`, else each on its own."""
        ...

    async def capture_and_execute(
        self,
        capture: str,
        statement: Statement,
        keep: Callable[[CapturedRows], Awaitable[None]],
        *,
        max_rows: int,
        lock_timeout_seconds: float,
        timeout_seconds: float,
    ) -> ExecutionResult:
        """In one transaction: select and lock the rows, hand them to `keep`, run the statement, commit.

        Raises: ResourceExhausted when more than `max_rows` rows would be captured; nothing is changed then.
        """
        ...

    async def restore_rows(self, table: Table, rows: CapturedRows) -> ExecutionResult:
        """Put captured rows back by primary key in one transaction (insert or update)."""
        ...

    async def count_changed(self, table: Table, rows: CapturedRows) -> int:
        """Return how many captured rows are gone from the table or hold another value there now."""
        ...


class ChangeSteps(Protocol):
    """Turns statements that someone wrote into steps of a change set."""

    def change_step(
        self, schema: DatabaseSchema, statement: str, *, inverse: str | None = None, title: str | None = None
    ) -> ChangeStep:
        """Return the step that carries out one statement: its risk, lock, inverse or before-image, and its probe.

        Raises: InvalidStatement when it is not one statement of this engine's, or is a read.
        """
        ...
