"""Change sets on MongoDB: proposed, applied, verified, rolled back; truthful after a kill."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from bson import json_util

from dbmanager.adapters.mongodb.session import RAW
from dbmanager.adapters.mongodb.values import document_of
from dbmanager.errors import AccessDenied, DbManagerError, InvalidStatement, StaleChange
from dbmanager.model.changes import ChangeState, StepState
from dbmanager.services.container import Services
from tests.engines.mongodb import PASSWORD, Client, MongoServer
from tests.services.conftest import approve, make_services, propose

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[2]
Doc = dict[str, Any]


@pytest.fixture
async def services(
    tmp_path: Path, mongodb_server: MongoServer, mongo: Client, database: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Services]:
    mongo[database].accounts.insert_many([{"_id": n, "owner": f"owner {n}", "balance": n * 10} for n in range(200)])
    mongo[database].accounts.create_index("balance")
    (tmp_path / "address").write_text(mongodb_server.url(database))
    monkeypatch.setenv("PW", PASSWORD)
    services = make_services(tmp_path, url=mongodb_server.url(database), password={"env": "PW"})
    yield services
    await services.close()


def state(mongo: Client, database: str) -> Any:
    found = {}
    for entry in mongo[database].list_collections():
        documents = [json_util.dumps(d) for d in mongo[database][entry["name"]].find().sort("_id", 1)]
        indexes = {} if entry["type"] == "view" else mongo[database][entry["name"]].index_information()
        options = {k: v for k, v in entry["options"].items() if v != {}}
        for standard in ("validationLevel", "validationAction"):
            if options.get(standard) in ("strict", "error"):
                del options[standard]
        found[entry["name"]] = (options, sorted(indexes), documents)
    return found


STEPS: dict[str, Doc] = {
    "insert": {"insert": "accounts", "documents": [{"_id": 900, "owner": "new"}, {"owner": "without an id"}]},
    "update": {"update": "accounts", "updates": [{"q": {"_id": {"$lt": 50}}, "u": {"$inc": {"balance": 1}}, "multi": True}]},
    "update one": {"update": "accounts", "updates": [{"q": {"owner": "owner 3"}, "u": {"$set": {"balance": -1}}}]},
    "update by pipeline": {"update": "accounts", "updates": [{"q": {}, "u": [{"$set": {"twice": {"$multiply": ["$balance", 2]}}}], "multi": True}]},
    "replace": {"update": "accounts", "updates": [{"q": {"_id": 3}, "u": {"only": "this"}}]},
    "delete": {"delete": "accounts", "deletes": [{"q": {"balance": {"$gte": 1500}}, "limit": 0}]},
    "delete everything": {"delete": "accounts", "deletes": [{"q": {}, "limit": 0}]},
    "create": {"create": "fresh", "validator": {"a": {"$gt": 0}}},
    "create a view": {"create": "seen", "viewOn": "accounts", "pipeline": [{"$project": {"balance": 1}}]},
    "createIndexes": {"createIndexes": "accounts", "indexes": [{"key": {"owner": 1}}, {"key": {"owner": -1, "balance": 1}, "name": "both", "unique": True}]},
    "dropIndexes": {"dropIndexes": "accounts", "index": "balance_1"},
    "dropIndexes all": {"dropIndexes": "accounts", "index": "*"},
    "collMod": {"collMod": "accounts", "validator": {"balance": {"$gte": -5}}, "validationAction": "warn"},
}  # fmt: skip


@pytest.mark.parametrize("name", STEPS)
async def test_a_change_is_applied_verified_and_rolled_back(
    name: str, services: Services, mongo: Client, database: str
) -> None:
    before = state(mongo, database)
    change = await propose(services, json.dumps(STEPS[name]))
    assert state(mongo, database) == before
    assert change.steps[0].step.reversible
    await approve(services, change)
    done = await services.changes.apply(change.id)
    assert done.state is ChangeState.APPLIED
    assert state(mongo, database) != before
    if name != "collMod":
        assert (await services.changes.verify(change.id)).state is ChangeState.VERIFIED
    undone = await services.changes.roll_back(change.id)
    assert undone.state is ChangeState.ROLLED_BACK
    assert state(mongo, database) == before


async def test_a_collection_is_renamed_and_named_back(services: Services, mongo: Client, database: str) -> None:
    before = state(mongo, database)
    change = await propose(
        services, json.dumps({"renameCollection": f"{database}.accounts", "to": f"{database}.books"})
    )
    await approve(services, change)
    await services.changes.apply(change.id)
    assert list(state(mongo, database)) == ["books"]
    await services.changes.roll_back(change.id)
    assert state(mongo, database) == before


IRREVERSIBLE: dict[str, Doc] = {
    "drop": {"drop": "accounts"},
    "upsert": {"update": "accounts", "updates": [{"q": {"_id": 7_000}, "u": {"$set": {"a": 1}}, "upsert": True}]},
}


@pytest.mark.parametrize("name", IRREVERSIBLE)
async def test_what_cannot_be_undone_is_said_beforehand(name: str, services: Services) -> None:
    change = await propose(services, json.dumps(IRREVERSIBLE[name]))
    assert not change.steps[0].step.reversible


ADMINISTRATION: list[Doc] = [
    {"createUser": "x", "pwd": "y", "roles": []}, {"dropUser": "x"}, {"grantRolesToUser": "x", "roles": ["read"]},
    {"createRole": "x", "privileges": [], "roles": []}, {"dropDatabase": 1}, {"setParameter": 1, "logLevel": 1},
]  # fmt: skip


@pytest.mark.parametrize("command", ADMINISTRATION, ids=lambda command: next(iter(command)))
async def test_administration_wants_an_administrators_connection(command: Doc, services: Services) -> None:
    change = await propose(services, json.dumps(command))
    assert change.steps[0].step.access == "admin"
    await approve(services, change)
    with pytest.raises(AccessDenied):
        await services.changes.apply(change.id)


REFUSED: dict[str, Doc] = {
    "a read": {"find": "accounts"}, "an unknown command": {"updat": "accounts"}, "a missing collection": {"drop": "none"},
    "a missing index": {"dropIndexes": "accounts", "index": "none"}, "two updates": {"update": "accounts", "updates": [{"q": {}, "u": {}}] * 2},
    "no filter": {"update": "accounts", "updates": [{"u": {"$set": {"a": 1}}}]}, "an index that is there": {"createIndexes": "accounts", "indexes": [{"key": {"balance": 1}}]},
    "another database": {"renameCollection": "other.accounts", "to": "other.books"}, "code": {"eval": "1"}, "nothing to insert": {"insert": "accounts", "documents": []},
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
async def test_what_is_no_change_is_refused(name: str, services: Services) -> None:
    with pytest.raises(InvalidStatement):
        await propose(services, json.dumps(REFUSED[name]))


async def test_a_stale_plan_is_refused(services: Services, mongo: Client, database: str) -> None:
    change = await propose(services, json.dumps(STEPS["update"]))
    await approve(services, change)
    mongo[database].accounts.create_index("owner")
    with pytest.raises(StaleChange):
        await services.changes.apply(change.id)


async def test_a_failing_step_changes_nothing(services: Services, mongo: Client, database: str) -> None:
    mongo[database].accounts.create_index("owner", unique=True)
    before = state(mongo, database)
    command = {"update": "accounts", "updates": [{"q": {}, "u": {"$set": {"owner": "the same"}}, "multi": True}]}
    change = await propose(services, json.dumps(command))
    await approve(services, change)
    with pytest.raises(DbManagerError) as failed:
        await services.changes.apply(change.id)
    assert "the same" not in failed.value.sentence()
    assert state(mongo, database) == before


async def test_documents_of_every_type_come_back(services: Services, mongo: Client, database: str) -> None:
    odd = document_of(
        '[{"_id": {"$oid": "65e000000000000000000001"}, "z": 1, "a": {"$numberDecimal": "1.10"}}, {"_id": "text", "l": {"$numberLong": "1"}},'
        ' {"_id": {"b": 1, "a": 2}, "d": {"$date": {"$numberLong": "99999999999999"}}}, {"_id": null, "t": {"$timestamp": {"t": 1, "i": 2}}},'
        ' {"_id": {"$numberDouble": "1.5"}, "n": {"$numberDouble": "NaN"}, "b": {"$binary": {"base64": "AAEC", "subType": "05"}}}]'
    )
    mongo[database].odd.insert_many(odd)
    before = mongo[database].command("find", "odd", sort={"_id": 1}, codec_options=RAW)["cursor"]["firstBatch"]
    change = await propose(services, '{"delete": "odd", "deletes": [{"q": {}, "limit": 0}]}')
    await approve(services, change)
    await services.changes.apply(change.id)
    assert mongo[database].odd.count_documents({}) == 0
    await services.changes.roll_back(change.id)
    after = mongo[database].command("find", "odd", sort={"_id": 1}, codec_options=RAW)["cursor"]["firstBatch"]
    assert [document.raw for document in after] == [document.raw for document in before]


@pytest.mark.slow
@pytest.mark.parametrize("moment", [0.0, 0.3, 0.8])
async def test_after_a_kill_the_change_goes_on_or_back(
    moment: float, services: Services, tmp_path: Path, mongo: Client, database: str
) -> None:
    mongo[database].big.insert_many([{"_id": n, "n": n, "t": "x" * 50} for n in range(20_000)])
    before = state(mongo, database)
    steps = (
        {"delete": "big", "deletes": [{"q": {"_id": {"$gte": 19_990}}, "limit": 0}]},
        {"update": "big", "updates": [{"q": {}, "u": [{"$set": {"n": {"$multiply": ["$n", 2]}, "seen": True}}], "multi": True}]},
        {"createIndexes": "big", "indexes": [{"key": {"n": 1}}]},
    )  # fmt: skip
    change = await propose(services, *(json.dumps(step) for step in steps))
    await approve(services, change)
    child = subprocess.Popen([sys.executable, "-m", "tests.services.applying", str(tmp_path), change.id], cwd=ROOT)
    try:
        with anyio.fail_after(40):
            while (await services.changes.get(change.id)).steps[1].state is not StepState.RUNNING:
                assert child.poll() is None
                await anyio.sleep(0.02)
            await anyio.sleep(moment)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    deadline = time.monotonic() + 60
    while (await services.changes.get(change.id)).state not in (ChangeState.INTERRUPTED, ChangeState.APPLIED):
        assert time.monotonic() < deadline
        await anyio.sleep(0.2)
    told = await services.changes.reconcile(change.id)
    assert told.steps[0].state is StepState.APPLIED
    changed = mongo[database].big.count_documents({"seen": True})
    assert told.steps[1].state is {0: StepState.FAILED, 19_990: StepState.APPLIED}[changed]
    await services.changes.apply(change.id)
    assert mongo[database].big.count_documents({"seen": True}) == 19_990
    assert (await services.changes.verify(change.id)).state is ChangeState.VERIFIED
    await services.changes.roll_back(change.id)
    assert state(mongo, database) == before
