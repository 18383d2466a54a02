"""Files of which anything may be wrong: each is read to its end, and what can't be read is left out or told."""

from __future__ import annotations

import math
import time
from dataclasses import replace

import pytest

from dbmanager.analyzers.workload.files import of_file, of_list
from dbmanager.analyzers.workload.gathering import understood

DEEP = "[" * 200_000
PG_LOG = "2026-11-20 10:00:00.000 UTC [1] LOG:  duration: {ms} ms  statement: SELECT 1\n"
PG_JSON = (
    '{{"error_severity": "LOG", "message": "duration: {ms} ms  statement: SELECT 1", "detail": null, "pid": {pid}}}\n'
)
SLOW = "# Query_time: {ms}  Lock_time: 0 Rows_sent: 1  Rows_examined: 1\nSELECT 1;\n"
MONGO_LOG = '{{"msg": "Slow query", "attr": {{"type": "command", "ns": "shop.users", "command": {{"find": "users"}}, "durationMillis": {ms}}}}}\n'
MONGO = '{{"command": {{"find": "users"}}, "ms": {ms}}}\n'
ODD = [
    ("postgres", PG_LOG.format(ms="1.2.3") + PG_LOG.format(ms="2.5")),
    ("postgres", PG_JSON.format(ms="2.5", pid=1) + PG_JSON.format(ms="2.5", pid=DEEP) + PG_JSON.format(ms="1..2", pid=1)),
    ("mysql", SLOW.format(ms="1.2.3") + SLOW.format(ms="0.0025")),
    ("mongodb", '"Slow query" "msg": "attr":\n"Slow query"\n[["Slow query"]]\n' + MONGO_LOG.format(ms="2.5")
     + MONGO_LOG.format(ms='"long"') + MONGO_LOG.format(ms="NaN") + MONGO_LOG.format(ms=DEEP)),
    ("mongodb", MONGO.format(ms="2.5") + MONGO.format(ms="NaN") + MONGO.format(ms="1e999") + MONGO.format(ms="9" * 400) + MONGO.format(ms=DEEP)),
]  # fmt: skip


@pytest.mark.parametrize(("dialect", "text"), ODD)
def test_odd_lines_end_nothing_and_times_that_are_none_are_not_counted(dialect: str, text: str) -> None:
    workload = understood(of_file(text.encode(), dialect, database="shop"), dialect)
    assert workload.statements
    assert math.isclose(sum(statement.total_ms or 0.0 for statement in workload.statements), 2.5)


class Gone(Exception):
    """Nobody waits any more."""


@pytest.mark.parametrize("dialect", ["postgres", "mysql", "sqlite"])
def test_a_statement_that_is_too_long_to_be_read_is_told_and_the_others_are_read(dialect: str) -> None:
    huge = "SELECT 1 WHERE 1 IN (" + ", ".join(f"{n} + 'secret'" for n in range(200_000)) + ")"
    began = time.process_time()
    workload = understood(of_file(f"SELECT 2;\n{huge};\nSELECT a FROM t;\n".encode(), dialect), dialect)
    assert time.process_time() - began < 3, "a bound, not a speed: reading it takes ten seconds"
    assert len(workload.statements) == 2
    ((opening, why),) = workload.skipped
    assert opening.startswith("SELECT (")
    assert "secret" not in opening
    assert why == "longer than 200,000 characters: not read"


def test_what_the_engine_counted_keeps_its_place_however_long_it_is() -> None:
    raw = replace(of_list(["SELECT 1 IN (" + "2, " * 200_000 + "3)"]), is_cumulative=True)
    workload = understood(raw, "postgres")
    assert [one.calls for one in workload.statements] == [1]
    assert workload.skipped


def test_reading_stops_where_nobody_waits_any_more() -> None:
    def go_on() -> None:
        raise Gone

    with pytest.raises(Gone):
        understood(of_list(["SELECT 1"]), "postgres", go_on=go_on)
