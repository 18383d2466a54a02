"""Tables go between MySQL and MariaDB with the nearest collation, and a record says which and what differs."""

from __future__ import annotations

import pytest

from dbmanager.adapters.facets import Statement
from dbmanager.adapters.mysql.collations import nearest_collation
from dbmanager.adapters.mysql.facts import ServerFacts
from dbmanager.phases.migration.copy import plan_copy
from dbmanager.services.checksums import table_digest
from tests.engines.mysql_family import MySqlServer, open_mysql

pytestmark = pytest.mark.anyio
OF_MYSQL = (
    "CREATE TABLE words (id int PRIMARY KEY, a varchar(20) COLLATE utf8mb4_0900_ai_ci, b varchar(20) COLLATE utf8mb4_0900_as_cs, "
    "c varchar(20) COLLATE utf8mb4_0900_bin, d varchar(20) COLLATE utf8mb4_de_pb_0900_as_cs, e varchar(20) COLLATE utf8mb4_bin, "
    "f varchar(20) COLLATE utf8mb4_ja_0900_as_cs_ks, UNIQUE KEY u (a)) COLLATE utf8mb4_0900_ai_ci;"
)
OF_MARIADB = (
    "CREATE TABLE words (id int PRIMARY KEY, a varchar(20) COLLATE utf8mb4_uca1400_ai_ci, b varchar(20) COLLATE utf8mb4_uca1400_nopad_as_cs, "
    "c varchar(20) COLLATE utf8mb4_nopad_bin, d varchar(20) COLLATE utf8mb4_uca1400_german2_as_ci, e varchar(20) COLLATE utf8mb4_bin, "
    "f varchar(20) COLLATE utf8mb4_unicode_520_nopad_ci, UNIQUE KEY u (a)) COLLATE utf8mb4_uca1400_ai_ci;"
)
ROWS = "INSERT INTO words VALUES (1, 'ä', 'ä ', 'x', 'ö', 'ß', 'か'), (2, 'b', 'B', 'X ', 'oe', 'ss', 'カ')"
LANDED = {
    "mariadb": ["utf8mb4_uca1400_nopad_ai_ci", "utf8mb4_uca1400_nopad_as_cs", "utf8mb4_nopad_bin",
                "utf8mb4_uca1400_nopad_as_cs", "utf8mb4_bin", "utf8mb4_uca1400_nopad_as_cs"],
    "mysql": ["utf8mb4_0900_ai_ci", "utf8mb4_0900_as_cs", "utf8mb4_0900_bin", "utf8mb4_0900_as_ci", "utf8mb4_bin",
              "utf8mb4_unicode_520_ci"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("source", "target", "script"), [("mysql", "mariadb", OF_MYSQL), ("mariadb", "mysql", OF_MARIADB)]
)
async def test_a_copy_lands_with_the_nearest_collations_and_says_so(
    source: str, target: str, script: str, mysql_server: MySqlServer, mariadb_server: MySqlServer
) -> None:
    servers = {"mysql": mysql_server, "mariadb": mariadb_server}
    here, there = servers[source].create_database(script + ROWS), servers[target].create_database()
    reader, writer = open_mysql(servers[source], here), open_mysql(servers[target], there)
    try:
        plan, notes = await plan_copy(reader, writer, "shop", "copy", [], None)
        told = [note for note in notes if "is the nearest" in note]
        assert [note.split(":")[0] for note in told] == [f"words.{name}" for name in ("a", "b", "c", "d", "f", "words")]
        assert all(note.partition(": ")[2].startswith("emulated, the server has no utf8mb4_") for note in told)
        assert "without the order of the language" in told[3]
        made = [Statement(step.statement) for step in plan.steps if step.title.startswith("create")]
        await writer.execute.execute(made, atomic=False, lock_timeout_seconds=2, timeout_seconds=20)
        table, landed = [(await each.catalog.read_schema()).table("words") for each in (reader, writer)]
        assert [c.collation for c in landed.columns[1:]] == LANDED[target]
        names = [column.name for column in table.columns]
        chunk = await reader.bulk.read_chunk(table, names, ["id"], None, 10)
        await writer.bulk.write_chunk(landed, names, ["id"], chunk.rows)
        assert await table_digest(reader, table) == await table_digest(writer, landed)
    finally:
        await reader.close()
        await writer.close()
        servers[source].drop_database(here)
        servers[target].drop_database(there)


async def test_every_collation_of_either_is_had_or_replaced_by_one_that_the_other_has(
    mysql_server: MySqlServer, mariadb_server: MySqlServer
) -> None:
    adapters = [open_mysql(server, server.create_database()) for server in (mysql_server, mariadb_server)]
    lists: list[set[str]] = []
    facts: list[ServerFacts] = []
    for adapter in adapters:
        asked = "SELECT DISTINCT COLLATION_NAME FROM information_schema.COLLATIONS WHERE COLLATION_NAME LIKE 'utf8mb4%'"
        asked_too = "SELECT FULL_COLLATION_NAME FROM information_schema.COLLATION_CHARACTER_SET_APPLICABILITY WHERE FULL_COLLATION_NAME LIKE 'utf8mb4%'"
        await adapter.query.fetch(asked)
        known = adapter.emit._server()
        assert known is not None
        facts.append(known)
        names = await adapter.query.fetch(asked_too if known.product == "mariadb" else asked)
        lists.append({str(row[0]) for row in names})
        await adapter.close()
    for names_here, names_there, server in ((lists[0], lists[1], facts[1]), (lists[1], lists[0], facts[0])):
        assert len(names_here) > 40
        replaced = {name: nearest_collation(name, server) for name in names_here}
        assert {name for name, found in replaced.items() if (found[0] if found else name) not in names_there} == set()


@pytest.mark.parametrize(
    ("name", "landed"),
    [("utf8mb4_0900_ai_ci", "utf8mb4_unicode_520_nopad_ci"), ("utf8mb4_0900_as_cs", "utf8mb4_nopad_bin"),
     ("utf8mb4_0900_bin", "utf8mb4_nopad_bin"), ("utf8mb4_es_0900_as_cs", "utf8mb4_nopad_bin")],
)  # fmt: skip
def test_before_mariadb_10_10_older_rules_stand_in(name: str, landed: str) -> None:
    old = ServerFacts("10.6.16-MariaDB", 100_616, "u", "d", "", False, False, "utf8mb4_general_ci", frozenset())
    found = nearest_collation(name, old)
    assert found is not None
    assert found[0] == landed
