"""Checks of health over what InnoDB keeps: old row versions, the redo log, air in tables, numbers that run out."""

from __future__ import annotations

from dbmanager.adapters.mysql.checks.judges import COUNTERS, MYSQL, Counters, counted, flagged
from dbmanager.model.findings import Check, QueryCheck, Severity

_QUOTED = "CONCAT('`', REPLACE(t.TABLE_NAME, '`', '``'), '`') AS quoted"
_MOST = (
    "CAST(CASE c.DATA_TYPE WHEN 'tinyint' THEN 127 WHEN 'smallint' THEN 32767 WHEN 'mediumint' THEN 8388607 "
    "WHEN 'int' THEN 2147483647 ELSE CAST(9223372036854775807 AS DECIMAL(20)) END "
    "* (1 + (c.COLUMN_TYPE LIKE '%unsigned%')) AS UNSIGNED)"
)


def redo_capacity(c: Counters) -> float:
    """Return how much redo the server keeps: one setting in newer servers, files times size in older ones."""
    return c["innodb_redo_log_capacity"] or c["innodb_log_file_size"] * max(c["innodb_log_files_in_group"], 1)


STORAGE: tuple[QueryCheck, ...] = (
    Check("MY-214", Severity.MEDIUM, MYSQL, "Old row versions pile up",
          "Purge does not keep pace or is held back by an old transaction; every read walks over them.",
          "MySQL manual, Purge Configuration", flagged("Look for the oldest transaction (MY-202) and end it; then innodb_purge_threads."),
          "SELECT 'history list' AS object, m.`COUNT` AS length FROM information_schema.INNODB_METRICS AS m "
          "WHERE m.NAME = 'trx_rseg_history_len' AND m.`COUNT` >= 10000",
          pack="health", threshold="a history list of 10,000 transactions; the bound is ours.",
          caveat="a bulk change of the last minutes is purged soon."),
    Check("MY-215", Severity.MEDIUM, MYSQL, "Redo log holds less than an hour of writes",
          "Pages are flushed early and in a hurry to free the log.", "MySQL manual, innodb_redo_log_capacity; MariaDB manual, innodb_log_file_size",
          counted("redo log", lambda c: c["innodb_os_log_written"] / c.hours > redo_capacity(c),
                  "plan_tuning proposes its size from the bytes written.",
                  "innodb_os_log_written innodb_log_waits innodb_redo_log_capacity innodb_log_file_size"), COUNTERS,
          pack="health", threshold="more redo an hour than the log holds; the hour is customary.",
          caveat="it is an average since the server began: a load at the start weighs on it, a nightly peak is hidden."),
    Check("MY-216", Severity.MEDIUM, MYSQL, "AUTO_INCREMENT is nearly at its end",
          "After the last number every insert fails.", "MySQL manual, sys.schema_auto_increment_columns",
          flagged("Give the column a larger type: ALTER TABLE ... MODIFY ... BIGINT; the table is rebuilt."),
          f"SELECT t.TABLE_NAME AS object, c.COLUMN_NAME AS column_name, t.AUTO_INCREMENT AS next_value, {_MOST} AS most, "  # noqa: S608
          f"CASE WHEN t.AUTO_INCREMENT >= 0.9 * {_MOST} THEN 'high' END AS severity FROM information_schema.TABLES AS t "
          "JOIN information_schema.COLUMNS AS c ON c.TABLE_SCHEMA = t.TABLE_SCHEMA AND c.TABLE_NAME = t.TABLE_NAME "
          "AND c.EXTRA LIKE '%auto_increment%' WHERE t.TABLE_SCHEMA = DATABASE() "
          f"AND t.AUTO_INCREMENT >= 0.75 * {_MOST} ORDER BY t.AUTO_INCREMENT / {_MOST} DESC LIMIT 20",
          pack="health", threshold="75 % of what the column holds, high from 90 %; the share is ours.",
          caveat="MySQL may tell a number that is a day old (information_schema_stats_expiry)."),
    Check("MY-217", Severity.LOW, MYSQL, "Table is mostly air",
          "Its file keeps the place of rows that are gone.", "MySQL manual, INFORMATION_SCHEMA TABLES, DATA_FREE",
          flagged("Rebuild it in a quiet hour.", "OPTIMIZE TABLE {quoted}"),
          f"SELECT t.TABLE_NAME AS object, {_QUOTED}, t.DATA_LENGTH + t.INDEX_LENGTH AS used_bytes, t.DATA_FREE AS free_bytes "  # noqa: S608
          "FROM information_schema.TABLES AS t WHERE t.TABLE_SCHEMA = DATABASE() AND t.TABLE_TYPE = 'BASE TABLE' "
          "AND t.DATA_FREE >= 10485760 AND t.DATA_FREE > t.DATA_LENGTH + t.INDEX_LENGTH ORDER BY t.DATA_FREE DESC LIMIT 20",
          pack="health", threshold="more free than used, 10 MB at least; the bound is ours.",
          caveat="in a shared tablespace it is the tablespace's free space; MySQL may tell figures of yesterday."),
    Check("MY-218", Severity.HIGH, MYSQL, "A switch that loses data is set",
          "After a crash of the machine half-written pages can't be mended.", "MySQL manual, innodb_doublewrite",
          counted("innodb_doublewrite", lambda c: c.text("innodb_doublewrite") in ("OFF", "0"),
                  "Start the server with innodb_doublewrite on.", "innodb_doublewrite"), COUNTERS,
          pack="health", threshold="innodb_doublewrite is off.",
          caveat="file systems that never tear a page (ZFS, some flash) need none."),
    Check("MY-219", Severity.LOW, MYSQL, "Nobody can tell which statements cost most",
          "Without performance_schema there are no digests, no waits, no locks to look at.",
          "MySQL manual, Performance Schema Quick Start; MariaDB manual, Performance Schema Overview",
          counted("performance_schema", lambda c: c.text("performance_schema") == "OFF",
                  "Start the server with performance_schema=ON; it takes some memory.", "performance_schema slow_query_log"), COUNTERS,
          pack="health", threshold="performance_schema is off.",
          caveat="a slow query log with a low long_query_time tells part of it."),
    Check("MY-220", Severity.LOW, MYSQL, "Statistics are out of date",
          "The optimizer takes the table for what it was, and picks indexes and joins for that.",
          "MySQL manual, Configuring Persistent Optimizer Statistics Parameters", flagged("Analyze it.", "ANALYZE TABLE {quoted}"),
          f"SELECT t.TABLE_NAME AS object, {_QUOTED}, s.last_update AS last_gathered, s.n_rows AS rows_then, t.TABLE_ROWS AS rows_now, "  # noqa: S608
          "TIMESTAMPDIFF(DAY, s.last_update, NOW()) AS age_days FROM mysql.innodb_table_stats AS s JOIN information_schema.TABLES AS t "
          "ON t.TABLE_SCHEMA = s.database_name AND t.TABLE_NAME = s.table_name WHERE s.database_name = DATABASE() "
          "AND GREATEST(t.TABLE_ROWS, s.n_rows) >= 1000 AND ABS(CAST(t.TABLE_ROWS AS SIGNED) - CAST(s.n_rows AS SIGNED)) > "
          "0.2 * GREATEST(s.n_rows, 1) AND s.last_update < NOW() - INTERVAL 60 SECOND ORDER BY t.TABLE_ROWS DESC LIMIT 20",
          pack="health", threshold="a fifth of 1,000 rows or more have come or gone since; the server itself gathers anew from a tenth on.",
          caveat="numbers of rows are estimates; partitions, changed values and tables that fell out of a small table_open_cache are not seen."),
)  # fmt: skip
