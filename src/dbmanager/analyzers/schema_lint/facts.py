"""What the lint rules judge: the catalog, and figures measured on the rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from dbmanager.model.schema import DatabaseSchema, ForeignKey, Index, Table
from dbmanager.model.statistics import IndexUsage, TableStatistics

TableKey = tuple[str | None, str]


@dataclass(frozen=True, slots=True)
class ReferenceFact:
    """A reference from one column to another table's key, declared or inferred from names and values.

    Attributes:
        rows: child rows whose reference is not NULL.
        orphans: those of them without a parent.
        query: the statement that counts the orphans.
    """

    child: TableKey
    column: str
    parent: TableKey
    parent_column: str
    declared: bool
    rows: int
    orphans: int
    query: str


@dataclass(frozen=True, slots=True)
class DependencyFact:
    """A dependency between two non-key columns, verified over all rows.

    Attributes:
        determinants: distinct values of the determining column.
        rows: rows where both are present.
    """

    table: TableKey
    determinant: str
    dependents: tuple[str, ...]
    determinants: int
    rows: int
    query: str


@dataclass(frozen=True, slots=True)
class ListFact:
    """A text column whose sampled values are lists: how many of how many, and with which separator."""

    table: TableKey
    column: str
    separator: str
    lists: int
    sampled: int


@dataclass(frozen=True, slots=True)
class IntegerKeyFact:
    """How full a bounded integer key is."""

    table: TableKey
    column: str
    largest: int
    capacity: int
    query: str


@dataclass(frozen=True, slots=True)
class LintFacts:
    """Everything the rules look at. `create_index` and `drop_index` give engine SQL for a fix and its inverse."""

    schema: DatabaseSchema
    statistics: Mapping[TableKey, TableStatistics] = field(default_factory=dict)
    usage: tuple[IndexUsage, ...] = ()
    references: tuple[ReferenceFact, ...] = ()
    dependencies: tuple[DependencyFact, ...] = ()
    lists: tuple[ListFact, ...] = ()
    integer_keys: tuple[IntegerKeyFact, ...] = ()
    text_dates: tuple[tuple[TableKey, str, int], ...] = ()
    create_index: Callable[[Table, Index], tuple[tuple[str, ...], tuple[str, ...]]] | None = None
    drop_index: Callable[[Table, Index], tuple[tuple[str, ...], tuple[str, ...]]] | None = None
    add_foreign_key: Callable[[Table, ForeignKey], tuple[tuple[str, ...], tuple[str, ...]]] | None = None

    def rows(self, table: Table) -> int:
        """Return the measured or estimated rows of a table, 0 when unknown."""
        found = self.statistics.get((table.schema, table.name))
        count = found.row_count if found is not None else table.row_estimate
        return count or 0
