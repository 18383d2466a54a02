"""Throw-away databases on every engine: filled in three ways, within budgets, gone afterwards, the source untouched."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from typing import get_args

import anyio
import pytest

from dbmanager.adapters.facets import Scratch, ScratchPlace, Statement, Unsupported, need
from dbmanager.adapters.facets.scratch import fresh_name
from dbmanager.errors import AccessDenied, ResourceExhausted, UnsupportedCapability
from dbmanager.services.scratch import Budget, Contents
from tests.scratch.conftest import CHILDREN, NAMES, PARENTS, Source, counted, scratches_of

pytestmark = pytest.mark.anyio
TABLED = [name for name in NAMES if name != "redis"]
SQL = [name for name in NAMES if name not in ("redis", "mongodb")]


async def test_a_full_copy_holds_every_row_and_leaves_nothing(source: Source) -> None:
    services = source.services()
    adapter, before = await services.connections.adapter("db"), source.fingerprint()
    async with services.scratches.made("db", adapter, "full") as scratch:
        assert await counted(scratch.adapter) == await counted(adapter)
        assert scratch.rows["child" if source.name != "redis" else next(iter(scratch.rows))] == CHILDREN
        assert source.leftovers() != []
        if source.name in TABLED:
            there = (await scratch.adapter.catalog.read_schema()).table("child")
            here = (await adapter.catalog.read_schema()).table("child")
            assert {i.name for i in there.indexes} == {i.name for i in here.indexes}
            assert len(there.foreign_keys) == len(here.foreign_keys)
    assert source.leftovers() == []
    assert source.fingerprint() == before


@pytest.mark.parametrize("source", TABLED, indirect=True)
async def test_a_schema_alone_holds_no_rows(source: Source) -> None:
    services = source.services()
    adapter, before = await services.connections.adapter("db"), source.fingerprint()
    async with services.scratches.made("db", adapter, "schema") as scratch:
        found = await counted(scratch.adapter)
        assert set(found) == set(await counted(adapter))
        assert set(found.values()) == {0}
        assert scratch.left_out == ()
    assert source.leftovers() == []
    assert source.fingerprint() == before


@pytest.mark.parametrize("source", SQL, indirect=True)
async def test_the_parents_of_sampled_children_come_along(source: Source) -> None:
    services = source.services()
    adapter, before = await services.connections.adapter("db"), source.fingerprint()
    async with services.scratches.made("db", adapter, "sample", ["child"], sample_rows=100) as scratch:
        found = await counted(scratch.adapter)
        assert found["child"] == 100 == scratch.rows["child"]
        assert 0 < found["parent"] <= 100
        schema = await scratch.adapter.catalog.read_schema()
        orphans = await scratch.adapter.statistics.count_orphans(
            schema.table("child"), "parent_id", schema.table("parent"), "id"
        )
        assert not isinstance(orphans, Unsupported)
        assert orphans.orphans == 0
        assert len(schema.table("child").foreign_keys) == 1
    assert source.leftovers() == []
    assert source.fingerprint() == before


async def test_a_sample_of_everything_is_bounded(source: Source) -> None:
    services = source.services()
    adapter = await services.connections.adapter("db")
    async with services.scratches.made("db", adapter, "sample", sample_rows=50) as scratch:
        assert max(scratch.rows.values()) <= PARENTS
        assert sum(scratch.rows.values()) < CHILDREN
        assert sum(scratch.rows.values()) >= 50


@pytest.mark.parametrize(
    ("budget", "named"),
    [
        (Budget(rows=1_000), "1,000 rows"),
        (Budget(bytes=20_000), "20,000 bytes"),
        (Budget(seconds=1), "1 seconds"),
    ],
)
async def test_each_budget_stops_the_copy_and_says_what_to_set(source: Source, budget: Budget, named: str) -> None:
    services = source.services()
    adapter = await services.connections.adapter("db")
    with pytest.raises(ResourceExhausted, match=named) as stopped:
        async with services.scratches.made("db", adapter, "full", budget=budget):
            await anyio.sleep_forever()
    assert "budget" in str(stopped.value.hint)
    assert source.leftovers() == []


async def test_a_cancelled_owner_leaves_nothing(source: Source) -> None:
    services = source.services()
    adapter, ready = await services.connections.adapter("db"), asyncio.Event()

    async def owner() -> None:
        async with services.scratches.made("db", adapter, "sample", sample_rows=20):
            ready.set()
            await anyio.sleep_forever()

    task = asyncio.create_task(owner())
    await asyncio.wait_for(ready.wait(), 60)
    assert source.leftovers() != []
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert source.leftovers() == []
    assert await scratches_of(services, 1).clean() == ()


OWNER = """
import json, sys
from pathlib import Path
import anyio
from dbmanager.model.configuration import Configuration
from dbmanager.services.configuration import LoadedConfiguration
from dbmanager.services.container import Services
from tests.scratch.conftest import scratches_of

async def main():
    settings = Configuration.model_validate(json.loads(sys.stdin.readline()))
    services = Services(LoadedConfiguration(settings, (), Path(".")))
    adapter = await services.connections.adapter("db")
    async with scratches_of(services, 1.0).made("db", adapter, "sample", sample_rows=50):
        print("ready", flush=True)
        await anyio.sleep_forever()

anyio.run(main)
"""


@pytest.mark.parametrize("moment", ["while it is made", "once it is there"])
@pytest.mark.parametrize("mode", ["server", "private"])
async def test_a_killed_owner_leaves_nothing_after_the_next_clean_up(source: Source, mode: str, moment: str) -> None:
    if source.name == "mongodb" and mode == "private":
        pytest.skip("no private mongod")
    child = subprocess.Popen([sys.executable, "-c", OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(json.dumps(source.settings(scratch=mode)) + "\n")
    child.stdin.flush()
    deadline = time.monotonic() + 60
    while moment == "while it is made" and not source.leftovers():
        assert time.monotonic() < deadline
    if moment == "once it is there":
        assert child.stdout.readline().strip() == "ready"
    assert source.leftovers() != []
    services = source.services(scratch=mode)
    assert await services.scratches.clean() == (), "its owner is alive"
    child.send_signal(signal.SIGKILL)
    child.communicate()
    deadline = time.monotonic() + 20
    told: tuple[str, ...] = ()
    while not told:
        assert time.monotonic() < deadline
        told = await services.scratches.clean()
    assert ["dropped" in line for line in told] == [True]
    while source.leftovers():
        assert time.monotonic() < deadline, source.leftovers()
    assert await services.scratches.clean() == ()


async def test_a_place_is_dropped_twice_and_only_ours(source: Source) -> None:
    adapter = await source.services().connections.adapter("db")
    facet: Scratch = need(adapter.scratch, "db")
    places = need(await facet.places(fresh_name()), "db")
    for place in places:
        await facet.create(place)
        await facet.drop(place)
        await facet.drop(place)
        assert source.leftovers() == []
        for name in ("postgres", "dbmanager_scratch_", place.name + "x", "dbmanager_scratch_0; DROP DATABASE x"):
            with pytest.raises(AccessDenied):
                await facet.drop(ScratchPlace(name, place.kind, place.machine, place.folder))
        if place.folder:
            with pytest.raises(AccessDenied):
                await facet.drop(ScratchPlace(place.name, place.kind, place.machine, str(source.folder)))
    assert source.folder.exists()


async def test_a_connection_can_forbid_it(source: Source) -> None:
    services = source.services(scratch=False)
    adapter = await services.connections.adapter("db")
    with pytest.raises(UnsupportedCapability, match="scratch = false"):
        async with services.scratches.made("db", adapter, "schema"):
            raise AssertionError


async def test_production_never_makes_a_database_beside_the_source(source: Source) -> None:
    adapter = await source.services(environment="production").connections.adapter("db")
    found = await need(adapter.scratch, "db").places(fresh_name())
    if source.name == "mongodb":
        assert isinstance(found, Unsupported)
        return
    assert [place.kind for place in need(found, "db")] == ["file" if source.name == "sqlite" else "instance"]


@pytest.mark.parametrize("source", [name for name in NAMES if name not in ("sqlite", "mongodb")], indirect=True)
async def test_a_private_instance_takes_a_full_copy(source: Source) -> None:
    services = source.services(scratch="private")
    adapter, before = await services.connections.adapter("db"), source.fingerprint()
    async with services.scratches.made("db", adapter, "full") as scratch:
        assert scratch.place.kind == "instance"
        assert source.beside() == []
        assert await counted(scratch.adapter) == await counted(adapter)
    assert source.leftovers() == []
    assert source.fingerprint() == before


async def test_the_store_keeps_no_address_in_clear(source: Source) -> None:
    services = source.services()
    adapter = await services.connections.adapter("db")
    async with services.scratches.made("db", adapter, "nothing") as scratch:
        files = [path for path in (source.folder / "state").iterdir() if path.name.startswith("store")]
        data = b"".join(path.read_bytes() for path in files)
        assert b"scr_" in data
        assert scratch.place.name.encode() not in data


@pytest.mark.parametrize("source", ["postgresql"], indirect=True)
async def test_the_source_sees_reads_alone(source: Source) -> None:
    assert source.sql is not None
    source.sql.run("CREATE EXTENSION IF NOT EXISTS pg_stat_statements; SELECT pg_stat_statements_reset();")
    services = source.services()
    adapter = await services.connections.adapter("db")
    for contents in get_args(Contents):
        async with services.scratches.made("db", adapter, contents):
            pass
    seen = source.sql.fetch(
        r"SELECT DISTINCT upper(substring(query from '^(?:\s|--[^\n]*\n|/\*[^*]*\*/)*(\w+)')) "
        "FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid WHERE d.datname = current_database()"
    )
    words = {row[0].rstrip(";") for row in seen}
    own = {"CREATE", "DROP"}  # of the scratch databases alone, which the next look shows
    reads = {"SELECT", "WITH", "SET", "BEGIN", "ROLLBACK", "COMMIT", "RESET", "CLOSE", "UNLISTEN", "DEALLOCATE", "LOCK",
             "COPY", "DECLARE", "FETCH", "SHOW", "DISCARD", "PREPARE", "EXECUTE"}  # fmt: skip
    assert words <= reads | own, words - reads
    changed = source.sql.fetch(
        "SELECT query FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid "
        "WHERE d.datname = current_database() AND query ~* '^(create|drop)'"
    )
    assert [row for row in changed if "DATABASE" not in row[0] and "EXTENSION" not in row[0]] == []


@pytest.mark.parametrize("source", ["sqlite"], indirect=True)
async def test_even_a_writable_source_file_is_opened_for_reading_alone(source: Source) -> None:
    services = source.services(access="read_write")
    adapter, before = await services.connections.adapter("db"), source.fingerprint()
    for contents in get_args(Contents)[1:]:
        async with services.scratches.made("db", adapter, contents) as scratch:
            done = Statement("DELETE FROM child")
            await scratch.adapter.execute.execute([done], atomic=True, lock_timeout_seconds=1, timeout_seconds=5)
    assert adapter._sessions._writer is None  # type: ignore[attr-defined]
    assert source.fingerprint() == before
