"""SCRAM-SHA-256 as MongoDB's drivers speak it; the engine holds the secrets and checks the proof (RFC 7677)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

import bson

from tests.engines.docdb_gateway.errors import CommandError
from tests.engines.docdb_gateway.pool import Pool

SALT = "SELECT documentdb_api_internal.scram_sha256_get_salt_and_iterations($1)"
CHECK = "SELECT documentdb_api_internal.authenticate_with_scram_sha256($1, $2, $3)"


class Login:
    """The conversation of one connection; `user` is set once the engine has accepted the proof."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._name = self._first = self._nonce = ""
        self._skip = False
        self.user: str | None = None

    async def start(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Answer `saslStart` with the salt that the engine keeps for the user."""
        if document.get("mechanism") != "SCRAM-SHA-256":
            raise CommandError(334, "MechanismUnavailable", "this gateway speaks SCRAM-SHA-256")
        bare = bytes(document["payload"]).decode().split(",", 2)[2]
        self._name = _attributes(bare)["n"].replace("=2C", ",").replace("=3D", "=")
        self._skip = bool(document.get("options", {}).get("skipEmptyExchange"))
        found = await self._ask(SALT, self._name)
        if not found["ok"]:
            raise _failed()
        self._nonce = _attributes(bare)["r"] + secrets.token_hex(16)
        first = f"r={self._nonce},s={found['salt']},i={found['iterations']}"
        self._first = f"{bare},{first}"
        return _step(first, done=False)

    async def proceed(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Answer `saslContinue`: let the engine check the proof; the empty exchange that may follow is agreed to."""
        payload = bytes(document["payload"]).decode()
        if self.user is not None and not payload:
            return _step("", done=True)
        given = _attributes(payload)
        if not self._nonce or given.get("r") != self._nonce:
            raise _failed()
        found = await self._ask(CHECK, self._name, f"{self._first},c={given['c']},r={given['r']}", given["p"])
        if not found["ok"]:
            raise _failed()
        self.user = self._name
        return _step(f"v={found['ServerSignature']}", done=self._skip)

    async def _ask(self, query: str, *values: str) -> dict[str, Any]:
        async with self._pool.borrowed(None) as connection:
            return dict(bson.decode(await connection.fetchval(query, *values)))


def _attributes(message: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in message.split(",") if "=" in part)


def _step(payload: str, *, done: bool) -> dict[str, Any]:
    return {"conversationId": 1, "done": done, "payload": payload.encode(), "ok": 1.0}


def _failed() -> CommandError:
    return CommandError(18, "AuthenticationFailed", "Authentication failed.")
