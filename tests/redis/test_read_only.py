"""The read-only gate as an all-powerful user: seen to have an effect when nothing guards, then refused, with none."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import anyio
import pytest
from redis import exceptions as driver
from redis.asyncio.connection import Connection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from dbmanager.adapters.redis.adapter import RedisAdapter
from dbmanager.adapters.redis.gate import check_read
from dbmanager.errors import DbManagerError, InvalidStatement, StatementRefused
from dbmanager.model.commands import parse_command, write_command
from dbmanager.model.queries import QueryRequest
from tests.conftest import needed
from tests.engines.redis import PASSWORD, SUPERUSER, RedisServer, running
from tests.redis.conftest import adapter_on
from tests.redis.corpora import BENIGN, HOSTILE, SEED, Hostile

pytestmark = pytest.mark.anyio
HOSTILE_CASES = pytest.mark.parametrize("case", HOSTILE, ids=[" ".join(case.arguments)[:60] for case in HOSTILE])


class Bare:
    """An ordinary client that nothing guards."""

    def __init__(self, server: RedisServer) -> None:
        self.raw = Connection(
            host=server.host, port=server.port, username=SUPERUSER, password=PASSWORD, retry=Retry(NoBackoff(), 0),
            socket_timeout=None, protocol=2,
        )  # fmt: skip

    async def call(self, *arguments: str) -> Any:
        await self.raw.send_command(*arguments)
        try:
            return await self.raw.read_response()
        except driver.RedisError as refused:
            return refused

    async def close(self) -> None:
        await self.raw.disconnect(nowait=True)


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    """A server of these tests' own: its settings are changed."""
    with needed(), running(enable_debug_command="yes", maxmemory="100mb", maxmemory_policy="allkeys-lfu") as server:
        yield server


@pytest.fixture
async def admin(server: RedisServer) -> AsyncIterator[Bare]:
    bare = Bare(server)
    for command in (("REPLICAOF", "NO", "ONE"), ("CLIENT", "UNPAUSE"), ("FLUSHALL",), ("SCRIPT", "FLUSH"), ("FUNCTION", "FLUSH"),
                    ("CONFIG", "SET", "timeout", "0"), ("ACL", "DELUSER", "evil"), ("ACL", "LOG", "RESET"), *SEED):  # fmt: skip
        reply = await bare.call(*command)
        assert not isinstance(reply, Exception), (command, reply)
    yield bare
    await bare.close()


@pytest.fixture
async def adapter(server: RedisServer, admin: Bare) -> AsyncIterator[RedisAdapter]:
    adapter = adapter_on(server, 0)
    yield adapter
    await adapter.close()


async def _digest(admin: Bare) -> Any:
    return await admin.call("DEBUG", "DIGEST")


async def _session(bare: Bare) -> object:
    """What the connection itself is like; anything but the usual answer is a state too."""
    info = await bare.call("CLIENT", "INFO")
    if not isinstance(info, bytes):
        return str(info)
    keep = ("name", "db", "sub", "psub", "ssub", "multi", "watch", "flags", "user", "redir", "resp", "lib-name")
    facts = dict(part.split("=", 1) for part in info.decode().split() if "=" in part)
    return {name: facts.get(name) for name in keep}


@HOSTILE_CASES
async def test_it_has_its_effect_when_nothing_guards(case: Hostile, server: RedisServer, admin: Bare) -> None:
    bare = Bare(server)
    before = await _digest(admin), await admin.call(*(case.probe or ("PING",))), await _session(bare)
    reply: Any = None
    answered = False
    with anyio.move_on_after(0.3 if case.effect == "waits" else 5):
        reply = await bare.call(*case.arguments)
        answered = True
    if case.effect == "keys":
        assert await _digest(admin) != before[0], reply
    elif case.effect == "probe":
        assert await admin.call(*case.probe) != before[1], reply
    elif case.effect == "waits":
        assert not answered or case.arguments[0] == "WAIT"
    elif case.effect == "session":
        after: object = "gone"
        with contextlib.suppress(driver.RedisError, OSError), anyio.move_on_after(1):
            # WATCH is no part of CLIENT INFO before Redis 8: a write by another makes EXEC fail
            after = await _watches(bare, admin) if case.arguments[0] == "WATCH" else await _session(bare)
        assert after != before[2]
    elif case.sign:
        assert case.sign in repr(reply)
    await bare.close()


async def _watches(bare: Bare, admin: Bare) -> object:
    await admin.call("SET", "s", "meanwhile")
    await bare.call("MULTI")
    assert await bare.call("EXEC") is None
    return "watching"


@HOSTILE_CASES
async def test_it_is_refused_and_has_no_effect(case: Hostile, admin: Bare, adapter: RedisAdapter) -> None:
    await adapter.query.run(QueryRequest('["PING"]'))
    wire = adapter.sessions._idle[-1]
    probe = case.probe if case.probe[:1] not in (("INFO",), ("ACL",)) else ()
    before = await _digest(admin), await wire.call("CLIENT", "GETNAME"), await _own_session(adapter)
    told = await admin.call(*probe) if probe else None
    for text in (write_command(case.arguments), _line(case.arguments)):
        with pytest.raises((StatementRefused, InvalidStatement)) as refused:
            await adapter.query.run(QueryRequest(text))
        assert refused.value.hint
    assert await _digest(admin) == before[0]
    assert await _own_session(adapter) == before[2]
    assert (await admin.call(*probe) if probe else None) == told


def _line(arguments: Sequence[str]) -> str:
    return " ".join('"' + a.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"' for a in arguments)


async def _own_session(adapter: RedisAdapter) -> object:
    async with adapter.sessions.reading(timeout_seconds=5) as wire:
        info = (await wire.call("CLIENT", "INFO")).decode()
    facts = dict(part.split("=", 1) for part in info.split() if "=" in part)
    return [facts.get(name) for name in ("name", "db", "sub", "psub", "multi", "flags", "user", "redir", "resp")]


WRITING = [case for case in HOSTILE if case.effect == "keys"]


@pytest.mark.parametrize("case", WRITING, ids=[" ".join(case.arguments)[:60] for case in WRITING])
async def test_the_engine_itself_refuses_what_writes_when_the_gate_is_open(
    case: Hostile, admin: Bare, adapter: RedisAdapter
) -> None:
    before = await _digest(admin)
    with pytest.raises(DbManagerError):
        async with adapter.sessions.reading(timeout_seconds=5) as wire:
            await wire.confined([argument.encode() for argument in case.arguments])
    assert await _digest(admin) == before


@pytest.mark.parametrize("arguments", BENIGN, ids=[" ".join(arguments)[:60] for arguments in BENIGN])
async def test_a_read_passes_answers_and_changes_nothing(
    arguments: tuple[str, ...], admin: Bare, adapter: RedisAdapter
) -> None:
    before = await _digest(admin)
    result = await adapter.query.run(QueryRequest(write_command(arguments)))
    assert result.columns
    assert await _digest(admin) == before


async def test_no_command_of_the_server_passes_that_it_says_may_write(adapter: RedisAdapter) -> None:
    table = await adapter.query.table()
    passed = []
    for name, facts in table.commands.items():
        arguments = [part.encode() for part in name.split("|")]
        try:
            check_read(table, [*arguments, b"a", b"b"])
        except (StatementRefused, InvalidStatement):
            continue
        passed.append(name)
        assert not facts.flags & {"write", "admin", "blocking", "pubsub", "may_replicate"} or name in (
            "latency|latest", "latency|doctor", "slowlog|len", "config|get", "role", "module|list", "cluster|info", "pubsub|numpat",
        ), name  # fmt: skip
    assert 80 < len(passed) < 130


@pytest.mark.parametrize(
    "text", ["", "   ", "[]", "[1", '["GET", null]', '["GET", ["a"]]', '["GET", {"hex": "0"}]', 'GET "a', "GET 'a'b", "GET a\nSET a 1",
             '[""]', '["GET", {"hex": "00", "b": 1}]', '["GET", true]', "{}", '["GET", "a"] ["SET", "a", "1"]'],
)  # fmt: skip
async def test_what_is_no_single_command_is_refused_with_advice(text: str, adapter: RedisAdapter) -> None:
    with pytest.raises((InvalidStatement, StatementRefused)) as refused:
        await adapter.query.run(QueryRequest(text))
    assert refused.value.hint


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ('["GET", "a b"]', (b"GET", b"a b")),
        ('GET "a b"', (b"GET", b"a b")),
        ('GET "a\\x00\\n\\"b"', (b"GET", b'a\x00\n"b')),
        ("GET 'it\\'s'", (b"GET", b"it's")),
        ('["GET", {"hex": "00ff"}, 5, 1.5]', (b"GET", b"\x00\xff", b"5", b"1.5")),
    ],
)
def test_both_spellings_give_the_arguments(text: str, arguments: tuple[bytes, ...]) -> None:
    assert parse_command(text) == arguments
    assert parse_command(write_command(arguments)) == arguments


def test_there_are_enough_of_them() -> None:
    assert len({case.arguments for case in HOSTILE}) >= 80
    assert len(set(BENIGN)) >= 80
