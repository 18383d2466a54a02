"""Names that hypothesis invents, and those of the manual's rules, go through DDL, query, copy and dump on both servers."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dbmanager.adapters.facets import Statement
from dbmanager.adapters.mysql.adapter import MysqlAdapter
from dbmanager.adapters.mysql.tables import name_of
from dbmanager.errors import InvalidStatement
from dbmanager.model.backups import BackupArtifact
from dbmanager.model.queries import QueryRequest
from dbmanager.services.checksums import table_digest
from tests.engines.mysql_family import MySqlServer, open_mysql

pytestmark = pytest.mark.anyio
LONGEST = 64
ENDS = " \t\n\v\f\r"
"""What no name may end with."""
FILE_NAME_BYTES = 240
"""A table is a file, in whose name most characters take five bytes."""
RULES = (
    "new\r\nline",
    "select", "SELECT", "table", "key", "rank", "system", "lateral", "returning", "window", "`", "``", "a`b", "`a", "a`", '"', "'", "\\",
    "a\\b", "a.b", " a", "a b", "a;b", "--", "-- x", "/*", "*/", "#", "/*! x */", "?", "%s", "@a", "@@a", "1", "1e1", "0x1", "-1", "%", "_",
    "ü", "ß", "İ", "ı", "ﬃ", "中文表", "א", "\u200b", "\ufeff", "\uffff", "\ue000", "e\u0301", "x" * LONGEST, "`" * 40, "a\tb", "a\nb",
    "$", "a$b", "NULL", "id2", "x\u3000", "x\xa0",
)  # fmt: skip
CHARACTERS = st.one_of(
    st.characters(min_codepoint=1, max_codepoint=0xFFFF, exclude_categories=["Cs"]),
    st.sampled_from("`\"'\\ .;-/*#%_?@"),
)
NAMES = st.text(CHARACTERS, min_size=1, max_size=LONGEST).filter(lambda name: name[-1] not in ENDS)


def _file_bytes(name: str) -> int:
    return sum(1 if c.isascii() and (c.isalnum() or c == "_") else 5 for c in name)


@pytest.fixture(scope="module")
def names() -> list[str]:
    """The names of the rules, and a good hundred that are drawn once: hypothesis' own loop does not await."""
    drawn: list[str] = []

    @settings(max_examples=120, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(NAMES)
    def draw(name: str) -> None:
        drawn.append(name)

    draw()
    return [name for name in dict.fromkeys((*RULES, *drawn)) if _file_bytes(name) <= FILE_NAME_BYTES]


@pytest.fixture(params=["mysql", "mariadb"])
def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> MySqlServer:
    found: MySqlServer = request.getfixturevalue(f"{request.param}_server")
    monkeypatch.setenv("PATH", f"{found.programs}{os.pathsep}{os.environ['PATH']}")
    return found


@pytest.fixture
def databases(server: MySqlServer) -> Iterator[tuple[str, str]]:
    made = server.create_database(), server.create_database()
    yield made
    for name in made:
        server.drop_database(name)


@pytest.fixture
async def adapters(server: MySqlServer, databases: tuple[str, str]) -> AsyncIterator[tuple[MysqlAdapter, MysqlAdapter]]:
    made = open_mysql(server, databases[0]), open_mysql(server, databases[1])
    yield made
    for adapter in made:
        await adapter.close()


async def _run(adapter: MysqlAdapter, *statements: str) -> None:
    await adapter.execute.execute(
        [Statement(sql) for sql in statements], atomic=False, lock_timeout_seconds=5, timeout_seconds=60
    )


def _made(place: int, name: str) -> tuple[str, str]:
    """Return the statements that make a table whose name, column and index all have the name."""
    quoted = name_of(name)
    return (
        f"CREATE TABLE {quoted} (id_ int PRIMARY KEY, {quoted} int, KEY {quoted} ({quoted}))",
        f"INSERT INTO {quoted} VALUES ({place}, {place * 7})",
    )


async def test_any_name_goes_through_catalog_query_copy_and_dump(
    names: list[str], adapters: tuple[MysqlAdapter, MysqlAdapter], tmp_path: Path
) -> None:
    source, target = adapters
    for place, name in enumerate(names):
        await _run(source, *_made(place, name))
    schema = await source.catalog.read_schema()
    assert {table.name for table in schema.tables} == set(names)
    for place, name in enumerate(names):
        table = schema.table(name)
        assert [column.name for column in table.columns] == ["id_", name]
        assert [index.name for index in table.indexes if not index.backs_constraint] == [name]
        read = await source.query.run(QueryRequest(f"SELECT {name_of(name)} FROM {name_of(name)}"))
        assert (read.columns[0].name, read.rows) == (name, ((place * 7,),))
        await _run(target, *source.emit.create_table(table, source_engine="mysql").statements)
        chunk = await source.bulk.read_chunk(table, ["id_", name], ["id_"], None, 10)
        await target.bulk.write_chunk(table, ["id_", name], ["id_"], chunk.rows)
    copied = await target.catalog.read_schema()
    made = await source.backup.back_up(tmp_path / "made.backup")
    assert isinstance(made, BackupArtifact)
    async with source.backup.restore_to_scratch(made) as scratch:
        restored = await scratch.catalog.read_schema()
        assert {table.name for table in restored.tables} == set(names)
        for name in names:
            digest = await table_digest(source, schema.table(name))
            assert await table_digest(target, copied.table(name)) == digest
            assert await table_digest(scratch, restored.table(name)) == digest


@pytest.mark.parametrize(
    "name", ["x" * (LONGEST + 1), "x ", "x\t", "😀", "x😀y"], ids=["65", "space", "tab", "beyond", "inside"]
)
async def test_a_name_against_the_rules_is_refused_and_makes_nothing(
    name: str, adapters: tuple[MysqlAdapter, MysqlAdapter]
) -> None:
    adapter = adapters[0]
    with pytest.raises(InvalidStatement):
        await _run(adapter, _made(1, name)[0])
    with pytest.raises(InvalidStatement):
        await _run(adapter, f"CREATE TABLE plain (id_ int PRIMARY KEY, {name_of(name)} int)")
    assert (await adapter.catalog.read_schema()).tables == ()
