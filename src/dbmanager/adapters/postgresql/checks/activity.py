"""Checks of health over sessions: connections, transactions left open, blocking chains, deadlocks."""

from __future__ import annotations

from dbmanager.adapters.postgresql.checks.judges import POSTGRESQL, flagged
from dbmanager.adapters.sql.lock_chains import chains
from dbmanager.model.findings import Check, QueryCheck, Severity

_WORDS = "select|insert|update|delete|merge|with|lock|alter|create|drop|vacuum|truncate|copy"
_KIND = f"coalesce(upper((regexp_match(a.query, '^\\s*({_WORDS})\\M', 'i'))[1]), 'statement')"
STATEMENT = (
    f"{_KIND} || ' ' || coalesce(nullif(to_jsonb(a) ->> 'query_id', '0'), left(md5(regexp_replace(a.query, "
    "'''[^'']*''|[0-9]+', '?', 'g')), 12))"
)
"""What a session runs or ran last, as its first word and its fingerprint: the text holds values."""
_SECONDS = "extract(epoch FROM clock_timestamp() - %s)::bigint"

ACTIVITY: tuple[QueryCheck, ...] = (
    Check("PG-201", Severity.MEDIUM, POSTGRESQL, "Connections are nearly used up",
          "The next client is refused, a person who wants to mend it included.",
          "PostgreSQL manual 20.3.1, max_connections",
          flagged("Pool connections (PgBouncer) before raising max_connections: each costs memory and snapshot time."),
          "SELECT 'max_connections' AS object, CASE WHEN used >= 0.95 * allowed THEN 'high' END AS severity, used, allowed, idle "
          "FROM (SELECT count(*) AS used, count(*) FILTER (WHERE state = 'idle') AS idle, "
          "current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS allowed "
          "FROM pg_stat_activity WHERE backend_type = 'client backend') AS c WHERE used >= 0.8 * allowed",
          pack="health", threshold="80 % of max_connections less the reserved ones, high from 95 %; the share is ours.",
          caveat="it is this moment's count; a nightly load or this check's own clients may be it."),
    Check("PG-202", Severity.MEDIUM, POSTGRESQL, "Transaction left open by an idle session",
          "It keeps its locks, and no row version that is newer than it can be vacuumed away anywhere.",
          "PostgreSQL manual 20.11.1, idle_in_transaction_session_timeout",
          flagged("Find out why the client does not end it; let the server end such sessions.",
                  "ALTER SYSTEM SET idle_in_transaction_session_timeout = '10min'",
                  "ALTER SYSTEM SET idle_in_transaction_session_timeout = '{undo}'"),
          f"SELECT 'session ' || a.pid AS object, a.usename::text AS role, a.state, {_SECONDS % 'a.state_change'} AS idle_seconds, "  # noqa: S608
          f"{_SECONDS % 'a.xact_start'} AS open_seconds, {STATEMENT} AS last_statement, age(a.backend_xmin) AS xmin_age, "
          "(SELECT p.reset_val || p.unit FROM pg_settings AS p WHERE p.name = 'idle_in_transaction_session_timeout') AS undo "
          "FROM pg_stat_activity AS a WHERE a.state LIKE 'idle in transaction%' "
          "AND clock_timestamp() - a.state_change > interval '5 minutes' ORDER BY a.state_change LIMIT 20",
          pack="health", threshold="5 minutes idle within a transaction; the bound is ours.",
          caveat="a person at a prompt, or a client that waits for another system, looks the same."),
    Check("PG-203", Severity.MEDIUM, POSTGRESQL, "Transaction that has been open for long",
          "Vacuum can't remove what was deleted since it began, in any table of the server.",
          "PostgreSQL manual 25.1.5; 28.2.3 pg_stat_activity",
          flagged("Let it end or cancel it (pg_cancel_backend), then split such work into shorter transactions."),
          f"SELECT 'session ' || a.pid AS object, a.usename::text AS role, a.state, {_SECONDS % 'a.xact_start'} AS open_seconds, "  # noqa: S608
          f"{STATEMENT} AS statement, age(a.backend_xmin) AS xmin_age FROM pg_stat_activity AS a "
          "WHERE a.backend_type = 'client backend' AND a.pid <> pg_backend_pid() "
          "AND clock_timestamp() - a.xact_start > interval '1 hour' ORDER BY a.xact_start LIMIT 20",
          pack="health", threshold="open for more than 1 hour; the bound is ours.",
          caveat="a backup by pg_dump is one such transaction, and meant to be."),
    Check("PG-204", Severity.HIGH, POSTGRESQL, "Sessions wait for another one's lock",
          "Everything behind the first session stands still until it ends its transaction.",
          "PostgreSQL manual 9.26, pg_blocking_pids; 20.12, deadlock_timeout",
          chains("Let session {pid} end its transaction, or end it: SELECT pg_terminate_backend({pid})."),
          f"SELECT a.pid, pg_blocking_pids(a.pid) AS blocked_by, a.state, {STATEMENT} AS statement, "  # noqa: S608
          f"{_SECONDS % 'coalesce(a.state_change, a.backend_start)'} AS seconds FROM pg_stat_activity AS a "
          "WHERE EXISTS (SELECT 1 FROM pg_stat_activity AS w WHERE cardinality(pg_blocking_pids(w.pid)) > 0 "
          "AND w.wait_event_type = 'Lock' AND clock_timestamp() - w.state_change > current_setting('deadlock_timeout')::interval) "
          "AND (a.wait_event_type = 'Lock' OR a.pid IN (SELECT unnest(pg_blocking_pids(w.pid)) FROM pg_stat_activity AS w "
          "WHERE w.wait_event_type = 'Lock')) ORDER BY a.pid LIMIT 500",
          pack="health", threshold="a wait longer than deadlock_timeout, when the server itself calls a wait long.",
          caveat="it is this moment; a short queue behind a quick statement is gone a second later."),
    Check("PG-205", Severity.MEDIUM, POSTGRESQL, "Deadlocks",
          "Each is a transaction that was thrown away after having waited.", "PostgreSQL manual 13.3.4; 28.2.17 pg_stat_database",
          flagged("Take rows and tables in the same order everywhere; the server's log names both statements."),
          "SELECT datname::text AS object, deadlocks, coalesce(stats_reset, pg_postmaster_start_time()) AS counted_since "
          "FROM pg_stat_database WHERE datname = current_database() AND deadlocks >= 3 AND deadlocks > "
          "extract(epoch FROM now() - coalesce(stats_reset, pg_postmaster_start_time())) / 86400",
          pack="health", threshold="3 deadlocks at least, and more than one a day since the counters began; the bound is ours.",
          caveat="the counters may be old: a cause that was mended stays counted until pg_stat_reset()."),
    Check("PG-206", Severity.LOW, POSTGRESQL, "Many transactions are rolled back",
          "Work is done and thrown away; often an application that runs into errors and repeats itself.",
          "PostgreSQL manual 28.2.17, pg_stat_database",
          flagged("Look for the errors in the server's log."),
          "SELECT datname::text AS object, xact_rollback AS rolled_back, xact_commit AS committed, "
          "coalesce(stats_reset, pg_postmaster_start_time()) AS counted_since "
          "FROM pg_stat_database WHERE datname = current_database() AND xact_commit + xact_rollback >= 1000 "
          "AND xact_rollback > 0.25 * (xact_commit + xact_rollback)",
          pack="health", threshold="a quarter of 1,000 transactions or more; the bound is ours.",
          caveat="clients that end their reads by ROLLBACK, this server among them, are counted too."),
)  # fmt: skip
