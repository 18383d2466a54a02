"""No value changes unasked, no counter starts anew, and what differs is told: inputs by which a plan once lost or lied."""

from __future__ import annotations

import pytest

from tests.implementation.conftest import Target, applied, planned
from tests.server.processes import call, client_in

pytestmark = pytest.mark.anyio
FAMILY = ["mysql", "mariadb"]
KEY = "id INTEGER PRIMARY KEY"


async def _told(target: Target, cases: list[tuple[str, str, str]]) -> None:
    """Require that no plan is proposed for a column of one type, holding one value, that is to be of another."""
    async with client_in(target.folder) as client:
        for number, (old, value, new) in enumerate(cases):
            target.engine.run(f"CREATE TABLE t{number} ({KEY}, x {old}); INSERT INTO t{number} VALUES (1, {value});")
            text, facts = await planned(client, design=[f"CREATE TABLE t{number} ({KEY}, x {new})"])
            assert facts["obstacles"] == 1, f"{old} {value} to {new}: {text}"
            assert "would change values" in text
            assert "change" not in facts


async def _carried(target: Target, cases: list[tuple[str, str, str]]) -> None:
    """Require that a column's value lives through another type, and back."""
    async with client_in(target.folder) as client:
        for number, (old, value, new) in enumerate(cases):
            name = f"k{number}"
            target.engine.run(f"CREATE TABLE {name} ({KEY}, x {old}); INSERT INTO {name} VALUES (1, {value});")
            before = target.fetch(f"SELECT x FROM {name}")
            text, facts = await planned(client, design=[f"CREATE TABLE {name} ({KEY}, x {new})"])
            assert facts["obstacles"] == 0, f"{old} {value} to {new}: {text}"
            assert (await applied(client, facts["change"]))["state"] == "verified"
            text, _, failed = await call(client, "roll_back_change", change=facts["change"])
            assert not failed, text
            assert target.fetch(f"SELECT x FROM {name}") == before


async def test_values_that_sqlite_s_affinities_would_change_are_an_obstacle(sqlite: Target) -> None:
    await _told(sqlite, [
        ("REAL", "0.1 + 0.2", "TEXT"), ("INTEGER", "9007199254740993", "REAL"), ("TEXT", "'007'", "STRING"),
        ("TEXT", "'007'", "DATE"), ("TEXT", "'twelve'", "INTEGER"), ("INTEGER", "9", "INTEGER AS (id * 2)"),
    ])  # fmt: skip
    await _carried(sqlite, [
        ("TEXT", "'2026-01-01'", "DATE"), ("REAL", "2.5", "TEXT"), ("INTEGER", "7", "REAL"), ("TEXT", "'12'", "INTEGER"),
    ])  # fmt: skip


@pytest.mark.parametrize("target", FAMILY, indirect=True)
async def test_values_that_mysql_s_strict_mode_would_change_are_an_obstacle(target: Target) -> None:
    await _told(target, [
        ("VARCHAR(20)", "'007'", "INT"), ("VARCHAR(20)", "'twelve'", "INT"), ("VARCHAR(20)", "'2026-01-01 10:00:00'", "DATE"),
        ("DATETIME", "'2026-01-01 10:00:00'", "TIME"), ("TIME", "'10:00:00'", "DATETIME"),
        ("DATETIME(6)", "'2026-01-01 10:00:00.5'", "DATETIME"), ("BIGINT", "9007199254740993", "DOUBLE"),
        ("DECIMAL(30, 10)", "12345678901234567890.0123456789", "DOUBLE"), ("FLOAT", "1234567.8", "VARCHAR(30)"),
        ("ENUM('10', '20')", "'10'", "INT"), ("INT", "2", "ENUM('2', '1')"), ("VARCHAR(9)", "'North'", "ENUM('north')"),
        ("VARCHAR(9)", "'ab  '", "CHAR(9)"), ("INT", "26", "YEAR"), ("INT", "99", "INT AS (id * 2) STORED"),
        ("VARCHAR(9)", "'b,a'", "SET('a', 'b')"),
    ])  # fmt: skip


@pytest.mark.parametrize("target", FAMILY, indirect=True)
async def test_values_that_stay_are_no_obstacle_in_mysql(target: Target) -> None:
    await _carried(target, [
        ("DATETIME(3)", "'2026-01-01 10:00:00.123'", "DATETIME(6)"), ("VARCHAR(20)", "'12'", "INT"),
        ("VARCHAR(20)", "'2026-01-01'", "DATE"), ("INT", "7", "DOUBLE"), ("DECIMAL(10, 2)", "1.10", "DOUBLE"),
        ("ENUM('a', 'it''s')", "'it''s'", "ENUM('it''s', 'b', 'a')"), ("VARCHAR(9)", "'a'", "ENUM('a', 'b')"),
    ])  # fmt: skip


async def test_a_text_that_mysql_s_json_would_write_otherwise_is_an_obstacle(mysql: Target) -> None:
    await _told(mysql, [("TEXT", """'{"b":1,  "a":2}'""", "JSON")])


@pytest.mark.parametrize("target", FAMILY, indirect=True)
async def test_a_zero_that_a_counting_column_would_renumber_is_an_obstacle(target: Target) -> None:
    target.run(["CREATE TABLE t (id INT PRIMARY KEY, x INT)", "INSERT INTO t VALUES (0, 5), (3, 6)"])
    async with client_in(target.folder) as client:
        text, facts = await planned(client, design=["CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, x INT)"])
    assert facts["obstacles"] == 1, text


@pytest.mark.parametrize("target", FAMILY, indirect=True)
async def test_a_changed_column_keeps_its_comment(target: Target) -> None:
    target.run([f"CREATE TABLE t ({KEY}, x INT COMMENT 'of the year''s end')"])
    async with client_in(target.folder) as client:
        _, facts = await planned(client, design=[f"CREATE TABLE t ({KEY}, x BIGINT)"])
        await applied(client, facts["change"])
    sql = "SELECT column_comment FROM information_schema.columns WHERE table_schema = database() AND column_name = 'x'"
    assert target.fetch(sql) == [("of the year's end",)]


@pytest.mark.parametrize("target", ["sqlite", *FAMILY], indirect=True)
async def test_another_case_of_a_column_s_name_is_no_other_column(target: Target) -> None:
    target.run([f"CREATE TABLE t ({KEY}, Name VARCHAR(9))", "INSERT INTO t VALUES (1, 'kept')"])
    async with client_in(target.folder) as client:
        design = [f"CREATE TABLE t ({KEY}, name VARCHAR(9) DEFAULT 'd')"]
        text, _, failed = await call(client, "plan_schema", connection="shop", design=design, drop=True)
    assert failed, text
    assert "name is there as Name" in text


@pytest.mark.parametrize(("words", "table"), [
    ("collate nocase", "CREATE TABLE t (id INTEGER PRIMARY KEY, code TEXT COLLATE NOCASE UNIQUE, n TEXT)"),
    ("on conflict ignore", "CREATE TABLE t (id INTEGER PRIMARY KEY, code TEXT UNIQUE ON CONFLICT IGNORE, n TEXT)"),
    ("stored", "CREATE TABLE t (id INTEGER PRIMARY KEY, code TEXT AS (n || 'x') STORED, n TEXT)"),
    ("key collate nocase", "CREATE TABLE t (id INTEGER PRIMARY KEY, code TEXT, n TEXT, UNIQUE (code COLLATE NOCASE))"),
    ("desc", "CREATE TABLE t (id INTEGER PRIMARY KEY DESC, code TEXT, n TEXT)"),
])  # fmt: skip
async def test_what_only_the_words_of_a_table_tell_is_not_lost_by_building_it_anew(
    sqlite: Target, words: str, table: str
) -> None:
    sqlite.run([table])
    before = sqlite.fetch("SELECT sql FROM sqlite_schema WHERE name = 't'")
    design = table if "CONFLICT" not in table else table.replace(" ON CONFLICT IGNORE", "")
    async with client_in(sqlite.folder) as client:
        changed = design.replace("n TEXT", "n TEXT NOT NULL")
        text, _, failed = await call(client, "plan_schema", connection="shop", design=[changed])
        assert failed, text
        assert words.removeprefix("key ") in text
    assert sqlite.fetch("SELECT sql FROM sqlite_schema WHERE name = 't'") == before


async def test_another_collation_of_a_column_or_an_index_is_told(sqlite: Target) -> None:
    sqlite.run(["CREATE TABLE t (id INTEGER PRIMARY KEY, code TEXT)", "CREATE UNIQUE INDEX t_code ON t (code)"])
    async with client_in(sqlite.folder) as client:
        design = ["CREATE TABLE t (id INTEGER PRIMARY KEY, code TEXT COLLATE NOCASE)"]
        text, _, failed = await call(client, "plan_schema", connection="shop", design=design)
        assert failed, text
        assert "code collate nocase" in text
        design = [
            "CREATE TABLE t (id INTEGER PRIMARY KEY, code TEXT)",
            "CREATE UNIQUE INDEX t_code ON t (code COLLATE NOCASE)",
        ]
        text, facts = await planned(client, design=design)
        assert facts["altered"] == 1, text
        await applied(client, facts["change"])
        _, again = await planned(client, design=design)
        assert "change" not in again
    sqlite.engine.run("INSERT INTO t VALUES (1, 'a')")
    with pytest.raises(Exception, match="UNIQUE"):
        sqlite.engine.run("INSERT INTO t VALUES (2, 'A')")


async def test_a_column_that_is_computed_no_longer_keeps_its_values(sqlite: Target) -> None:
    sqlite.run(["CREATE TABLE t (id INTEGER PRIMARY KEY, g INT AS (id * 2))", "INSERT INTO t (id) VALUES (4)"])
    async with client_in(sqlite.folder) as client:
        _, facts = await planned(client, design=["CREATE TABLE t (id INTEGER PRIMARY KEY, g INT)"])
        await applied(client, facts["change"])
    assert sqlite.fetch("SELECT g FROM t") == [("8",)]


@pytest.mark.parametrize("counting", [
    "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "bigserial PRIMARY KEY", "bigint PRIMARY KEY",
])  # fmt: skip
async def test_a_counter_goes_on_where_it_was(postgresql: Target, counting: str) -> None:
    numbers = ["id, ", "1, ", "2, "] if counting == "bigint PRIMARY KEY" else ["", "", ""]
    postgresql.run([
        f"CREATE TABLE t (id {counting}, n text)",
        "INSERT INTO t ({}n) VALUES ({}'a'), ({}'b')".format(*numbers).replace("{", "{{").replace("}", "}}"),
    ])  # fmt: skip
    async with client_in(postgresql.folder) as client:
        design = ["CREATE TABLE t (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, n text)"]
        text, facts = await planned(client, design=design)
        assert "Undone there, it was as before" in text
        await applied(client, facts["change"])
        _, again = await planned(client, design=design)
        assert "change" not in again
        postgresql.engine.run("INSERT INTO t (n) VALUES ('c')")
        assert postgresql.fetch("SELECT id FROM t WHERE n = 'c'") == [("3",)]
        text, _, failed = await call(client, "roll_back_change", change=facts["change"])
        assert not failed, text
    if numbers[0] == "":
        postgresql.engine.run("INSERT INTO t (n) VALUES ('d')")
        assert postgresql.fetch("SELECT id FROM t WHERE n = 'd'") == [("4",)]


@pytest.mark.parametrize(("there", "asked"), [
    ("FOREIGN KEY (a, b) REFERENCES p (a, b)", "FOREIGN KEY (a, b) REFERENCES p (a, b) MATCH FULL"),
    ("FOREIGN KEY (a, b) REFERENCES p (a, b) DEFERRABLE",
     "FOREIGN KEY (a, b) REFERENCES p (a, b) DEFERRABLE INITIALLY DEFERRED"),
    ("UNIQUE (a)", "UNIQUE (a) DEFERRABLE INITIALLY DEFERRED"), ("UNIQUE (a)", "UNIQUE (a) INCLUDE (b)"),
    ("PRIMARY KEY (a)", "PRIMARY KEY (a) INCLUDE (b)"),
])  # fmt: skip
async def test_what_follows_the_columns_of_a_key_is_compared_and_changed(
    postgresql: Target, there: str, asked: str
) -> None:
    postgresql.run([
        "CREATE TABLE p (a integer, b integer, PRIMARY KEY (a, b))",
        f"CREATE TABLE t (a integer, b integer, CONSTRAINT c {there})",
    ])  # fmt: skip
    tell = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'c'"
    before = postgresql.fetch(tell)
    async with client_in(postgresql.folder) as client:
        design = [f"CREATE TABLE t (a integer, b integer, CONSTRAINT c {asked})"]
        text, facts = await planned(client, design=design)
        assert facts["altered"] == 1, text
        assert "Undone there, it was as before" in text
        await applied(client, facts["change"])
        assert postgresql.fetch(tell) != before
        _, again = await planned(client, design=design)
        assert "change" not in again
        text, _, failed = await call(client, "roll_back_change", change=facts["change"])
        assert not failed, text
    assert postgresql.fetch(tell) == before


@pytest.mark.parametrize("target", ["sqlite", "postgresql", *FAMILY], indirect=True)
async def test_a_value_that_came_after_the_plan_is_not_changed_either(target: Target) -> None:
    target.run([f"CREATE TABLE t ({KEY}, x VARCHAR(9))", "INSERT INTO t VALUES (1, '12')"])
    async with client_in(target.folder) as client:
        _, facts = await planned(client, design=[f"CREATE TABLE t ({KEY}, x INTEGER)"])
        target.engine.run("INSERT INTO t VALUES (2, '007')")
        text, _, failed = await call(client, "review_change", change=facts["change"])
        assert not failed, text
        token = text.partition("confirm_token='")[2].partition("'")[0]
        text, _, failed = await call(client, "apply_change", change=facts["change"], confirm_token=token)
        assert "came after the plan" in text, text
    assert target.fetch("SELECT x FROM t ORDER BY id") == [("12",), ("007",)]


async def test_a_column_that_a_view_reads_is_not_dropped_by_building_anew(sqlite: Target) -> None:
    sqlite.run(["CREATE TABLE t (id INTEGER PRIMARY KEY, x INT)", "CREATE VIEW v AS SELECT x FROM t"])
    async with client_in(sqlite.folder) as client:
        design = ["CREATE TABLE t (id INTEGER PRIMARY KEY)"]
        _, facts = await planned(client, design=design, drop=True)
        text, _, _ = await call(client, "review_change", change=facts["change"])
        token = text.partition("confirm_token='")[2].partition("'")[0]
        text, _, _ = await call(client, "apply_change", change=facts["change"], confirm_token=token)
        assert "the view v could not be read afterwards; nothing was changed" in text, text
    assert sqlite.fetch("SELECT count(*) FROM v") == [("0",)]


async def test_a_column_is_added_with_its_collation(postgresql: Target) -> None:
    postgresql.run([f"CREATE TABLE t ({KEY})"])
    design = [f"CREATE TABLE t ({KEY}, x text COLLATE \"C\" DEFAULT 'a' NOT NULL)"]
    async with client_in(postgresql.folder) as client:
        text, facts = await planned(client, design=design)
        assert (await applied(client, facts["change"]))["state"] == "verified", text
        _, again = await planned(client, design=design)
    assert "change" not in again
