"""Seals what the store keeps of a database's contents, so that a stolen store gives nothing away."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

from pydantic import JsonValue

from dbmanager.errors import StoreError
from dbmanager.services.store import Store


class SealedBox:
    """Encrypts and authenticates with a key of this server (Fernet: AES-128-CBC and HMAC-SHA256)."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def seal(self, value: JsonValue) -> bytes:
        """Return a JSON value sealed."""
        from cryptography.fernet import Fernet

        return Fernet(self._key()).encrypt(json.dumps(value).encode())

    def open(self, sealed: bytes) -> JsonValue:
        """Return the value, or raise `StoreError` when it was tampered with or the key is another."""
        from cryptography.fernet import Fernet, InvalidToken

        try:
            opened: JsonValue = json.loads(Fernet(self._key()).decrypt(sealed))
        except InvalidToken:
            raise StoreError("what the store keeps sealed can't be opened with this server's key") from None
        return opened

    def tag(self, text: str) -> str:
        """Return a short digest that tells equal texts, and nothing to whoever has no key of this server."""
        return hmac.new(self._store.key("box"), b"tag:" + text.encode(), hashlib.sha256).hexdigest()[:24]

    def _key(self) -> bytes:
        return base64.urlsafe_b64encode(self._store.key("box"))
