"""The masking exit on Redis: every attempt first shows a value in clear, then shows none; plain questions stay readable."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from dbmanager.adapters.redis.adapter import RedisAdapter
from dbmanager.errors import DbManagerError
from dbmanager.model.configuration import Configuration
from dbmanager.services.configuration import LoadedConfiguration
from dbmanager.services.container import Services
from tests.engines.redis import PASSWORD, RedisServer
from tests.redis.leaks import BENIGN, LATE, LEAKS, PIECES, seed

pytestmark = pytest.mark.anyio
ATTEMPTS = pytest.mark.parametrize("command", LEAKS, ids=[" ".join(c)[:70] for c in LEAKS])


@pytest.fixture(scope="module")
def filled(redis_server: RedisServer) -> Iterator[int]:
    number = redis_server.create_database()
    for command in seed():
        redis_server.run(*command, database=number)
    yield number
    redis_server.drop_database(number)


@pytest.fixture
async def services(redis_server: RedisServer, filled: int, tmp_path: Path) -> AsyncIterator[Services]:
    """Services that have learnt the key space before the last keys came."""
    (tmp_path / "password").write_text(PASSWORD)
    (tmp_path / "password").chmod(0o600)
    redis_server.run("DEL", *(command[1] for command in LATE), database=filled)
    connection = {"url": redis_server.url(filled), "password": {"file": str(tmp_path / "password")}}
    configuration = Configuration.model_validate({"connections": {"db": connection}, "store": {"data_dir": "state"}})
    made = Services(LoadedConfiguration(configuration, (), tmp_path))
    await (await made.connections.adapter("db")).catalog.read_schema()
    for command in LATE:
        redis_server.run(*command, database=filled)
    yield made
    await made.close()


def _shown(columns: list[str], rows: object) -> str:
    return re.sub(r"\[[a-z_]+:[0-9a-f]{10}\]", "[token]", json.dumps([columns, rows], ensure_ascii=False))


@ATTEMPTS
async def test_no_attempt_shows_a_value(command: tuple[str, ...], services: Services) -> None:
    asked = " ".join(command)
    try:
        page = await services.reader.query("db", json.dumps(command))
        shown = _shown([c.name for c in page.masked.result.columns], page.masked.result.rows)
    except DbManagerError as failed:
        shown = failed.sentence() + repr(failed.__cause__)
    assert not [piece for piece in PIECES if piece in shown and piece not in asked], shown
    assert not re.search(r"\b97\b.*\b100\b.*\b97\b", shown)


@ATTEMPTS
async def test_each_attempt_shows_a_value_when_nothing_masks(command: tuple[str, ...], services: Services) -> None:
    adapter = await services.connections.adapter("db")
    shown = json.dumps(await adapter.query.fetch(json.dumps(command)), ensure_ascii=False)
    texts = [
        shown,
        *(bytes.fromhex(found).decode("latin-1") for found in re.findall(r"\\\\x((?:[0-9a-f]{2})+)", shown)),
    ]
    assert [piece for piece in (*PIECES, "ada", "[97], [100], [97]", "love") for text in texts if piece in text], shown[
        :400
    ]


@pytest.mark.parametrize("command", BENIGN, ids=[" ".join(c)[:70] for c in BENIGN])
async def test_plain_questions_are_not_masked(command: tuple[str, ...], services: Services) -> None:
    page = await services.reader.query("db", json.dumps(command))
    assert page.masked.masked == {}


async def test_no_group_and_no_column_bears_a_personal_name(services: Services) -> None:
    adapter = await services.connections.adapter("db")
    assert isinstance(adapter, RedisAdapter)
    schema = await adapter.catalog.read_schema()
    told = repr([(t.name, [c.name for c in t.columns], t.comment, t.options) for t in schema.tables])
    assert not [piece for piece in PIECES if piece in told]
    assert {"login:*", "user:*", "session:*"} <= {table.name for table in schema.tables}


async def test_error_texts_hold_no_value(services: Services) -> None:
    for command in (
        ["HGET", "contact:1", "ada.lovelace@example.org"],
        ["INCR", "contact:1"],
        ["LRANGE", "contact:1", "x", "y"],
        ["GETRANGE", "contact:1", EMAIL_ARG, "1"],
    ):
        with pytest.raises(DbManagerError) as failed:
            await services.reader.query("db", json.dumps(command))
        assert not [piece for piece in PIECES if piece in failed.value.sentence()]


EMAIL_ARG = "ada.lovelace@example.org"


async def test_equal_values_get_equal_tokens(services: Services) -> None:
    first = await services.reader.query("db", '["GET", "contact:1"]')
    again = await services.reader.query("db", '["GET", "contact:1"]')
    assert first.masked.result.rows == again.masked.result.rows
    assert str(first.masked.result.rows[0][0]).startswith("[email:")


def test_there_are_enough_of_them() -> None:
    assert len(set(LEAKS)) >= 60
    assert len(set(BENIGN)) >= 50
