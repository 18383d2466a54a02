"""What the backups of every engine share: the digest of a file, and the look at it before a restore."""

from __future__ import annotations

import hashlib
from pathlib import Path

import anyio.to_thread

from dbmanager.errors import VerificationFailed
from dbmanager.model.backups import BackupArtifact


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


async def require_unchanged(artifact: BackupArtifact) -> None:
    """Refuse a file that is not the one that was recorded.

    Raises: VerificationFailed.
    """
    if await anyio.to_thread.run_sync(file_digest, artifact.path) != artifact.sha256:
        raise VerificationFailed(
            f"backup {artifact.path.name} has changed since it was made",
            object_name=artifact.path.name,
            hint="Do not restore it; use another backup and look at the disk.",
        )
