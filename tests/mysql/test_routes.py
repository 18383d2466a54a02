"""Copies between engines, the digest that notices every kind of change, and what a catalog of 1,000 objects costs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from dbmanager.adapters.facets import Adapter, Statement, need
from dbmanager.adapters.mysql.adapter import MysqlAdapter
from dbmanager.adapters.postgresql.adapter import PostgresAdapter
from dbmanager.adapters.sqlite.adapter import SqliteAdapter
from dbmanager.errors import UnsupportedCapability
from dbmanager.phases.migration.verify import compare
from dbmanager.services.checksums import table_digest
from tests.conftest import MakeFile
from tests.engines.mysql_family import MySqlServer, open_mysql

pytestmark = pytest.mark.anyio
SOURCE = """
CREATE TABLE things (id INTEGER PRIMARY KEY, name VARCHAR(40) NOT NULL, price DECIMAL(10,2), weight DOUBLE, born DATE,
  seen TIMESTAMP, data BLOB, note TEXT);
INSERT INTO things VALUES (1, 'ünï 😀', '1.50', 0.1, '2024-02-29', '2024-02-29 10:11:12.5', x'00ff', 'it''s \\'),
  (2, '', '-99999999.99', -1e300, '0001-01-01', '1970-01-01 00:00:00', x'', ''), (3, ' pad ', NULL, NULL, NULL, NULL, NULL, NULL);
"""
CHANGES = (
    "ALTER TABLE t ADD COLUMN extra int", "ALTER TABLE t DROP COLUMN note", "ALTER TABLE t RENAME COLUMN note TO remark",
    "ALTER TABLE t MODIFY note varchar(60)", "ALTER TABLE t MODIFY note varchar(50) CHARACTER SET latin1",
    "ALTER TABLE t MODIFY note varchar(50) COMMENT 'x'", "ALTER TABLE t MODIFY note varchar(50) NOT NULL",
    "ALTER TABLE t ALTER note SET DEFAULT 'y'", "ALTER TABLE t MODIFY a int AFTER note", "ALTER TABLE t MODIFY a int unsigned",
    "ALTER TABLE t COMMENT 'x'", "ALTER TABLE t ENGINE = MyISAM", "ALTER TABLE t ROW_FORMAT = COMPRESSED",
    "ALTER TABLE t RENAME TO u", "ALTER TABLE t ADD CHECK (a > 0)", "ALTER TABLE t DROP PRIMARY KEY", "CREATE INDEX j ON t (note)",
    "CREATE INDEX j ON t (note(5))", "CREATE UNIQUE INDEX j ON t (a)", "CREATE INDEX j ON t (a DESC)", "DROP INDEX i ON t",
    "ALTER TABLE t RENAME INDEX i TO j", "ALTER TABLE c DROP FOREIGN KEY k",
    "ALTER TABLE c DROP FOREIGN KEY k, ADD CONSTRAINT k2 FOREIGN KEY (t_id) REFERENCES t (id) ON DELETE CASCADE",
    "CREATE TABLE fresh (a int)", "DROP TABLE c", "CREATE VIEW w AS SELECT 1 AS a", "DROP VIEW v", "ALTER VIEW v AS SELECT id, 2 AS b FROM t",
    "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.note = 'x'", "DROP TRIGGER h",
    "CREATE PROCEDURE p() SELECT 1", "DROP FUNCTION f", "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1",
    "ALTER TABLE parted ADD PARTITION (PARTITION p2 VALUES LESS THAN (30))", "ALTER TABLE parted DROP PARTITION p0",
    "ALTER TABLE parted REMOVE PARTITIONING", "ALTER TABLE t MODIFY id int AUTO_INCREMENT", "ALTER TABLE t MODIFY e enum('a','b','c')",
    "ALTER TABLE t ADD COLUMN d int GENERATED ALWAYS AS (a + 1) VIRTUAL", "ALTER TABLE t CONVERT TO CHARACTER SET latin1",
)  # fmt: skip
BASE = """
CREATE TABLE t (id int PRIMARY KEY, a int, note varchar(50), e enum('a','b'), KEY i (a));
CREATE TABLE c (id int PRIMARY KEY, t_id int, CONSTRAINT k FOREIGN KEY (t_id) REFERENCES t (id));
CREATE TABLE parted (id int PRIMARY KEY) PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN (20));
CREATE VIEW v AS SELECT id FROM t;
CREATE TRIGGER h BEFORE UPDATE ON t FOR EACH ROW SET NEW.note = 'z';
CREATE FUNCTION f() RETURNS int DETERMINISTIC RETURN 1;
"""


@pytest.fixture(params=["mysql", "mariadb"])
def server(request: pytest.FixtureRequest) -> MySqlServer:
    found: MySqlServer = request.getfixturevalue(f"{request.param}_server")
    return found


@pytest.fixture
def database(server: MySqlServer) -> Iterator[str]:
    name = server.create_database()
    yield name
    server.drop_database(name)


@pytest.fixture
async def adapter(server: MySqlServer, database: str) -> AsyncIterator[MysqlAdapter]:
    made = open_mysql(server, database)
    yield made
    await made.close()


async def _copied(source: Adapter, target: Adapter, name: str) -> None:
    """Make the table by the target's emitter, move every row twice, and compare digests."""
    table = (await source.catalog.read_schema()).table(name)
    made = need(target.emit, name).create_table(table, source_engine=source.engine)
    await target.execute.execute(
        [Statement(sql) for sql in made.statements], atomic=False, lock_timeout_seconds=2, timeout_seconds=20
    )
    for _ in range(2):
        await _rewritten(source, target, name)
    there = (await target.catalog.read_schema()).table(name)
    assert await table_digest(source, table) == await table_digest(target, there)


async def _rewritten(source: Adapter, target: Adapter, name: str) -> None:
    table, there = [(await each.catalog.read_schema()).table(name) for each in (source, target)]
    columns = [c.name for c in need(source.bulk, name).columns(table)]
    chunk = await need(source.bulk, name).read_chunk(table, columns, ["id"], None, 1_000)
    await need(target.bulk, name).write_chunk(there, columns, ["id"], chunk.rows)


async def test_rows_go_from_sqlite_there_on_to_postgresql_and_back(
    adapter: MysqlAdapter, sqlite_file: MakeFile, open_postgres: object, pg_database: str
) -> None:
    lite = SqliteAdapter("lite", sqlite_file(SOURCE), read_only=True)
    back = SqliteAdapter("back", sqlite_file("", "back.db"), read_only=False)
    postgres: PostgresAdapter = open_postgres(pg_database)  # type: ignore[operator]
    try:
        await _copied(lite, adapter, "things")
        await _copied(adapter, postgres, "things")
        await _copied(adapter, back, "things")
    finally:
        await lite.close()
        await back.close()


async def test_integers_without_a_sign_go_to_postgresql_whole(
    adapter: MysqlAdapter, server: MySqlServer, database: str, open_postgres: object, pg_database: str
) -> None:
    server.run_sql(
        database,
        "CREATE TABLE whole (id int unsigned PRIMARY KEY, a tinyint unsigned, b smallint unsigned, c mediumint unsigned,"
        "d bigint unsigned, e bit(64)); INSERT INTO whole VALUES (4294967295, 255, 65535, 16777215, ~0, ~0), (1, 0, 0, 0, 0, 0)",
    )
    postgres: PostgresAdapter = open_postgres(pg_database)  # type: ignore[operator]
    await _copied(adapter, postgres, "whole")


async def test_integers_beyond_64_bits_with_sign_go_to_sqlite_as_text_and_in_keys_are_refused(
    adapter: MysqlAdapter, server: MySqlServer, database: str, sqlite_file: MakeFile
) -> None:
    server.run_sql(
        database,
        "CREATE TABLE whole (id bigint unsigned PRIMARY KEY, d bigint unsigned, e bit(64), f bigint unsigned NOT NULL, UNIQUE (f));"
        "INSERT INTO whole VALUES (9223372036854775807, ~0, ~0, 7), (1, 9, 0, 8)",
    )
    lite = SqliteAdapter("lite", sqlite_file(""), read_only=False)
    try:
        table = (await adapter.catalog.read_schema()).table("whole")
        records = dict(lite.emit.create_table(table, source_engine="mysql").records)
        assert {name: (found.status, found.sql) for name, found in records.items()} == {
            "id": ("emulated", "INTEGER"), "d": ("emulated", "DECIMAL_TEXT"), "e": ("emulated", "DECIMAL_TEXT"),
            "f": ("emulated", "INTEGER"),
        }  # fmt: skip
        made = lite.emit.create_table(table, source_engine="mysql").statements
        await lite.execute.execute([Statement(made[0])], atomic=True, lock_timeout_seconds=2, timeout_seconds=20)
        for _ in range(2):
            await _rewritten(adapter, lite, "whole")
        assert [(each.source.rows, each.equal) for each in await compare(adapter, lite, [], None)] == [(2, True)]
        kept = await lite.query.fetch("SELECT d, typeof(d), typeof(id) FROM whole ORDER BY id")
        assert [tuple(row) for row in kept] == [("9", "text", "integer"), ("18446744073709551615", "text", "integer")]
        server.run_sql(database, "UPDATE whole SET id = ~0 WHERE id = 1")
        with pytest.raises(UnsupportedCapability, match=r"whole\.id has an integer of more than 64 bits") as refused:
            await _rewritten(adapter, lite, "whole")
        assert "18446744073709551615" not in refused.value.sentence()
    finally:
        await lite.close()


@pytest.mark.parametrize("change", CHANGES)
async def test_the_digest_notices_every_kind_of_change(
    change: str, adapter: MysqlAdapter, server: MySqlServer, database: str
) -> None:
    server.run_sql(database, BASE)
    before = await adapter.catalog.fingerprint()
    server.run_sql(database, "INSERT INTO t VALUES (1, 1, 'x', 'a'), (2, 2, 'y', 'b'); ANALYZE TABLE t")
    assert await adapter.catalog.fingerprint() == before
    server.run_sql(database, "DELETE FROM t")
    if change.startswith(
        (
            "ALTER TABLE t RENAME",
            "ALTER TABLE t DROP PRIMARY",
            "ALTER TABLE t ENGINE",
            "ALTER TABLE t MODIFY id",
            "ALTER TABLE t CONVERT",
        )
    ):
        server.run_sql(database, "ALTER TABLE c DROP FOREIGN KEY k")
        before = await adapter.catalog.fingerprint()
    server.run_sql(database, change)
    assert await adapter.catalog.fingerprint() != before


async def test_a_catalog_of_a_thousand_tables_is_read_whole(
    adapter: MysqlAdapter, server: MySqlServer, database: str
) -> None:
    server.run_sql(database, "".join(
        f"CREATE TABLE t{n} (id int PRIMARY KEY, a varchar(20) NOT NULL, b int, c decimal(10,2), KEY i (b), KEY j (a, c)) STATS_PERSISTENT=0;"
        for n in range(1_000)
    ))  # fmt: skip
    schema = await adapter.catalog.read_schema()
    assert len(schema.tables) == 1_000
    assert all(len(table.columns) == 4 and len(table.indexes) >= 2 for table in schema.tables)
    assert await adapter.catalog.read_schema() is schema
