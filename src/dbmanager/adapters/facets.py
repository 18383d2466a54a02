"""What one engine can do, in small facets. A facet's methods take and return the model's types.

An engine that lacks a facet, or one method of it, says so with `Unsupported(reason)`: never an empty list.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from dbmanager.errors import UnsupportedCapability
from dbmanager.model.backups import BackupArtifact
from dbmanager.model.changes import ChangeStep
from dbmanager.model.findings import FactRows, QueryCheck
from dbmanager.model.queries import Cell, Parameters, QueryPlan, QueryRequest, QueryResult, Row, Scalar
from dbmanager.model.schema import Column, DatabaseSchema, DataType, ForeignKey, Index, Table
from dbmanager.model.statistics import ColumnProfile, IndexUsage, Sample, ServerInfo, TableStatistics


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A capability this engine (or this role, or this machine) does not have, and why."""

    reason: str


ValueT = TypeVar("ValueT")
FacetT = TypeVar("FacetT")


def need(facet: FacetT | Unsupported, object_name: str) -> FacetT:
    """Return the facet, or raise `UnsupportedCapability` with the reason why there is none."""
    if isinstance(facet, Unsupported):
        raise UnsupportedCapability(facet.reason, object_name=object_name)
    return facet


Progress = Callable[[float, float | None, str], Awaitable[None]]
"""Told `(done, total or None, message)` now and then during long work."""


class Catalog(Protocol):
    """Reads what is declared. At most 5 statements whatever the number of tables; takes no locks beyond reading."""

    async def server_info(self) -> ServerInfo:
        """Return version, role, privileges, warnings and optional means."""
        ...

    async def fingerprint(self) -> str:
        """Return a cheap digest that changes whenever the catalog does."""
        ...

    async def read_schema(self) -> DatabaseSchema:
        """Return the schema model; the last one again while the fingerprint is unchanged."""
        ...


class Query(Protocol):
    """Reads that a model asked for: gated, read-only by the engine, bounded, cancellable."""

    async def check(self, sql: str) -> None:
        """Pass a statement that only reads; raise `StatementRefused` saying what to use instead."""
        ...

    async def run(self, request: QueryRequest) -> QueryResult:
        """Return rows within the request's bounds.

        Raises: StatementRefused, InvalidStatement, QueryTimeout, LockTimeout, PermissionDenied, StatementFailed.
        Cancelling the awaiting task stops the statement on the engine within 1 s.
        """
        ...

    async def explain(self, request: QueryRequest, *, analyze: bool = False) -> QueryPlan:
        """Return the plan; with `analyze`, run the (read-only) statement under the same bounds."""
        ...

    async def fetch(self, sql: str, parameters: tuple[Scalar, ...] = ()) -> list[Row]:
        """Return all rows of one of *our own* read-only statements, ungated. Positional parameters: `?`/`$1`."""
        ...


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


class ChangeSteps(Protocol):
    """Turns statements that someone wrote into steps of a change set."""

    def change_step(
        self, schema: DatabaseSchema, statement: str, *, inverse: str | None = None, title: str | None = None
    ) -> ChangeStep:
        """Return the step that carries out one statement: its risk, lock, inverse or before-image, and its probe.

        Raises: InvalidStatement when it is not one statement of this engine's, or is a read.
        """
        ...


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

    def add_foreign_key(self, table: Table, key: ForeignKey) -> Emission | Unsupported:
        """Emit the reference for an existing table."""
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
class WhatIfResult:
    """A statement's plan with the indexes that exist, and with the candidates as well."""

    before: QueryPlan
    after: QueryPlan
    used: tuple[str, ...]
    sizes_bytes: tuple[tuple[str, int | None], ...] = ()


class WhatIf(Protocol):
    """Tries indexes without touching the database."""

    async def try_indexes(self, sql: str, candidates: Sequence[tuple[Table, Index]]) -> WhatIfResult | Unsupported:
        """Plan the statement as if the candidates existed; the source is only read."""
        ...


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows in key order, and the key of the last one (None when no row came)."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    last_key: Row | None


class Bulk(Protocol):
    r"""Moves rows by key-ordered chunks; lossless values in a canonical, engine-neutral form.

    Canonical values: integers as int; decimals, dates, times, timestamps, UUIDs as their ISO/plain text; binary as
    `\x` + hex; floats as float (NaN and infinities as text); JSON as its text; booleans as bool; arrays as lists.
    The table passed says what kind each column is; an engine that stores it otherwise converts.
    """

    def columns(self, table: Table) -> tuple[Column, ...]:
        """Return the columns that make up a whole row, generated ones left out; `scan` and chunks take their names."""
        ...

    async def count(self, table: Table) -> int:
        """Return the exact number of rows (scans the table)."""
        ...

    async def empty(self, table: Table) -> None:
        """Delete every row; only for tables that this server filled, and their roll-back."""
        ...

    async def read_chunk(
        self, table: Table, columns: Sequence[str], key: Sequence[str], after: Row | None, rows: int
    ) -> Chunk:
        """Return the next rows after a key, in key order."""
        ...

    def scan(self, table: Table, columns: Sequence[str], *, batch_rows: int = 5_000) -> AsyncIterator[tuple[Row, ...]]:
        """Yield every row in batches from one consistent snapshot, in no promised order."""
        ...

    async def write_chunk(self, table: Table, columns: Sequence[str], key: Sequence[str], rows: Sequence[Row]) -> int:
        """Insert the rows in one transaction, replacing those with equal keys (a redone chunk changes nothing)."""
        ...


class Backup(Protocol):
    """Backs up and restores with the engine's own means.

    Attributes:
        single_precision_digits: digits that a backup keeps of single-precision numbers; None when it keeps them all.
    """

    single_precision_digits: int | None

    async def back_up(self, destination: Path, progress: Progress | None = None) -> BackupArtifact | Unsupported:
        """Write one consistent backup file; the database is only read."""
        ...

    def restore_to_scratch(self, artifact: BackupArtifact) -> AbstractAsyncContextManager[Adapter]:
        """Restore into a throw-away place and yield an adapter on it; it is removed afterwards.

        Raises: VerificationFailed when the file's digest is not the recorded one.
        """
        ...


class Security(Protocol):
    """Runs checks held as data: of security, and of design where rules over the schema model can't tell."""

    def checks(self) -> tuple[QueryCheck, ...]:
        """Return this engine's checks of every pack in id order."""
        ...

    async def facts(self, check: QueryCheck) -> FactRows | Unsupported:
        """Run a check's query and return its rows, or why this role or version cannot see them."""
        ...


class Adapter(Protocol):
    """One connected database. Opens lazily; at most 4 connections per process; `close` leaves nothing running."""

    @property
    def engine(self) -> str:
        """`sqlite`, `postgresql` ..."""
        ...

    @property
    def dialect(self) -> str:
        """Sqlglot's name for this engine's SQL; the engine's own name where statements are no SQL."""
        ...

    @property
    def catalog(self) -> Catalog: ...
    @property
    def query(self) -> Query: ...
    @property
    def execute(self) -> Execute: ...
    @property
    def steps(self) -> ChangeSteps | Unsupported: ...
    @property
    def emit(self) -> Emit | Unsupported: ...
    @property
    def statistics(self) -> Statistics: ...
    @property
    def what_if(self) -> WhatIf | Unsupported: ...
    @property
    def bulk(self) -> Bulk | Unsupported: ...
    @property
    def backup(self) -> Backup | Unsupported: ...
    @property
    def security(self) -> Security | Unsupported: ...

    async def close(self) -> None:
        """Stop what runs, close the pool."""
        ...


__all__ = [
    "Adapter",
    "Backup",
    "Bulk",
    "CapturedRows",
    "Catalog",
    "Cell",
    "ChangeSteps",
    "Chunk",
    "DependencyCount",
    "Emission",
    "Emit",
    "Execute",
    "ExecutionResult",
    "LargestValue",
    "OrphanCount",
    "Parameters",
    "Progress",
    "Query",
    "Security",
    "Statement",
    "Statistics",
    "TypeMapping",
    "Unsupported",
    "WhatIf",
    "WhatIfResult",
    "need",
]
