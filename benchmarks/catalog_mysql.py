"""Reading the catalog of 1,000 tables on MySQL and MariaDB: our schema model beside the least statements."""

from __future__ import annotations

import aiomysql

from benchmarks import generated_schema
from benchmarks.catalog import read_twice
from benchmarks.outcome import Outcome, Ratio
from benchmarks.place import Place
from benchmarks.timing import Sampler, Series, rounds
from tests.engines import mariadb, mysql
from tests.engines.instance import login
from tests.engines.mysql_family import MySqlServer, driver_password, open_mysql

REPETITIONS = 8
SECONDS = 15.0
"""Of each product; two rounds are run however long they take."""
NAMES = {"mysql": "MySQL", "mariadb": "MariaDB"}
TARGETS = {"MySQL": 2.25, "MariaDB": 2.0}
"""MySQL's: docs/adr/0011-mysql-catalog-floor.md."""
SETTING = """\
1,000 tables with 14,000 columns, 2,000 references, 1,000 checks and 4,000 indexes, generated from the same seed as for \
the other engines (no index has a condition here, and texts are indexed by a prefix), on a private server each. Every \
sample has a connection of its own that has answered one statement. The floor is the least statements on \
information_schema through aiomysql, rows fetched and nothing built of them; cold is `catalog.read_schema()` with \
nothing known, warm the same call again (a fingerprint, then the same model)."""
LEAST = (
    "SELECT TABLE_NAME, TABLE_TYPE, ENGINE, TABLE_COLLATION, TABLE_COMMENT FROM information_schema.TABLES "
    "WHERE TABLE_SCHEMA = DATABASE()",
    "SELECT TABLE_NAME, COLUMN_NAME, ORDINAL_POSITION, COLUMN_TYPE, IS_NULLABLE, COLUMN_DEFAULT, EXTRA "
    "FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE()",
    "SELECT TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX, NON_UNIQUE, COLUMN_NAME, SUB_PART FROM information_schema.STATISTICS "
    "WHERE TABLE_SCHEMA = DATABASE()",
    "SELECT TABLE_NAME, CONSTRAINT_NAME, ORDINAL_POSITION, COLUMN_NAME, REFERENCED_TABLE_NAME, REFERENCED_COLUMN_NAME "
    "FROM information_schema.KEY_COLUMN_USAGE WHERE TABLE_SCHEMA = DATABASE()",
    "SELECT TABLE_NAME, CONSTRAINT_NAME, DELETE_RULE, UPDATE_RULE FROM information_schema.REFERENTIAL_CONSTRAINTS "
    "WHERE CONSTRAINT_SCHEMA = DATABASE()",
    "SELECT CONSTRAINT_NAME, CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = DATABASE()",
)


async def measure(place: Place) -> Outcome:
    """Make the schema on a private server of each product and read it in turn."""
    series: list[Series] = []
    engines: dict[str, str] = {}
    for module in (mysql, mariadb):
        with module.running() as server:
            database = server.create_database(generated_schema.script(mysql=True))
            engines[NAMES[server.engine]] = server.version
            series += await _read(server, database)
    ratios = tuple(ratio for name in NAMES.values() for ratio in _ratios(name))
    return Outcome(
        "catalog_mysql", "Catalog of 1,000 tables on MySQL and MariaDB", SETTING, tuple(series), ratios, engines=engines
    )


def _ratios(engine: str) -> tuple[Ratio, ...]:
    floor = f"{engine}, least statements"
    return Ratio(f"{engine}, read_schema cold", floor, TARGETS.get(engine)), Ratio(f"{engine}, read_schema warm", floor)


async def _read(server: MySqlServer, database: str) -> tuple[Series, ...]:
    engine = NAMES[server.engine]

    async def once(kept: Sampler) -> None:
        await _floor(server, database, kept)
        adapter = open_mysql(server, database, access="read_only")
        await adapter.query.fetch("SELECT 1")
        await read_twice(kept, engine, adapter.catalog)
        await adapter.close()

    await _floor(server, database, Sampler())
    return await rounds(once, warm_up=0, repetitions=REPETITIONS, seconds=SECONDS, fewest=2)


async def _floor(server: MySqlServer, database: str, kept: Sampler) -> None:
    raw = await aiomysql.connect(
        host=server.host, port=server.port, user=login(server.engine)[0], password=driver_password(server.engine),
        db=database,
    )  # fmt: skip
    async with raw.cursor() as cursor:
        await cursor.execute("SELECT 1")
        with kept.time_settled(f"{NAMES[server.engine]}, least statements"):
            for statement in LEAST:
                await cursor.execute(statement)
                await cursor.fetchall()
    await raw.ensure_closed()
