"""The fingerprint is one for any values and none for other statements; what is shown holds no value."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbmanager.analyzers.workload.commands import key_pattern, read_command
from dbmanager.analyzers.workload.files import of_list
from dbmanager.analyzers.workload.fingerprint import read
from dbmanager.analyzers.workload.gathering import understood

ALIKE = [
    ("postgres", "SELECT * FROM Orders WHERE id IN (1, 2,3) AND x = -1 AND y='O''Neil' -- why",
     "select * from orders where id in ($1, $2 /*, ... */) and x = $3 and y = $4"),
    ("postgres", "SELECT * FROM orders WHERE id IN (7)", 'SELECT * FROM "orders" WHERE id IN ($1,$2,$3);'),
    ("postgres", "INSERT INTO t VALUES (1, 'a', now()), (2, 'b', now())", "INSERT INTO t VALUES ($1,$2, now())"),
    ("postgres", "SELECT a-1, b - 1 FROM t WHERE c IS NULL AND d = NULL", "SELECT a-$1, b - $2 FROM t WHERE c IS NULL AND d = $3"),
    ("postgres", "SELECT E'a\\'b', $tag$it's$tag$, 1.5e3, true", "SELECT $1, $2, $3, $4"),
    ("mysql", "SELECT count(*) FROM orders WHERE id IN (1,2) LIMIT 10, 5", "SELECT COUNT ( * ) FROM `orders` WHERE `id` IN (...) LIMIT ?, ..."),
    ("mysql", "INSERT INTO t (a,b) VALUES (1,\"x\"),(2,'y')", "INSERT INTO `t` ( `a` , `b` ) VALUES (...) /* , ... */"),
    ("sqlite", "SELECT * FROM t WHERE a = :name AND b = ?1", "SELECT * FROM [t] WHERE A = 5 AND b = x'00ff'"),
]  # fmt: skip
UNLIKE = [
    ("postgres", 'SELECT * FROM "Orders"', "SELECT * FROM Orders"),
    ("postgres", "SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE c = 1"),
    ("postgres", "SELECT a FROM t WHERE b IS NULL", "SELECT a FROM t WHERE b IS NOT NULL"),
    ("postgres", "SELECT a FROM t WHERE b = 1 OR b = 2", "SELECT a FROM t WHERE b = 1"),
    ("mysql", "SELECT * FROM Orders", "SELECT * FROM orders"),
]


@pytest.mark.parametrize(("dialect", "one", "other"), ALIKE)
def test_values_spacing_comments_and_lists_make_no_other_statement(dialect: str, one: str, other: str) -> None:
    assert read(one, dialect).fingerprint == read(other, dialect).fingerprint


@pytest.mark.parametrize(("dialect", "one", "other"), UNLIKE)
def test_other_names_and_conditions_make_another_statement(dialect: str, one: str, other: str) -> None:
    assert read(one, dialect).fingerprint != read(other, dialect).fingerprint


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), st.integers(10**9, 10**12))
def test_no_value_is_shown_whatever_it_is(text: str, number: int) -> None:
    literal = "'" + text.replace("'", "''") + "Zebedee'"
    reading = read(f"SELECT a FROM t WHERE b = {literal} AND c = {number} -- {number}", "postgres")
    assert "Zebedee" not in reading.shown
    assert str(number) not in reading.shown
    assert reading.fingerprint == read("SELECT a FROM t WHERE b = $1 AND c = $2", "postgres").fingerprint


@given(st.text(max_size=200), st.sampled_from(["postgres", "mysql", "sqlite", "redis", "mongodb"]))
def test_any_text_has_a_reading(text: str, dialect: str) -> None:
    reading = read_command(text, dialect) if dialect in ("redis", "mongodb") else read(text, dialect)
    assert len(reading.fingerprint) == 16


def test_what_is_not_closed_shows_nothing_of_its_end() -> None:
    assert read("SELECT 'Zebedee Quill", "postgres").shown == "SELECT ?"
    assert read("SELECT $x$ Zebedee", "postgres").shown == "SELECT ?"


def test_a_megabyte_is_read_in_seconds_and_shown_short() -> None:
    text = f"SELECT * FROM t WHERE id IN ({', '.join(map(str, range(200_000)))}) AND s = 'x'"
    assert len(text) > 1_000_000
    assert read(text, "postgres").shown == "SELECT * FROM t WHERE id IN (?) AND s = ?"


@pytest.mark.parametrize(
    ("text", "kind"),
    [("WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x", "write"), ("WITH x AS (SELECT 1) SELECT * FROM x FOR UPDATE", "read"),
     ("WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x", "write"), ("(SELECT 1)", "read"), ("MERGE INTO t USING s ON true", "write"),
     ("VACUUM t", "other")],
)  # fmt: skip
def test_what_writes_is_told(text: str, kind: str) -> None:
    assert read(text, "postgres").kind == kind


def test_texts_and_samples_stay_as_they_are_byte_for_byte() -> None:
    given_ = [
        "SELECT * FROM t WHERE a = 'MiXeD Case'",
        "SELECT * FROM t\n  WHERE a='lower' /* Kept */",
        'SELECT "A" FROM t',
    ]
    workload = understood(of_list(given_), "postgres")
    kept = {sample for statement in workload.statements for sample in statement.samples}
    assert kept == set(given_)
    assert {statement.calls for statement in workload.statements} == {2, 1}


def test_statements_that_no_parser_takes_are_listed_and_end_nothing() -> None:
    given_ = [
        "SELECT 1",
        "this is no statement at all",
        "SELECT 'never closed",
        "SELECT " + "1 + " * 20_000 + "1",
        "",
        "SELECT 2",
    ]
    workload = understood(of_list(given_), "postgres")
    assert [(statement.calls, statement.kind) for statement in workload.statements] == [(2, "read")]
    assert len(workload.skipped) == 4
    assert not any("never closed" in text for text, _ in workload.skipped)


def test_ten_thousand_runs_of_one_statement_are_read_in_seconds() -> None:
    asked = [
        f"SELECT a.id, b.name FROM orders a JOIN customers b ON b.id = a.b WHERE a.total > {n} AND b.mail = 'u{n}'"
        for n in range(10_000)
    ]
    began = time.process_time()
    workload = understood(of_list(asked), "postgres")
    assert time.process_time() - began < 10
    assert [(statement.calls, len(statement.samples)) for statement in workload.statements] == [(10_000, 5)]


@given(st.lists(st.sampled_from(["SELECT 1", "select  2 ", "SELECT 'x'", "SELECT 'x", "SELECT -1", "SELECT a-1", 'SELECT "A"', "SELECT A",
                                 "SELECT /* c", "SELECT '\\' , 'b'", "SELECT $1", "SELECT $q$x$q$", "SELECT $q$x"]), max_size=12))  # fmt: skip
def test_reading_each_shape_once_changes_no_fingerprint(asked: list[str]) -> None:
    workload = understood(replace(of_list(asked), is_cumulative=True), "postgres")
    alone: dict[str, int] = {}
    for text in asked:
        digest = read(text.strip(), "postgres").fingerprint
        alone[digest] = alone.get(digest, 0) + 1
    assert {statement.fingerprint: statement.calls for statement in workload.statements} == alone
    unclosed = sum(text in ("SELECT 'x", "SELECT /* c", "SELECT $q$x") for text in asked)
    assert sum("not closed" in why for _, why in workload.skipped) == unclosed


def test_commands_are_told_apart_by_shape_and_not_by_value() -> None:
    one = read_command('{"find": "users", "filter": {"email": "a@b.c", "age": {"$gt": 3}}, "limit": 5}', "mongodb")
    other = read_command('{"find": "users", "filter": {"email": "x@y.z", "age": {"$gt": 9}}, "limit": 9}', "mongodb")
    third = read_command('{"find": "users", "filter": {"mail": "x@y.z"}}', "mongodb")
    assert one.fingerprint == other.fingerprint != third.fingerprint
    assert "a@b.c" not in one.shown
    assert (
        read_command('["GET", "user:42:mail"]', "redis").fingerprint
        == read_command('["get", "user:7:mail"]', "redis").fingerprint
    )
    assert read_command('["SET", "user:42", "secret"]', "redis").shown == '["SET", "user:*", "?"]'
    assert read_command('["SET", "user:42", "secret"]', "redis").kind == "write"


@pytest.mark.parametrize(
    ("key", "pattern"),
    [("user:42", "user:*"), ("session:0ba1-77:cart", "session:*"), ("zebedee@example.org", "*"), ("user:zebedee:name", "user:*"),
     ("page:home:views", "page:*"), ("zebedee", "*"), ("4711", "*")],
)  # fmt: skip
def test_a_key_shows_its_pattern_only(key: str, pattern: str) -> None:
    assert key_pattern(key) == pattern
