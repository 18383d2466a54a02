"""Writes on Redis, for the change executor and scratch places only: what was kept and what is changed agree by WATCH."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from redis import exceptions as driver

from dbmanager.adapters.facets import CapturedRows, ExecutionResult, Statement
from dbmanager.adapters.redis.catalog import RedisCatalog
from dbmanager.adapters.redis.contents import content_digest
from dbmanager.adapters.redis.errors import mapped
from dbmanager.adapters.redis.session import Arguments, Sessions, Wire
from dbmanager.errors import LockTimeout, ResourceExhausted, StatementFailed
from dbmanager.model.commands import parse_command, to_bytes, to_text
from dbmanager.model.queries import Row
from dbmanager.model.schema import Table

KEY_COLUMNS = ("key", "dump", "expires_at_ms", "digest")
CONFIG_COLUMNS = ("setting", "value")
MAX_IMAGE_BYTES = 64 * 1024 * 1024


class RedisExecute:
    """The `Execute` facet. A before-image is DUMP and expiry of each key, absent keys included."""

    def __init__(self, sessions: Sessions, catalog: RedisCatalog) -> None:
        self._sessions = sessions
        self._catalog = catalog

    async def execute(
        self, statements: Sequence[Statement], *, atomic: bool, lock_timeout_seconds: float, timeout_seconds: float
    ) -> ExecutionResult:
        """Run the commands, between MULTI and EXEC when `atomic`; Redis takes back none when a later one fails."""
        commands = [(*parse_command(s.text), *(str(p).encode() for p in s.parameters)) for s in statements]
        started = time.perf_counter()
        async with self._sessions.writing(timeout_seconds=timeout_seconds) as wire:
            try:
                if atomic and len(commands) > 1:
                    changed = await self._transaction(wire, commands)
                else:
                    changed = sum([_changed(await wire.call(*command)) for command in commands])
            finally:
                self._catalog.forget()
        return ExecutionResult(changed, time.perf_counter() - started)

    async def capture_and_execute(
        self,
        capture: str,
        statement: Statement,
        keep: Callable[[CapturedRows], Awaitable[None]],
        *,
        max_rows: int,
        lock_timeout_seconds: float,
        timeout_seconds: float,
    ) -> ExecutionResult:
        """Watch the keys, keep them as they are, then run the command; another client's write in between refuses it."""
        wanted: dict[str, Any] = json.loads(capture)
        started = time.perf_counter()
        command = parse_command(statement.text)
        async with self._sessions.writing(timeout_seconds=timeout_seconds) as wire:
            try:
                if "config" in wanted:
                    names = parse_command(json.dumps(wanted["config"]))
                    await keep((CONFIG_COLUMNS, await _settings(wire, names)))
                    changed = _changed(await wire.call(*command))
                else:
                    keys = parse_command(json.dumps(wanted["keys"]))
                    changed = await self._watched(wire, keys, command, keep, max_rows)
            finally:
                self._catalog.forget()
        return ExecutionResult(changed, time.perf_counter() - started)

    async def _watched(
        self,
        wire: Wire,
        keys: Sequence[bytes],
        command: Sequence[bytes],
        keep: Callable[[CapturedRows], Awaitable[None]],
        max_rows: int,
    ) -> int:
        if len(keys) > max_rows:
            raise ResourceExhausted(
                f"the command would change more than {max_rows} keys", hint="Split it; nothing was changed."
            )
        await wire.call("WATCH", *keys)
        try:
            await keep((KEY_COLUMNS, await captured(wire, keys)))
            return await self._transaction(wire, [command])
        except BaseException:
            await wire.raw.disconnect(nowait=True)  # whatever it was, the watch must not outlive it
            raise

    async def _transaction(self, wire: Wire, commands: Sequence[Arguments]) -> int:
        """Run commands between MULTI and EXEC.

        Raises: LockTimeout when a watched key was written by another client; nothing was changed then.
        """
        replies = await wire.many([("MULTI",), *commands, ("EXEC",)])
        done = replies[-1]
        refused = next((reply for reply in replies[:-1] if isinstance(reply, driver.RedisError)), None)
        if isinstance(done, driver.RedisError):
            raise mapped(refused or done, connection=self._sessions.name)
        if done is None:
            raise LockTimeout(
                "another client wrote one of the keys at the same moment; nothing was changed",
                object_name=self._sessions.name, hint="Try again.",
            )  # fmt: skip
        failed = [reply for reply in done if isinstance(reply, driver.RedisError)]
        if failed and len(failed) < len(done):
            raise StatementFailed(
                f"{len(failed)} of {len(done)} commands were refused; Redis took the others back for none of them",
                object_name=self._sessions.name,
            )
        if failed:
            raise mapped(failed[0], connection=self._sessions.name)
        return sum(_changed(reply) for reply in done)

    async def restore_rows(self, table: Table, rows: CapturedRows) -> ExecutionResult:
        """Put kept keys back as they were, and delete those that did not exist; settings are set back."""
        columns, values = rows
        started = time.perf_counter()
        commands = [_restoring(columns, row) for row in values]
        async with self._sessions.writing(timeout_seconds=600) as wire:
            try:
                if columns == CONFIG_COLUMNS:
                    for command in commands:
                        await wire.call(*command)
                elif commands:
                    await self._transaction(wire, commands)
            finally:
                self._catalog.forget()
        return ExecutionResult(len(values), time.perf_counter() - started)

    async def count_changed(self, table: Table, rows: CapturedRows) -> int:
        """Return how many kept keys hold something else now, are gone, have come, or expire at another time."""
        columns, values = rows
        async with self._sessions.reading(timeout_seconds=600) as wire:
            if columns == CONFIG_COLUMNS:
                names = [str(row[0]).encode() for row in values]
                return sum(now != was for now, was in zip(await _settings(wire, names), values, strict=True))
            keys = [to_bytes(str(row[0])) for row in values]
            now = await captured(wire, keys)
        return sum((new[3], _near(new[2], old[2])) != (old[3], old[2]) for new, old in zip(now, values, strict=True))


def _near(now: Any, was: Any) -> Any:
    """Return the old expiry when the new one is the same but for the clock's grain (before Redis 7 it is computed)."""
    return was if isinstance(now, int) and isinstance(was, int) and abs(now - was) <= 1_000 else now


async def captured(wire: Wire, keys: Sequence[bytes]) -> tuple[Row, ...]:
    """Return the image of each key: DUMP as hex, when it expires, a digest of its contents; None where it is absent.

    Raises: ResourceExhausted when they are more than 64 MB together.
    """
    sizes = await wire.many([("MEMORY", "USAGE", key, "SAMPLES", "5") for key in keys])
    if sum(size for size in sizes if isinstance(size, int)) > MAX_IMAGE_BYTES:
        raise ResourceExhausted(
            "the keys are too large to be kept for a roll-back", hint="Change smaller ones, or give an inverse."
        )
    rows: list[Row] = []
    for key in keys:
        dump = await wire.call("DUMP", key)
        if dump is None:
            rows.append((to_text(key), None, None, None))
            continue
        digest = hashlib.sha256(repr(await content_digest(wire, key)).encode()).hexdigest()
        rows.append((to_text(key), dump.hex(), await expires_at(wire, key), digest))
    return tuple(rows)


async def expires_at(wire: Wire, key: bytes) -> int | None:
    """Return when a key expires, in milliseconds since 1970; None when it does not."""
    exact = (await wire.many([("PEXPIRETIME", key)]))[0]
    if isinstance(exact, int):
        return exact if exact >= 0 else None
    left = await wire.call("PTTL", key)
    seconds, micros = await wire.call("TIME")
    return int(seconds) * 1_000 + int(micros) // 1_000 + left if left >= 0 else None


async def _settings(wire: Wire, names: Sequence[bytes]) -> tuple[Row, ...]:
    rows: list[Row] = []
    for name in names:
        reply = await wire.call("CONFIG", "GET", name)
        rows += [(a.decode(), b.decode("utf-8", "replace")) for a, b in zip(reply[::2], reply[1::2], strict=True)]
    return tuple(rows)


def _restoring(columns: Sequence[str], row: Row) -> tuple[str | bytes | int, ...]:
    if tuple(columns) == CONFIG_COLUMNS:
        return ("CONFIG", "SET", str(row[0]), str(row[1]))
    key = to_bytes(str(row[0]))
    if row[1] is None:
        return ("DEL", key)
    expires = int(str(row[2])) if row[2] is not None else 0
    return ("RESTORE", key, expires, bytes.fromhex(str(row[1])), "REPLACE", *(("ABSTTL",) if expires else ()))


def _changed(reply: object) -> int:
    return reply if isinstance(reply, int) and reply > 0 else 1 if isinstance(reply, bytes) else 0
