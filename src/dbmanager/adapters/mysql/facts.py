"""What the server is and can do, asked once: MySQL and MariaDB are told apart by this, not by their names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

LEXICAL_MODES = frozenset(
    "ANSI ANSI_QUOTES PIPES_AS_CONCAT NO_BACKSLASH_ESCAPES IGNORE_SPACE HIGH_NOT_PRECEDENCE REAL_AS_FLOAT ORACLE MSSQL "
    "POSTGRESQL DB2 MAXDB MYSQL323 MYSQL40 NO_KEY_OPTIONS NO_TABLE_OPTIONS NO_FIELD_OPTIONS EMPTY_STRING_IS_NULL "
    "SIMULTANEOUS_ASSIGNMENT TIME_ROUND_FRACTIONAL PAD_CHAR_TO_FULL_LENGTH".split()
)
"""SQL modes that change how text is read; the gate reads it one way, so no session has them."""
ASKED = (
    "SELECT VERSION(), CURRENT_USER(), DATABASE(), @@GLOBAL.sql_mode, @@lower_case_table_names, @@performance_schema, "
    "@@read_only, @@collation_database"
)
MEANS = (
    "SELECT CONCAT(TABLE_NAME, '.', COLUMN_NAME) FROM information_schema.COLUMNS WHERE (TABLE_SCHEMA = 'information_schema' "
    "AND (TABLE_NAME, COLUMN_NAME) IN (('STATISTICS', 'EXPRESSION'), ('STATISTICS', 'IS_VISIBLE'), ('STATISTICS', 'IGNORED'), "
    "('CHECK_CONSTRAINTS', 'TABLE_NAME'), ('CHECK_CONSTRAINTS', 'CHECK_CLAUSE'), ('COLUMNS', 'IS_GENERATED'), "
    "('INDEX_STATISTICS', 'INDEX_NAME'), ('SQL_FUNCTIONS', 'FUNCTION'), "
    "('INNODB_LOCK_WAITS', 'REQUESTING_TRX_ID'))) "
    "OR (TABLE_SCHEMA = 'performance_schema' AND TABLE_NAME = 'events_statements_summary_by_digest' "
    "AND COLUMN_NAME = 'QUERY_SAMPLE_TEXT')"
)
VARIABLES = (
    "SHOW VARIABLES WHERE Variable_name IN ('max_statement_time', 'max_execution_time', 'explain_json_format_version', "
    "'userstat', 'system_versioning_alter_history')"
)


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """Version, role and abilities.

    Attributes:
        has: words for what is there, e.g. `statistics.expression` (functional indexes), `max_statement_time`.
        sql_mode: the server's own modes without those that change how text is read.
        collation: of columns that name none, in this database.
    """

    version: str
    version_number: int
    user: str
    database: str
    sql_mode: str
    folds_names: bool
    read_only: bool
    collation: str
    has: frozenset[str]

    @property
    def product(self) -> str:
        """`mariadb` or `mysql`, for people to read; nothing is decided by it."""
        return "mariadb" if "mariadb" in self.version.lower() else "mysql"


def server_facts(
    row: tuple[object, ...], means: Iterable[tuple[object, ...]], variables: Mapping[str, str]
) -> ServerFacts:
    """Build the facts of the three statements' answers."""
    version = str(row[0])
    modes = [mode for mode in str(row[3]).split(",") if mode and mode not in LEXICAL_MODES]
    words = {str(found[0]).lower() for found in means} | set(variables)
    if str(row[5]) == "1":
        words.add("performance_schema")
    if variables.get("userstat") != "ON":
        words.discard("userstat")
    return ServerFacts(
        version, version_number(version), str(row[1]), str(row[2]), ",".join(modes), str(row[4]) != "0",
        str(row[6]) == "1", str(row[7]), frozenset(words),
    )  # fmt: skip


def version_number(version: str) -> int:
    """Return 101119 for 10.11.19-MariaDB; old MariaDB servers put `5.5.5-` before it."""
    match = re.match(r"(\d+)\.(\d+)\.(\d+)", version.removeprefix("5.5.5-"))
    if match is None:
        return 0
    major, minor, patch = (int(part) for part in match.groups())
    return major * 10_000 + minor * 100 + patch
