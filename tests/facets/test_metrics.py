"""Figures of a moment: what is really there, on every engine, and nothing that the role may not see."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dbmanager.adapters.facets import Adapter, Unsupported
from dbmanager.adapters.postgresql.adapter import PostgresAdapter
from dbmanager.model.metrics import Metric, MetricMoment
from tests.engines.postgresql import PASSWORD, PostgresServer
from tests.facets.contract import EngineUnderTest

pytestmark = pytest.mark.anyio


async def _moment(adapter: Adapter) -> MetricMoment:
    assert not isinstance(adapter.metrics, Unsupported)
    moment = await adapter.metrics.moment()
    assert isinstance(moment, MetricMoment)
    return moment


def _objects(moment: MetricMoment, name: str) -> dict[str, float]:
    return {m.object.replace("public.", ""): m.value for m in moment.metrics if m.name == name}


async def test_size_and_rows_grow_with_the_tables(engine: EngineUnderTest) -> None:
    engine.run(engine.small)
    adapter = engine.open(read_only=True)
    before = await _moment(adapter)
    engine.fill(2_000, 30_000)
    engine.run("ANALYZE TABLE child" if engine.engine == "mysql" else "ANALYZE")
    after = await _moment(adapter)
    grown = (after.value("database_bytes") or 0) - (before.value("database_bytes") or 0)
    assert grown > 500_000
    assert 5_000 < _objects(after, "table_rows")["child"] < 90_000, "an estimate where the engine counts none"
    if engine.name != "sqlite":
        assert _objects(after, "table_bytes")["child"] > 500_000
        assert (after.value("connections_used") or 0) >= 1
        assert (after.value("connections_max") or 0) >= 10
        assert (after.value("cache_hits") or 0) > (before.value("cache_hits") or 0)


async def test_a_sequence_says_how_much_of_it_is_used(engine: EngineUnderTest) -> None:
    used = {
        "postgresql": "CREATE TABLE seq (id serial PRIMARY KEY); SELECT setval('seq_id_seq', 1073741824)",
        "sqlite": "CREATE TABLE seq (id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO seq VALUES (4611686018427387904)",
    }.get(
        engine.name,
        "CREATE TABLE seq (id int PRIMARY KEY AUTO_INCREMENT); INSERT INTO seq VALUES (1073741824); ANALYZE TABLE seq",
    )
    engine.run(used)
    moment = await _moment(engine.open(read_only=True))
    name = {"postgresql": "seq_id_seq", "sqlite": "seq"}.get(engine.name, "seq.id")
    assert _objects(moment, "sequence_used_ratio")[name] == pytest.approx(0.5, abs=0.001)


async def test_a_bigint_sequence_is_judged_by_the_column_that_it_fills(pg_engine: EngineUnderTest) -> None:
    pg_engine.run(
        "CREATE SEQUENCE wide; CREATE TABLE t (id integer PRIMARY KEY DEFAULT nextval('wide')); ALTER SEQUENCE wide OWNED BY t.id;"
        "SELECT setval('wide', 2000000000)"
    )
    used = _objects(await _moment(pg_engine.open(read_only=True)), "sequence_used_ratio")
    assert used["wide"] < 0.001
    assert used["t.id"] == pytest.approx(0.93, abs=0.01)


@pytest.fixture
def pg_engine(engine: EngineUnderTest) -> EngineUnderTest:
    if engine.name != "postgresql":
        pytest.skip("of PostgreSQL alone")
    return engine


def test_a_figure_of_a_table_can_not_be_made_without_its_name() -> None:
    with pytest.raises(ValueError, match="wants an object"):
        Metric("table_bytes", 1.0)
    with pytest.raises(KeyError):
        Metric("unheard_of", 1.0)


async def test_a_plain_role_is_told_what_it_may_not_see(
    pg_server: PostgresServer, pg_database: str, open_postgres: Callable[..., PostgresAdapter]
) -> None:
    pg_server.run_sql(
        pg_database,
        f"CREATE ROLE plain_{pg_database} LOGIN PASSWORD '{PASSWORD}'; CREATE TABLE hidden (id serial PRIMARY KEY);"
        "INSERT INTO hidden DEFAULT VALUES",
    )
    try:
        adapter = open_postgres(pg_database, user=f"plain_{pg_database}", access="read_only")
        moment = await _moment(adapter)
        assert (moment.value("database_bytes") or 0) > 1_000_000
        assert "public.hidden" in moment.objects("table_bytes")
        assert list(moment.objects("sequence_used_ratio")) == []
        assert moment.value("oldest_transaction_seconds") is None
        assert "pg_read_all_stats" in dict(moment.not_told)["replication_lag_seconds"]
        await adapter.close()
    finally:
        pg_server.run_sql(pg_database, f"DROP ROLE plain_{pg_database}")
