"""The secrets a server keeps for itself: audit key, token key, box key; one file each, readable by its user only."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from dbmanager.errors import StoreError

KEY_BYTES = 32


def key(data_dir: Path, name: str, shared: bytes | None = None) -> bytes:
    """Return the key of that name, made on first use; two processes that start at once agree on one.

    Args:
        data_dir: where the key files are.
        name: `audit`, `token`, `box`.
        shared: the secret that all keys are derived from instead, where several machines share a store.
    """
    if shared is not None:
        if len(shared) < KEY_BYTES:
            raise StoreError(f"store.key is shorter than {KEY_BYTES} characters", hint="Give a longer one.")
        return hmac.new(shared, f"dbmanager {name}".encode(), hashlib.sha256).digest()
    inherited = os.environ.get("DBMANAGER_AUDIT_KEY") if name == "audit" else None
    if inherited:
        if len(inherited) < KEY_BYTES:
            raise StoreError(f"DBMANAGER_AUDIT_KEY is shorter than {KEY_BYTES} characters", hint="Give a longer one.")
        return inherited.encode()
    path = data_dir / f"{name}.key"
    fresh = data_dir / f".{name}.{secrets.token_hex(4)}"
    try:
        if not path.exists():
            handle = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(secrets.token_bytes(KEY_BYTES))
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(fresh, path)
            except FileExistsError:
                pass  # another process made it first; its key is the one
            finally:
                fresh.unlink()
        found = path.read_bytes()
    except OSError as problem:
        raise StoreError(f"key file {path} cannot be used: {problem.strerror}", hint="Check its permissions.") from None
    if len(found) != KEY_BYTES:
        raise StoreError(f"key file {path} is damaged", hint="Restore it from a backup; what it protects needs it.")
    return found
