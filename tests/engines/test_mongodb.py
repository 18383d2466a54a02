"""MongoDB's wire as the tests have it: real answers of a real engine, refusals for the rest."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from functools import reduce
from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.errors import ConnectionFailure, ExecutionTimeout, OperationFailure

from tests.engines.mongo_probes import NOT_EXECUTED, PROBES, SEED, Refused, Step
from tests.engines.mongodb import PASSWORD, SUPERUSER, Client, MongoServer

SLOW: list[dict[str, Any]] = [
    {"$lookup": {"from": "k", "let": {"a": "$n"}, "pipeline": [{"$match": {"$expr": {"$gt": ["$n", "$$a"]}}}], "as": "x"}},
    {"$group": {"_id": None, "c": {"$sum": {"$size": "$x"}}}},
]  # fmt: skip


@pytest.fixture(scope="module")
def client(mongodb_server: MongoServer) -> Iterator[Client]:
    with mongodb_server.client() as client:
        yield client


@pytest.fixture
def name(mongodb_server: MongoServer) -> Iterator[str]:
    name = mongodb_server.create_database()
    yield name
    mongodb_server.drop_database(name)


@pytest.fixture
def gateway_only(mongodb_server: MongoServer) -> None:
    if mongodb_server.real:
        pytest.skip("a real MongoDB, not the gateway")


def _at(answer: Any, path: str) -> Any:
    return reduce(lambda value, key: value[int(key) if isinstance(value, list) else key], path.split("."), answer)


@pytest.mark.parametrize("probe", PROBES)
def test_answers(probe: str, client: Client, name: str) -> None:
    client[name].k.insert_many(SEED)
    for step in PROBES[probe]:
        if isinstance(step, Refused):
            with pytest.raises(OperationFailure) as refused:
                client[name].command(step.command)
            assert refused.value.code == step.code, refused.value
        else:
            assert isinstance(step, Step)
            assert _at(client[name].command(step.command), step.path) == step.expected


@pytest.mark.usefixtures("gateway_only")
@pytest.mark.parametrize("command", NOT_EXECUTED)
def test_refuses_what_the_engine_does_not_execute(command: str, client: Client) -> None:
    with pytest.raises(OperationFailure) as refused:
        client.admin.command(command, 1)
    assert (refused.value.code, refused.value.details) == (59, {
        "ok": 0.0, "code": 59, "codeName": "CommandNotFound", "errmsg": f"no such command: '{command}'",
    })  # fmt: skip


@pytest.mark.usefixtures("gateway_only")
def test_refuses_change_streams(client: Client, name: str) -> None:
    with pytest.raises(OperationFailure) as refused, client[name].k.watch():
        pass
    assert refused.value.code == 115


def test_says_its_version(mongodb_server: MongoServer) -> None:
    assert mongodb_server.version[0].isdigit()


def test_refuses_a_wrong_password(mongodb_server: MongoServer) -> None:
    with mongodb_server.client(password="wrong") as stranger, pytest.raises(OperationFailure) as refused:
        stranger.admin.command("listDatabases")
    assert refused.value.code == 18


def test_refuses_commands_without_a_login(mongodb_server: MongoServer) -> None:
    with mongodb_server.client(user="", password="") as stranger:
        assert stranger.admin.command("ping")["ok"] == 1
        with pytest.raises(OperationFailure) as refused:
            stranger.admin.command("listDatabases")
    assert refused.value.code == 13


def test_a_reader_may_read_and_not_write(mongodb_server: MongoServer, client: Client, name: str) -> None:
    client[name].k.insert_one({"_id": 1})
    client.admin.command("createUser", "reader", pwd=PASSWORD, roles=[{"role": "readAnyDatabase", "db": "admin"}])
    try:
        with mongodb_server.client("reader") as reader:
            assert reader[name].k.find_one() == {"_id": 1}
            with pytest.raises(OperationFailure) as refused:
                reader[name].k.insert_one({"_id": 2})
        assert refused.value.code == 13
        users = client.admin.command("usersInfo", "reader")["users"]
        assert [user["user"] for user in users] == ["reader"]
    finally:
        client.admin.command("dropUser", "reader")


def test_reads_in_batches_sorted_or_not(client: Client, name: str) -> None:
    client[name].k.insert_many([{"_id": i, "n": -i} for i in range(1000)])
    for cursor in (client[name].k.find(), client[name].k.find().sort("n", 1)):
        assert len(list(cursor.batch_size(50))) == 1000
    left = client[name].k.find().sort("n", 1).batch_size(10)
    next(left)
    left.close()


def test_a_killed_cursor_is_gone(client: Client, name: str) -> None:
    client[name].k.insert_many([{"_id": i} for i in range(300)])
    page = client[name].command("find", "k", batchSize=5)
    id_ = page["cursor"]["id"]
    assert client[name].command("killCursors", "k", cursors=[id_])["cursorsKilled"] == [id_]
    with pytest.raises(OperationFailure) as refused:
        client[name].command("getMore", id_, collection="k")
    assert refused.value.code == 43


def test_transactions_commit_and_abort(client: Client, name: str) -> None:
    rows = client[name].k
    rows.insert_one({"_id": 0})
    with client.start_session() as session:
        with session.start_transaction():
            rows.insert_one({"_id": 1}, session=session)
            assert rows.count_documents({}) == 1
            assert rows.count_documents({}, session=session) == 2
        assert rows.count_documents({}) == 2
        session.start_transaction()
        rows.insert_one({"_id": 2}, session=session)
        session.abort_transaction()
    assert rows.count_documents({}) == 2


def test_a_failed_statement_ends_its_transaction(client: Client, name: str) -> None:
    rows = client[name].k
    rows.insert_one({"_id": 0})
    with client.start_session() as session:
        session.start_transaction()
        rows.insert_one({"_id": 1}, session=session)
        with pytest.raises(OperationFailure):
            rows.find_one({"_id": {"$nosuch": 1}}, session=session)
        with pytest.raises(OperationFailure) as refused:
            session.commit_transaction()
    assert refused.value.code == 251
    assert rows.count_documents({}) == 1


@pytest.fixture
def slow(client: Client, name: str) -> str:
    client[name].k.insert_many([{"_id": i, "n": i} for i in range(5000)])
    return name


def test_the_engine_keeps_the_time_limit(client: Client, slow: str) -> None:
    with pytest.raises(ExecutionTimeout) as late:
        client[slow].k.aggregate(SLOW, maxTimeMS=200)
    assert late.value.code == 50
    assert client[slow].k.count_documents({}) == 5000


def _running(client: Client, name: str) -> list[dict[str, Any]]:
    found = client.admin.command("currentOp")["inprog"]
    return [op for op in found if op.get("active") and op.get("ns") == f"{name}.k"]


def _awaited(client: Client, name: str, *, running: bool) -> list[dict[str, Any]]:
    """Ask until the slow statement runs, or does no more."""
    deadline = time.monotonic() + 10
    while bool(found := _running(client, name)) is not running:
        assert time.monotonic() < deadline, found
    return found


def test_a_running_operation_is_seen_and_killed(client: Client, slow: str) -> None:
    ended: list[OperationFailure] = []

    def run() -> None:
        with pytest.raises(OperationFailure) as killed:
            client[slow].k.aggregate(SLOW)
        ended.append(killed.value)

    thread = threading.Thread(target=run)
    thread.start()
    operation = _awaited(client, slow, running=True)[0]
    client.admin.command("killOp", 1, op=operation["opid"])
    thread.join(10)
    assert [error.code for error in ended] == [11601]


def test_a_client_that_goes_takes_its_statement_along(mongodb_server: MongoServer, client: Client, slow: str) -> None:
    with mongodb_server.client(socketTimeoutMS=300, retryReads=False) as hasty, pytest.raises(ConnectionFailure):
        hasty[slow].k.aggregate(SLOW)
    _awaited(client, slow, running=False)


@pytest.mark.anyio
async def test_the_asynchronous_driver_works(mongodb_server: MongoServer, name: str) -> None:
    client: Any = AsyncIOMotorClient(
        mongodb_server.host, mongodb_server.port, username=SUPERUSER, password=PASSWORD, directConnection=True,
        io_loop=asyncio.get_running_loop(),
    )  # fmt: skip
    await client[name].k.insert_many([{"_id": i} for i in range(300)])
    assert len(await client[name].k.find().sort("_id", -1).batch_size(100).to_list(None)) == 300
    client.close()


def test_a_dropped_database_is_gone(mongodb_server: MongoServer, client: Client) -> None:
    name = mongodb_server.create_database()
    client[name].k.insert_one({})
    assert name in client.list_database_names()
    mongodb_server.drop_database(name)
    assert name not in client.list_database_names()
