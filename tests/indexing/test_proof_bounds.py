"""A proof by execution can be given up, keeps to its budget and says what it could not copy or measure."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import anyio
import pytest
from sqlalchemy import func, select

from dbmanager.errors import UnsupportedCapability
from dbmanager.model.changes import ChangePlan, ChangeStep
from dbmanager.model.configuration import Configuration
from dbmanager.model.queries import QueryLimits
from dbmanager.phases.optimization import proving
from dbmanager.services.configuration import LoadedConfiguration
from dbmanager.services.container import Services
from dbmanager.services.index_trials import IndexTrials
from dbmanager.services.scratch import Budget
from dbmanager.services.tables import SCRATCH
from tests.engines.postgresql import PASSWORD, PostgresServer

pytestmark = pytest.mark.anyio
SALES = "CREATE TABLE sales (id int PRIMARY KEY, customer int, note text);"
ROWS = "INSERT INTO sales SELECT i, i % 997, 'some text' FROM generate_series(1, 30000) AS n (i); VACUUM ANALYZE;"
STEP = ChangeStep(
    title="an index", statement="CREATE INDEX by_customer ON sales (customer)", inverse=("DROP INDEX by_customer",)
)
PLAN = ChangePlan(connection="db", title="one index", reason="slow", steps=(STEP,), precondition="")
QUERY = "SELECT note FROM sales WHERE customer = 17"


@asynccontextmanager
async def _services(folder: Path, url: str, **settings: object) -> AsyncIterator[Services]:
    """Yield services; no scratch place may be left at the end."""
    connection = {"url": url, "password": {"env": "SHOP_PASSWORD"}, **settings} if "sqlite" not in url else {"url": url}
    given = {"connections": {"db": connection}, "store": {"data_dir": str(folder / "state")}}
    services = Services(LoadedConfiguration(Configuration.model_validate(given), (), folder))
    try:
        yield services
        async with services.store.read() as store:
            assert (await store.execute(select(func.count()).select_from(SCRATCH))).scalar_one() == 0
    finally:
        await services.close()


@pytest.fixture
def shop(pg_server: PostgresServer, pg_database: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("SHOP_PASSWORD", PASSWORD)
    pg_server.run_sql(pg_database, SALES + ROWS)
    return pg_server.url(pg_database)


async def test_a_proof_that_is_given_up_leaves_nothing_and_a_new_one_works(tmp_path: Path, shop: str) -> None:
    async with _services(tmp_path, shop) as services:
        adapter = await services.connections.adapter("db")
        trials, before = IndexTrials(services.scratches, "db", adapter), await adapter.catalog.fingerprint()
        told: list[str] = []
        with anyio.CancelScope() as scope:

            async def give_up(done: float, total: float, message: str) -> None:
                assert 0 <= done < total
                told.append(message)
                if message.endswith("with the indexes"):
                    scope.cancel()

            await proving.prove(adapter, trials, PLAN, [QUERY], give_up)
        assert scope.cancelled_caught
        assert told[0] == "copying sales"
        assert await adapter.catalog.fingerprint() == before
        proof = await proving.prove(adapter, trials, PLAN, [QUERY])
        assert [one.delivered for one in proof.verdicts] == [True]
        assert await adapter.catalog.fingerprint() == before, "nothing of it was made in the database"


async def test_what_does_not_fit_the_budget_is_tried_on_a_sample_which_is_told(
    tmp_path: Path, shop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proving, "BUDGET", Budget(rows=20_000, bytes=50_000_000, seconds=100.0))
    monkeypatch.setattr(proving, "SAMPLE_ROWS", 10_000)
    async with _services(tmp_path, shop) as services:
        adapter = await services.connections.adapter("db")
        proof = await proving.prove(adapter, IndexTrials(services.scratches, "db", adapter), PLAN, [QUERY])
    assert proof.how.startswith("a copy of a sample; figures and choices are the sample's: sales ")
    assert "of about 30,000 rows" in proof.how
    assert [one.delivered for one in proof.verdicts] == [True]


async def test_where_no_copy_can_be_made_it_is_refused_with_the_reason(tmp_path: Path, shop: str) -> None:
    async with _services(tmp_path, shop, scratch=False) as services:
        adapter = await services.connections.adapter("db")
        with pytest.raises(UnsupportedCapability, match="scratch = false"):
            await proving.prove(adapter, IndexTrials(services.scratches, "db", adapter), PLAN, [QUERY])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    with closing(sqlite3.connect(tmp_path / "shop.db")) as raw:
        raw.executescript(SALES + "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000) "
                          "INSERT INTO sales SELECT i, i % 997, 'some text' FROM n;")  # fmt: skip
    return tmp_path


ENDLESS = "SELECT count(*) FROM sales a, sales b, sales c WHERE a.note < b.note || c.note"
SAVED = (
    "SELECT count(*) FROM sales a WHERE EXISTS "
    "(SELECT 1 FROM sales b WHERE b.customer BETWEEN a.id + 5000 AND a.id + 5001)"
)
"""A range: for an equality SQLite would make an index of its own."""
IDLE = PLAN.model_copy(
    update={
        "steps": (
            ChangeStep(title="idle", statement="CREATE INDEX idle ON sales (note)", inverse=("DROP INDEX idle",)),
        )
    }
)


async def test_a_query_that_never_ends_leaves_what_shows_no_gain_unjudged(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proving, "_LIMITS", QueryLimits(timeout_seconds=1.0))
    async with _services(file, "sqlite:///shop.db") as services:
        adapter = await services.connections.adapter("db")
        trials = IndexTrials(services.scratches, "db", adapter)
        proof = await proving.prove(adapter, trials, PLAN, [QUERY, ENDLESS])
        assert [one.delivered for one in proof.verdicts] == [True], "it helps the first query"
        assert proof.queries[1].is_open
        idle = await proving.prove(adapter, trials, IDLE, [QUERY, ENDLESS])
        assert [(one.delivered, one.why) for one in idle.verdicts] == [(None, "query 2 was not measured to its end")]
        assert idle.failed == ()


async def test_a_query_that_ends_with_the_index_alone_is_its_gain(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proving, "_LIMITS", QueryLimits(timeout_seconds=2.0))
    async with _services(file, "sqlite:///shop.db") as services:
        adapter = await services.connections.adapter("db")
        proof = await proving.prove(adapter, IndexTrials(services.scratches, "db", adapter), PLAN, [SAVED])
    (query,) = proof.queries
    assert query.before is not None
    assert query.after is not None
    assert (query.before.stopped, query.after.stopped) == (True, False)
    assert query.delivered_ratio is None
    assert [(one.delivered, one.queries) for one in proof.verdicts] == [(True, (1,))]


async def test_what_comes_too_late_is_told(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proving, "MEASURE_SECONDS", 0.0)
    async with _services(file, "sqlite:///shop.db") as services:
        adapter = await services.connections.adapter("db")
        proof = await proving.prove(adapter, IndexTrials(services.scratches, "db", adapter), PLAN, [QUERY])
    assert proof.queries[0].problem == "not run: the time for measuring is used up"
    assert [one.delivered for one in proof.verdicts] == [None]
