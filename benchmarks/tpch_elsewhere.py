"""TPC-H on SQLite and MariaDB: the same rows and queries as on PostgreSQL, spelled as those engines read them."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

from benchmarks.tpch import QUERIES, TABLES
from tests.engines.mysql_family import MySqlServer

Dialect = Literal["sqlite", "mariadb"]
_SHIFTED = re.compile(r"date '(\d{4})-(\d\d)-(\d\d)' ([+-]) interval '(\d+) (day|month|year)'")
_FOR_SQLITE = (
    (re.compile(r"\bdate ('[\d-]+')"), r"\1"),
    (re.compile(r"extract\(year FROM (\w+)\)"), r"CAST(strftime('%Y', \1) AS INTEGER)"),
    (re.compile(r"substring\((\w+) FROM 1 FOR 2\)"), r"substr(\1, 1, 2)"),
)


def queries(dialect: Dialect) -> dict[int, str]:
    """Return the 22 queries; dates are computed beforehand, as applications do that have no intervals."""
    return {number: _spelled(sql, dialect) for number, sql in QUERIES.items()}


def load_sqlite(folder: Path, file: Path) -> None:
    """Make and fill the tables in a new file, and analyse it."""
    with closing(sqlite3.connect(file, isolation_level=None)) as raw:
        raw.execute("PRAGMA synchronous = OFF")
        raw.execute("PRAGMA journal_mode = OFF")
        for table, (columns, key) in TABLES.items():
            raw.execute(f"CREATE TABLE {table} ({columns.replace(' int', ' INTEGER')}, PRIMARY KEY ({key}))")
            marks = ", ".join("?" * len(re.findall(r"[a-z]+_[a-z]+ [a-z]", columns)))
            raw.execute("BEGIN")
            raw.executemany(f"INSERT INTO {table} VALUES ({marks})", _rows(folder / f"{table}.tbl"))
            raw.execute("COMMIT")
        raw.execute("ANALYZE")


def load_mariadb(folder: Path, server: MySqlServer, database: str) -> None:
    """Make and fill the tables in an empty database; the server must be able to read the folder."""
    for table, (columns, key) in TABLES.items():
        server.run_sql(
            database,
            f"CREATE TABLE {table} ({columns}, PRIMARY KEY ({key})) ENGINE=InnoDB; "
            f"SET unique_checks = 0, foreign_key_checks = 0; "
            f"LOAD DATA INFILE '{folder}/{table}.tbl' INTO TABLE {table} FIELDS TERMINATED BY '|'; "
            f"ANALYZE TABLE {table};",
        )


def _spelled(sql: str, dialect: Dialect) -> str:
    sql = _SHIFTED.sub(_shifted, sql)
    for pattern, replacement in _FOR_SQLITE if dialect == "sqlite" else ():
        sql = pattern.sub(replacement, sql)
    return sql


def _shifted(match: re.Match[str]) -> str:
    year, month, day, sign, count, unit = match.groups()
    start, number = date(int(year), int(month), int(day)), int(sign + count)
    if unit == "day":
        return f"date '{start + timedelta(days=number)}'"
    months = start.year * 12 + start.month - 1 + number * (12 if unit == "year" else 1)
    return f"date '{date(months // 12, months % 12 + 1, start.day)}'"


def _rows(file: Path) -> Iterator[list[str]]:
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            yield line.rstrip("\n").removesuffix("|").split("|")
