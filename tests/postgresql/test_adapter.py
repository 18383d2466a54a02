"""The PostgreSQL adapter on a private instance of the real server."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from dbmanager.adapters.facets import Statement, Unsupported
from dbmanager.adapters.postgresql.adapter import PostgresAdapter
from dbmanager.errors import (
    AccessDenied,
    AuthenticationFailed,
    ConnectionFailed,
    InvalidStatement,
    QueryTimeout,
    StatementFailed,
    VerificationFailed,
)
from dbmanager.model.backups import BackupArtifact
from dbmanager.model.queries import QueryLimits, QueryRequest
from dbmanager.model.schema import Index, IndexKey, TableKind
from dbmanager.services.checksums import table_digest
from tests.engines.postgresql import PostgresServer

pytestmark = pytest.mark.anyio
Open = Callable[..., PostgresAdapter]

RICH = """
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE people (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name varchar(40) NOT NULL, born date,
  mail text UNIQUE, feels mood DEFAULT 'ok', tags text[], price numeric(10,2) CHECK (price > 0), doc jsonb,
  seen timestamptz, plain timestamp, small smallint, b bytea, u uuid, i interval, t time, n inet, f double precision,
  flag boolean, twice int GENERATED ALWAYS AS (small * 2) STORED);
COMMENT ON TABLE people IS 'those we know';
CREATE TABLE pets (id int PRIMARY KEY, owner bigint NOT NULL REFERENCES people ON DELETE CASCADE DEFERRABLE, label text);
CREATE INDEX ix_pets_label ON pets (lower(label), id DESC) INCLUDE (owner) WHERE label IS NOT NULL;
CREATE TABLE events (at date NOT NULL, what text) PARTITION BY RANGE (at);
CREATE TABLE events_24 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE events_25 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE VIEW adults AS SELECT id, mail FROM people WHERE born < '2006-01-01';
INSERT INTO people (name, born, mail, tags, price, doc, seen, plain, small, b, u, i, t, n, f, flag)
  SELECT 'n' || g, date '1990-01-01' + g, 'm' || g || '@example.org', ARRAY['a', NULL, 'ü'], g + 0.10, '{"k": [1, null]}',
  timestamptz '2024-05-05 10:00:00.5+02', timestamp '2024-05-05 10:00:00', g, '\\x00ff', md5(g::text)::uuid,
  '1 year 2 days 03:04:05', '10:11:12', '10.0.0.1', 1.5 / g, g % 2 = 0 FROM generate_series(1, 50) g;
INSERT INTO pets SELECT g, (g % 50) + 1, 'pet' || g FROM generate_series(1, 3000) g;
"""


async def test_the_catalog_is_read_whole(pg_server: PostgresServer, pg_database: str, open_postgres: Open) -> None:
    pg_server.run_sql(pg_database, RICH)
    adapter = open_postgres(pg_database)
    schema = await adapter.catalog.read_schema()
    assert await adapter.catalog.read_schema() is schema
    assert [t.name for t in schema.tables] == ["adults", "events", "people", "pets"]
    events = schema.table("events")
    assert events.kind is TableKind.PARTITIONED
    assert [p.name for p in events.partitions] == ["events_24", "events_25"]
    assert events.partition_key == "RANGE (at)"
    people = schema.table("people")
    assert people.comment == "those we know"
    assert people.column("feels").type.enum_values == ("sad", "ok")
    assert people.column("price").type.precision == 10
    assert people.column("twice").generated == "(small * 2)"
    assert people.column("id").identity == "always"
    assert [c.expression for c in people.checks] == ["(price > (0)::numeric)"]
    pets = schema.table("pets")
    assert pets.foreign_keys[0].on_delete == "CASCADE"
    index = next(i for i in pets.indexes if i.name == "ix_pets_label")
    assert index.keys == (IndexKey("lower(label)", True), IndexKey("id", False, True))
    assert index.include == ("owner",)
    assert index.where == "(label IS NOT NULL)"
    pg_server.run_sql(pg_database, "ALTER TABLE pets ADD COLUMN extra int")
    assert (await adapter.catalog.read_schema()).table("pets").has_column("extra")


async def test_a_million_rows_answer_within_the_bounds(pg_database: str, open_postgres: Open) -> None:
    adapter = open_postgres(pg_database)
    result = await adapter.query.run(QueryRequest("SELECT g, repeat('x', 100) FROM generate_series(1, 1000000) g"))
    assert result.truncated_by == "rows"
    assert len(result.rows) == 1_000
    assert result.size_bytes < 200_000
    page = await adapter.query.run(
        QueryRequest("SELECT g FROM generate_series(1, 1500) g", offset=result.next_offset or 0)
    )
    assert [row[0] for row in page.rows] == list(range(1_001, 1_501))
    assert page.truncated_by is None


async def test_a_cancelled_query_stops_on_the_server_within_a_second(
    pg_server: PostgresServer, pg_database: str, open_postgres: Open
) -> None:
    adapter = open_postgres(pg_database)
    slow = "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b"
    await adapter.query.run(QueryRequest("SELECT 1"))
    with anyio.move_on_after(0.5):
        await adapter.query.run(QueryRequest(slow))
    deadline = time.monotonic() + 1
    running = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%100000%' AND pid <> pg_backend_pid()"
    while pg_server.run_sql(pg_database, running) != "0":
        assert time.monotonic() < deadline
    assert (await adapter.query.run(QueryRequest("SELECT 2"))).rows == ((2,),)


async def test_time_limits_and_errors_are_told_without_values(pg_database: str, open_postgres: Open) -> None:
    adapter = open_postgres(pg_database)
    limits = QueryLimits(timeout_seconds=0.3)
    with pytest.raises(QueryTimeout):
        await adapter.query.run(
            QueryRequest(
                "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b", limits=limits
            )
        )
    with pytest.raises(InvalidStatement, match="nowhere"):
        await adapter.query.run(QueryRequest("SELECT * FROM nowhere"))
    with pytest.raises(StatementFailed) as failed:
        await adapter.query.run(QueryRequest("SELECT ('secret' || 'value')::int"))
    assert "secret" not in failed.value.sentence()
    with pytest.raises(InvalidStatement):
        await adapter.query.run(QueryRequest("SELECT $1::int", ()))


async def test_connection_faults_are_one_clear_sentence(
    pg_server: PostgresServer, pg_database: str, open_postgres: Open
) -> None:
    with pytest.raises(AuthenticationFailed, match="'test'"):
        await open_postgres(pg_database, password="wrong").catalog.server_info()
    with pytest.raises(ConnectionFailed, match="does not exist"):
        await open_postgres("nowhere").catalog.server_info()
    adapter = open_postgres(pg_database)
    adapter._sessions.url = adapter._sessions.url.model_copy(update={"port": 1})
    with pytest.raises(ConnectionFailed, match="nothing answers"):
        await adapter.catalog.server_info()


async def test_a_superuser_is_warned_about(pg_database: str, open_postgres: Open) -> None:
    info = await open_postgres(pg_database).catalog.server_info()
    assert info.is_superuser
    assert any("superuser" in warning for warning in info.warnings)


async def test_rows_of_every_type_survive_a_copy(
    pg_server: PostgresServer, pg_database: str, open_postgres: Open
) -> None:
    pg_server.run_sql(pg_database, RICH + "CREATE SCHEMA two; CREATE TABLE two.people (LIKE people INCLUDING ALL)")
    adapter = open_postgres(pg_database)
    schema = await adapter.catalog.read_schema()
    source, target = schema.table("people"), schema.table("people", "two")
    columns = [c.name for c in source.columns if c.generated is None]
    after, seen = None, 0
    while (chunk := await adapter.bulk.read_chunk(source, columns, ["id"], after, 20)).rows:
        for _ in range(2):  # a redone chunk changes nothing
            await adapter.bulk.write_chunk(target, columns, ["id"], chunk.rows)
        after, seen = chunk.last_key, seen + len(chunk.rows)
    assert seen == 50
    assert await table_digest(adapter, source, columns) == await table_digest(adapter, target, columns)
    same = "SELECT count(*) FROM (TABLE people EXCEPT TABLE two.people) d"
    assert (
        pg_server.run_sql(
            pg_database,
            same.replace(
                "TABLE people EXCEPT TABLE two.people",
                "SELECT p::text FROM people p EXCEPT SELECT p::text FROM two.people p",
            ),
        )
        == "0"
    )


async def test_a_backup_restores_and_a_flipped_bit_is_refused(
    pg_server: PostgresServer, pg_database: str, open_postgres: Open, tmp_path: Path
) -> None:
    pg_server.run_sql(pg_database, RICH)
    adapter = open_postgres(pg_database)
    table = (await adapter.catalog.read_schema()).table("people")
    made = await adapter.backup.back_up(tmp_path / "b.dump")
    assert isinstance(made, BackupArtifact)
    async with adapter.backup.restore_to_scratch(made) as scratch:
        restored = (await scratch.catalog.read_schema()).table("people")
        assert await table_digest(scratch, restored) == await table_digest(adapter, table)
    assert pg_server.run_sql("postgres", "SELECT count(*) FROM pg_database WHERE datname LIKE 'dbmanager%'") == "0"
    data = bytearray(made.path.read_bytes())
    data[len(data) // 2] ^= 1
    made.path.write_bytes(data)
    with pytest.raises(VerificationFailed):
        async with adapter.backup.restore_to_scratch(made):
            pass


async def test_what_if_needs_hypopg_and_uses_it(
    pg_server: PostgresServer, pg_database: str, open_postgres: Open
) -> None:
    pg_server.run_sql(pg_database, RICH + "ANALYZE;")
    adapter = open_postgres(pg_database)
    table = (await adapter.catalog.read_schema()).table("pets")
    candidate = (table, Index("ix_owner", (IndexKey("owner"),)))
    sql = "SELECT * FROM pets WHERE owner = 7 AND id > 0"
    async with adapter.what_if.planner() as planner:
        assert isinstance(planner, Unsupported)
    pg_server.run_sql(pg_database, "CREATE EXTENSION hypopg")
    async with adapter.what_if.planner() as planner:
        assert not isinstance(planner, Unsupported)
        tried = await planner.plan(sql, [candidate])
        assert tried.used == ("ix_owner",)
        assert tried.cost < (await planner.plan(sql, [])).cost


async def test_writes_need_access(pg_database: str, open_postgres: Open) -> None:
    with pytest.raises(AccessDenied):
        await open_postgres(pg_database, access="read_only").execute.execute(
            [Statement("CREATE TABLE t (a int)")], atomic=True, lock_timeout_seconds=1, timeout_seconds=5
        )


async def test_a_sample_of_most_rows_of_a_big_table_is_as_large_as_asked(
    pg_server: PostgresServer, pg_database: str, open_postgres: Callable[..., PostgresAdapter]
) -> None:
    pg_server.run_sql(
        pg_database, "CREATE TABLE big AS SELECT i AS id FROM generate_series(1, 30000) AS n (i); VACUUM ANALYZE"
    )
    adapter = open_postgres(pg_database)
    table = (await adapter.catalog.read_schema()).table("big")
    for wanted in (200, 5_000, 20_000):
        found = len((await adapter.statistics.sample(table, rows=wanted)).rows)
        assert wanted * 0.7 <= found <= wanted
