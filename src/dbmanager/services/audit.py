"""The audit log: append-only, every entry bound to the one before by a keyed hash; a checkpoint guards its end."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sqlalchemy import insert, select

from dbmanager.errors import AuditUnavailable, StoreError
from dbmanager.services import principal
from dbmanager.services.store import Store, compact, now
from dbmanager.services.tables import AUDIT

Outcome = Literal["intent", "done", "failed"]
FIRST = "0" * 64


@dataclass(frozen=True, slots=True)
class AuditVerdict:
    """What verification found: how many entries stand, and every break in the chain."""

    entries: int
    problems: tuple[str, ...]

    @property
    def intact(self) -> bool:
        """Whether nothing was edited, removed or cut off."""
        return not self.problems


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One entry, without its detail."""

    number: int
    at: str
    actor: str
    action: str
    object_name: str
    outcome: str


def actor() -> str:
    """Return who the present work is done for."""
    return principal.current().name


class AuditLog:
    """Appends and verifies. Details are names and counts; a row's value never goes in."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def record(
        self, action: str, object_name: str, outcome: Outcome, detail: Mapping[str, object] | None = None
    ) -> int:
        """Append one entry and return its number.

        Raises:
            AuditUnavailable: it could not be written; what it would have recorded must not be done.
        """
        try:
            secret = self._store.key("audit")
            async with self._store.write(alone=True) as connection:
                last = (
                    await connection.execute(
                        select(AUDIT.c.number, AUDIT.c.mac).order_by(AUDIT.c.number.desc()).limit(1)
                    )
                ).first()
                number, previous = (last[0] + 1, last[1]) if last else (1, FIRST)
                entry = {"number": number, "at": now(), "actor": actor(), "action": action, "object": object_name,
                         "outcome": outcome, "detail": compact(dict(detail or {}))}  # fmt: skip
                mac = _mac(secret, previous, entry)
                await connection.execute(insert(AUDIT).values(**entry, mac=mac))
            self._checkpoint(secret, number, mac)
        except (StoreError, OSError) as problem:
            raise AuditUnavailable(
                "the audit log cannot be written, so nothing was done", hint=f"Mend the store first ({problem})."
            ) from None
        return number

    async def newest(self, limit: int) -> list[AuditEntry]:
        """Return the newest entries, the newest first."""
        async with self._store.read() as connection:
            rows = await connection.execute(select(AUDIT).order_by(AUDIT.c.number.desc()).limit(limit))
            return [AuditEntry(r.number, r.at, r.actor, r.action, r.object, r.outcome) for r in rows]

    async def verify(self) -> AuditVerdict:
        """Walk the whole chain; cost: reads every entry once.

        On a machine that has written nothing to a shared store yet, an intact chain begins its checkpoint: from then
        on a chain that is cut off is noticed here as well.
        """
        secret = self._store.key("audit")
        problems: list[str] = []
        previous, expected = FIRST, 1
        macs: dict[int, str] = {}
        async with self._store.read() as connection:
            async for row in await connection.stream(select(AUDIT).order_by(AUDIT.c.number)):
                entry = dict(row._mapping)
                mac = str(entry.pop("mac"))
                if entry["number"] != expected:
                    problems.append(f"entries {expected} to {entry['number'] - 1} are missing")
                elif not hmac.compare_digest(mac, _mac(secret, previous, entry)):
                    problems.append(f"entry {entry['number']} was changed, or the one before it")
                macs[entry["number"]] = mac
                previous, expected = mac, entry["number"] + 1
        problems += self._against_checkpoint(secret, macs)
        if self._store.is_shared and macs and not problems:
            self._checkpoint(secret, max(macs), macs[max(macs)])
        return AuditVerdict(len(macs), tuple(problems))

    @property
    def _checkpoint_file(self) -> Path:
        return self._store.data_dir / "audit.checkpoint"

    def _checkpoint(self, secret: bytes, number: int, mac: str) -> None:
        """Write the chain's end beside the store, never backwards."""
        known = self._read_checkpoint(secret)
        if known is not None and known[0] >= number:
            return
        seal = hmac.new(secret, f"checkpoint {number} {mac}".encode(), hashlib.sha256).hexdigest()
        fresh = self._checkpoint_file.with_suffix(f".{os.getpid()}")
        with fresh.open("w") as file:
            json.dump({"number": number, "mac": mac, "seal": seal}, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.chmod(0o600)
        fresh.replace(self._checkpoint_file)

    def _read_checkpoint(self, secret: bytes) -> tuple[int, str] | None:
        try:
            found = json.loads(self._checkpoint_file.read_text())
            number, mac, seal = int(found["number"]), str(found["mac"]), str(found["seal"])
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            return (-1, "")
        expected = hmac.new(secret, f"checkpoint {number} {mac}".encode(), hashlib.sha256).hexdigest()
        return (number, mac) if hmac.compare_digest(seal, expected) else (-1, "")

    def _against_checkpoint(self, secret: bytes, macs: Mapping[int, str]) -> list[str]:
        """Compare the chain with the last checkpoint; it may be ahead of it, never behind."""
        known = self._read_checkpoint(secret)
        if known is None:
            return ["the checkpoint is missing"] if macs and not self._store.is_shared else []
        if known[0] == -1:
            return ["the checkpoint was changed"]
        if max(macs, default=0) < known[0]:
            return [f"the log was cut off after entry {max(macs, default=0)}; it had reached {known[0]}"]
        return [] if macs.get(known[0]) == known[1] else [f"entry {known[0]} is not the one the checkpoint saw"]


def _mac(secret: bytes, previous: str, entry: Mapping[str, object]) -> str:
    return hmac.new(secret, (previous + compact(dict(entry))).encode(), hashlib.sha256).hexdigest()
