"""What a design alters in tables that are in use: values, references, numbering and views live through it, or it is told."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from dbmanager.adapters.sqlite.adapter import SqliteAdapter
from dbmanager.errors import DbManagerError
from tests.implementation.conftest import Target, applied, planned
from tests.server.processes import call, client_in

pytestmark = pytest.mark.anyio
SERVERS = ["postgresql", "mysql", "mariadb"]


async def _made(target: Target, design: list[str], **more: bool) -> str:
    async with client_in(target.folder) as client:
        text, facts = await planned(client, design=target.said(design), **more)
        assert "change" in facts, text
        assert (await applied(client, facts["change"]))["state"] == "verified"
        _, again = await planned(client, design=target.said(design), **more)
        assert "change" not in again
    return text


async def _obstacles(target: Target, design: list[str]) -> str:
    async with client_in(target.folder) as client:
        text, facts = await planned(client, design=target.said(design))
    assert facts["obstacles"], text
    assert "change" not in facts
    return text


async def test_a_parent_built_anew_keeps_its_children_its_numbers_its_view_and_its_indexes(sqlite: Target) -> None:
    sqlite.run([
        "CREATE TABLE parent (id INTEGER PRIMARY KEY AUTOINCREMENT, code TEXT)", "CREATE INDEX parent_code ON parent (code)",
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES parent (id) ON DELETE CASCADE)",
        "CREATE VIEW codes AS SELECT code FROM parent", "INSERT INTO parent (code) VALUES ('a'), ('b'), ('gone')",
        "DELETE FROM parent WHERE code = 'gone'", "INSERT INTO child VALUES (1, 1), (2, 2)",
    ])  # fmt: skip
    text = await _made(sqlite, [
        "CREATE TABLE parent (id INTEGER PRIMARY KEY AUTOINCREMENT, code TEXT NOT NULL, CHECK (length(code) < 9))",
    ])  # fmt: skip
    assert "legacy" not in text
    assert sqlite.fetch("SELECT id, parent_id FROM child ORDER BY id") == [("1", "1"), ("2", "2")]
    sqlite.engine.run("INSERT INTO parent (code) VALUES ('new')")
    assert sqlite.fetch("SELECT id FROM parent WHERE code = 'new'") == [("4",)], "a number was given out twice"
    assert sqlite.fetch("SELECT count(*) FROM codes") == [("3",)]
    assert sqlite.fetch("SELECT count(*) FROM sqlite_schema WHERE name = 'parent_code'") == [("1",)]
    assert sqlite.fetch("PRAGMA foreign_key_check") == []
    assert "REFERENCES parent (id)" in sqlite.fetch("SELECT sql FROM sqlite_schema WHERE name = 'child'")[0][0]


async def test_a_table_with_triggers_is_not_built_anew(sqlite: Target) -> None:
    sqlite.engine.run(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); CREATE TRIGGER seen AFTER INSERT ON t BEGIN SELECT 1; END;"
    )
    async with client_in(sqlite.folder) as client:
        text, _, failed = await call(
            client,
            "plan_schema",
            connection="shop",
            design=["CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT NOT NULL)"],
        )
        assert failed
        assert "seen" in text
        text, facts = await planned(
            client, design=["CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT DEFAULT 'x')"]
        )
        assert facts["altered"] == 1, text


@pytest.mark.parametrize("target", ["mysql", "mariadb"], indirect=True)
async def test_columns_that_name_no_collation_have_the_target_s(target: Target) -> None:
    target.engine.run(
        "ALTER DATABASE COLLATE latin1_swedish_ci; CREATE TABLE t (id INTEGER PRIMARY KEY, word VARCHAR(20))"
    )
    async with client_in(target.folder) as client:
        text, facts = await planned(client, design=["CREATE TABLE t (id INTEGER PRIMARY KEY, word VARCHAR(20))"])
    assert "change" not in facts, text


@pytest.mark.parametrize("target", SERVERS, indirect=True)
async def test_types_are_widened_and_narrowed_where_every_value_fits(target: Target) -> None:
    target.run([
        "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, word VARCHAR(50), amount DECIMAL(12, 4))",
        "INSERT INTO t VALUES (1, 5, 'short', 2.5), (2, NULL, NULL, NULL)",
    ])  # fmt: skip
    await _made(
        target, ["CREATE TABLE t (id INTEGER PRIMARY KEY, n BIGINT DEFAULT 3, word VARCHAR(5), amount DECIMAL(10, 2))"]
    )
    assert target.fetch("SELECT n, word, amount FROM t WHERE id = 1") == [("5", "short", "2.50")]


@pytest.mark.parametrize("target", SERVERS, indirect=True)
@pytest.mark.parametrize(("kind", "value"), [("DECIMAL(10, 2)", "2.555"), ("INTEGER", "2.5")])
async def test_a_type_that_would_round_values_is_an_obstacle(target: Target, kind: str, value: str) -> None:
    target.run(["CREATE TABLE t (id INTEGER PRIMARY KEY, amount DECIMAL(12, 4))", f"INSERT INTO t VALUES (1, {value})"])
    assert "would change values" in await _obstacles(
        target, [f"CREATE TABLE t (id INTEGER PRIMARY KEY, amount {kind})"]
    )
    assert float(target.fetch("SELECT amount FROM t")[0][0]) == float(value)


@pytest.mark.parametrize("target", ["postgresql", "sqlite"], indirect=True)
async def test_texts_that_are_no_numbers_are_an_obstacle(target: Target) -> None:
    target.run(
        ["CREATE TABLE t (id INTEGER PRIMARY KEY, n TEXT)", "INSERT INTO t VALUES (1, '12'), (2, 'twelve-4711')"]
    )
    text = await _obstacles(target, ["CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER)"])
    assert "4711" not in text
    target.engine.run("DELETE FROM t WHERE id = 2")
    await _made(target, ["CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER)"])
    assert target.fetch("SELECT n + 1 FROM t") == [("13",)]


async def test_a_number_written_with_zeros_is_not_turned_into_another(sqlite: Target) -> None:
    sqlite.run(["CREATE TABLE t (id INTEGER PRIMARY KEY, code TEXT)", "INSERT INTO t VALUES (1, '007')"])
    assert "would change values" in await _obstacles(sqlite, ["CREATE TABLE t (id INTEGER PRIMARY KEY, code INTEGER)"])


async def test_tables_in_a_cycle_and_in_schemas_of_their_own_are_made(postgresql: Target) -> None:
    design = [
        "CREATE SCHEMA app", "CREATE TABLE app.a (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, b_id bigint)",
        "CREATE TABLE app.b (id bigint PRIMARY KEY, a_id bigint REFERENCES app.a (id), twice bigint GENERATED ALWAYS AS (id * 2) STORED)",
        "ALTER TABLE app.a ADD CONSTRAINT a_b FOREIGN KEY (b_id) REFERENCES app.b (id) DEFERRABLE",
        "CREATE TABLE app.log (at timestamptz NOT NULL, body jsonb) PARTITION BY RANGE (at)",
        "CREATE INDEX log_body ON app.log USING gin (body jsonb_path_ops)",
        "CREATE VIEW app.both AS SELECT a.id FROM app.a AS a JOIN app.b AS b ON b.a_id = a.id",
    ]  # fmt: skip
    async with client_in(postgresql.folder) as client:
        text, facts = await planned(client, design=design)
        assert facts["new"] == 3, text
        assert (await applied(client, facts["change"]))["state"] == "verified"
        told, again = await planned(client, design=design)
        assert "change" not in again
        assert "view both is there already; views are not compared" in told
        text, _, failed = await call(client, "roll_back_change", change=facts["change"])
        assert not failed, text
    assert postgresql.fetch("SELECT count(*) FROM pg_namespace WHERE nspname = 'app'") == [("0",)]


async def test_a_design_may_refer_to_tables_that_it_does_not_make(postgresql: Target) -> None:
    postgresql.run(["CREATE TABLE people (id bigint PRIMARY KEY)", "INSERT INTO people VALUES (1)"])
    await _made(postgresql, ["CREATE TABLE visits (id bigint PRIMARY KEY, person bigint REFERENCES people (id))"])
    with pytest.raises(AssertionError):
        postgresql.engine.run("INSERT INTO visits VALUES (1, 2)")


async def test_an_expression_that_reaches_beyond_is_not_tried(postgresql: Target) -> None:
    async with client_in(postgresql.folder) as client:
        for reaching in (
            "CREATE TABLE t (id bigint DEFAULT pg_sleep(9)::text::bigint)",
            "CREATE TABLE t (id bigint, CHECK (pg_read_file('/etc/passwd') <> ''))",
            "CREATE INDEX i ON t (lo_import('/etc/passwd'))",
        ):
            text, _, failed = await call(client, "plan_schema", connection="shop", design=[reaching])
            assert failed, reaching
            assert "passwd:" not in text


@pytest.mark.parametrize("fails", ["bulk", "rebuild"])
async def test_references_are_still_enforced_after_a_write_that_failed(
    sqlite_file: Callable[..., Path], open_sqlite: Callable[..., SqliteAdapter], fails: str
) -> None:
    from dbmanager.adapters.facets import Statement
    from dbmanager.adapters.sqlite.execute import REBUILD

    path = sqlite_file(
        "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (id INTEGER PRIMARY KEY, p INTEGER NOT NULL REFERENCES p (id));"
    )
    adapter = open_sqlite(path)
    table = (await adapter.catalog.read_schema()).table("c")

    async def run(*texts: str) -> None:
        statements = [Statement(text) for text in texts]
        await adapter.execute.execute(statements, atomic=True, lock_timeout_seconds=1, timeout_seconds=5)

    failing = (
        adapter.bulk.write_chunk(table, ["id", "p"], ["id"], [(1, None)])
        if fails == "bulk"
        else run(REBUILD, "DROP TABLE p", "SELECT no_such_function()")
    )
    with pytest.raises(DbManagerError):
        await failing
    with pytest.raises(DbManagerError):
        await run("INSERT INTO c VALUES (1, 5)")
    raw = sqlite3.connect(path)
    assert raw.execute("SELECT count(*) FROM p").fetchone() == (0,)
    raw.close()


async def test_building_anew_is_refused_where_references_would_break(
    sqlite_file: Callable[..., Path], open_sqlite: Callable[..., SqliteAdapter]
) -> None:
    from dbmanager.adapters.facets import Statement
    from dbmanager.adapters.sqlite.execute import REBUILD

    path = sqlite_file(
        "CREATE TABLE p (id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1); "
        "CREATE TABLE c (id INTEGER PRIMARY KEY, p INTEGER REFERENCES p (id)); INSERT INTO c VALUES (1, 1);"
    )
    adapter = open_sqlite(path)
    with pytest.raises(DbManagerError, match="point at nothing"):
        await adapter.execute.execute(
            [Statement(REBUILD), Statement("DELETE FROM p")], atomic=True, lock_timeout_seconds=1, timeout_seconds=5
        )
    raw = sqlite3.connect(path)
    assert raw.execute("SELECT count(*) FROM p").fetchone() == (1,)
    raw.close()


@pytest.mark.parametrize("target", ["sqlite", "mysql", "mariadb", "postgresql"], indirect=True)
async def test_tables_with_options_and_partitions_are_made(target: Target) -> None:
    design = {
        "sqlite": ["CREATE TABLE words (word TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT, WITHOUT ROWID"],
        "postgresql": [
            "CREATE TABLE days (at date NOT NULL, n integer) PARTITION BY RANGE (at)",
            "CREATE TABLE days_1 PARTITION OF days FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')",
            "CREATE TABLE days_rest PARTITION OF days DEFAULT",
            "CREATE TABLE hot (id bigint PRIMARY KEY, n integer) WITH (fillfactor = 70)",
        ],
    }.get(target.engine.name) or [
        "CREATE TABLE days (id INT, at DATE, PRIMARY KEY (id, at)) PARTITION BY RANGE (YEAR(at)) "
        "(PARTITION old VALUES LESS THAN (2020), PARTITION rest VALUES LESS THAN MAXVALUE)",
        "CREATE TABLE spread (id INT PRIMARY KEY) PARTITION BY HASH (id) PARTITIONS 4",
    ]
    await _made(target, design)


async def test_a_comment_on_a_database_is_not_written_before_it_is_approved(postgresql: Target) -> None:
    name = postgresql.engine.fetch("SELECT current_database()")[0][0]
    async with client_in(postgresql.folder) as client:
        for reaching in (f"COMMENT ON DATABASE {name} IS 'was here'", "ALTER TABLE t SET TABLESPACE pg_default"):
            text, _, failed = await call(
                client, "plan_schema", connection="shop", design=["CREATE TABLE t (id bigint)", reaching]
            )
            assert failed, reaching
            assert "is not tried" in text, text
    assert postgresql.fetch("SELECT count(*) FROM pg_shdescription WHERE description = 'was here'") == [("0",)]


async def test_rows_of_another_table_are_not_taken_behind_partitions(mysql: Target) -> None:
    mysql.run(["CREATE TABLE other (id INT)", "INSERT INTO other VALUES (7)"])
    async with client_in(mysql.folder) as client:
        for query in ("TABLE other", "IGNORE AS TABLE other"):
            design = [f"CREATE TABLE t (id INT) PARTITION BY HASH (id) {query}"]
            text, _, failed = await call(client, "plan_schema", connection="shop", design=design)
            assert failed
            assert "makes no part of a design" in text, text


async def test_a_partition_elsewhere_is_not_tried(mysql: Target) -> None:
    design = [
        "CREATE TABLE t (id INT PRIMARY KEY) PARTITION BY RANGE (id) (PARTITION p VALUES LESS THAN (9) DATA DIRECTORY '/tmp')"
    ]
    async with client_in(mysql.folder) as client:
        text, _, failed = await call(client, "plan_schema", connection="shop", design=design)
    assert failed
    assert "makes no part of a design" in text


@pytest.mark.parametrize("target", ["postgresql", "mysql", "mariadb"], indirect=True)
async def test_indexes_that_can_not_be_made_beside_writes_are_made_all_the_same(target: Target) -> None:
    if target.engine.name == "postgresql":
        days = "CREATE TABLE days (at date NOT NULL, n integer) PARTITION BY RANGE (at)"
        part = "CREATE TABLE days_1 PARTITION OF days FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')"
        target.run([days, part, "INSERT INTO days VALUES ('2026-01-05', 1)"])
        await _made(target, [days, part, "CREATE INDEX days_n ON days (n)"])
    else:
        words = "CREATE TABLE words (id INT PRIMARY KEY, said TEXT)"
        target.run([words, "INSERT INTO words VALUES (1, 'some words')"])
        await _made(target, [words.replace("said TEXT", "said TEXT, FULLTEXT KEY words_said (said)")])


async def test_tables_of_one_name_in_two_schemas_are_told_apart(postgresql: Target) -> None:
    design = [
        "CREATE TABLE shelf (id bigint PRIMARY KEY)", "CREATE SCHEMA other",
        "CREATE TABLE other.shelf (id bigint PRIMARY KEY, n integer)", "CREATE INDEX other_n ON other.shelf (n)",
    ]  # fmt: skip
    await _made(postgresql, design)
    assert postgresql.fetch("SELECT count(*) FROM pg_indexes WHERE schemaname = 'public' AND tablename = 'shelf'") == [
        ("1",)
    ]
