"""Checks over server settings and what surrounds them."""

from __future__ import annotations

from dbmanager.adapters.mysql.checks.judges import MYSQL, each_row
from dbmanager.model.findings import Check, QueryCheck, Severity


def _setting(name: str, condition: str) -> str:
    """Return the query of a setting; switches are told as 0 and 1 or as words, whatever the server likes."""
    value = f"CAST(@@GLOBAL.{name} AS CHAR)"
    return f"SELECT '{name}' AS object, {value} AS value FROM DUAL WHERE {condition.replace('value', value)}"  # noqa: S608


def _set(name: str, value: str, back: str) -> tuple[str, str]:
    return f"SET GLOBAL {name} = {value}", f"SET GLOBAL {name} = {back}"


SETTINGS: tuple[QueryCheck, ...] = (
    Check("MY-015", Severity.HIGH, MYSQL, "TLS is not demanded",
          "Passwords and rows may cross the network in clear.", "CIS MySQL 9; CIS MariaDB 9",
          each_row("Demand it.", "SET GLOBAL require_secure_transport = ON", "SET GLOBAL require_secure_transport = OFF"),
          _setting("require_secure_transport", "value IN ('0', 'OFF')")),
    Check("MY-016", Severity.MEDIUM, MYSQL, "LOAD DATA LOCAL is allowed",
          "A client can be made to send its own files to the server.", "CIS MySQL 4.4; CIS MariaDB 4.4",
          each_row("Switch it off.", "SET GLOBAL local_infile = OFF", "SET GLOBAL local_infile = ON"),
          _setting("local_infile", "value IN ('1', 'ON')")),
    Check("MY-017", Severity.HIGH, MYSQL, "Files may be read and written anywhere",
          "With FILE an account reaches every file that the server's user may.", "CIS MySQL 4.6; CIS MariaDB 4.6",
          each_row("Set secure_file_priv to NULL, or to an empty folder of its own, and restart."),
          "SELECT 'secure_file_priv' AS object, @@GLOBAL.secure_file_priv AS value FROM DUAL WHERE @@GLOBAL.secure_file_priv = ''"),
    Check("MY-024", Severity.MEDIUM, MYSQL, "SQL mode is not strict",
          "Values that do not fit are changed silently instead of refused.", "CIS MySQL 4.9; CIS MariaDB 4.8",
          each_row("Make it strict.", "SET GLOBAL sql_mode = CONCAT(@@GLOBAL.sql_mode, ',STRICT_ALL_TABLES')",
                   "SET GLOBAL sql_mode = '{value}'"),
          _setting("sql_mode", "value NOT LIKE '%STRICT_ALL_TABLES%' AND value NOT LIKE '%STRICT_TRANS_TABLES%'")),
    Check("MY-026", Severity.LOW, MYSQL, "Test database",
          "Old installations let everybody into databases of this name.", "CIS MySQL 4.2; CIS MariaDB 4.2",
          each_row("Drop it when nothing needs it."),
          "SELECT s.SCHEMA_NAME AS object FROM information_schema.SCHEMATA AS s WHERE s.SCHEMA_NAME = 'test'"),
    Check("MY-033", Severity.MEDIUM, MYSQL, "General log is on",
          "It records every statement with its values, passwords included.", "CIS MySQL 6.4",
          each_row("Switch it off.", *_set("general_log", "OFF", "ON")), _setting("general_log", "value IN ('1', 'ON')")),
    Check("MY-034", Severity.HIGH, MYSQL, "Binary log is off",
          "Without it nothing can be restored to a moment between two backups.", "CIS MySQL 2.1.4; CIS MariaDB 2.1.5",
          each_row("Start the server with log_bin and a server_id."), _setting("log_bin", "value IN ('0', 'OFF')")),
    Check("MY-038", Severity.LOW, MYSQL, "Passwords never expire",
          "A leaked password stays good for ever.", "CIS MySQL 7.4; CIS MariaDB 2.6",
          each_row("Let them expire.", *_set("default_password_lifetime", "365", "{value}")),
          _setting("default_password_lifetime", "value = '0' OR CAST(value AS UNSIGNED) > 365")),
    Check("MY-040", Severity.LOW, MYSQL, "No limit of connections per user",
          "One account can take every connection.", "CIS MySQL 8.3; CIS MariaDB 8.3",
          each_row("Limit them.", "SET GLOBAL max_user_connections = 100", "SET GLOBAL max_user_connections = {value}"),
          _setting("max_user_connections", "value = '0'")),
    Check("MY-042", Severity.MEDIUM, MYSQL, "Table without transactions",
          "A crash leaves it half written, and no backup holds it from the same moment as the others.",
          "MySQL manual 18.2; MariaDB manual, MyISAM",
          each_row("Move it to InnoDB.", "ALTER TABLE {quoted} ENGINE = InnoDB", "ALTER TABLE {quoted} ENGINE = {engine}"),
          "SELECT t.TABLE_NAME AS object, CONCAT('`', REPLACE(t.TABLE_NAME, '`', '``'), '`') AS quoted, t.ENGINE AS engine "
          "FROM information_schema.TABLES AS t WHERE t.TABLE_SCHEMA = DATABASE() AND t.TABLE_TYPE = 'BASE TABLE' "
          "AND t.ENGINE IN ('MyISAM', 'MEMORY', 'CSV', 'Aria', 'ARCHIVE')"),
    Check("MY-043", Severity.HIGH, MYSQL, "Commits are not durable",
          "A crash loses transactions that were reported as committed.", "MySQL manual 17.14, innodb_flush_log_at_trx_commit",
          each_row("Flush at every commit.", "SET GLOBAL innodb_flush_log_at_trx_commit = 1",
                   "SET GLOBAL innodb_flush_log_at_trx_commit = {value}"),
          _setting("innodb_flush_log_at_trx_commit", "value <> '1'")),
)  # fmt: skip
