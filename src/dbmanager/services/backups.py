"""Keeps what was backed up, with what it held, and whether a restore proved it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select, update

from dbmanager.errors import NotFound
from dbmanager.model.backups import BackupArtifact, TableDigest
from dbmanager.services.store import Store, compact, new_id, now
from dbmanager.services.tables import BACKUPS


class Backups:
    """The registry of backups."""

    def __init__(self, store: Store, folder: Path) -> None:
        self._store = store
        self.folder = folder

    async def add(self, connection: str, artifact: BackupArtifact, digests: Mapping[str, TableDigest]) -> str:
        """Record a backup and what its tables held; return its id."""
        id_ = new_id("bak")
        kept = {
            "engine": artifact.engine,
            "path": str(artifact.path),
            "method": artifact.method,
            "size_bytes": artifact.size_bytes,
            "sha256": artifact.sha256,
            "started_at": artifact.started_at.isoformat(),
            "elapsed_seconds": artifact.elapsed_seconds,
            "losses": list(artifact.losses),
        }
        async with self._store.write() as writer:
            await writer.execute(
                insert(BACKUPS).values(
                    id=id_,
                    connection=connection,
                    artifact=compact(kept),
                    digests=compact({name: [d.rows, d.checksum] for name, d in digests.items()}),
                )
            )
        return id_

    async def get(self, id_: str) -> tuple[str, BackupArtifact, dict[str, TableDigest]]:
        """Return a backup's connection, file and digests."""
        async with self._store.read() as reader:
            row = (await reader.execute(select(BACKUPS).where(BACKUPS.c.id == id_))).first()
            if row is None:
                ids = [r[0] for r in await reader.execute(select(BACKUPS.c.id))]
                raise NotFound.of("backup", id_, ids)
        kept = json.loads(row.artifact)
        digests = {name: TableDigest(*d) for name, d in json.loads(row.digests).items()}
        artifact = BackupArtifact(
            kept["engine"],
            Path(kept["path"]),
            kept["method"],
            kept["size_bytes"],
            kept["sha256"],
            dt.datetime.fromisoformat(kept["started_at"]),
            kept["elapsed_seconds"],
            tuple(digests),
            tuple(kept.get("losses", ())),
        )
        return row.connection, artifact, digests

    async def newest(self, connection: str) -> str | None:
        """Return the id of a connection's newest backup."""
        async with self._store.read() as reader:
            rows = (await reader.execute(select(BACKUPS).where(BACKUPS.c.connection == connection))).all()
        return max(rows, key=lambda row: json.loads(row.artifact)["started_at"]).id if rows else None

    async def proved(self, id_: str, drill: Mapping[str, Any], *, passed: bool) -> None:
        """Record a drill; only a passed one makes the backup count as verified."""
        async with self._store.write() as writer:
            await writer.execute(
                update(BACKUPS)
                .where(BACKUPS.c.id == id_)
                .values(drill=compact(dict(drill)), verified_at=now() if passed else None)
            )

    async def verified_since(self, connection: str, moment: dt.datetime) -> bool:
        """Whether a backup of this connection was proved by a restore after a moment."""
        async with self._store.read() as reader:
            found = await reader.execute(
                select(BACKUPS.c.verified_at).where(
                    BACKUPS.c.connection == connection, BACKUPS.c.verified_at.isnot(None)
                )
            )
            return any(dt.datetime.fromisoformat(row[0]) >= moment for row in found)
