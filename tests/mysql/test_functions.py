"""What a read may call: listed native functions, and stored ones and views that only read, whatever they reach in turn."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from dbmanager.adapters.mysql.adapter import MysqlAdapter
from dbmanager.adapters.mysql.bodies import DENIED
from dbmanager.adapters.mysql.functions import NATIVE, SYS, WORDS
from dbmanager.errors import StatementRefused
from dbmanager.model.queries import QueryRequest
from tests.engines.mysql_family import MySqlServer, open_mysql

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("engine", ["mysql", "mariadb"])]
_SCHEMA = """
CREATE TABLE t (id int PRIMARY KEY, name varchar(20), doc json);
INSERT INTO t VALUES (1, 'ada', '{"a": 1}');
CREATE FUNCTION twice(i int) RETURNS int DETERMINISTIC NO SQL RETURN i * 2;
CREATE FUNCTION cleaned(n varchar(20)) RETURNS varchar(20) DETERMINISTIC NO SQL RETURN REPLACE(INSERT(n, 1, 1, ''), 'x', 'y');
CREATE FUNCTION locking() RETURNS int DETERMINISTIC NO SQL RETURN get_lock('outsider', 0);
CREATE FUNCTION indirect() RETURNS int DETERMINISTIC NO SQL RETURN locking();
CREATE VIEW plain AS SELECT id, twice(id) AS n, UPPER(name) AS u, JSON_EXTRACT(doc, '$.a') AS a FROM t WHERE id IN (1, 2);
CREATE VIEW over_plain AS SELECT p.n FROM plain AS p JOIN t ON t.id = p.id;
CREATE VIEW waiting AS SELECT id FROM t WHERE sleep(3) = 0;
CREATE VIEW over_waiting AS SELECT a.id FROM t AS a JOIN waiting AS w ON a.id = w.id;
CREATE VIEW through_function AS SELECT indirect() AS n;
"""


@pytest.fixture
def server(request: pytest.FixtureRequest, engine: str) -> MySqlServer:
    found: MySqlServer = request.getfixturevalue(f"{engine}_server")
    return found


@pytest.fixture
def other(server: MySqlServer) -> Iterator[str]:
    """A database with a function that is called as a native one is, and does something else."""
    name = server.create_database(
        "CREATE FUNCTION `lower`(n int) RETURNS int DETERMINISTIC NO SQL RETURN get_lock('outsider', n)"
    )
    yield name
    server.drop_database(name)


@pytest.fixture
async def adapter(server: MySqlServer) -> AsyncIterator[MysqlAdapter]:
    name = server.create_database(_SCHEMA)
    adapter = open_mysql(server, name, access="read_only")
    yield adapter
    await adapter.close()
    server.drop_database(name)


READS = (
    "SELECT twice(id) FROM t",
    "SELECT cleaned(name) FROM t",
    "SELECT `upper`(name) FROM t",
    "SELECT n, u, a FROM plain",
    "SELECT n FROM over_plain",
    "SELECT LAST_INSERT_ID()",
    "WITH upto(n) AS (SELECT 1) SELECT n FROM upto",
    "WITH RECURSIVE upto(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM upto WHERE n < 3) SELECT n FROM upto",
    "SELECT CAST(id AS DECIMAL(10, 2)), CAST(name AS CHAR(3)) FROM t WHERE (id) IN (1) AND NOT (id) = 2 AND (id) BETWEEN (0) AND (3)",
    "SELECT SUM(id) OVER (PARTITION BY (name)) FROM t USE INDEX (PRIMARY) JOIN (SELECT 1 AS one) AS x ON (x.one = t.id)",
)


@pytest.mark.parametrize("statement", READS)
async def test_a_read_that_only_computes_passes(engine: str, statement: str, adapter: MysqlAdapter) -> None:
    assert (await adapter.query.run(QueryRequest(statement))).rows


REFUSED = (
    ("SELECT * FROM waiting", "view waiting calls a function with effects"),
    ("SELECT * FROM over_waiting", "view waiting calls a function with effects"),
    ("SELECT * FROM `over_waiting` AS t, t AS u", "view waiting calls a function with effects"),
    ("SELECT n FROM through_function", "function locking calls a function with effects"),
    ("SELECT indirect()", "function locking calls a function with effects"),
    ("SELECT LAST_INSERT_ID(7)", "sets the session's last number"),
    ("SELECT uper(name) FROM t", "is not one of those that a read may call"),
    ("WITH brand_new(n) AS (SELECT 1) SELECT brand_new(3) FROM brand_new", "is not one of those that a read may call"),
    ("SELECT `select`(1)", "is not one of those that a read may call"),
)


@pytest.mark.parametrize(("statement", "why"), REFUSED)
async def test_a_call_that_may_do_more_is_refused_by_name(
    engine: str, statement: str, why: str, adapter: MysqlAdapter
) -> None:
    with pytest.raises(StatementRefused, match=why) as refused:
        await adapter.query.run(QueryRequest(statement))
    assert refused.value.hint


async def test_a_misspelt_function_is_told_the_nearest(engine: str, adapter: MysqlAdapter) -> None:
    with pytest.raises(StatementRefused) as refused:
        await adapter.query.run(QueryRequest("SELECT uper(name) FROM t"))
    assert refused.value.hint == "Did you mean upper?"


async def test_a_function_of_another_database_is_not_taken_for_the_native_one(
    engine: str, server: MySqlServer, other: str, adapter: MysqlAdapter
) -> None:
    statement = f"SELECT {other}.lower(0)"
    assert server.run_sql(other, f"{statement}, IS_USED_LOCK('outsider') = CONNECTION_ID()") == "1\t1"
    with pytest.raises(StatementRefused, match="is named with a database"):
        await adapter.query.run(QueryRequest(statement))


async def test_what_is_listed_has_no_known_effect(engine: str) -> None:
    assert not [name for name in NATIVE | SYS if DENIED.fullmatch(name)]
    assert not NATIVE & {"lock", "load", "call", "execute"}
    assert len(NATIVE) > 400
    assert len(WORDS) > 80


async def test_every_native_function_that_the_server_lists_is_known(engine: str, server: MySqlServer) -> None:
    if engine == "mysql":
        pytest.skip("the server lists none")
    listed = server.run_sql("information_schema", "SELECT LOWER(FUNCTION) FROM SQL_FUNCTIONS").split()
    assert len(listed) > 200
    assert not [name for name in listed if name not in NATIVE | {"schemas"} and not DENIED.fullmatch(name)]
