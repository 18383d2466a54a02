"""Health and settings on the newest servers: every statement runs there, and a fresh one has nothing above low."""

from __future__ import annotations

import pytest

from dbmanager.adapters.facets import Unsupported
from dbmanager.model.findings import Severity
from dbmanager.services.checking import run_checks
from tests.checks import test_health_postgresql as on_postgresql
from tests.checks.test_health_redis import HEALTH as REDIS_HEALTH
from tests.conftest import needed
from tests.engines import newest
from tests.redis.conftest import adapter_on
from tests.tuning.conftest import of, told

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def test_the_newest_postgresql_answers_every_check_and_rule() -> None:
    with (
        needed(),
        newest.newest_postgresql(fsync="on", autovacuum="on", max_wal_size="32MB", min_wal_size="32MB") as server,
    ):
        database = server.create_database()
        async with on_postgresql.opened(server, database) as adapter:
            report = await run_checks(adapter.security, engine="postgresql", pack="health")
            assert report.not_run == {}
            assert set(report.checked) == set(on_postgresql.HEALTH)
            assert [f for f in report.findings if f.severity.order < Severity.LOW.order] == []
            assert (await told(adapter)).not_run == {}
            server.run_sql(database, "SELECT pg_stat_reset_shared('checkpointer')")
            for number in range(12):
                server.run_sql(database, f"CREATE TABLE t{number} (a int); CHECKPOINT")
            assert of(await told(adapter), "max_wal_size")
            check = on_postgresql.HEALTH["PG-223"]
            facts = await adapter.security.facts(check)
            assert not isinstance(facts, Unsupported)
            (finding,) = check.findings(facts)
            assert "pg_stat_checkpointer" in str(finding.evidence_query)


@pytest.mark.parametrize("ring", ["redis", "valkey"])
async def test_the_newest_redis_and_valkey_answer_every_check_and_rule(ring: str) -> None:
    run = {"redis": newest.newest_redis, "valkey": newest.valkey}[ring]
    with needed(), run(maxmemory="100mb", maxmemory_policy="allkeys-lfu") as server:
        adapter = adapter_on(server, 0, access="read_only")
        try:
            report = await run_checks(adapter.security, engine="redis", pack="health")
            assert report.not_run == {}
            assert set(report.checked) == set(REDIS_HEALTH)
            assert [f for f in report.findings if f.severity.order < Severity.LOW.order] == []
            tuned = await told(adapter)
            assert tuned.not_run == {}
            assert tuned.recommendations == ()
        finally:
            await adapter.close()
