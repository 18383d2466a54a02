"""Change sets on Redis: what a step keeps, what it refuses, the whole life, and the truth after kill -9."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from dbmanager.adapters.facets import CapturedRows, Statement
from dbmanager.adapters.redis.steps import RedisSteps
from dbmanager.errors import AccessDenied, InvalidStatement, Irreversible, LockTimeout, ResourceExhausted
from dbmanager.model.changes import ChangeState, StepState
from dbmanager.model.schema import DatabaseSchema, Table
from dbmanager.services.container import Services
from tests.engines.redis import PASSWORD, RedisServer
from tests.redis.conftest import OpenRedis
from tests.services.conftest import approve, make_services, propose

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[2]
NOTHING = DatabaseSchema("redis", "7", (), "x")
SEED = (
    ("SET", "s", "ü"), ("SET", "n", "1"), ("SET", "t", "v", "EX", "5000"), ("HSET", "h", "a", "1", "b", "2"), ("RPUSH", "l", "1", "2", "3"),
    ("SADD", "set", "a", "b"), ("ZADD", "z", "1", "a", "2", "b"), ("XADD", "x", "1-1", "f", "v"), ("SET", "gone", "soon"), ("PFADD", "hll", "a"),
)  # fmt: skip
STEPS = (
    ["SET", "s", "new"], ["SET", "fresh", "1", "EX", "100"], ["APPEND", "s", "x"], ["INCR", "n"], ["MSET", "s", "1", "m", "2"], ["HSET", "h", "a", "9"],
    ["HDEL", "h", "a", "b"], ["DEL", "s", "h", "nothing"], ["UNLINK", "l"], ["EXPIRE", "s", "900"], ["PERSIST", "t"], ["PEXPIREAT", "t", "4102444800000"],
    ["RENAME", "gone", "elsewhere"], ["RENAME", "s", "n"], ["COPY", "s", "copy"], ["LPUSH", "l", "0"], ["LTRIM", "l", "0", "0"], ["RPOPLPUSH", "l", "l2"],
    ["SADD", "set", "c"], ["SMOVE", "set", "set2", "a"], ["SPOP", "set"], ["ZADD", "z", "3", "c"], ["ZREM", "z", "a", "b"], ["XADD", "x", "2-1", "f", "w"],
    ["XTRIM", "x", "MAXLEN", "0"], ["PFADD", "hll", "b"], ["SUNIONSTORE", "d", "set"], ["BITOP", "NOT", "d", "s"], ["GETDEL", "s"], ["SETRANGE", "s", "0", "J"],
)  # fmt: skip


@pytest.fixture
async def services(
    tmp_path: Path, redis_server: RedisServer, database: int, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Services]:
    (tmp_path / "address").write_text(redis_server.url(database))
    monkeypatch.setenv("PW", PASSWORD)
    services = make_services(tmp_path, url=redis_server.url(database), password={"env": "PW"})
    yield services
    await services.close()


async def _state(services: Services) -> object:
    """Every key with its contents and expiry."""
    adapter = await services.connections.adapter("db")
    adapter.catalog.forget()  # type: ignore[attr-defined]
    found = []
    for table in (await adapter.catalog.read_schema()).tables:
        names = ("key", "type", "ttl", "value")
        found += [row async for batch in adapter.bulk.scan(table, names) for row in batch]  # type: ignore[union-attr]
    return sorted(map(repr, found))


@pytest.mark.parametrize("command", STEPS, ids=[" ".join(step) for step in STEPS])
async def test_a_step_takes_effect_and_is_undone_to_the_last_expiry(
    command: list[str], services: Services, redis_server: RedisServer, database: int
) -> None:
    for seed in SEED:
        redis_server.run(*seed, database=database)
    before = await _state(services)
    change = await propose(services, json.dumps(command))
    assert change.steps[0].step.reversible
    await approve(services, change)
    done = await services.changes.apply(change.id)
    assert done.state is ChangeState.APPLIED
    assert (await services.changes.verify(change.id)).state is ChangeState.VERIFIED
    assert await _state(services) != before
    back = await services.changes.roll_back(change.id)
    assert back.state is ChangeState.ROLLED_BACK
    assert await _state(services) == before


REFUSED = (
    ["GET", "s"], ["KEYS", "*"], ["EVAL", "return 1", "0"], ["MULTI"], ["SUBSCRIBE", "c"], ["CONFIG", "GET", "*"], ["ACL", "LIST"], ["DEL"], ["nonsense"],
    ["DEL", *(f"k{n}" for n in range(1001))], ["MIGRATE", "h", "1", "k", "0", "1"], ["SHUTDOWN"], ["REPLICAOF", "h", "1"], ["MODULE", "LOAD", "x"],
)  # fmt: skip


@pytest.mark.parametrize("command", REFUSED, ids=[" ".join(c)[:30] for c in REFUSED])
def test_what_is_no_change_or_names_no_keys_is_refused_with_advice(command: list[str]) -> None:
    with pytest.raises(InvalidStatement) as refused:
        RedisSteps().change_step(NOTHING, json.dumps(command))
    assert refused.value.hint


@pytest.mark.parametrize(
    ("command", "reversible"),
    [
        (["FLUSHALL"], False),
        (["FLUSHDB"], False),
        (["CONFIG", "SET", "timeout", "7"], True),
        (["ACL", "SETUSER", "x", "on"], False),
    ],
)
def test_administration_wants_admin_access_and_says_what_cannot_be_undone(command: list[str], reversible: bool) -> None:
    step = RedisSteps().change_step(NOTHING, json.dumps(command))
    assert (step.access, step.reversible) == ("admin", reversible)
    given = RedisSteps().change_step(NOTHING, json.dumps(command), inverse='["PING"]')
    assert given.reversible


async def test_a_setting_is_set_and_set_back(
    tmp_path: Path, redis_server: RedisServer, database: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PW", PASSWORD)
    command = json.dumps(["CONFIG", "SET", "acllog-max-len", "77"])
    services = make_services(tmp_path, url=redis_server.url(database), password={"env": "PW"}, access="admin")
    try:
        change = await propose(services, command)
        await approve(services, change)
        await services.changes.apply(change.id)
        assert redis_server.run("CONFIG", "GET", "acllog-max-len").split()[1] == "77"
        await services.changes.roll_back(change.id)
        assert redis_server.run("CONFIG", "GET", "acllog-max-len").split()[1] == "128"
    finally:
        await services.close()


async def test_administration_is_refused_without_admin_access(services: Services) -> None:
    change = await propose(services, '["FLUSHDB"]')
    await approve(services, change)
    with pytest.raises(AccessDenied):
        await services.changes.apply(change.id)


async def test_what_was_flushed_is_not_pretended_to_come_back(
    tmp_path: Path, redis_server: RedisServer, database: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PW", PASSWORD)
    redis_server.run("SET", "a", "1", database=database)
    services = make_services(tmp_path, url=redis_server.url(database), password={"env": "PW"}, access="admin")
    try:
        change = await propose(services, '["FLUSHDB"]')
        await approve(services, change)
        await services.changes.apply(change.id)
        assert redis_server.run("DBSIZE", database=database) == "0"
        with pytest.raises(Irreversible):
            await services.changes.roll_back(change.id)
    finally:
        await services.close()


async def test_a_write_by_another_client_in_between_refuses_the_change(
    open_redis: OpenRedis, redis_server: RedisServer, database: int
) -> None:
    adapter = open_redis(database)
    step = RedisSteps().change_step(NOTHING, '["SET", "s", "ours"]')

    async def keep(rows: CapturedRows) -> None:
        redis_server.run("SET", "s", "theirs", database=database)

    with pytest.raises(LockTimeout):
        await adapter.execute.capture_and_execute(
            step.before_image or "",
            Statement(step.statement),
            keep,
            max_rows=10,
            lock_timeout_seconds=1,
            timeout_seconds=10,
        )
    assert redis_server.run("GET", "s", database=database) == "theirs"
    assert (await adapter.query.fetch('["PING"]')) == [("PONG",)]


async def test_too_many_or_too_large_keys_are_refused_and_nothing_is_changed(
    open_redis: OpenRedis, redis_server: RedisServer, database: int
) -> None:
    adapter = open_redis(database)
    redis_server.run("SETRANGE", "huge", "70000000", "x", database=database)

    async def keep(rows: CapturedRows) -> None:
        raise AssertionError

    for command, most in ((["DEL", "a", "b", "c"], 2), (["DEL", "huge"], 10)):
        step = RedisSteps().change_step(NOTHING, json.dumps(command))
        with pytest.raises(ResourceExhausted):
            await adapter.execute.capture_and_execute(
                step.before_image or "",
                Statement(step.statement),
                keep,
                max_rows=most,
                lock_timeout_seconds=1,
                timeout_seconds=10,
            )
    assert redis_server.run("EXISTS", "huge", database=database) == "1"


async def test_changed_keys_are_counted(open_redis: OpenRedis, redis_server: RedisServer, database: int) -> None:
    adapter = open_redis(database)
    for seed in SEED:
        redis_server.run(*seed, database=database)
    kept: list[CapturedRows] = []

    async def keep(rows: CapturedRows) -> None:
        kept.append(rows)

    step = RedisSteps().change_step(NOTHING, '["MSET", "s", "ü", "t", "w", "fresh", "1"]')
    await adapter.execute.capture_and_execute(
        step.before_image or "",
        Statement(step.statement),
        keep,
        max_rows=10,
        lock_timeout_seconds=1,
        timeout_seconds=10,
    )
    assert await adapter.execute.count_changed(Table("", None, ()), kept[0]) == 2


@pytest.mark.parametrize("moment", [0.0, 0.02, 0.08])
async def test_a_killed_process_leaves_a_truth_that_can_go_on_or_back(
    moment: float, services: Services, tmp_path: Path, redis_server: RedisServer, database: int
) -> None:
    for seed in SEED:
        redis_server.run(*seed, database=database)
    before = await _state(services)
    steps = [
        json.dumps(command)
        for command in (
            ["SET", "first", "1"],
            ["RPUSH", "l", *map(str, range(5_000))],
            ["DEL", "s", "h"],
            ["HSET", "h2", "a", "1"],
        )
    ]
    change = await propose(services, *steps)
    await approve(services, change)
    child = subprocess.Popen([sys.executable, "-m", "tests.services.applying", str(tmp_path), change.id], cwd=ROOT)
    try:
        deadline = time.monotonic() + 40
        while redis_server.run("EXISTS", "first", database=database) == "0":
            assert time.monotonic() < deadline
            assert child.poll() in (None, 0)
        with anyio.move_on_after(moment):
            await anyio.to_thread.run_sync(child.wait, abandon_on_cancel=True)
        child.send_signal(signal.SIGKILL)
    finally:
        child.kill()
        child.wait()
    await _free(services, change.id)
    told = await services.changes.reconcile(change.id)
    for record, key in zip(told.steps, ("first", "l", "s", "h2"), strict=True):
        there = {"first": "EXISTS first", "l": "LLEN l", "s": "EXISTS s", "h2": "EXISTS h2"}[key].split()
        applied = redis_server.run(*there, database=database) == {"first": "1", "l": "5003", "s": "0", "h2": "1"}[key]
        assert (record.state is StepState.APPLIED) is applied, (key, record.state)
    await services.changes.roll_back(change.id)
    assert await _state(services) == before


async def _free(services: Services, id_: str) -> None:
    """Wait until the dead process's lease has run out."""
    deadline = time.monotonic() + 30
    while (await services.changes.get(id_)).state is ChangeState.APPLYING:
        assert time.monotonic() < deadline
        await anyio.sleep(0.1)
