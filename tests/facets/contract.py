"""Engines as the facet-contract suite sees them: a fresh database, a direct way in, and each engine's own spellings."""

from __future__ import annotations

import itertools
import sqlite3
import tempfile
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from unittest import mock

from pydantic import SecretStr

from dbmanager.adapters.facets import Adapter, Bulk, Emit
from dbmanager.adapters.mysql.adapter import MysqlAdapter
from dbmanager.adapters.postgresql import session as postgresql_session
from dbmanager.adapters.postgresql.adapter import PostgresAdapter
from dbmanager.adapters.sqlite.adapter import SqliteAdapter
from dbmanager.model.configuration import ConnectionSettings, ResolvedUrl
from tests.engines.instance import login
from tests.engines.mysql_family import MySqlServer, driver_password, open_mysql
from tests.engines.postgresql import PASSWORD, SUPERUSER, PostgresServer

PARENT_CHILD = """
CREATE TABLE parent (id {id}, code varchar(20) NOT NULL, grp integer, note text, UNIQUE (code), CHECK (grp >= 0));
CREATE TABLE child (id {id}, parent_id integer NOT NULL, label text DEFAULT 'none', amount numeric(10,2),
  CONSTRAINT child_parent FOREIGN KEY (parent_id) REFERENCES parent (id) ON DELETE CASCADE);
CREATE INDEX child_label ON child (label, amount DESC);
CREATE UNIQUE INDEX child_once ON child (parent_id, label) WHERE label IS NOT NULL;
CREATE TABLE pairs (a integer NOT NULL, b text NOT NULL, c double precision, PRIMARY KEY (a, b));
CREATE VIEW groups AS SELECT grp, count(*) AS n FROM parent GROUP BY grp;
"""


class SqlAdapter(Adapter, Protocol):
    """An adapter with every facet that an SQL engine must have."""

    @property
    def emit(self) -> Emit: ...
    @property
    def bulk(self) -> Bulk: ...


@dataclass(frozen=True, slots=True)
class Kinds:
    """A table with a column of every kind of type the engine stores, and rows of ordinary and extreme values."""

    ddl: str
    rows: tuple[str, ...]
    odd_rows: tuple[str, ...] = ()
    """Rows that only an engine with loose types can hold; they too must come back from a before-image."""


@dataclass(slots=True)
class EngineUnderTest(ABC):
    """One engine, one fresh database a test."""

    adapters: list[Adapter] = field(default_factory=list)

    name = ""
    engine = ""
    """The adapter's engine where several products share it; the name otherwise."""
    mark = "?"
    """A placeholder that takes text."""
    repeat = "repeat('x', {count})"
    partial_indexes = True
    analyze = ""
    before_dump = ""
    """Takes away what the engine's dump program can't write to the bit."""
    """What brings the planner's figures up to date."""
    drop_index = "DROP INDEX child_label"
    failing = "SELECT ('secret' || code)::integer FROM parent"
    """Fails with an error of the engine that holds a row's value."""
    identity = "integer PRIMARY KEY"
    slow = "SELECT 1"
    """A statement that computes for minutes."""

    @abstractmethod
    def open(self, *, read_only: bool = False) -> SqlAdapter:
        """Return an adapter on the database; closed after the test."""

    @abstractmethod
    def run(self, script: str) -> None:
        """Run statements directly, past every guard."""

    @abstractmethod
    def fetch(self, sql: str) -> list[tuple[str, ...]]:
        """Look directly; every value as text."""

    @abstractmethod
    def numbers(self, count: int) -> str:
        """Return a subquery giving `n` from 1 to `count`."""

    @abstractmethod
    def count_statements(self, adapter: Adapter) -> Callable[[], int]:
        """Return a reader of how many statements that adapter has sent since."""

    @abstractmethod
    def running(self) -> int:
        """Return how many statements of ours run on the engine now."""

    @abstractmethod
    def another(self) -> EngineUnderTest:
        """Return a second, empty database of the same engine."""

    @property
    @abstractmethod
    def kinds(self) -> Kinds:
        """The table of every type, called `kinds`, keyed by `id`."""

    def exact(self, column: str) -> str:
        """Return an expression that tells every stored value of a column apart."""
        return f"md5({column}::text)"

    def can_name(self, name: str) -> bool:
        """Whether the engine lets anything have the name."""
        return True

    def leftovers(self) -> list[object]:
        """Return scratch places that are still there."""
        return []

    @property
    def small(self) -> str:
        """The schema most tests use."""
        return PARENT_CHILD.format(id=self.identity)

    def fill(self, parents: int, children: int) -> None:
        """Put rows into the small schema."""
        self.run(
            f"INSERT INTO parent SELECT n, 'c' || n, n % 7, NULL FROM ({self.numbers(parents)}) AS s;"
            f"INSERT INTO child SELECT n, n % {parents} + 1, 'l' || n, n / 4.0 FROM ({self.numbers(children)}) AS s;"
        )

    def hold(self, table: str) -> object:
        """Lock the table (or the database) against writers until `close()` is called on what is returned."""
        raise NotImplementedError

    @asynccontextmanager
    async def closing(self) -> AsyncIterator[EngineUnderTest]:
        """Close every adapter at the end."""
        try:
            yield self
        finally:
            for adapter in self.adapters:
                await adapter.close()


_numbers = itertools.count(1)


class Sqlite(EngineUnderTest):
    name = "sqlite"
    repeat = "printf('%.{count}c', 'x')"
    failing = "SELECT json_extract('secret' || code, '$') FROM parent"
    slow = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(i) FROM n"

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.path = folder / f"contract{next(_numbers)}.db"
        sqlite3.connect(self.path).execute("PRAGMA user_version = 1").connection.close()
        self.path.chmod(0o600)

    def open(self, *, read_only: bool = False) -> SqliteAdapter:
        adapter = SqliteAdapter("test", self.path, read_only=read_only)
        self.adapters.append(adapter)
        return adapter

    def exact(self, column: str) -> str:
        return f"typeof({column}) || quote({column})"

    def leftovers(self) -> list[object]:
        return list(Path(tempfile.gettempdir()).glob("dbmanager-scratch-*"))

    def run(self, script: str) -> None:
        raw = sqlite3.connect(self.path)
        try:
            raw.executescript(script)
        finally:
            raw.close()

    def fetch(self, sql: str) -> list[tuple[str, ...]]:
        raw = sqlite3.connect(self.path)
        try:
            return [tuple(str(value) for value in row) for row in raw.execute(sql)]
        finally:
            raw.close()

    def numbers(self, count: int) -> str:
        return f"WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {count}) SELECT n FROM s"

    def count_statements(self, adapter: Adapter) -> Callable[[], int]:
        assert isinstance(adapter, SqliteAdapter)
        seen: list[str] = []
        opened = adapter._sessions._open

        def watched(mode: str) -> object:
            handle = opened(mode)
            handle.raw.set_trace_callback(lambda sql: None if sql.startswith(("PRAGMA", "--")) else seen.append(sql))
            return handle

        adapter._sessions._open = watched  # type: ignore[method-assign,assignment]
        adapter._sessions._idle.clear()
        return lambda: len(seen)

    def running(self) -> int:
        return sum(a._sessions._readers.borrowed_tokens for a in self.adapters if isinstance(a, SqliteAdapter))

    def another(self) -> Sqlite:
        return Sqlite(self.folder)

    def hold(self, table: str) -> sqlite3.Connection:
        raw = sqlite3.connect(self.path, isolation_level=None)
        raw.execute("BEGIN IMMEDIATE")
        return raw

    @property
    def kinds(self) -> Kinds:
        return Kinds(
            "CREATE TABLE kinds (id INTEGER PRIMARY KEY, i INTEGER, d DECIMAL_TEXT, f REAL, bo BOOLEAN, t TEXT, "
            "bi BLOB, da DATE, ti TIME, ts TIMESTAMP, u UUID_TEXT, j JSON_TEXT)",
            (
                "1, 7, '12.30', 1.5, 1, 'plain', x'00ff', '2024-02-29', '10:11:12', '2024-02-29 10:11:12.5', "
                "'6f9619ff-8b86-d011-b42d-00cf4fc964ff', '{\"a\": [1, null, \"ü\"]}'",
                "2, 9223372036854775807, '0.000000000000000001', 1e308, 0, '', x'', '0001-01-01', '00:00:00', "
                "'9999-12-31 23:59:59.999999', '00000000-0000-0000-0000-000000000000', '[]'",
                "3, -9223372036854775808, '-99999999999999999999.99', -0.0, NULL, '😀 \"quoted\" ''single'' \\ \t', "
                "x'deadbeef', '1969-12-31', '23:59:59', '1970-01-01 00:00:00', NULL, 'null'",
                "4, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL",
            ),
            (
                "5, 'text', x'00', 9e999, 'yes', x'ff', 'text', x'01', 5, 1.5, '\\x41', 7",
                "6, 1.25, 3, -9e999, 2.5, 7, '\\x41', 0, x'', '', 'Infinity', x'7b7d'",
            ),
        )


class Postgres(EngineUnderTest):
    name = "postgresql"
    mark = "$1::text"
    analyze = "ANALYZE"
    slow = "SELECT count(*) FROM generate_series(1, 1000000) AS a, generate_series(1, 1000000) AS b"

    def __init__(self, server: PostgresServer) -> None:
        super().__init__()
        self.server = server
        self.database = server.create_database()
        self.others: list[Postgres] = []

    def open(self, *, read_only: bool = False) -> PostgresAdapter:
        url = ResolvedUrl(
            engine="postgresql",
            host=self.server.host,
            port=self.server.port,
            user=SUPERUSER,
            password=SecretStr(PASSWORD),
            database=self.database,
        )
        access = "read_only" if read_only else "read_write"
        adapter = PostgresAdapter(
            "test",
            url,
            ConnectionSettings(url=self.server.url(self.database), access=access),
        )
        self.adapters.append(adapter)
        return adapter

    def leftovers(self) -> list[object]:
        return list(self.fetch("SELECT datname FROM pg_database WHERE datname LIKE 'dbmanager%'"))

    def run(self, script: str) -> None:
        self.server.run_sql(self.database, script)

    def fetch(self, sql: str) -> list[tuple[str, ...]]:
        out = self.server.run_sql(self.database, sql)
        return [tuple(line.split("|")) for line in out.splitlines()]

    def numbers(self, count: int) -> str:
        return f"SELECT n FROM generate_series(1, {count}) AS g(n)"

    def count_statements(self, adapter: Adapter) -> Callable[[], int]:
        self.run("CREATE EXTENSION IF NOT EXISTS pg_stat_statements; SELECT pg_stat_statements_reset();")
        count = (
            "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid "
            "WHERE d.datname = current_database() AND query ~* '^ *(SELECT|WITH|TABLE|VALUES)' "
            "AND query !~ 'pg_stat_statements|^SELECT (\\$1$|pg_advisory_unlock_all)'"
        )
        counted = mock.patch.object(postgresql_session, "UNCOUNTED", "SET LOCAL pg_stat_statements.track = 'top'")
        counted.start()

        def seen() -> int:
            counted.stop()
            return int(self.fetch(count)[0][0])

        return seen

    def running(self) -> int:
        return int(
            self.fetch(
                "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND application_name = 'dbmanager' "
                f"AND datname = '{self.database}'"
            )[0][0]
        )

    def another(self) -> Postgres:
        self.others.append(Postgres(self.server))
        return self.others[-1]

    def hold(self, table: str) -> PostgresLock:
        return PostgresLock(self.server, self.database, table)

    def drop(self) -> None:
        """Remove the database and its siblings."""
        for other in self.others:
            other.drop()
        self.server.drop_database(self.database)

    @property
    def kinds(self) -> Kinds:
        return Kinds(
            "CREATE TYPE mood AS ENUM ('sad', 'so so', 'happy');"
            "CREATE TABLE kinds (id integer PRIMARY KEY, i2 smallint, i8 bigint, d numeric, dp numeric(30,10), f4 real, "
            "f8 double precision, bo boolean, t text, vc varchar(40), ch char(5), bi bytea, da date, ti time, tz timetz, "
            "ts timestamp, tt timestamptz, iv interval, u uuid, j json, jb jsonb, e mood, ai integer[], at text[], "
            "n inet, c cidr, m macaddr, r int4range, b bit varying(9), p point, x xml, v tsvector)",
            (
                "1, 7, 8, 12.30, 12.3, 1.5, 1.5, true, 'plain', 'vc', 'abc', '\\x00ff', '2024-02-29', '10:11:12', "
                "'10:11:12+02', '2024-02-29 10:11:12.5', '2024-02-29 10:11:12.5+02', '1 year 2 mons 3 days 04:05:06', "
                "'6f9619ff-8b86-d011-b42d-00cf4fc964ff', '{\"a\":  [1, null]}', '{\"a\": [1, null, \"ü\"]}', 'so so', "
                "'{1,NULL,3}', '{\"a b\",NULL,\"\",\"ü\"}', '10.0.0.1/8', '10.0.0.0/8', '08:00:2b:01:02:03', '[1,5)', "
                "B'101', '(1,2)', '<a>b</a>', 'a fat cat'",
                "2, 32767, 9223372036854775807, 'NaN', 0.0000000001, 'Infinity', 'NaN', false, '', '', '', '', "
                "'infinity', '24:00:00', '00:00:00-15:59', 'infinity', '-infinity', '-178000000 years', "
                "'00000000-0000-0000-0000-000000000000', 'null', '\"s\"', 'sad', '{}', '{}', '::1', '::/0', "
                "'ff:ff:ff:ff:ff:ff', 'empty', B'', '(0,0)', '', ''",
                "3, -32768, -9223372036854775808, 123456789012345678901234567890.123456789, "
                "-99999999999999999999.9999999999, -0.0, 5e-324, NULL, E'😀 \"q\" ''s'' \\\\ \\t\\n', E'a\\\\b', 'ü', "
                "'\\xdeadbeef', '4713-01-01 BC', '23:59:59.999999', '10:00+00', '0044-03-15 00:00:00 BC', "
                "'1883-11-18 12:03:58-04:56:02', '-1 mons +1 day -00:00:01', NULL, '[]', '{\"b\": 1, \"a\": 1.10}', "
                "'happy', '[0:1]={1,2}', '{{a,b},{c,d}}', '192.168.0.1', '10.1.0.0/16', '00:00:00:00:00:00', '(,5]', "
                "B'111111111', NULL, NULL, NULL",
                "4" + ", NULL" * 31,
            ),
        )


class PostgresLock:
    """A psql session that holds a table until closed."""

    def __init__(self, server: PostgresServer, database: str, table: str) -> None:
        import os
        import subprocess

        self.process = subprocess.Popen(
            [str(server.bindir / "psql"), "-X", "-q", "-A", "-t", "-h", server.host, "-p", str(server.port), "-U", SUPERUSER,
             "-d", database],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={"PGPASSWORD": PASSWORD, "PATH": os.environ["PATH"]},
        )  # fmt: skip
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE; SELECT 'held';\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline().strip() == "held"

    def close(self) -> None:
        """Let go."""
        self.process.communicate("")


class Mysql(EngineUnderTest):
    """MySQL or MariaDB, as the server says."""

    engine = "mysql"
    partial_indexes = False
    analyze = "ANALYZE TABLE parent, child, pairs"
    drop_index = "DROP INDEX child_label ON child"
    before_dump = "UPDATE kinds SET f4 = 1.5"
    failing = "SELECT extractvalue('<a>b</a>', concat(0x7e, 'secret', code)) FROM parent"
    slow = (
        "SELECT count(*) FROM information_schema.COLLATIONS AS a, information_schema.COLLATIONS AS b, "
        "information_schema.COLLATIONS AS c, information_schema.COLLATIONS AS d"
    )

    def __init__(self, server: MySqlServer) -> None:
        super().__init__()
        self.name = server.engine
        self.server = server
        self.database = server.create_database()
        self.others: list[Mysql] = []

    def open(self, *, read_only: bool = False) -> MysqlAdapter:
        adapter = open_mysql(self.server, self.database, access="read_only" if read_only else "read_write")
        self.adapters.append(adapter)
        return adapter

    def exact(self, column: str) -> str:
        return f"coalesce(hex({column}), '-')" if column not in ("f4", "f8") else f"coalesce({column} * 1e0, '-')"

    def can_name(self, name: str) -> bool:
        return max(name) <= "\uffff" and not name[-1].isspace() and len(name) <= 64

    def leftovers(self) -> list[object]:
        return list(self.fetch("SHOW DATABASES LIKE 'dbmanager%'"))

    def run(self, script: str) -> None:
        self.server.run_sql(self.database, "SET sql_mode = 'ANSI,STRICT_ALL_TABLES,ALLOW_INVALID_DATES';" + script)

    def fetch(self, sql: str) -> list[tuple[str, ...]]:
        out = self.server.run_sql(self.database, "SET sql_mode = 'ANSI';" + sql)
        return [tuple(line.split("\t")) for line in out.splitlines()]

    def numbers(self, count: int) -> str:
        size = len(str(count))
        digits = " UNION ALL ".join(f"SELECT {digit} AS d" for digit in range(10))
        tables = " CROSS JOIN ".join(f"({digits}) AS t{place}" for place in range(size))
        number = " + ".join(f"t{place}.d * {10**place}" for place in range(size))
        return f"SELECT n FROM (SELECT 1 + {number} AS n FROM {tables}) AS q WHERE n <= {count}"

    def count_statements(self, adapter: Adapter) -> Callable[[], int]:
        assert isinstance(adapter, MysqlAdapter)
        first, second = self._selects(), self._selects()  # the client itself may ask something
        return lambda: self._selects() - second - (second - first)

    def _selects(self) -> int:
        return int(self.fetch("SHOW GLOBAL STATUS LIKE 'Com_select'")[0][1])

    def running(self) -> int:
        return int(
            self.fetch(
                f"SELECT count(*) FROM information_schema.PROCESSLIST WHERE DB = '{self.database}' AND COMMAND = 'Query' "
                "AND ID <> connection_id()"
            )[0][0]
        )

    def another(self) -> Mysql:
        self.others.append(Mysql(self.server))
        return self.others[-1]

    def hold(self, table: str) -> MysqlLock:
        return MysqlLock(self.server, self.database, table)

    def drop(self) -> None:
        """Remove the database and its siblings."""
        for other in self.others:
            other.drop()
        self.server.drop_database(self.database)

    @property
    def small(self) -> str:
        text = (
            super()
            .small.replace("VIEW groups", 'VIEW "groups"')
            .replace("b text", "b varchar(100)")
            .replace("label text", "label varchar(100)")
        )
        return text.replace(" WHERE label IS NOT NULL", "")

    @property
    def kinds(self) -> Kinds:
        return Kinds(
            "CREATE TABLE kinds (id integer PRIMARY KEY, i1 tinyint, bo boolean, i2 smallint unsigned, i3 mediumint, "
            "i8 bigint, u8 bigint unsigned, z int(6) unsigned zerofill, d decimal(65,30), dp decimal(10,2), f4 float, "
            "f8 double, b1 bit(1), b64 bit(64), y year, da date, ti time(6), dt datetime(6), ts timestamp(6) NULL, "
            "vc varchar(40) CHARACTER SET latin1, v3 varchar(40) CHARACTER SET utf8mb3 COLLATE utf8mb3_bin, "
            "ch char(5), tx longtext, bi varbinary(40), fb binary(4), bl longblob, e enum('sad','so so','it''s'), "
            "s set('a','b','c d'), j json, p point, g geometry)",
            (
                "1, 7, true, 8, 9, 10, 11, 12, 12.30, 12.3, 1.5, 1.5, b'1', b'101', 2024, '2024-02-29', '10:11:12.5', "
                "'2024-02-29 10:11:12.5', '2024-02-29 10:11:12.5', 'vc', 'v3', 'abc', 'plain', x'00ff', x'01', x'00ff', "
                "'so so', 'a,c d', '{\"a\": [1, null, \"ü\"]}', ST_GeomFromText('POINT(1 2)'), "
                "ST_GeomFromText('LINESTRING(0 0,1 1)', 4326)",
                "2, 127, false, 65535, 8388607, 9223372036854775807, 18446744073709551615, 0, "
                "99999999999999999999999999999999999.999999999999999999999999999999, 99999999.99, 3.4028234e38, "
                f"1.7976931348623157e308, b'0', b'{'1' * 64}', 2155, '9999-12-31', '838:59:59', "
                "'9999-12-31 23:59:59.999999', '2038-01-19 03:14:07.999999', '', '', '', '', "
                "x'', x'00000000', x'', 'sad', '', '[]', NULL, ST_GeomFromText('POLYGON((0 0,0 1,1 1,0 0))')",
                "3, -128, NULL, 0, -8388608, -9223372036854775808, 9223372036854775808, 999999, "
                "-0.000000000000000000000000000001, -0.01, 0.1, 5e-324, NULL, b'0', 0, '0000-00-00', '-838:59:58.999999', "
                "'0000-00-00 00:00:00', '0000-00-00 00:00:00', 'ü§ÿ', '√', 'ü', '😀 \"q\" ''s'' \\\\ \\t\\n', "
                "x'deadbeef', x'00ff00ff', x'5c782730', 'it''s', 'b', 'null', ST_GeomFromText('POINT(-1e300 0.1)'), "
                "ST_GeomFromText('GEOMETRYCOLLECTION(POINT(0 0))')",
                "4" + ", NULL" * 30,
            ),
            (
                "5, 5, 2, 1, 1, 1, 1, 1, 1, 1, 16777216, '-0', b'1', b'1', 1901, '2024-02-31', '-00:00:00.000001', "
                "'2024-00-00 00:00:00', '1970-01-01 00:00:01', ' pad ', ' ', 'a  ', ' ', x'20', x'20', x'5c7839', 'sad', "
                "'a', '1.0', NULL, NULL",
            ),
        )


class MysqlLock:
    """A session that holds a table until closed."""

    def __init__(self, server: MySqlServer, database: str, table: str) -> None:
        import pymysql

        user, _ = login(server.engine)
        self.raw = pymysql.connect(host=server.host, port=server.port, user=user,
                                   password=driver_password(server.engine), database=database)  # fmt: skip
        self.raw.cursor().execute(f"LOCK TABLES {table} WRITE")

    def close(self) -> None:
        """Let go."""
        self.raw.close()


def as_values(kinds: Kinds, *, odd: bool = False) -> str:
    """Return the inserts of a kinds table."""
    return ";".join(f"INSERT INTO kinds VALUES ({row})" for row in kinds.rows + (kinds.odd_rows if odd else ())) + ";"


ENGINES: Sequence[str] = ("sqlite", "postgresql", "mysql", "mariadb")
OTHER_LANGUAGES: dict[str, str] = {"mongodb": "tests/mongodb", "redis": "tests/redis"}
"""Engines whose statements are no SQL, with the folder of the same contract in their own language."""
