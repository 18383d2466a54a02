"""Reading the catalog of 1,000 tables: our schema model beside the least statements, and beside SQLAlchemy."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import asyncpg
from sqlalchemy import MetaData, text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import create_async_engine

from benchmarks import generated_schema
from benchmarks.outcome import Outcome, Ratio
from benchmarks.place import Place
from benchmarks.timing import Sampler, Series, rounds
from dbmanager.adapters.facets import Catalog
from dbmanager.adapters.sqlite.adapter import SqliteAdapter
from tests.engines.postgresql import PASSWORD, SUPERUSER

TARGETS = {"PostgreSQL": 2.0, "SQLite": 4.0}
"""Why SQLite has another: docs/adr/0006-sqlite-catalog-floor.md."""
REPETITIONS = 12
PEER_REPETITIONS = 3
SETTING = """\
1,000 tables with 14,000 columns, 2,000 references, 1,000 checks and 4,000 indexes, generated from a fixed seed, the \
same DDL on both engines. Every sample has a connection of its own that has answered one statement, so connecting is \
left out and no cache is warm. The floor is the least catalog statements through the same driver, rows fetched and \
nothing built of them; cold is `catalog.read_schema()` with nothing known, warm the same call again (a fingerprint, then \
the same model); the peer is `MetaData.reflect` of SQLAlchemy with asyncpg and aiosqlite, in rounds of its own after the \
others, because what it leaves behind slows them."""
LEAST_POSTGRESQL = (
    "SELECT c.oid, n.nspname, c.relname, c.relkind FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace "
    "WHERE c.relkind IN ('r', 'p', 'v', 'm') AND n.nspname = 'public'",
    "SELECT a.attrelid, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, "
    "pg_get_expr(d.adbin, d.adrelid) FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid "
    "LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum WHERE a.attnum > 0 "
    "AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm') AND c.relnamespace = 'public'::regnamespace",
    "SELECT conrelid, conname, contype, conkey, confrelid, confkey, confdeltype, confupdtype, "
    "CASE WHEN contype = 'c' THEN pg_get_constraintdef(oid) END FROM pg_constraint "
    "WHERE connamespace = 'public'::regnamespace",
    "SELECT x.indrelid, i.relname, x.indisunique, x.indkey::int2[], pg_get_indexdef(x.indexrelid) FROM pg_index AS x "
    "JOIN pg_class AS i ON i.oid = x.indexrelid WHERE i.relnamespace = 'public'::regnamespace",
)
LEAST_SQLITE = (
    "SELECT type, name, tbl_name, sql FROM sqlite_schema",
    'SELECT s.name, c.name, c.type, c."notnull", c.dflt_value, c.pk FROM sqlite_schema AS s '
    "JOIN pragma_table_xinfo(s.name) AS c WHERE s.type = 'table'",
    'SELECT s.name, f.id, f."table", f."from", f."to", f.on_update, f.on_delete FROM sqlite_schema AS s '
    "JOIN pragma_foreign_key_list(s.name) AS f WHERE s.type = 'table'",
    'SELECT s.name, l.name, l."unique", l.origin, x.name FROM sqlite_schema AS s '
    "JOIN pragma_index_list(s.name) AS l JOIN pragma_index_xinfo(l.name) AS x WHERE s.type = 'table' AND x.\"key\" = 1",
)


async def measure(place: Place) -> Outcome:
    """Make the schema on both engines and read it in turn."""
    ddl = generated_schema.script()
    raw = sqlite3.connect(place.file)
    raw.executescript(f"BEGIN; {ddl} COMMIT;")
    raw.close()
    place.server.run_sql(place.database, f"BEGIN; {ddl} COMMIT; ANALYZE;")
    series = (*await _postgresql(place), *await _sqlite(place), *await _peers(place))
    return Outcome(
        "catalog",
        "Catalog of 1,000 tables",
        SETTING,
        series,
        ratios=tuple(ratio for engine in ("PostgreSQL", "SQLite") for ratio in _ratios(engine)),
    )


def _ratios(engine: str) -> tuple[Ratio, ...]:
    cold = f"{engine}, read_schema cold"
    return (
        Ratio(cold, f"{engine}, least statements", TARGETS[engine]),
        Ratio(cold, f"{engine}, MetaData.reflect"),
        Ratio(f"{engine}, read_schema warm", f"{engine}, least statements"),
    )


async def _postgresql(place: Place) -> tuple[Series, ...]:

    async def once(kept: Sampler) -> None:
        raw = await place.connect()
        await raw.fetch("SELECT 1")
        with kept.time_settled("PostgreSQL, least statements"):
            await _fetch_all(raw, LEAST_POSTGRESQL)
        await raw.close()
        adapter = place.adapter()
        await adapter.query.fetch("SELECT 1")
        await read_twice(kept, "PostgreSQL", adapter.catalog)
        await adapter.close()

    return await rounds(once, warm_up=1, repetitions=REPETITIONS)


async def _sqlite(place: Place) -> tuple[Series, ...]:

    async def once(kept: Sampler) -> None:
        raw = sqlite3.connect(place.file)
        raw.execute("SELECT 1 FROM sqlite_schema").fetchall()
        with kept.time_settled("SQLite, least statements"):
            for statement in LEAST_SQLITE:
                raw.execute(statement).fetchall()
        raw.close()
        adapter = SqliteAdapter("benchmark", place.file, read_only=True)
        await adapter.query.fetch("SELECT 1 FROM sqlite_schema")
        await read_twice(kept, "SQLite", adapter.catalog)
        await adapter.close()

    return await rounds(once, warm_up=1, repetitions=REPETITIONS)


async def _fetch_all(raw: asyncpg.Connection[Any], statements: Sequence[str]) -> None:
    for statement in statements:
        await raw.fetch(statement)


async def read_twice(kept: Sampler, engine: str, catalog: Catalog, tables: int = generated_schema.TABLES) -> None:
    """Time the first and the second reading of a schema, and see that the second gave the same model."""
    with kept.time_settled(f"{engine}, read_schema cold"):
        schema = await catalog.read_schema()
    with kept.time(f"{engine}, read_schema warm"):
        again = await catalog.read_schema()
    if again is not schema or len(schema.tables) != tables:
        raise RuntimeError(f"{engine}: {len(schema.tables)} tables were read")


async def _peers(place: Place) -> tuple[Series, ...]:
    server = place.server
    urls = {
        "PostgreSQL": URL.create("postgresql+asyncpg", SUPERUSER, PASSWORD, server.host, server.port, place.database),
        "SQLite": URL.create("sqlite+aiosqlite", database=str(place.file)),
    }

    async def once(kept: Sampler) -> None:
        for engine, url in urls.items():
            await _reflect(kept, engine, url)

    return await rounds(once, warm_up=1, repetitions=PEER_REPETITIONS)


async def _reflect(kept: Sampler, engine: str, url: URL) -> None:
    peer = create_async_engine(url)
    async with peer.connect() as connection:
        await connection.execute(text("SELECT 1"))
        found = MetaData()
        with kept.time_settled(f"{engine}, MetaData.reflect"):
            await connection.run_sync(found.reflect)
        if len(found.tables) != generated_schema.TABLES:
            raise RuntimeError(f"{engine}: the peer read {len(found.tables)} tables")
    await peer.dispose()
