"""What a database measures of itself, and what we sample of it."""

from __future__ import annotations

from dataclasses import dataclass

from dbmanager.model.queries import Cell, Row


@dataclass(frozen=True, slots=True)
class TableStatistics:
    """Size and use of one table; None where the engine keeps no such figure.

    Attributes:
        row_count: exact when `exact_rows`, else the engine's estimate.
        modifications: inserts, updates and deletes since the counters were reset.
    """

    schema: str | None
    table: str
    row_count: int | None
    exact_rows: bool
    table_bytes: int | None
    index_bytes: int | None
    sequential_scans: int | None = None
    index_scans: int | None = None
    modifications: int | None = None


@dataclass(frozen=True, slots=True)
class IndexUsage:
    """Size and use of one index; `scans` counts since the counters were reset."""

    schema: str | None
    table: str
    index: str
    scans: int | None
    size_bytes: int | None


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """Figures over one column; `sampled_rows` says over how many rows they were taken."""

    column: str
    sampled_rows: int
    null_ratio: float
    distinct: int
    exact: bool


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows drawn across a table, for judging only: they never leave the process unmasked."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    def values(self, column: str) -> list[Cell]:
        """Return the sampled non-null values of one column."""
        position = self.columns.index(column)
        return [row[position] for row in self.rows if row[position] is not None]


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """What the server is and what the connected role may do.

    Attributes:
        version_number: comparable, e.g. 150020 for PostgreSQL 15.20, 3045001 for SQLite 3.45.1.
        warnings: one sentence per privilege or setting that makes this role too strong or too weak.
        capabilities: names of optional means found (`hypopg`, `pg_stat_statements`, `pg_dump`).
    """

    engine: str
    version: str
    version_number: int
    database: str
    role: str | None
    is_superuser: bool
    read_only: bool
    size_bytes: int | None
    privileges: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
