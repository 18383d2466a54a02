"""Backs up with the engine's own means, and proves a backup by restoring it somewhere else."""

from __future__ import annotations

import datetime as dt
import time
from contextlib import suppress
from dataclasses import dataclass, replace

from dbmanager.adapters.facets import Adapter, Progress, ScratchBook, Unsupported
from dbmanager.errors import PermissionDenied, UnsupportedCapability
from dbmanager.model.backups import BackupArtifact, DrillReport, TableDigest
from dbmanager.services.backups import Backups
from dbmanager.services.checksums import backup_digest


@dataclass(frozen=True, slots=True)
class BackupRun:
    """A recorded backup: its id, its file, and what the tables held when it was made."""

    id: str
    artifact: BackupArtifact
    digests: dict[str, TableDigest]


async def digests_of(
    adapter: Adapter, progress: Progress | None = None
) -> tuple[dict[str, TableDigest], tuple[str, ...]]:
    """Return rows and checksum of every base table as a backup keeps them, and what it does not keep exactly."""
    schema = await adapter.catalog.read_schema()
    tables = list(schema.base_tables())
    digits = None if isinstance(adapter.backup, Unsupported) else adapter.backup.single_precision_digits
    found: dict[str, TableDigest] = {}
    losses: list[str] = []
    for number, table in enumerate(tables):
        if progress is not None:
            await progress(number, len(tables), f"checksum of {table.name}")
        with suppress(PermissionDenied):  # what the account may not read is no part of its backups either
            name = schema.display_name(table)
            found[name], shortened = await backup_digest(adapter, table, digits)
            losses += [
                f"column {name}.{column}: {count} single-precision values have more than the {digits} digits that a "
                "logical dump keeps"
                for column, count in shortened.items()
            ]
    return found, tuple(losses)


async def back_up(adapter: Adapter, connection: str, backups: Backups, progress: Progress | None = None) -> BackupRun:
    """Write a backup file, record it with the digests of all tables, and return it.

    The digests are taken from the live database before the backup; rows written in between make a drill report
    them as differences.
    """
    if isinstance(adapter.backup, Unsupported):
        raise UnsupportedCapability(adapter.backup.reason, object_name=connection)
    digests, inexact = await digests_of(adapter, progress)
    stamp = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%S%f")
    artifact = await adapter.backup.back_up(backups.folder / f"{connection}-{stamp}.backup")
    if isinstance(artifact, Unsupported):
        raise UnsupportedCapability(artifact.reason, object_name=connection)
    artifact.path.chmod(0o600)
    artifact = replace(artifact, losses=(*artifact.losses, *inexact))
    return BackupRun(await backups.add(connection, artifact, digests), artifact, digests)


async def drill(
    adapter: Adapter,
    backup_id: str,
    backups: Backups,
    progress: Progress | None = None,
    book: ScratchBook | None = None,
) -> DrillReport:
    """Restore a backup into a scratch place that the book knows of, compare every table, record the result."""
    if isinstance(adapter.backup, Unsupported):
        raise UnsupportedCapability(adapter.backup.reason, object_name=backup_id)
    _, artifact, expected = await backups.get(backup_id)
    started = time.perf_counter()
    async with adapter.backup.restore_to_scratch(artifact, book) as scratch:
        restore_seconds = time.perf_counter() - started
        began = time.perf_counter()
        found, _ = await digests_of(scratch, progress)
        # The pattern for keys that fit no other may be added to a sampled key space; without a row it says nothing.
        restored = {name: digest for name, digest in found.items() if digest.rows or name in expected}
        verify_seconds = time.perf_counter() - began
    differences = [
        f"{name}: {_told(expected.get(name))} backed up, {_told(restored.get(name))} restored"
        for name in sorted({*expected, *restored})
        if expected.get(name) != restored.get(name)
    ]
    report = DrillReport(artifact, restore_seconds, verify_seconds, expected, restored, tuple(differences))
    await backups.proved(
        backup_id,
        {
            "restore_seconds": restore_seconds,
            "verify_seconds": verify_seconds,
            "differences": len(differences),
            "losses": list(artifact.losses),
        },
        passed=report.passed,
    )
    return report


def _told(digest: TableDigest | None) -> str:
    return "missing" if digest is None else f"{digest.rows} rows ({digest.checksum[:8]})"
