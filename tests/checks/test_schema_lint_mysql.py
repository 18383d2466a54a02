"""Every lint rule of MySQL and MariaDB has a script that seeds its fault and one that does not, on both servers."""

from __future__ import annotations

import pytest

from dbmanager.analyzers.schema_lint.lint import RULES
from dbmanager.model.findings import Finding
from dbmanager.services.linting import lint_database
from tests.engines.mysql_family import MySqlServer, open_mysql

pytestmark = pytest.mark.anyio
_DIGITS = " UNION ALL ".join(f"SELECT {digit} AS d" for digit in range(10))
_MANY = (
    f"SELECT * FROM (SELECT 1 + a.d + b.d * 10 + c.d * 100 + e.d * 1000 AS g FROM ({_DIGITS}) AS a "
    f"CROSS JOIN ({_DIGITS}) AS b CROSS JOIN ({_DIGITS}) AS c CROSS JOIN (SELECT 0 AS d UNION ALL SELECT 1) AS e) AS n"
)


def _filled(table: str, values: str) -> str:
    return f"INSERT INTO {table} {_MANY.replace('SELECT *', f'SELECT {values}', 1)};"


_PARENT = "CREATE TABLE parents (id int PRIMARY KEY, name varchar(40) NOT NULL);" + _filled(
    "parents", "g, concat('n', g)"
)
_KIDS = _PARENT + "CREATE TABLE kids (id int PRIMARY KEY, parent_id int{});"
_DECLARED = _KIDS.format(", CONSTRAINT k FOREIGN KEY (parent_id) REFERENCES parents (id)")
_PHONES = "CREATE TABLE t (id int PRIMARY KEY, phone1 varchar(9), phone2 varchar(9), phone3 varchar(9))"
_USED = (
    "CREATE TABLE t (id int PRIMARY KEY, a int, KEY i (a));" + _filled("t", "g, g") + "SELECT * FROM t WHERE id = 3;"
)

CASES: dict[str, tuple[str, str]] = {
    "LINT-001": ("CREATE TABLE t (a int)", "CREATE TABLE t (a int PRIMARY KEY)"),
    "LINT-003": (
        _KIDS.format("") + _filled("kids", "g, g"),
        _KIDS.format("") + _filled("kids", "g, g + 1000000"),
    ),
    "LINT-004": (
        _DECLARED + "SET foreign_key_checks = 0; INSERT INTO kids VALUES (1, 999999)",
        _DECLARED + "INSERT INTO kids VALUES (1, 9), (2, NULL)",
    ),
    "LINT-005": (
        "CREATE TABLE t (a int PRIMARY KEY, b int, c int, KEY x (b, c), KEY y (b, c))",
        "CREATE TABLE t (a int PRIMARY KEY, b int, c int, KEY x (b, c), KEY y (c, b))",
    ),
    "LINT-006": (
        "CREATE TABLE t (a int PRIMARY KEY, b int, c int, KEY x (b), KEY y (b, c))",
        "CREATE TABLE t (a int PRIMARY KEY, b int, c int, UNIQUE KEY x (b), KEY y (b, c), KEY z (c))",
    ),
    "LINT-008": (
        _PHONES,
        _PHONES.replace("phone3", "utf8").replace("phone2", "address2").replace("phone1", "address1"),
    ),
    "LINT-009": (
        "CREATE TABLE t (id int PRIMARY KEY, zip varchar(9), city varchar(9));"
        + _filled("t", "g, concat('Z', g % 90), concat('C', g % 90 % 20)"),
        "CREATE TABLE t (id int PRIMARY KEY, zip varchar(9), city varchar(9));"
        + _filled("t", "g, concat('Z', g % 90), concat('C', g % 71)"),
    ),
    "LINT-010": (
        "CREATE TABLE t (id int PRIMARY KEY, tags varchar(40));" + _filled("t", "g, concat('red,blue,x', g)"),
        "CREATE TABLE t (id int PRIMARY KEY, said varchar(80));"
        + _filled("t", "g, concat('Well, it is number ', g, ', I think.')"),
    ),
    "LINT-011": (
        "CREATE TABLE t (id int PRIMARY KEY, unit_price float)",
        "CREATE TABLE t (id int PRIMARY KEY, unit_price decimal(10,2), total_cents int, weight float)",
    ),
    "LINT-012": (
        "CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL, b int, UNIQUE KEY u (a, b))",
        "CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL, b int NOT NULL, c int UNIQUE, UNIQUE KEY u (a, b))",
    ),
    "LINT-013": (
        "CREATE TABLE t (id int PRIMARY KEY, seen datetime)",
        "CREATE TABLE t (id int PRIMARY KEY, seen timestamp NULL, born date)",
    ),
    "LINT-014": (
        f"CREATE TABLE t (id int PRIMARY KEY, {', '.join(f'c{chr(97 + i % 26)}{chr(97 + i // 26)} int' for i in range(41))})",
        f"CREATE TABLE t (id int PRIMARY KEY, {', '.join(f'c{chr(97 + i % 26)}{chr(97 + i // 26)} int' for i in range(39))})",
    ),
    "LINT-016": (
        "CREATE TABLE t (id int PRIMARY KEY, born varchar(20));"
        + _filled("t", "g, date '2024-01-01' + INTERVAL g DAY"),
        "CREATE TABLE t (id int PRIMARY KEY, born date);" + _filled("t", "g, date '2024-01-01' + INTERVAL g DAY"),
    ),
    "LINT-017": (
        "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1500000000)",
        "CREATE TABLE t (id int unsigned PRIMARY KEY); INSERT INTO t VALUES (1500000000);"
        "CREATE TABLE u (id bigint PRIMARY KEY); INSERT INTO u VALUES (1500000000)",
    ),
    "LINT-018": (
        "CREATE TABLE t (id int PRIMARY KEY, a int, KEY i (a)); ALTER TABLE t ALTER INDEX i {hidden}",
        "CREATE TABLE t (id int PRIMARY KEY, a int, KEY i (a))",
    ),
    "LINT-019": (
        "CREATE TABLE t (id int PRIMARY KEY, CONSTRAINT c CHECK (id > 0) NOT ENFORCED)",
        "CREATE TABLE t (id int PRIMARY KEY, CONSTRAINT c CHECK (id > 0))",
    ),
    "LINT-020": (_USED, _USED + "SELECT id FROM t FORCE INDEX (i) WHERE a = 3"),
    "LINT-021": (
        "CREATE TABLE a (id int PRIMARY KEY, thing_id int); CREATE TABLE b (id int PRIMARY KEY, thing_id varchar(9))",
        "CREATE TABLE a (id int PRIMARY KEY, thing_id int); CREATE TABLE b (id int PRIMARY KEY, thing_id bigint)",
    ),
}
ONLY_MYSQL = {"LINT-019": "MariaDB has no constraint that is declared and not enforced"}
HIDDEN = {"mysql": "INVISIBLE", "mariadb": "IGNORED"}
SEEDS_REFUSED = {
    "LINT-002": "CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE k (id int PRIMARY KEY, p_id int, "
                "CONSTRAINT r FOREIGN KEY (p_id) REFERENCES p (id)); DROP INDEX r ON k",
    "LINT-007": "SET foreign_key_checks = 0; CREATE TABLE p (id varchar(9) PRIMARY KEY); "
                "CREATE TABLE k (id int PRIMARY KEY, p_id int, FOREIGN KEY (p_id) REFERENCES p (id))",
}  # fmt: skip
"""Faults that neither server lets anyone make, by the rules that are therefore not theirs."""


@pytest.fixture(params=["mysql", "mariadb"])
def server(request: pytest.FixtureRequest) -> MySqlServer:
    found: MySqlServer = request.getfixturevalue(f"{request.param}_server")
    return found


async def _found(server: MySqlServer, script: str) -> dict[str, Finding]:
    database = server.create_database(script.format(hidden=HIDDEN[server.engine]))
    adapter = open_mysql(server, database, access="read_only")
    try:
        return {finding.id: finding for finding in (await lint_database(adapter)).report.findings}
    finally:
        await adapter.close()
        server.drop_database(database)


@pytest.mark.parametrize("rule", sorted(CASES))
async def test_a_seeded_fault_is_found_and_a_clean_schema_is_not(rule: str, server: MySqlServer) -> None:
    if rule in ONLY_MYSQL and server.engine == "mariadb":
        with pytest.raises(AssertionError, match="syntax"):
            server.create_database(CASES[rule][0])
        return
    counting = rule == "LINT-020" and server.engine == "mariadb"
    server.run_sql("", f"SET GLOBAL userstat = {int(counting)}" if server.engine == "mariadb" else "DO 0")
    try:
        seeded, clean = [await _found(server, script) for script in CASES[rule]]
    finally:
        server.run_sql("", "SET GLOBAL userstat = 0" if server.engine == "mariadb" else "DO 0")
    assert rule in seeded
    assert rule not in clean
    advice = seeded[rule].fix
    assert advice is not None
    assert "timestamptz" not in advice.advice
    assert "VALIDATE" not in advice.advice


@pytest.mark.parametrize("rule", sorted(SEEDS_REFUSED))
def test_rules_whose_fault_the_server_refuses_are_not_judged_here(rule: str, server: MySqlServer) -> None:
    database = server.create_database()
    with pytest.raises(AssertionError, match="ERROR"):
        server.run_sql(database, SEEDS_REFUSED[rule])
    server.drop_database(database)
    assert "mysql" not in next(found for found in RULES if found.id == rule).engines


def test_every_rule_of_these_servers_has_its_pair() -> None:
    assert {rule.id for rule in RULES if "mysql" in rule.engines} == set(CASES)
