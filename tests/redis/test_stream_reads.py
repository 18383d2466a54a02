"""XREAD reads within the page's bounds, entry by entry, whatever COUNT asks for; what may wait or is unclear is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dbmanager.adapters.redis.adapter import RedisAdapter
from dbmanager.adapters.redis.bounds import bounded
from dbmanager.errors import InvalidStatement, ResourceExhausted, StatementRefused
from dbmanager.model.commands import parse_command
from dbmanager.model.configuration import Configuration
from dbmanager.model.queries import QueryLimits, QueryRequest, Row
from dbmanager.services.configuration import LoadedConfiguration
from dbmanager.services.container import Services
from tests.engines.redis import PASSWORD, RedisServer
from tests.redis.conftest import OpenRedis

pytestmark = pytest.mark.anyio
PERSON = "quiet.person@example.org"
ENTRIES, ENTRY_BYTES = 20_000, 2_000


async def _filled(adapter: RedisAdapter) -> None:
    """Fill two short streams and one of 40 MB."""
    async with adapter.sessions.writing(timeout_seconds=120) as wire:
        for name, entries in (("one", 7), ("two", 5)):
            for number in range(entries):
                await wire.call("XADD", name, f"{number + 1}-1", "email", PERSON)
        for start in range(0, ENTRIES, 1_000):
            await wire.many(
                [("XADD", "long", f"{n + 1}-1", "n", str(n).zfill(ENTRY_BYTES)) for n in range(start, start + 1_000)]
            )


async def _pages(adapter: RedisAdapter, *command: str, rows: int) -> list[Row]:
    found: list[Row] = []
    offset: int | None = 0
    while offset is not None:
        page = await adapter.query.run(QueryRequest(json.dumps(command), (), QueryLimits(max_rows=rows), offset))
        assert [column.name for column in page.columns] == ["key", "id", "value"]
        assert len(page.rows) <= rows
        found += page.rows
        offset = page.next_offset
    return found


@pytest.mark.parametrize("rows", [1, 3, 5, 7, 100])
async def test_pages_over_several_streams_give_every_entry_once(
    rows: int, open_redis: OpenRedis, database: int
) -> None:
    adapter = open_redis(database)
    await _filled(adapter)
    for count, each in ((["COUNT", "4"], 4), (["COUNT", "0"], 7), ([], 7)):
        found = await _pages(adapter, "XREAD", *count, "STREAMS", "one", "two", "none", "0", "2-1", "$", rows=rows)
        expected = [("one", f"{n + 1}-1") for n in range(each)] + [("two", f"{n}-1") for n in (3, 4, 5)]
        assert [row[:2] for row in found] == expected
        assert json.loads(str(found[0][2])) == {"email": PERSON}


@pytest.mark.parametrize(
    "count", [[], ["COUNT", "0"], ["COUNT", "-1"], ["COUNT", "1000000"], ["count", "1", "COUNT", "0"]]
)
async def test_a_long_stream_is_read_for_one_page_only(count: list[str], open_redis: OpenRedis, database: int) -> None:
    adapter = open_redis(database)
    await _filled(adapter)
    limits = QueryLimits(max_rows=10)
    asked = json.dumps(["XREAD", *count, "STREAMS", "long", "0"])
    page = await adapter.query.run(QueryRequest(asked, (), limits))
    assert len(page.rows) == 10
    assert page.truncated_by == "rows"
    async with adapter.sessions.reading(timeout_seconds=5) as wire:
        sent = await bounded(wire, parse_command(asked), [b"long"], QueryRequest(asked, (), limits))
    assert sent.arguments == (b"XREAD", b"COUNT", b"11", b"STREAMS", b"long", b"0")
    with pytest.raises(ResourceExhausted):
        await adapter.query.run(QueryRequest(asked, (), limits, ENTRIES - 100))


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (["XREAD", "BLOCK", "0", "STREAMS", "one", "$"], StatementRefused),
        (["xread", "Count", "1", "bLoCk", "1", "streams", "one", "$"], StatementRefused),
        (["XREAD", "COUNT", "BLOCK", "0", "STREAMS", "one", "$"], InvalidStatement),
        (["XREAD", "STREAMS", "one"], InvalidStatement),
        (["XREAD", "STREAMS"], InvalidStatement),
        (["XREAD", "COUNT"], InvalidStatement),
        (["XREAD"], InvalidStatement),
        (["XREAD", "NOACK", "STREAMS", "one", "0"], InvalidStatement),
        (["XREAD", "GROUP", "g", "c", "STREAMS", "one", ">"], InvalidStatement),
    ],
)
async def test_what_waits_or_is_unclear_is_refused_with_advice(
    command: list[str], error: type[Exception], open_redis: OpenRedis, database: int
) -> None:
    with pytest.raises(error) as refused:
        await open_redis(database).query.run(QueryRequest(json.dumps(command)))
    assert refused.value.hint  # type: ignore[attr-defined]


async def test_a_masked_connection_shows_no_value_of_a_stream(
    redis_server: RedisServer, open_redis: OpenRedis, database: int, tmp_path: Path
) -> None:
    await _filled(open_redis(database))
    (tmp_path / "password").write_text(PASSWORD)
    connection = {"url": redis_server.url(database), "password": {"file": str(tmp_path / "password")}}
    services = Services(LoadedConfiguration(
        Configuration.model_validate({"connections": {"db": connection}, "store": {"data_dir": "state"}}), (), tmp_path
    ))  # fmt: skip
    try:
        page = await services.reader.query("db", json.dumps(["XREAD", "STREAMS", "one", "two", "0", "0"]))
        assert len(page.masked.result.rows) == 12
        assert PERSON not in repr(page)
    finally:
        await services.close()
