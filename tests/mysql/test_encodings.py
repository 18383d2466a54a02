"""Texts and bytes of every encoding and collation come and go as they are: query, copy and dump, on both servers."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dbmanager.adapters.facets import Statement
from dbmanager.adapters.mysql.adapter import MysqlAdapter
from dbmanager.adapters.mysql.tables import name_of
from dbmanager.errors import StatementFailed
from dbmanager.model.backups import BackupArtifact
from dbmanager.model.queries import QueryRequest
from dbmanager.services.checksums import table_digest
from tests.engines.mysql_family import MySqlServer, open_mysql

pytestmark = pytest.mark.anyio
COLLATIONS = (
    "latin1_swedish_ci", "latin1_german1_ci", "latin1_bin", "utf8mb3_general_ci", "utf8mb3_bin", "utf8mb3_unicode_ci",
    "utf8mb4_general_ci", "utf8mb4_bin", "utf8mb4_unicode_520_ci", "utf8mb4_turkish_ci", "ascii_general_ci", "ucs2_bin",
    "utf16_general_ci", "utf32_bin", "koi8r_general_ci", "cp1251_bin", "sjis_japanese_ci", "gbk_chinese_ci", "euckr_korean_ci",
)  # fmt: skip
PYTHON = {"latin1": "cp1252", "utf8mb3": "utf-8", "utf8mb4": "utf-8", "ucs2": "utf-16-be", "utf16": "utf-16-be",
          "utf32": "utf-32-be", "koi8r": "koi8-r", "sjis": "shift_jis", "euckr": "euc_kr"}  # fmt: skip
ODD = (
    "",
    " ",
    " both ",
    "trailing  ",
    "\\",
    "'",
    '"',
    "`",
    "a\\'b",
    "\t",
    "\n",
    "\r\n",
    "%",
    "NULL",
    "\\N",
    "-- x",
    "\x7f",
    "\x1a",
)


def _characters(charset: str) -> list[str]:
    """Return the characters that Python and the server agree are of the encoding."""
    codec = PYTHON.get(charset, charset)
    last = 0x10FFFF if charset in ("utf8mb4", "utf16", "utf32") else 0xFFFF
    if charset.startswith(("utf", "ucs")):
        return [chr(point) for point in (*range(1, 0x600), 0x3042, 0xFEFF, 0xFFFF, 0x1F600, 0x10FFFF) if point <= last]
    return [c for c in map(chr, range(1, 0x10000)) if not 0xD800 <= ord(c) <= 0xDFFF and _same(c, codec)]


def _same(character: str, codec: str) -> bool:
    try:
        return character.encode(codec).decode(codec) == character
    except UnicodeError:
        return False


def _drawn(charset: str) -> list[str]:
    """Return values that hypothesis invents of the encoding's characters."""
    found: list[str] = []

    @settings(max_examples=60, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.text(st.sampled_from(_characters(charset)), max_size=40))
    def draw(value: str) -> None:
        found.append(value)

    draw()
    return [*ODD, *found]


def _bytes() -> list[bytes]:
    found: list[bytes] = [bytes(range(256)), b"", b"\0", b" ", b"\xff" * 200]

    @settings(max_examples=60, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.binary(max_size=200))
    def draw(value: bytes) -> None:
        found.append(value)

    draw()
    return found


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


async def _run(adapter: MysqlAdapter, *statements: Statement) -> None:
    await adapter.execute.execute(statements, atomic=False, lock_timeout_seconds=5, timeout_seconds=60)


async def _fill(adapter: MysqlAdapter, table: str, kind: str, values: Sequence[str | bytes]) -> None:
    await _run(adapter, Statement(f"CREATE TABLE {name_of(table)} (id int PRIMARY KEY, v {kind})"))
    insert = f"INSERT INTO {name_of(table)} VALUES (?, {'unhex(?)' if isinstance(values[0], bytes) else '?'})"
    texts = [value.hex() if isinstance(value, bytes) else value for value in values]
    await _run(adapter, *(Statement(insert, (number, text)) for number, text in enumerate(texts)))


async def _survives(adapters: tuple[MysqlAdapter, MysqlAdapter], wanted: dict[str, list[str]], folder: Path) -> None:
    """Compare what was put into each table with a query, a copy and a restored dump."""
    source, target = adapters
    schema = await source.catalog.read_schema()
    for name, values in wanted.items():
        table = schema.table(name)
        rows = [await source.query.run(QueryRequest(f"SELECT v FROM {name_of(name)} ORDER BY id"))]
        assert [row[0] for page in rows for row in page.rows] == values, name
        await _run(target, *(Statement(s) for s in source.emit.create_table(table, source_engine="mysql").statements))
        chunk = await source.bulk.read_chunk(table, ["id", "v"], ["id"], None, 1_000)
        await target.bulk.write_chunk(table, ["id", "v"], ["id"], chunk.rows)
    copied = await target.catalog.read_schema()
    made = await source.backup.back_up(folder / "made.backup")
    assert isinstance(made, BackupArtifact)
    async with source.backup.restore_to_scratch(made) as scratch:
        restored = await scratch.catalog.read_schema()
        for name in wanted:
            assert restored.table(name).columns == schema.table(name).columns == copied.table(name).columns
            digest = await table_digest(source, schema.table(name))
            assert await table_digest(target, copied.table(name)) == digest, name
            assert await table_digest(scratch, restored.table(name)) == digest, name


async def test_texts_of_every_encoding_survive(adapters: tuple[MysqlAdapter, MysqlAdapter], tmp_path: Path) -> None:
    wanted = {collation: _drawn(collation.partition("_")[0]) for collation in COLLATIONS}
    for collation, values in wanted.items():
        await _fill(adapters[0], collation, f"varchar(60) COLLATE {collation}", values)
    await _survives(adapters, wanted, tmp_path)


async def test_bytes_survive(adapters: tuple[MysqlAdapter, MysqlAdapter], tmp_path: Path) -> None:
    values = _bytes()
    shown = ["\\x" + value.hex() for value in values]
    for kind in ("varbinary(300)", "blob", "longblob"):
        await _fill(adapters[0], kind.partition("(")[0], kind, values)
    await _survives(adapters, {"varbinary": shown, "blob": shown, "longblob": shown}, tmp_path)


@pytest.mark.parametrize("collation", ["latin1_swedish_ci", "utf8mb3_general_ci", "ascii_general_ci"])
async def test_a_text_that_the_column_cannot_hold_is_refused_and_not_maimed(
    collation: str, adapters: tuple[MysqlAdapter, MysqlAdapter]
) -> None:
    adapter = adapters[0]
    await _run(adapter, Statement(f"CREATE TABLE t (id int PRIMARY KEY, v varchar(60) COLLATE {collation})"))
    table = (await adapter.catalog.read_schema()).table("t")
    with pytest.raises(StatementFailed, match="a value has not the form of its type"):
        await adapter.bulk.write_chunk(table, ["id", "v"], ["id"], [(1, "x😀")])
    assert await adapter.bulk.count(table) == 0
