"""The outsider's corpus on Redis: every command is seen to work ungated, then refused with advice and without a trace."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import anyio
import pytest
from redis import exceptions as driver
from redis.asyncio.connection import Connection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from dbmanager.adapters.redis.adapter import RedisAdapter
from dbmanager.errors import InvalidStatement, StatementRefused
from dbmanager.model.queries import QueryLimits, QueryRequest
from tests.conftest import needed
from tests.engines.redis import PASSWORD, SUPERUSER, RedisServer, running
from tests.gate import outsider_redis as corpus
from tests.redis.conftest import adapter_on

pytestmark = pytest.mark.anyio
LIMITS = QueryLimits(timeout_seconds=2.0)
SLOW_SECONDS = 1.0
Case = tuple[str, str, str]
CASES = pytest.mark.parametrize("case", corpus.HOSTILE, ids=lambda case: case[0])
_KEPT = ("name", "db", "sub", "psub", "ssub", "multi", "watch", "flags", "user", "redir", "resp", "lib-name", "lib-ver")
_RESTORE: tuple[tuple[str | bytes, ...], ...] = (
    ("REPLICAOF", "NO", "ONE"), ("CLIENT", "UNPAUSE"), ("FLUSHALL",), ("SCRIPT", "FLUSH"), ("FUNCTION", "FLUSH"),
    ("FUNCTION", "LOAD", corpus.LIBRARY), ("ACL", "DELUSER", "outsider"),
    ("CONFIG", "SET", "maxmemory-policy", "allkeys-lfu"), ("CONFIG", "SET", "slowlog-log-slower-than", "10000"),
    ("DEBUG", "SET-ACTIVE-EXPIRE", "1"),
)  # fmt: skip
_BROKEN = (TimeoutError, driver.ConnectionError, driver.InvalidResponse)
"""A connection that no longer answers as it did, or at all."""


class Bare:
    """An ordinary client that nothing guards."""

    def __init__(self, server: RedisServer) -> None:
        self.raw = Connection(
            host=server.host, port=server.port, username=SUPERUSER, password=PASSWORD, retry=Retry(NoBackoff(), 0),
            socket_timeout=None, protocol=2,
        )  # fmt: skip

    async def call(self, *arguments: str | bytes) -> Any:
        """Send one command as it stands; its error is an answer too, that of a closed connection included."""
        try:
            await self.raw.send_packed_command(_packed(arguments))
            return await self.raw.read_response()
        except (driver.RedisError, OSError) as refused:
            return refused

    async def soon(self, *arguments: str | bytes, seconds: float = SLOW_SECONDS) -> Any:
        """Return the answer, or TimeoutError where none comes in time."""
        with anyio.move_on_after(seconds):
            return await self.call(*arguments)
        return TimeoutError()

    async def close(self) -> None:
        await self.raw.disconnect(nowait=True)


def _packed(arguments: tuple[str | bytes, ...]) -> list[bytes]:
    parts = [item.encode() if isinstance(item, str) else item for item in arguments]
    return [b"*%d\r\n" % len(parts), *(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)]


def _arguments(text: str) -> tuple[bytes, ...]:
    found = json.loads(text)
    return tuple(bytes.fromhex(item["hex"]) if isinstance(item, dict) else str(item).encode() for item in found)


async def _data(admin: Bare) -> Any:
    """Every key with its content and expiry."""
    keys = sorted(await admin.call("KEYS", "*"))
    return [(key, await admin.call("DUMP", key), await admin.call("PEXPIRETIME", key)) for key in keys]


async def _session(bare: Bare) -> object:
    """What the connection itself is like; anything but the usual answer is a state too."""
    info = await bare.soon("CLIENT", "INFO")
    if not isinstance(info, bytes):
        return str(info) or type(info).__name__
    facts = dict(part.split("=", 1) for part in info.decode().split() if "=" in part)
    return [facts.get(name) for name in _KEPT]


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with needed(), running(enable_debug_command="yes", maxmemory="200mb", maxmemory_policy="allkeys-lfu") as server:
        yield server


@pytest.fixture
async def admin(server: RedisServer) -> AsyncIterator[Bare]:
    bare = Bare(server)
    for command in _RESTORE:
        assert not isinstance(reply := await bare.call(*command), Exception), (command, reply)
    for text in corpus.SETUP:
        assert not isinstance(reply := await bare.call(*_arguments(text)), Exception), (text, reply)
    yield bare
    await bare.close()


@pytest.fixture
async def adapter(server: RedisServer, admin: Bare) -> AsyncIterator[RedisAdapter]:
    adapter = adapter_on(server, 0, access="read_only")
    yield adapter
    await adapter.close()


async def _seen(bare: Bare, admin: Bare, probe: str, victim: Bare) -> object:
    if probe == corpus.DATA:
        return await _data(admin)
    if probe == corpus.SESSION:
        return await _session(bare)
    if probe == corpus.VICTIM:
        return repr(await victim.soon("PING"))
    if not probe.startswith("["):
        return None
    on = bare if "CLIENT" in probe else admin
    answer = await on.soon(*_arguments(probe))
    return answer if not isinstance(answer, Exception) else repr(answer)


@CASES
async def test_a_hostile_command_is_refused_with_advice_and_leaves_no_trace(
    case: Case, server: RedisServer, admin: Bare, adapter: RedisAdapter
) -> None:
    name, text, probe = case
    victim = Bare(server)
    number = await victim.call("CLIENT", "ID")
    await adapter.query.run(QueryRequest('["PING"]'))
    told = (
        probe
        if probe.startswith("[") and not any(word in probe for word in ("CLIENT", "INFO", "ACL"))
        else corpus.VICTIM
    )
    before = await _data(admin), await _own(adapter), await _seen(admin, admin, told, victim)
    request = QueryRequest(text.replace("{victim}", str(number)), limits=LIMITS)
    if name in corpus.HARMLESS:
        await adapter.query.run(request)
    else:
        with pytest.raises((StatementRefused, InvalidStatement)) as refused:
            await adapter.query.run(request)
        assert refused.value.hint
    assert (await _data(admin), await _own(adapter), await _seen(admin, admin, told, victim)) == before
    await victim.close()


async def _own(adapter: RedisAdapter) -> object:
    """What the adapter's own connection is like."""
    async with adapter.sessions.reading(timeout_seconds=5) as wire:
        info = (await wire.call("CLIENT", "INFO")).decode()
    facts = dict(part.split("=", 1) for part in info.split() if "=" in part)
    return [facts.get(name) for name in _KEPT]


SENT = [case for case in corpus.HOSTILE if case[0] not in corpus.FORM_ONLY | corpus.ENDS_SERVER]


@pytest.mark.parametrize("case", SENT, ids=lambda case: case[0])
async def test_a_hostile_command_has_its_effect_when_nothing_guards(
    case: Case, server: RedisServer, admin: Bare
) -> None:
    name, text, probe = case
    bare, victim = Bare(server), Bare(server)
    try:
        number = await victim.call("CLIENT", "ID")
        before = await _seen(bare, admin, probe, victim)
        answer = await bare.soon(*_arguments(text.replace("{victim}", str(number))), seconds=SLOW_SECONDS)
        if probe == corpus.SLOW:
            effect = isinstance(answer, TimeoutError)
        elif probe == corpus.RESULT:
            effect = not isinstance(answer, Exception)
        elif probe == corpus.SESSION and isinstance(answer, _BROKEN):
            effect = True
        else:
            effect = await _seen(bare, admin, probe, victim) != before or await _watches(bare, admin, name)
    finally:
        await bare.close()
        await victim.close()
        await _freed(server)
    if not effect:
        assert name in corpus.NOT_EXECUTED, repr(answer)
        pytest.skip(f"{server.version} answers {str(answer)[:60]}")


async def _watches(bare: Bare, admin: Bare, name: str) -> bool:
    """WATCH is no part of CLIENT INFO before Redis 8: a write by another makes EXEC fail."""
    if name != "watch":
        return False
    for client, command in ((admin, ("SET", "s", "meanwhile")), (bare, ("MULTI",)), (bare, ("PING",))):
        await client.call(*command)
    return await bare.call("EXEC") is None


async def _freed(server: RedisServer) -> None:
    """End a script that still runs."""
    other = Bare(server)
    deadline = anyio.current_time() + 40
    while isinstance(await other.soon("PING"), Exception) and anyio.current_time() < deadline:
        await other.close()
        other = Bare(server)
        await other.soon("SCRIPT", "KILL")
    await other.close()


@pytest.mark.parametrize("name", sorted(corpus.ENDS_SERVER))
async def test_a_command_that_ends_the_server_does_so_when_nothing_guards(name: str) -> None:
    text = next(case[1] for case in corpus.HOSTILE if case[0] == name)
    with (
        needed(),
        contextlib.suppress(AssertionError),
        running(enable_debug_command="yes", crash_log_enabled="no") as server,
    ):
        bare = Bare(server)
        answer = await bare.soon(*_arguments(text), seconds=10)
        assert isinstance(answer, driver.ConnectionError | OSError)
        await bare.close()
        again = Bare(server)
        assert isinstance(await again.soon("PING"), driver.ConnectionError | OSError)


@pytest.mark.parametrize("case", corpus.BENIGN, ids=lambda case: case[0])
async def test_a_benign_read_passes_or_is_told_what_to_use(
    case: tuple[str, str], admin: Bare, adapter: RedisAdapter
) -> None:
    before = await _data(admin)
    if case[0] in corpus.ADVISED:
        with pytest.raises((StatementRefused, InvalidStatement)) as refused:
            await adapter.query.run(QueryRequest(case[1]))
        assert refused.value.hint
    else:
        assert (await adapter.query.run(QueryRequest(case[1]))).columns
    assert await _data(admin) == before


def test_the_corpus_is_large_enough() -> None:
    assert len(SENT) - len(corpus.NOT_EXECUTED) >= 120
    assert len(corpus.BENIGN) - len(corpus.ADVISED) >= 75
