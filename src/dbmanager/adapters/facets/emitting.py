"""The facet that writes an engine's own statements from the schema model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from dbmanager.adapters.facets.capability import Unsupported
from dbmanager.model.indexing import IndexMeans, SearchKind
from dbmanager.model.queries import Scalar
from dbmanager.model.schema import Column, DataType, ForeignKey, Index, Table
from dbmanager.model.schema_difference import TableDifference


@dataclass(frozen=True, slots=True)
class TypeMapping:
    """How this engine holds a type of another: `representable`, `emulated` (with what is lost) or `rejected`."""

    status: str
    sql: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Emission:
    """Statements for one object, and a typed record for everything that could not be carried over as it was."""

    statements: tuple[str, ...]
    inverse: tuple[str, ...]
    records: tuple[tuple[str, TypeMapping], ...] = ()


@dataclass(frozen=True, slots=True)
class Hiding:
    """How an index is hidden from the planner while it is kept up to date: a drop that can be taken back at once.

    Attributes:
        probe: a query and its parameters giving 1 while the index is hidden, else 0.
        head: what statement and inverse begin with; those of one head can be one statement, their rests parted by commas.
    """

    statement: str
    inverse: str
    probe: tuple[str, tuple[Scalar, ...]]
    head: str


class Emit(Protocol):
    """Writes this engine's statements from the schema model; never transpiles text."""

    @property
    def has_schemas(self) -> bool:
        """Whether tables stand in schemas inside the database."""
        ...

    @property
    def references_inline(self) -> bool:
        """Whether references can only be declared with their table, not added to it later."""
        ...

    @property
    def index_means(self) -> IndexMeans:
        """What this engine's indexes can do beyond plain keys."""
        ...

    def map_type(self, type_: DataType) -> TypeMapping:
        """Say how this engine holds the type."""
        ...

    def create_table(self, table: Table, *, source_engine: str, with_foreign_keys: bool = True) -> Emission:
        """Emit the table with keys, unique constraints and checks (indexes come from `create_index`)."""
        ...

    def create_index(self, table: Table, index: Index, *, online: bool = False) -> Emission:
        """Emit the index; `online` asks for the engine's non-blocking form where it has one."""
        ...

    def drop_index(self, table: Table, index: Index, *, online: bool = False) -> Emission:
        """Emit the drop, with the index's re-creation as inverse."""
        ...

    def special_index(
        self, table: Table, column: str, kind: SearchKind, expression: str | None = None
    ) -> Index | Unsupported:
        """Return the index of another kind that serves a search, or why there is none to make."""
        ...

    def hide_index(self, table: Table, index: Index) -> Hiding | Unsupported:
        """Emit what hides the index, or why the engine can't."""
        ...

    def add_foreign_key(self, table: Table, key: ForeignKey) -> Emission | Unsupported:
        """Emit the reference for an existing table."""
        ...

    def alter_table(self, difference: TableDifference) -> Emission | Unsupported:
        """Emit what alters the table, its indexes aside, and its references where they can be added later.

        The inverse is empty where values would be lost for good (a dropped column). Unsupported says what this engine
        can't alter.
        """
        ...

    def changes_values(self, before: Column, after: Column) -> str | None:
        """Return a condition that holds for rows whose value another type would change without an error, else None."""
        ...

    def index_exists_probe(self, table: Table, index_name: str) -> tuple[str, tuple[Scalar, ...]]:
        """Return a query and its parameters giving 1 while a valid index of that name exists, else 0."""
        ...

    def table_exists_probe(self, table: Table) -> tuple[str, tuple[Scalar, ...]]:
        """Return a query and its parameters giving 1 while the table exists, else 0."""
        ...

    def create_schema(self, name: str) -> Emission | Unsupported:
        """Return CREATE SCHEMA and its inverse, which fails while the schema holds anything."""
        ...

    def schema_exists_probe(self, name: str) -> tuple[str, tuple[Scalar, ...]]:
        """Return a query and its parameters giving 1 while the schema exists, else 0."""
        ...
