"""Facets that measure: sizes, use and values as they are, and indexes as they would be."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from dbmanager.adapters.facets.capability import Unsupported
from dbmanager.model.queries import QueryPlan, QueryRequest
from dbmanager.model.schema import Index, Table
from dbmanager.model.statistics import ColumnProfile, IndexUsage, Sample, TableStatistics


@dataclass(frozen=True, slots=True)
class OrphanCount:
    """How many values of a referring column there are, and how many of them have no parent."""

    rows: int
    orphans: int
    query: str


@dataclass(frozen=True, slots=True)
class DependencyCount:
    """Groups by a determinant: how many, their rows, and the most values of the dependent in one of them."""

    groups: int
    rows: int
    most_values: int
    query: str


@dataclass(frozen=True, slots=True)
class LargestValue:
    """The largest value of an integer column, None in an empty table."""

    value: int | None
    query: str


class Statistics(Protocol):
    """What the engine measures of itself, bounded samples, and exact counts with the query that gave them."""

    async def tables(self, *, exact_up_to_rows: int = 0) -> tuple[TableStatistics, ...]:
        """Return size and use of every base table; tables estimated at or under the bound are counted exactly."""
        ...

    async def index_usage(self) -> tuple[IndexUsage, ...] | Unsupported:
        """Return scans and size of every index, or why the engine does not count them."""
        ...

    async def sample(self, table: Table, *, rows: int = 200) -> Sample:
        """Return up to `rows` rows spread over the whole table, reading a bounded part of it."""
        ...

    async def profile(
        self, table: Table, columns: Sequence[str], *, max_rows: int = 100_000
    ) -> tuple[ColumnProfile, ...]:
        """Return null ratio and distinct count per column over at most `max_rows` rows."""
        ...

    def count_query(self, table: Table) -> str:
        """Return the statement that counts the table's rows, as evidence a person can run again."""
        ...

    async def count_orphans(
        self, child: Table, column: str, parent: Table, parent_column: str
    ) -> OrphanCount | Unsupported:
        """Count values without a parent; scans the child, looks each up in the parent."""
        ...

    async def count_dependency(self, table: Table, determinant: str, dependent: str) -> DependencyCount | Unsupported:
        """Group all rows by the determinant; scans the table."""
        ...

    async def largest(self, table: Table, column: str) -> LargestValue | Unsupported:
        """Return the largest value of an integer column; cheap where it leads an index."""
        ...


@dataclass(frozen=True, slots=True)
class Planned:
    """A statement's plan with some indexes on offer.

    Attributes:
        cost: comparable between plans of one planner; the engine's own where it has one.
        used: names of the offered indexes that the plan reads.
    """

    plan: QueryPlan
    cost: float
    used: tuple[str, ...]


class Planner(Protocol):
    """Plans statements as if indexes existed. It is one session: not for use by two at once."""

    @property
    def method(self) -> str:
        """What the answers rest on, for people."""
        ...

    @property
    def is_comparable(self) -> bool:
        """Whether costs of different statements may be added up; those of one statement always compare."""
        ...

    @property
    def is_ready(self) -> bool:
        """Whether it answers at once; if not, tables are sampled or copied first, which takes seconds."""
        ...

    async def plan(
        self,
        statement: str,
        indexes: Sequence[tuple[Table, Index]],
        without: Sequence[tuple[Table, Index]] = (),
    ) -> Planned:
        """Plan a gated read as if just these indexes existed beside the real ones, and as if some of those did not.

        Raises:
            StatementRefused, InvalidStatement: the statement can't be planned.
            UnsupportedCapability: an index can't be left out; see `lacking`.
        """
        ...

    async def lacking(self) -> Unsupported | None:
        """Return why real indexes can't be left out of plans; None where they can."""
        ...

    async def sizes(self, indexes: Sequence[tuple[Table, Index]]) -> tuple[int | None, ...]:
        """Return the bytes of each index as it would be built, None where that can't be told."""
        ...


class WhatIf(Protocol):
    """Tries indexes without touching the database."""

    def planner(self) -> AbstractAsyncContextManager[Planner | Unsupported]:
        """Return a planner for a while, or why this database can't be asked; the source is only read."""
        ...

    async def prerequisite(self, index: Index) -> str | None:
        """Return what must be made or installed before this index can be made; None where nothing is wanting."""
        ...


@dataclass(frozen=True, slots=True)
class Metered:
    """One execution of a read: how it ran, the rows it gave, and what it cost the engine.

    Attributes:
        work: in the engine's own unit (`MeteredQuery.work_unit`); the same whenever the same plan reads the same data.
        seconds: processor time of what ran it, else elapsed time.
    """

    plan: QueryPlan
    rows: int
    work: float
    seconds: float
    is_processor_time: bool


@runtime_checkable
class MeteredQuery(Protocol):
    """A `Query` facet that also tells what an execution costs the engine."""

    @property
    def work_unit(self) -> str:
        """What `Metered.work` counts, for people."""
        ...

    async def explain(self, request: QueryRequest, *, analyze: bool = False) -> QueryPlan:
        """Return the plan, as `Query.explain` does."""
        ...

    async def metered(self, request: QueryRequest) -> Metered:
        """Run a gated read to its end within its bounds, in one process; no rows are kept.

        Raises: what `Query.run` raises.
        """
        ...
