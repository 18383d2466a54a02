"""What is worth caching is found between two snapshots, and a replay through a real Redis answers as was expected."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from dbmanager.analyzers.caching.candidates import candidate, key_design, parameters, read_facts, refusal
from dbmanager.analyzers.caching.hit_ratio import expected, in_windows
from dbmanager.analyzers.caching.replay import Event, drawn, observed, simulated
from dbmanager.errors import InvalidStatement
from dbmanager.model.caching import CacheCandidate
from dbmanager.model.configuration import Configuration
from dbmanager.model.workload import Workload
from dbmanager.phases.deliverables import export
from dbmanager.phases.optimization.caching import caching_payload, caching_text, plan_caching, verify_caching
from dbmanager.phases.optimization.workload import analyze, collect
from dbmanager.services.cache_trials import replayed
from dbmanager.services.configuration import LoadedConfiguration
from dbmanager.services.container import Services
from dbmanager.services.tables import SCRATCH
from tests.engines.postgresql import PostgresServer
from tests.workload.conftest import OpenServices

SLOW = "SELECT count(*) FROM orders a JOIN orders b ON b.total > a.total WHERE a.customer_id = {n}"


def _candidate(reads: float, writes: float, keys: int, ttl: float) -> CacheCandidate:
    design = key_design("shop", "f" * 16, ("orders", "customers"), ttl, 8.0)
    return CacheCandidate("f" * 16, "SELECT ?", ("orders", "customers"), "redis", reads, writes, 8.0, keys,
                          expected(reads / keys, ttl, writes), 0.0, None, design)  # fmt: skip


@pytest.mark.parametrize(
    ("reads", "ttl", "writes"), [(5.0, 2.0, 0.0), (0.5, 10.0, 0.2), (2.0, 60.0, 1.0), (40.0, 0.5, 3.0)]
)
def test_the_theory_fits_a_long_random_sequence(reads: float, ttl: float, writes: float) -> None:
    one = _candidate(reads, writes, 1, ttl)
    found = simulated("f", drawn(one, most=120_000), ttl).hit_ratio
    assert found == pytest.approx(expected(reads, ttl, writes), abs=0.012)


@given(st.floats(1e-6, 1e4), st.floats(1e-3, 1e5), st.floats(0, 1e3))
def test_a_hit_ratio_is_a_ratio_and_writes_never_raise_it(reads: float, ttl: float, writes: float) -> None:
    assert 0 <= expected(reads, ttl, writes) <= expected(reads, ttl) + 1e-9 <= 1 + 1e-9
    assert in_windows(reads, ttl) <= expected(reads, ttl) + 1e-9


def test_keys_that_are_asked_more_than_others_are_hit_more_than_expected() -> None:
    chance = random.Random(7)
    skewed = [f"k{int(chance.paretovariate(1.1)) % 200}" for _ in range(20_000)]
    even = [f"k{chance.randrange(200)}" for _ in range(20_000)]
    ratios = [simulated("f", observed(keys, 2_000.0), 5.0).hit_ratio for keys in (skewed, even)]
    assert ratios[0] > ratios[1] + 0.1


@pytest.mark.anyio
@pytest.mark.parametrize(("reads", "writes", "keys"), [(30.0, 0.0, 20), (30.0, 1.5, 5)])
async def test_a_real_redis_answers_as_the_simulation_and_never_stale(reads: float, writes: float, keys: int) -> None:
    one = _candidate(reads, writes, keys, 10.0)
    replay = await replayed(one, drawn(one, most=2_500), seconds=4.0)
    assert replay.reads > 2_000
    assert replay.stale == 0
    assert replay.hit_ratio == pytest.approx(replay.simulated_ratio, abs=0.05)
    assert replay.hit_ratio == pytest.approx(one.hit_ratio, abs=0.07)
    assert replay.memory_bytes is not None
    assert 60 <= replay.memory_bytes / keys <= 400
    assert replay.hit_ms is not None


@pytest.mark.anyio
async def test_an_observed_sequence_is_replayed_exactly() -> None:
    one = _candidate(10.0, 0.0, 3, 1_000.0)
    events = observed(["a", "b", "a", None, "a", "a", "b", "c", None, None, "c"], 1.1)
    replay = await replayed(one, events, seconds=1.0)
    assert (replay.reads, replay.hits, replay.stale) == (8, 2, 0)
    assert replay.simulated_ratio == 2 / 8


@pytest.mark.promise("P3.4")
@pytest.mark.anyio
async def test_what_is_worth_caching_is_found_and_the_rest_is_told_why(
    pg_server: PostgresServer, shop: str, open_services: OpenServices, secret: dict[str, str]
) -> None:
    services = open_services(shop={"url": pg_server.url(shop), "password": secret})
    adapter = await services.connections.adapter("shop")
    pg_server.run_sql(shop, "SET jit = off; SET max_parallel_workers_per_gather = 0;")
    first = await analyze(services.workloads, "shop", await collect(adapter, "shop"), "postgres", None)
    with pytest.raises(InvalidStatement, match="s apart"):
        await plan_caching(
            adapter, services.workloads, "shop", first.snapshot.id, first.snapshot.id, staleness_seconds=60
        )
    load = [SLOW.format(n=n % 4 + 1) for n in range(60)]
    load += [f"SELECT full_name FROM customers WHERE id = {n}" for n in range(40)]
    load += ["SELECT count(*), now() FROM orders a JOIN orders b ON b.total > a.total"] * 2
    load += ["UPDATE customers SET full_name = 'Zebedee Quill' WHERE id = 3"] * 30
    pg_server.run_sql(shop, ";\n".join(load) + "; SELECT pg_sleep(1.1);")
    second = await analyze(services.workloads, "shop", await collect(adapter, "shop"), "postgres", None)
    plan = await plan_caching(
        adapter, services.workloads, "shop", first.snapshot.id, second.snapshot.id, staleness_seconds=60, hit_ms=0.01
    )
    assert [(one.tables, one.place, one.keys <= 60) for one in plan.candidates] == [(("orders",), "redis", True)]
    best = plan.candidates[0]
    assert "customer_id = $1" in best.statement
    assert best.hit_ratio > 0.2
    assert best.saved_ms_per_second > 0
    assert best.memory_bytes is not None
    assert best.design.generations == ("cache:shop:written:orders",)
    reasons = {text.split(" FROM")[0]: why for text, why in plan.rejected}
    assert reasons["SELECT count(*), now()"] == "its result changes by itself: now"
    assert "join or batch it" in reasons["SELECT full_name"]
    assert any("does not only read" in why for why in reasons.values())
    replays = await verify_caching(plan, services.scratches)
    assert replays[0].stale == 0
    assert replays[0].hit_ratio == pytest.approx(replays[0].simulated_ratio, abs=0.05)
    text = caching_text(plan, replays)
    assert "INCR its key" in text
    assert "Zebedee" not in text
    payload = caching_payload(plan, replays)
    assert payload["candidates"][0]["tables"] == ["orders"]
    project = await services.projects.create("cache", ["shop"])
    await services.keep_evidence(project.id, "caching_plan", "one statement", payload)
    made = await export(await services.projects.get(project.id), services.connections, services.export_folder("out"))
    assert "INCR its key" in (made.root / "optimization/caching/plan.md").read_text()
    nothing = await plan_caching(
        adapter, services.workloads, "shop", first.snapshot.id, second.snapshot.id, staleness_seconds=0
    )
    assert nothing.candidates == ()
    assert any("no answer may be old" in why for _, why in nothing.rejected)


@pytest.mark.anyio
async def test_columns_that_are_compared_make_the_keys_and_names_are_resolved(
    pg_server: PostgresServer, shop: str, open_services: OpenServices, secret: dict[str, str]
) -> None:
    services = open_services(shop={"url": pg_server.url(shop), "password": secret})
    pg_server.run_sql(shop, "CREATE VIEW rich AS SELECT * FROM orders WHERE total > 1000")
    adapter = await services.connections.adapter("shop")
    schema = await adapter.catalog.read_schema()
    text = "WITH x AS (SELECT id FROM customers WHERE email = $1) SELECT o.id FROM Orders o JOIN x ON x.id = o.customer_id WHERE total > $2"
    found = {
        (table.name, column)
        for table, column in parameters(text, "postgres", (schema.table("orders"), schema.table("customers")))
    }
    assert found == {("customers", "email"), ("orders", "total")}
    load = "SELECT id FROM rich WHERE id = 1; SELECT full_name FROM customers WHERE email = 'a';"
    pg_server.run_sql(shop, load)
    workload = await collect(adapter, "shop")
    by_table = {}
    for statement in workload.statements:
        facts = read_facts(statement, "postgres", schema, {("customers", "email"): 17}, {})
        assert facts is not None or statement.kind == "other"
        if facts is not None:
            by_table[facts.tables] = (facts.keys, refusal(statement, "postgres", facts))
    assert by_table[("rich",)] == (1, "it reads a view: name the tables behind it first")
    assert by_table[("customers",)] == (1, None)  # one call has one key, whatever the column holds


def test_a_candidate_names_its_numbers_reason_when_it_is_none() -> None:
    from dbmanager.analyzers.caching.candidates import ReadFacts
    from dbmanager.analyzers.workload.files import of_list
    from dbmanager.analyzers.workload.gathering import understood

    found: Workload = understood(of_list(["SELECT a FROM t WHERE b = 1"] * 30), "postgres")
    statement = found.statements[0]
    told = candidate(statement, ReadFacts(("t",), 1), found, 60.0, dialect="postgres", connection="shop",
                     staleness_seconds=60, hit_ms=0.3)  # fmt: skip
    assert told == "its time is not known"
    assert [event.is_write for event in (Event(0.0, None), Event(1.0, "a"))] == [True, False]


REPLAYING = """
import sys
from pathlib import Path
import anyio
from dbmanager.adapters.redis.cache import private_cache
from dbmanager.model.configuration import Configuration
from dbmanager.services.configuration import LoadedConfiguration
from dbmanager.services.container import Services
from tests.scratch.conftest import scratches_of

async def main():
    folder = Path(sys.argv[1])
    given = {"connections": {"db": {"url": "sqlite:///shop.db"}}, "store": {"data_dir": str(folder / "state")}}
    services = Services(LoadedConfiguration(Configuration.model_validate(given), (), folder))
    async with scratches_of(services, 1.0).book("db") as book:
        async with private_cache(["g"], ttl_ms=50, jitter_ratio=0, lock_ms=10, book=book) as cache:
            await cache.written(0)
            print("ready", flush=True)
            await anyio.sleep_forever()

anyio.run(main)
"""


@pytest.mark.anyio
async def test_the_folder_of_a_replay_that_was_killed_is_removed(
    tmp_path: Path,
) -> None:
    temporary = Path(tempfile.mkdtemp(prefix="r"))  # a short path: sockets' have 107 bytes
    child = subprocess.Popen(
        [sys.executable, "-c", REPLAYING, str(tmp_path)], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "TMPDIR": str(temporary)},
    )  # fmt: skip
    assert child.stdout is not None
    assert child.stdout.readline().strip() == "ready"
    child.send_signal(signal.SIGKILL)
    child.communicate()
    (folder,) = temporary.iterdir()
    given = {"connections": {"db": {"url": "sqlite:///shop.db"}}, "store": {"data_dir": str(tmp_path / "state")}}
    services = Services(LoadedConfiguration(Configuration.model_validate(given), (), tmp_path))
    deadline = time.monotonic() + 20
    told: tuple[str, ...] = ()
    while not told:
        assert time.monotonic() < deadline
        told = await services.scratches.clean()
    await services.close()
    assert ["dropped" in line for line in told] == [True]
    assert not folder.exists()
    temporary.rmdir()


@pytest.mark.anyio
async def test_a_replay_leaves_nothing_in_the_book(tmp_path: Path) -> None:
    given = {"connections": {"db": {"url": "sqlite:///shop.db"}}, "store": {"data_dir": str(tmp_path)}}
    services = Services(LoadedConfiguration(Configuration.model_validate(given), (), tmp_path))
    async with services.scratches.book("db") as book:
        await replayed(_candidate(10.0, 0.0, 3, 1_000.0), observed(["a", "b", "a"], 1.0), seconds=0.5, book=book)
    async with services.store.read() as store:
        assert (await store.execute(select(func.count()).select_from(SCRATCH))).scalar_one() == 0
    await services.close()
