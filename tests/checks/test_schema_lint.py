"""Every lint rule has a script that seeds its fault and one that does not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dbmanager.adapters.postgresql.adapter import PostgresAdapter
from dbmanager.adapters.sqlite.adapter import SqliteAdapter
from dbmanager.analyzers.schema_lint.lint import RULES
from dbmanager.services.linting import lint_database
from tests.conftest import MakeFile
from tests.engines.postgresql import PostgresServer

pytestmark = pytest.mark.anyio
_MANY = "WITH RECURSIVE n(g) AS (SELECT 1 UNION ALL SELECT g + 1 FROM n WHERE g < 2000)"
_PARENT = f"CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT NOT NULL); INSERT INTO parents {_MANY} SELECT g, 'n' || g FROM n;"

SQLITE: dict[str, tuple[str, str]] = {
    "LINT-001": ("CREATE TABLE t (a INTEGER)", "CREATE TABLE t (a INTEGER PRIMARY KEY)"),
    "LINT-002": (
        f"{_PARENT} CREATE TABLE kids (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES parents(id)); INSERT INTO kids {_MANY} SELECT g, g FROM n",
        f"{_PARENT} CREATE TABLE kids (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES parents(id)); CREATE INDEX i ON kids (parent_id); INSERT INTO kids {_MANY} SELECT g, g FROM n",
    ),
    "LINT-003": (
        f"{_PARENT} CREATE TABLE kids (id INTEGER PRIMARY KEY, parent_id INTEGER); INSERT INTO kids {_MANY} SELECT g, g FROM n",
        f"{_PARENT} CREATE TABLE kids (id INTEGER PRIMARY KEY, parent_id INTEGER); INSERT INTO kids {_MANY} SELECT g, g + 1000000 FROM n",
    ),
    "LINT-004": (
        f"{_PARENT} CREATE TABLE kids (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES parents(id)); INSERT INTO kids VALUES (1, 999999)",
        f"{_PARENT} CREATE TABLE kids (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES parents(id)); INSERT INTO kids VALUES (1, 9), (2, NULL)",
    ),
    "LINT-005": (
        "CREATE TABLE t (a INTEGER PRIMARY KEY, b, c); CREATE INDEX x ON t (b, c); CREATE INDEX y ON t (b, c)",
        "CREATE TABLE t (a INTEGER PRIMARY KEY, b, c); CREATE INDEX x ON t (b, c); CREATE INDEX y ON t (c, b); CREATE INDEX z ON t (b, c) WHERE b > 1",
    ),
    "LINT-006": (
        "CREATE TABLE t (a INTEGER PRIMARY KEY, b, c); CREATE INDEX x ON t (b); CREATE INDEX y ON t (b, c)",
        "CREATE TABLE t (a INTEGER PRIMARY KEY, b, c); CREATE UNIQUE INDEX x ON t (b); CREATE INDEX y ON t (b, c); CREATE INDEX z ON t (c)",
    ),
    "LINT-007": (
        "CREATE TABLE p (id TEXT PRIMARY KEY NOT NULL); CREATE TABLE k (id INTEGER PRIMARY KEY, p_id INTEGER REFERENCES p(id))",
        "CREATE TABLE p (id TEXT PRIMARY KEY NOT NULL); CREATE TABLE k (id INTEGER PRIMARY KEY, p_id TEXT REFERENCES p(id))",
    ),
    "LINT-008": (
        "CREATE TABLE t (id INTEGER PRIMARY KEY, phone1 TEXT, phone2 TEXT, phone3 TEXT)",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, address1 TEXT, address2 TEXT, q4 TEXT, utf8 TEXT, sha256 TEXT)",
    ),
    "LINT-009": (
        f"CREATE TABLE t (id INTEGER PRIMARY KEY, zip TEXT, city TEXT); INSERT INTO t {_MANY} SELECT g, 'Z' || (g % 90), 'C' || (g % 90 % 20) FROM n",
        f"CREATE TABLE t (id INTEGER PRIMARY KEY, zip TEXT, city TEXT); INSERT INTO t {_MANY} SELECT g, 'Z' || (g % 90), 'C' || (g % 71) FROM n",
    ),
    "LINT-010": (
        f"CREATE TABLE t (id INTEGER PRIMARY KEY, tags TEXT); INSERT INTO t {_MANY} SELECT g, 'red,blue,x' || g FROM n",
        f"CREATE TABLE t (id INTEGER PRIMARY KEY, said TEXT); INSERT INTO t {_MANY} SELECT g, 'Well, it is number ' || g || ', I think.' FROM n",
    ),
    "LINT-011": (
        "CREATE TABLE t (id INTEGER PRIMARY KEY, unit_price REAL)",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, unit_price DECIMAL(10,2), total_cents INTEGER, weight REAL)",
    ),
    "LINT-012": (
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT NOT NULL, b TEXT, UNIQUE (a, b))",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT NOT NULL, b TEXT NOT NULL, c TEXT UNIQUE, UNIQUE (a, b))",
    ),
    "LINT-014": (
        f"CREATE TABLE t (id INTEGER PRIMARY KEY, {', '.join(f'{chr(97 + i % 26)}{chr(97 + i // 26)} TEXT' for i in range(41))})",
        f"CREATE TABLE t (id INTEGER PRIMARY KEY, {', '.join(f'{chr(97 + i % 26)}{chr(97 + i // 26)} TEXT' for i in range(39))})",
    ),
    "LINT-015": (
        "CREATE TABLE t (code TEXT PRIMARY KEY, a)",
        "CREATE TABLE t (code TEXT PRIMARY KEY NOT NULL, a); CREATE TABLE u (a TEXT, b TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID",
    ),
    "LINT-021": (
        "CREATE TABLE a (id INTEGER PRIMARY KEY, thing_id INTEGER); CREATE TABLE b (id INTEGER PRIMARY KEY, thing_id TEXT)",
        "CREATE TABLE a (id INTEGER PRIMARY KEY, thing_id INTEGER); CREATE TABLE b (id INTEGER PRIMARY KEY, thing_id BIGINT)",
    ),
}

_PG_MANY = "SELECT g FROM generate_series(1, 2000) g"
POSTGRESQL: dict[str, tuple[str, str]] = {
    "LINT-013": (
        "CREATE TABLE t (id int PRIMARY KEY, at timestamp)",
        "CREATE TABLE t (id int PRIMARY KEY, at timestamptz)",
    ),
    "LINT-016": (
        "CREATE TABLE t (id int PRIMARY KEY, at text); INSERT INTO t SELECT g, (date '2024-01-01' + g)::text FROM generate_series(1, 50) g",
        "CREATE TABLE t (id int PRIMARY KEY, at date); INSERT INTO t SELECT g, date '2024-01-01' + g FROM generate_series(1, 50) g",
    ),
    "LINT-017": (
        "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1500000000)",
        "CREATE TABLE t (id bigint PRIMARY KEY); INSERT INTO t VALUES (1500000000)",
    ),
    "LINT-018": (
        "CREATE TABLE t (id int PRIMARY KEY, a int); CREATE INDEX i ON t (a); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'i'::regclass",
        "CREATE TABLE t (id int PRIMARY KEY, a int); CREATE INDEX i ON t (a)",
    ),
    "LINT-019": (
        "CREATE TABLE t (id int PRIMARY KEY); ALTER TABLE t ADD CONSTRAINT c CHECK (id > 0) NOT VALID",
        "CREATE TABLE t (id int PRIMARY KEY); ALTER TABLE t ADD CONSTRAINT c CHECK (id > 0)",
    ),
    "LINT-020": (
        "CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t SELECT g, g FROM generate_series(1, 2000) g; CREATE INDEX i ON t (a); ANALYZE t; SELECT count(*) FROM t; SELECT pg_stat_force_next_flush()",
        "CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t SELECT g, g FROM generate_series(1, 2000) g; CREATE INDEX i ON t (a); ANALYZE t; SET enable_seqscan = off; SELECT * FROM t WHERE a = 3; SELECT pg_stat_force_next_flush()",
    ),
}


@pytest.mark.parametrize("rule", sorted(SQLITE))
async def test_a_seeded_fault_is_found_and_a_clean_schema_is_not(
    rule: str, sqlite_file: MakeFile, open_sqlite: Callable[..., SqliteAdapter]
) -> None:
    for number, (script, wanted) in enumerate(zip(SQLITE[rule], (True, False), strict=True)):
        report = (await lint_database(open_sqlite(sqlite_file(script, f"{number}.db"), read_only=True))).report
        assert (rule in {finding.id for finding in report.findings}) is wanted, report.findings


@pytest.mark.parametrize("rule", sorted(POSTGRESQL))
async def test_a_seeded_fault_is_found_on_postgresql(
    rule: str, pg_server: PostgresServer, open_postgres: Callable[..., PostgresAdapter]
) -> None:
    for script, wanted in zip(POSTGRESQL[rule], (True, False), strict=True):
        database = pg_server.create_database()
        pg_server.run_sql(database, script)
        adapter = open_postgres(database, access="read_only")
        report = (await lint_database(adapter)).report
        assert (rule in {finding.id for finding in report.findings}) is wanted, report.findings
        await adapter.close()
        pg_server.drop_database(database)


def test_every_rule_has_its_pair() -> None:
    assert {rule.id for rule in RULES} == set(SQLITE) | set(POSTGRESQL)
    assert len(RULES) >= 15
