"""Backups and the drills that prove them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class BackupArtifact:
    """A finished backup on disk.

    Attributes:
        method: the engine's own means that made it (`sqlite backup API`, `pg_dump --format=custom`).
        sha256: digest of the file, so that a flipped bit is noticed before a restore.
        tables: the tables whose digests were taken of the source, as the registry kept them; an engine that learns its
            tables from samples of the data compares by these. Empty on a file that is not registered yet.
        losses: what the file does not hold, or not exactly, each with the reason; empty when it holds everything.
    """

    engine: str
    path: Path
    method: str
    size_bytes: int
    sha256: str
    started_at: datetime
    elapsed_seconds: float
    tables: tuple[str, ...] = ()
    losses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TableDigest:
    """What a table held: its rows and an order-independent checksum over all of them."""

    rows: int
    checksum: str


@dataclass(frozen=True, slots=True)
class DrillReport:
    """What a restore into a scratch place gave, table by table."""

    artifact: BackupArtifact
    restore_seconds: float
    verify_seconds: float
    expected: Mapping[str, TableDigest]
    restored: Mapping[str, TableDigest]
    differences: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether every table came back with equal rows and checksum."""
        return not self.differences
