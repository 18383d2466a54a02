"""What PostgreSQL counted is recovered exactly, compared over two moments, and told without a value."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from pydantic import SecretStr

from dbmanager.adapters.facets import Unsupported
from dbmanager.adapters.postgresql.adapter import PostgresAdapter
from dbmanager.adapters.postgresql.catalog import PACKAGE
from dbmanager.adapters.sql.blocks import blocks
from dbmanager.analyzers.workload.gathering import understood
from dbmanager.analyzers.workload.routines import statements_of, with_placeholders
from dbmanager.errors import PermissionDenied, StatementFailed, StatementRefused, UnsupportedCapability
from dbmanager.model.configuration import ConnectionSettings, ResolvedUrl
from dbmanager.model.workload import Workload, WorkloadStatement
from dbmanager.phases.optimization.workload import analyze, collect
from tests.engines.newest import newest_postgresql
from tests.engines.postgresql import PASSWORD, SUPERUSER, PostgresServer
from tests.workload.conftest import OpenServices

pytestmark = pytest.mark.anyio
Open = Callable[..., PostgresAdapter]
LOOKUP = "SELECT full_name FROM customers WHERE id = {n}"
LIST = "SELECT id, customer_id FROM orders WHERE total > {n} LIMIT 100"
WRITE = "UPDATE orders SET note = 'Zebedee''s MiXeD' WHERE id = {n}"
RESET = "SELECT pg_stat_statements_reset(0, (SELECT oid FROM pg_database WHERE datname = current_database()), 0)"
FUNCTION = """
CREATE FUNCTION spent(p_customer integer) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE v_sum numeric; one record;
BEGIN
  SELECT sum(total) INTO v_sum FROM orders WHERE customer_id = p_customer;
  FOR one IN SELECT id FROM orders WHERE customer_id = p_customer LOOP
    UPDATE orders SET note = 'seen' WHERE id = one.id;
  END LOOP;
  RETURN v_sum;
END $$;
"""


def _load(server: PostgresServer, database: str, lookups: int, lists: int, writes: int) -> None:
    statements = [LOOKUP.format(n=n % 200 + 1) for n in range(lookups)] + [LIST.format(n=n) for n in range(lists)]
    statements += [WRITE.format(n=n + 1) for n in range(writes)]
    server.run_sql(database, ";\n".join(statements) + ";")


def _by_text(workload: Workload) -> dict[str, WorkloadStatement]:
    return {statement.text: statement for statement in workload.statements}


def _named(workload: Workload, part: str) -> WorkloadStatement:
    return next(statement for statement in workload.statements if part in statement.text)


async def test_a_seeded_workload_is_recovered_exactly_without_our_own_statements(
    pg_server: PostgresServer, shop: str, open_postgres: Open
) -> None:
    _load(pg_server, shop, 37, 5, 11)
    adapter = open_postgres(shop, access="read_only")
    await adapter.catalog.read_schema()
    await adapter.statistics.tables(exact_up_to_rows=10_000)
    await adapter.query.fetch("SELECT count(*) FROM orders")
    found = await adapter.workload.collect()
    assert isinstance(found, Workload)
    workload = understood(found, "postgres")
    assert {text: (s.calls, s.rows, s.kind) for text, s in _by_text(workload).items()} == {
        "SELECT full_name FROM customers WHERE id = $1": (37, 37, "read"),
        "SELECT id, customer_id FROM orders WHERE total > $1 LIMIT $2": (5, 500, "read"),
        "UPDATE orders SET note = $1 WHERE id = $2": (11, 11, "write"),
    }
    assert all(s.total_ms is not None and s.blocks_hit for s in workload.statements)
    assert workload.table_writes == {"orders": 2_011, "customers": 200}
    assert workload.skipped == ()


async def test_two_moments_are_compared_and_a_reset_between_them_is_noticed(
    pg_server: PostgresServer, shop: str, open_services: OpenServices, secret: dict[str, str]
) -> None:
    services = open_services(shop={"url": pg_server.url(shop), "password": secret})
    adapter = await services.connections.adapter("shop")
    _load(pg_server, shop, 20, 2, 0)
    await analyze(services.workloads, "shop", await collect(adapter, "shop"), "postgres", "previous")
    _load(pg_server, shop, 5, 0, 3)
    report = await analyze(services.workloads, "shop", await collect(adapter, "shop"), "postgres", "previous")
    assert report.changed is not None
    assert not report.changed.was_reset
    counts = {s.text[:12]: (s.calls, s.rows) for s in report.shown.statements}
    assert counts == {"SELECT full_": (5, 5), "UPDATE order": (3, 3)}
    assert report.shown.table_writes == {"orders": 3, "customers": 0}
    assert report.changed.new == {_named(report.shown, "UPDATE").fingerprint}
    assert [s.text[:10] for s in report.changed.gone] == ["SELECT id,"]
    pg_server.run_sql(shop, RESET)
    _load(pg_server, shop, 4, 0, 9)
    after = await analyze(services.workloads, "shop", await collect(adapter, "shop"), "postgres", "previous")
    assert after.changed is not None
    assert after.changed.was_reset
    assert _named(after.shown, "full_name").calls == 4
    assert _named(after.shown, "UPDATE").calls in (
        6,
        9,
    )
    both = await services.workloads.compare("shop", report.snapshot.id, after.snapshot.id)
    assert _named(both.period, "full_name").calls == 4


async def test_a_statement_of_a_megabyte_is_counted_and_reported_and_ends_nothing(
    pg_server: PostgresServer, shop: str, open_services: OpenServices, secret: dict[str, str]
) -> None:
    services = open_services(shop={"url": pg_server.url(shop), "password": secret})
    adapter = await services.connections.adapter("shop")
    numbers = ", ".join(f"{number:07}" for number in range(120_000))
    pg_server.run_sql(shop, f"SELECT count(*) FROM orders WHERE id IN ({numbers}); {LOOKUP.format(n=1)}; VACUUM orders")
    report = await analyze(services.workloads, "shop", await collect(adapter, "shop"), "postgres", None)
    counted = {s.text[:20]: (s.calls, s.kind) for s in report.shown.statements}
    assert counted == {
        "SELECT count(*) FROM": (1, "read"),
        "SELECT full_name FRO": (1, "read"),
        "VACUUM orders": (1, "other"),
    }
    assert [why for _, why in report.workload.skipped] == ["longer than 50,000 characters: counted, not analysed"]
    assert all(len(text) <= 200 for text, _ in report.workload.skipped)


async def test_the_load_over_several_snapshots_is_told_as_rates(
    pg_server: PostgresServer, shop: str, open_services: OpenServices, secret: dict[str, str]
) -> None:
    services = open_services(shop={"url": pg_server.url(shop), "password": secret})
    adapter = await services.connections.adapter("shop")
    for lookups in (3, 8, 0, 5):
        if lookups:
            _load(pg_server, shop, lookups, 0, 0)
        await analyze(services.workloads, "shop", await collect(adapter, "shop"), "postgres", None)
    points = await services.workloads.history("shop", "pg_stat_statements")
    assert [round(point.calls_per_second * point.seconds) for point in points] == [8, 0, 5]
    assert [point.slowest is None for point in points] == [False, True, False]
    assert points[0].busy > 0
    only = await services.workloads.history("shop", "pg_stat_statements", fingerprint="none such")
    assert [point.calls_per_second for point in only] == [0, 0, 0]


async def test_look_ups_for_each_row_of_another_statement_are_found(
    pg_server: PostgresServer, shop: str, open_services: OpenServices, secret: dict[str, str]
) -> None:
    services = open_services(shop={"url": pg_server.url(shop), "password": secret})
    adapter = await services.connections.adapter("shop")
    _load(pg_server, shop, 300, 3, 60)
    report = await analyze(services.workloads, "shop", await collect(adapter, "shop"), "postgres", None)
    assert [finding.id for finding in report.findings] == ["WL-001"]
    assert report.findings[0].evidence["calls"] == 300
    assert report.findings[0].evidence["parent_rows"] == 300


async def test_a_statement_that_became_slower_is_found(
    pg_server: PostgresServer, shop: str, open_services: OpenServices, secret: dict[str, str]
) -> None:
    services = open_services(shop={"url": pg_server.url(shop), "password": secret})
    adapter = await services.connections.adapter("shop")
    twenty = ";".join(["SELECT count(*) FROM orders WHERE note LIKE '%9%'"] * 20)
    pg_server.run_sql(shop, twenty)
    await analyze(services.workloads, "shop", await collect(adapter, "shop"), "postgres", None)
    pg_server.run_sql(shop, "INSERT INTO orders SELECT n, 1, 1, 'Note ' || n FROM generate_series(3000, 90000) AS g(n)")
    pg_server.run_sql(shop, twenty)
    report = await analyze(services.workloads, "shop", await collect(adapter, "shop"), "postgres", "previous")
    assert [finding.evidence["statement"] for finding in report.findings if finding.id == "WL-005"] == [
        "SELECT count(*) FROM orders WHERE note LIKE $1"
    ]


async def test_a_routine_is_profiled_and_its_statements_are_named_after_it(
    pg_server: PostgresServer, shop: str, open_postgres: Open
) -> None:
    pg_server.run_sql(shop, FUNCTION)
    pg_server.run_sql(shop, RESET)
    told = "SET pg_stat_statements.track = 'all'; SET track_functions = 'all';"
    pg_server.run_sql(shop, told + "".join(f"SELECT spent({n});" for n in (3, 4, 5)))
    adapter = open_postgres(shop)
    found = await adapter.workload.collect()
    assert isinstance(found, Workload)
    workload = understood(found, "postgres")
    routine = workload.routines[0]
    assert (routine.name, routine.language, routine.calls, len(routine.statements)) == ("spent", "plpgsql", 3, 3)
    named = {s.text: (s.calls, s.routine) for s in workload.statements if s.routine}
    assert sorted(calls for calls, _ in named.values()) == [3, 3, 30]
    assert {name for _, name in named.values()} == {"spent"}
    assert {s.text: s.is_nested for s in workload.statements} == {
        s.text: s.routine is not None for s in workload.statements
    }
    caller = _named(workload, "SELECT spent")
    assert workload.total_ms == pytest.approx(caller.total_ms)
    bodies = statements_of(routine, "postgres")
    assert [with_placeholders(text, routine, "postgres") for text in bodies[:2]] == [
        "SELECT sum(total) FROM orders WHERE customer_id = $1", "SELECT id FROM orders WHERE customer_id = $1",
    ]  # fmt: skip
    for text in bodies[:2]:
        plan = await adapter.workload.plan(with_placeholders(text, routine, "postgres"))
        assert not isinstance(plan, Unsupported)
        assert {node.table for node in plan.nodes()} >= {"orders"}


@contextmanager
def _newest() -> Iterator[PostgresServer]:
    with newest_postgresql() as server:
        yield server


@pytest.mark.parametrize("ring", ["distribution", "newest"])
async def test_normalised_text_is_planned_without_values_and_every_block_runs(
    ring: str, pg_server: PostgresServer, shop: str, open_postgres: Open, request: pytest.FixtureRequest
) -> None:
    if ring == "newest":
        with _newest() as server:
            database = server.create_database()
            server.run_sql(
                database,
                "CREATE EXTENSION pg_stat_statements; CREATE TABLE orders (id integer PRIMARY KEY, note text);",
            )
            server.run_sql(database, "SELECT note FROM orders WHERE id IN (1, 2, 3)")
            monkeyed = PostgresAdapter("newest", *_address(server, database))
            try:
                await _planned(monkeyed)
            finally:
                await monkeyed.close()
        return
    pg_server.run_sql(shop, "SELECT note FROM orders WHERE id IN (1, 2, 3)")
    await _planned(open_postgres(shop))


def _address(server: PostgresServer, database: str) -> tuple[ResolvedUrl, ConnectionSettings]:
    url = ResolvedUrl(engine="postgresql", host=server.host, port=server.port, user=SUPERUSER,
                      password=SecretStr(PASSWORD), database=database)  # fmt: skip
    return url, ConnectionSettings(url=server.url(database))


async def _planned(adapter: PostgresAdapter) -> None:
    found = await adapter.workload.collect()
    assert isinstance(found, Workload)
    statement = _named(understood(found, "postgres"), "SELECT note")
    assert statement.samples == ()
    plan = await adapter.workload.plan(statement.text)
    assert not isinstance(plan, Unsupported)
    assert [node.table for node in plan.nodes() if node.table] == ["orders"]
    version = (await adapter.catalog.server_info()).version_number
    for name, block in blocks(PACKAGE).items():
        fits = (block.min_version or 0) <= version <= (block.max_version or version)
        if name.startswith("workload") and fits:
            assert isinstance(await adapter.query.fetch(block.sql), list)


async def test_a_plan_without_values_is_gated_like_any_query(shop: str, open_postgres: Open) -> None:
    with pytest.raises(StatementRefused):
        await open_postgres(shop).workload.plan("DELETE FROM orders WHERE id = $1")


async def test_a_running_statement_gives_a_sample_of_its_values(
    pg_server: PostgresServer, shop: str, open_postgres: Open
) -> None:
    asked = "SELECT full_name FROM customers WHERE id = 7"
    held = subprocess.Popen(
        [str(pg_server.bindir / "psql"), "-X", "-q", "-h", pg_server.host, "-p", str(pg_server.port), "-U", SUPERUSER, "-d", shop],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={"PGPASSWORD": PASSWORD, "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert held.stdin is not None
    assert held.stdout is not None
    held.stdin.write(asked + ";\n\\echo done\n")
    held.stdin.flush()
    while held.stdout.readline().strip() != "done":
        pass
    try:
        found = await open_postgres(shop).workload.collect()
        assert isinstance(found, Workload)
        statement = _named(understood(found, "postgres"), "full_name")
        assert (statement.calls, statement.samples) == (1, (asked,))
    finally:
        held.stdin.close()
        held.wait(10)
        held.stdout.close()


async def test_what_is_missing_is_told_with_what_to_do(
    pg_server: PostgresServer, pg_database: str, shop: str, open_postgres: Open
) -> None:
    reason = await open_postgres(pg_database).workload.collect()
    assert isinstance(reason, Unsupported)
    assert "CREATE EXTENSION pg_stat_statements" in reason.reason
    with pytest.raises(UnsupportedCapability, match="CREATE EXTENSION"):
        await collect(open_postgres(pg_database), "test")
    _load(pg_server, shop, 3, 0, 0)
    pg_server.run_sql(shop, f"CREATE ROLE blind_{shop} LOGIN PASSWORD 'blind-secret'")
    try:
        blind = open_postgres(shop, user=f"blind_{shop}", password="blind-secret", access="read_only")
        with pytest.raises(PermissionDenied) as denied:
            await blind.workload.collect()
        assert "pg_read_all_stats" in denied.value.sentence()
        pg_server.run_sql(shop, f"GRANT pg_read_all_stats TO blind_{shop}")
        seeing = await blind.workload.collect()
        assert isinstance(seeing, Workload)
        assert _named(seeing, "full_name").calls == 3
    finally:
        pg_server.run_sql(shop, f"DROP ROLE blind_{shop}")


async def test_bytes_without_encoding_are_left_out_and_elsewhere_told_with_what_to_do(
    pg_server: PostgresServer, shop: str, open_postgres: Open
) -> None:
    pg_server.run_sql("postgres", "CREATE DATABASE loose TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'")
    try:
        pg_server.run_sql("loose", "CREATE EXTENSION pg_stat_statements; CREATE TABLE t (a text);")
        script = b"SET client_encoding = 'SQL_ASCII'; SELECT a, a AS \"caf\xe9\" FROM t; SELECT a FROM t;"
        subprocess.run(
            [str(pg_server.bindir / "psql"), "-X", "-q", "-h", pg_server.host, "-p", str(pg_server.port), "-U", SUPERUSER, "-d", "loose"],
            input=script, capture_output=True, env={"PGPASSWORD": PASSWORD, "PATH": "/usr/bin:/bin"}, check=True,
        )  # fmt: skip
        adapter = open_postgres("loose")
        found = await adapter.workload.collect()
        assert isinstance(found, Workload)
        assert _named(found, "SELECT a FROM t").calls == 1
        assert [why for _, why in found.skipped] == ["bytes that are no UTF-8; 1 calls"]
        await adapter.close()
        with pytest.raises(StatementFailed) as told:  # the view of every other database ends at these bytes
            await open_postgres(shop).workload.collect()
        assert "pg_stat_statements_reset" in told.value.sentence()
    finally:
        pg_server.run_sql("loose", RESET)
        pg_server.drop_database("loose")
    assert isinstance(await open_postgres(shop).workload.collect(), Workload)
