"""Checks of health over sessions: connections, long transactions, lock waits, replication."""

from __future__ import annotations

from collections.abc import Iterator

from dbmanager.adapters.mysql.checks.judges import COUNTERS, LOCK_WAITS, MYSQL, counted, flagged
from dbmanager.adapters.mysql.replication import channel
from dbmanager.adapters.sql.lock_chains import chains
from dbmanager.model.findings import Check, FactRows, Fix, Problem, QueryCheck, Severity

_OPEN = "TIMESTAMPDIFF(SECOND, t.trx_started, CONVERT_TZ(NOW(), @@session.time_zone, 'SYSTEM'))"
LATE_SECONDS = 60


def _replica(facts: FactRows) -> Iterator[Problem]:
    for row in facts:
        one = channel(row)
        late = one.behind_seconds is not None and one.behind_seconds > LATE_SECONDS
        if late or not one.is_running:
            yield Problem(
                f"replica {one.name}".strip(),
                {"io": one.threads[0], "sql": one.threads[1], "seconds_behind": one.behind_seconds,
                 "io_errno": str(one.told.get("last_io_errno")), "sql_errno": str(one.told.get("last_sql_errno"))},
                fix=Fix("Look at the error's number and text (SHOW REPLICA STATUS), mend it, START REPLICA."),
                severity=None if not one.is_running else Severity.MEDIUM,
            )  # fmt: skip


ACTIVITY: tuple[QueryCheck, ...] = (
    Check("MY-201", Severity.MEDIUM, MYSQL, "Connections were nearly used up",
          "The next client is refused with error 1040.", "MySQL manual, Too many connections; MariaDB manual, max_connections",
          counted("max_connections", lambda c: c["max_used_connections"] >= 0.85 * c["max_connections"],
                  "Pool connections first; plan_tuning proposes max_connections from this peak.",
                  "max_used_connections threads_connected max_connections"), COUNTERS,
          pack="health", threshold="a peak of 85 % of max_connections; the share is MySQLTuner's.",
          caveat="the peak is since the server began, and may be a burst that was mended."),
    Check("MY-202", Severity.MEDIUM, MYSQL, "Transaction that has been open for long",
          "InnoDB keeps every row version since it began, and its locks.", "MySQL manual, INFORMATION_SCHEMA INNODB_TRX",
          flagged("Let it end, or end its session (KILL); then split such work."),
          f"SELECT CONCAT('session ', t.trx_mysql_thread_id) AS object, t.trx_state AS state, {_OPEN} AS open_seconds, "  # noqa: S608
          "t.trx_rows_locked AS rows_locked, t.trx_rows_modified AS rows_modified FROM information_schema.INNODB_TRX AS t "
          f"WHERE {_OPEN} >= 600 AND t.trx_mysql_thread_id <> CONNECTION_ID() ORDER BY t.trx_started LIMIT 20",
          pack="health", threshold="open for 10 minutes (600 s); the bound is ours.",
          caveat="a dump with a consistent snapshot is one such transaction, and meant to be."),
    Check("MY-203", Severity.HIGH, MYSQL, "Sessions wait for another one's lock",
          "Everything behind the first session stands still until it ends its transaction.",
          "MySQL manual, performance_schema data_lock_waits; MariaDB manual, INNODB_LOCK_WAITS",
          chains("Let session {pid} end its transaction, or end it: KILL {pid}."), LOCK_WAITS,
          pack="health", threshold="any wait for a row that lasts while it is looked at.",
          caveat="it is this moment; a short queue behind a quick statement is gone a second later."),
    Check("MY-204", Severity.MEDIUM, MYSQL, "Deadlocks",
          "Each is a transaction that was thrown away after having waited.", "MySQL manual, Deadlocks in InnoDB",
          flagged("Take rows in the same order everywhere; SHOW ENGINE INNODB STATUS tells the last one."),
          "SELECT 'deadlocks' AS object, m.`COUNT` AS deadlocks, m.TIME_ENABLED AS counted_since "
          "FROM information_schema.INNODB_METRICS AS m WHERE m.NAME = 'lock_deadlocks' AND m.`COUNT` >= 3 "
          "AND m.`COUNT` > COALESCE(m.TIME_ELAPSED, 0) / 86400",
          pack="health", threshold="3 deadlocks at least, and more than one a day since the counter began; the bound is ours.",
          caveat="a cause that was mended stays counted until the server restarts."),
    Check("MY-205", Severity.LOW, MYSQL, "Many connections fail",
          "Wrong passwords, wrong names, a scan of the port, or clients that give up.", "MySQL manual, Communication Errors and Aborted Connections",
          counted("aborted_connects", lambda c: c["aborted_connects"] >= 20 and c["aborted_connects"] > 0.05 * c["connections"],
                  "Look into the error log for who it was (log_warnings, log_error_verbosity).",
                  "aborted_connects connections"), COUNTERS,
          pack="health", threshold="20 at least, and more than 5 % of all attempts; the bound is ours.",
          caveat="a health probe that opens the port and hangs up is counted too."),
    Check("MY-206", Severity.LOW, MYSQL, "A thread is made for nearly every connection",
          "Threads that could be kept are thrown away and made again.", "MySQL manual, thread_cache_size",
          counted("thread_cache_size", lambda c: c["threads_created"] >= 100 and c["threads_created"] > 0.5 * c["connections"],
                  "Keep connections in a pool; plan_tuning proposes thread_cache_size from this count.",
                  "threads_created connections thread_cache_size"), COUNTERS,
          pack="health", threshold="100 threads at least, for more than half of all connections; the bound is ours.",
          caveat="with a thread pool the counter means something else."),
    Check("MY-207", Severity.HIGH, MYSQL, "Replication stands still or is behind",
          "A failover now loses what has not come, and reads here are old.", "MySQL manual, SHOW REPLICA STATUS",
          _replica, "SHOW REPLICA STATUS",
          pack="health", threshold="a thread that does not run, or more than 60 s behind; the bound is ours.",
          caveat="a replica that is delayed on purpose, or stopped for a backup, looks the same."),
)  # fmt: skip
