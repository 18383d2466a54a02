"""Plans are read whatever a statement's texts hold: MariaDB writes conditions into its JSON as it writes SQL."""

from __future__ import annotations

import pytest

from dbmanager.model.queries import QueryRequest
from tests.engines.mysql_family import open_mysql

pytestmark = pytest.mark.anyio
TEXTS = [
    "it''s",
    'a "quoted" word',
    "a\\\\backslash",
    "two\nlines",
    "a\ttab",
    "a \\' mark",
    "é 😀",
    "\x01",
    "{ } [ ] ,",
]


@pytest.mark.parametrize("product", ["mysql", "mariadb"])
async def test_a_statement_is_explained_whatever_its_texts_hold(product: str, request: pytest.FixtureRequest) -> None:
    server = request.getfixturevalue(f"{product}_server")
    database = server.create_database()
    server.run_sql(
        database, "CREATE TABLE t (id int PRIMARY KEY, v varchar(40)); INSERT INTO t VALUES (1, 'x'), (2, 'y')"
    )
    adapter = open_mysql(server, database, access="read_only")
    for text in TEXTS:
        for analyze in (False, True):
            plan = await adapter.query.explain(QueryRequest(f"SELECT id FROM t WHERE v = '{text}'"), analyze=analyze)
            assert [node.table for node in plan.nodes() if node.table] == ["t"], text
    await adapter.close()
    server.drop_database(database)
