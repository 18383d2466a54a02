"""The outsider's corpus on MongoDB: seen to work where the engine at hand can, then refused with advice and no trace."""

from __future__ import annotations

import contextlib
from typing import Any

import anyio
import pytest
from bson import json_util
from pymongo.errors import NetworkTimeout, PyMongoError

from dbmanager.errors import InvalidStatement, QueryTimeout, StatementRefused
from dbmanager.model.queries import QueryLimits, QueryRequest
from tests.engines.mongodb import Client, MongoServer
from tests.gate import outsider_mongodb as corpus
from tests.mongodb.conftest import Open, database, mongo, open_mongo

__all__ = ["database", "mongo", "open_mongo"]
pytestmark = pytest.mark.anyio
LIMITS = QueryLimits(timeout_seconds=2.0)
SLOW_SECONDS = 1.5
Case = tuple[str, str, str]
SENT = [case for case in corpus.HOSTILE if case[0] not in corpus.FORM_ONLY]


@pytest.fixture
def seeded(mongo: Client, database: str) -> str:
    for text in corpus.DOCUMENTS:
        _sent(mongo, database, text)
    return database


def _sent(client: Client, database: str, text: str) -> Any:
    """Send a command to the database it names, or to the one at hand."""
    document = json_util.loads(_filled(text, database))
    return client[document.pop("$db", database)].command(document)


def _filled(text: str, database: str) -> str:
    return text.replace("{database}", database).replace("{other}", "admin")


def _told(client: Client, database: str, text: str) -> object:
    """Return what a probe says, without what differs from one asking to the next; or its error's number."""
    try:
        answer = _sent(client, database, text)
    except PyMongoError as problem:
        return getattr(problem, "code", None)
    return json_util.dumps(
        [answer.get(name) for name in ("cursor", "n", "users", "databases", "was", "slowms", "notablescan")]
    )


def _state(client: Client, database: str) -> object:
    """Return every collection with its options, indexes and documents, and the users."""
    found = {}
    for entry in client[database].list_collections():
        name = entry["name"]
        indexes = [] if entry["type"] == "view" else sorted(client[database][name].index_information())
        found[name] = (
            repr(entry["options"]),
            indexes,
            sorted(json_util.dumps(d) for d in client[database][name].find()),
        )
    return found, sorted(user["user"] for user in client.admin.command("usersInfo")["users"])


@pytest.mark.parametrize("case", corpus.HOSTILE, ids=lambda case: case[0])
async def test_a_hostile_command_is_refused_with_advice_and_leaves_no_trace(
    case: Case, mongo: Client, seeded: str, open_mongo: Open
) -> None:
    before = _state(mongo, seeded)
    adapter = open_mongo(access="read_only")
    request = QueryRequest(_filled(case[1], seeded), limits=LIMITS)
    if case[0] in corpus.BOUNDED:
        with contextlib.suppress(QueryTimeout), anyio.fail_after(LIMITS.timeout_seconds + 2):
            await adapter.query.run(request)
    else:
        with pytest.raises((StatementRefused, InvalidStatement)) as refused:
            await adapter.query.run(request)
        assert refused.value.hint
    assert _state(mongo, seeded) == before
    assert (await adapter.query.run(QueryRequest('{"count": "t"}'))).rows == ((5,),)


@pytest.mark.parametrize("case", SENT, ids=lambda case: case[0])
def test_a_hostile_command_has_its_effect_when_nothing_guards(
    case: Case, mongo: Client, mongodb_server: MongoServer, seeded: str
) -> None:
    name, text, probe = case
    if mongodb_server.real and name in corpus.NOT_EXECUTED:
        pytest.skip("what a server of its own would do is not looked at")
    own = probe.startswith("{")
    before = _told(mongo, seeded, probe) if own else None
    answer: Any = None
    with mongodb_server.client(socketTimeoutMS=int(SLOW_SECONDS * 1000), retryReads=False, retryWrites=False) as raw:
        try:
            answer = _sent(raw, seeded, text)
        except PyMongoError as problem:
            answer = problem
        failed = isinstance(answer, PyMongoError)
        if own:
            effect = _told(mongo, seeded, probe) != before
        elif probe == corpus.SLOW:
            effect = isinstance(answer, NetworkTimeout)
        else:
            effect = not failed and (probe == corpus.RESULT or bool(answer["cursor"]["id"]))
    with contextlib.suppress(PyMongoError):
        mongo.admin.command({"dropUser": "outsider"})
    if not effect:
        assert name in corpus.NOT_EXECUTED, answer
        pytest.skip(f"the engine at hand answers {getattr(answer, 'code', None) or 'without the effect'}")


@pytest.mark.parametrize("case", corpus.BENIGN, ids=lambda case: case[0])
async def test_a_benign_read_passes_or_is_told_its_tool(
    case: tuple[str, str], mongo: Client, seeded: str, open_mongo: Open
) -> None:
    adapter = open_mongo(access="read_only")
    if case[0] in corpus.ADVISED:
        with pytest.raises((StatementRefused, InvalidStatement)) as refused:
            await adapter.query.run(QueryRequest(case[1]))
        assert refused.value.hint
        return
    answer = _sent(mongo, seeded, case[1])
    result = await adapter.query.run(QueryRequest(case[1], limits=LIMITS))
    if "cursor" in answer:
        assert len(result.rows) == len(answer["cursor"]["firstBatch"])
    else:
        assert result.rows


def test_the_corpus_is_large_enough() -> None:
    assert len(SENT) - len(corpus.NOT_EXECUTED) >= 45
    assert len(corpus.BENIGN) - len(corpus.ADVISED) >= 55
