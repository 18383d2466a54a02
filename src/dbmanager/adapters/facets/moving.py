"""Facets that move rows: in chunks, and as whole backups."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from dbmanager.adapters.facets.capability import Progress, Unsupported
from dbmanager.adapters.facets.scratch import ScratchBook
from dbmanager.model.backups import BackupArtifact
from dbmanager.model.queries import Row
from dbmanager.model.schema import Column, Table

if TYPE_CHECKING:
    from dbmanager.adapters.facets.adapter import Adapter


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

    async def read_keys(
        self, table: Table, columns: Sequence[str], key: Sequence[str], keys: Sequence[Row]
    ) -> tuple[Row, ...]:
        """Return the rows with the given keys, in no promised order; keys that are not there are left out."""
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

    def restore_to_scratch(
        self, artifact: BackupArtifact, book: ScratchBook | None = None
    ) -> AbstractAsyncContextManager[Adapter]:
        """Restore into a scratch place that the book knows of and yield an adapter on it; it is dropped afterwards.

        Raises:
            VerificationFailed: the file's digest is not the recorded one.
            UnsupportedCapability: there is no scratch place for this connection.
        """
        ...
