"""Seals rows kept in the store, so that a stolen store gives nothing away."""

from __future__ import annotations

import base64
import json

from dbmanager.adapters.facets import CapturedRows
from dbmanager.errors import StoreError
from dbmanager.services.keys import key
from dbmanager.services.store import Store


class SealedBox:
    """Encrypts and authenticates with a key of this server (Fernet: AES-128-CBC and HMAC-SHA256)."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def seal(self, rows: CapturedRows) -> bytes:
        """Return the rows sealed."""
        from cryptography.fernet import Fernet

        return Fernet(self._key()).encrypt(json.dumps([rows[0], rows[1]]).encode())

    def open(self, sealed: bytes) -> CapturedRows:
        """Return the rows, or raise `StoreError` when they were tampered with or the key is another."""
        from cryptography.fernet import Fernet, InvalidToken

        try:
            columns, rows = json.loads(Fernet(self._key()).decrypt(sealed))
        except InvalidToken:
            raise StoreError("a kept before-image can't be opened with this server's key") from None
        return tuple(columns), tuple(tuple(row) for row in rows)

    def _key(self) -> bytes:
        return base64.urlsafe_b64encode(key(self._store.data_dir, "box"))
