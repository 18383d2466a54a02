"""Checks of health over what keeps data: checkpoints, replication, archiving, switches that lose it."""

from __future__ import annotations

from dbmanager.adapters.postgresql.checks.judges import POSTGRESQL, flagged
from dbmanager.model.findings import Check, QueryCheck, Severity

_LIMIT = "(SELECT setting::bigint * 1048576 FROM pg_settings WHERE name = 'max_wal_size')"
_NOW = "(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END)"


def _checkpoints(requested: str, timed: str, since: str, source: str) -> str:
    return (
        f"SELECT 'checkpoints' AS object, {requested} AS requested, {timed} AS timed, "  # noqa: S608 - constants
        f"current_setting('max_wal_size') AS max_wal_size, {since} AS counted_since FROM {source} "
        f"WHERE {requested} >= 10 AND {requested} > {timed}"
    )


DURABILITY: tuple[QueryCheck, ...] = (
    Check("PG-223", Severity.MEDIUM, POSTGRESQL, "Checkpoints are forced by the amount of WAL",
          "Each writes all changed pages at once, and every page's first change afterwards goes to the WAL whole.",
          "PostgreSQL manual 30.5, WAL Configuration; 20.5.2, max_wal_size",
          flagged("Raise max_wal_size until they come by the clock: plan_tuning proposes it from this count."),
          _checkpoints("checkpoints_req", "checkpoints_timed", "stats_reset", "pg_stat_bgwriter"),
          newer=(170_000, _checkpoints("num_requested", "num_timed", "stats_reset", "pg_stat_checkpointer")),
          pack="health", threshold="10 at least, and more requested ones than timed ones; the manual's advice is that most be timed.",
          caveat="CHECKPOINT by hand, base backups and restarts request them too."),
    Check("PG-224", Severity.HIGH, POSTGRESQL, "Replication slot that nobody reads",
          "The server keeps all WAL since, until the disk is full.", "PostgreSQL manual 27.2.6; 54.19 pg_replication_slots",
          flagged("Reconnect its consumer, or drop it: SELECT pg_drop_replication_slot(...); bound it by max_slot_wal_keep_size."),
          f"SELECT s.slot_name::text AS object, s.slot_type, pg_wal_lsn_diff({_NOW}, s.restart_lsn)::bigint AS kept_bytes, "  # noqa: S608
          "to_jsonb(s) ->> 'wal_status' AS wal_status, age(s.xmin) AS xmin_age FROM pg_replication_slots AS s "
          f"WHERE NOT s.active AND (pg_wal_lsn_diff({_NOW}, s.restart_lsn) > {_LIMIT} OR to_jsonb(s) ->> 'wal_status' = 'lost') "
          "ORDER BY 3 DESC LIMIT 20",
          pack="health", threshold="it is not active and keeps more than max_wal_size, or what it needs is gone already.",
          caveat="a consumer that reads in batches is absent between them."),
    Check("PG-225", Severity.HIGH, POSTGRESQL, "Replica is behind",
          "A failover now loses this much, and reads there are this old.", "PostgreSQL manual 27.2.5.2; 28.2.4 pg_stat_replication",
          flagged("Look at the replica's disk and network, and at long reads there that hold replay up."),
          "SELECT coalesce(nullif(r.application_name, ''), host(r.client_addr), r.pid::text) AS object, r.state, r.sync_state, "  # noqa: S608
          f"pg_wal_lsn_diff({_NOW}, coalesce(r.replay_lsn, r.flush_lsn, r.write_lsn))::bigint AS behind_bytes, "
          "extract(epoch FROM r.replay_lag)::bigint AS behind_seconds FROM pg_stat_replication AS r "
          f"WHERE pg_wal_lsn_diff({_NOW}, coalesce(r.replay_lsn, r.flush_lsn, r.write_lsn)) > {_LIMIT} "
          "OR r.replay_lag > interval '1 minute' LIMIT 20",
          pack="health", threshold="more than max_wal_size or one minute behind; the bound is ours.",
          caveat="a base backup, and a replica that is delayed on purpose, are behind by nature."),
    Check("PG-226", Severity.HIGH, POSTGRESQL, "Archiving of WAL fails",
          "Nothing can be restored to a moment after the last file that was archived, and WAL piles up.",
          "PostgreSQL manual 26.3.1; 28.2.8 pg_stat_archiver",
          flagged("Run archive_command by hand as the server's user and mend it."),
          "SELECT 'archive_command' AS object, failed_count AS failed, archived_count AS archived, last_failed_time, last_archived_time, "
          "stats_reset AS counted_since FROM pg_stat_archiver WHERE failed_count > 0 "
          "AND last_failed_time > coalesce(last_archived_time, '-infinity')",
          pack="health", threshold="the last attempt failed.", caveat="the next attempt, a minute later, may succeed."),
    Check("PG-227", Severity.CRITICAL, POSTGRESQL, "A switch that loses data is set",
          "After a crash of the machine the database may be damaged beyond repair.", "PostgreSQL manual 20.5.1, fsync, full_page_writes",
          flagged("Set it back; for speed switch synchronous_commit off where the last moments may be lost.",
                  "ALTER SYSTEM SET {quoted} = on", "ALTER SYSTEM SET {quoted} = off"),
          "SELECT name AS object, name AS quoted, setting AS value FROM pg_settings WHERE name IN ('fsync', 'full_page_writes') "
          "AND setting = 'off'",
          pack="health", threshold="fsync or full_page_writes is off.",
          caveat="a database that can be made again at any time may live so; file systems that never tear pages need no full_page_writes."),
    Check("PG-228", Severity.CRITICAL, POSTGRESQL, "Pages with a wrong checksum",
          "Something beneath the database has changed what was written.", "PostgreSQL manual 30.2, Data Checksums",
          flagged("Stop writing, save the files, look at disk and memory, restore the damaged relation from a backup."),
          "SELECT coalesce(datname::text, 'shared objects') AS object, checksum_failures, checksum_last_failure AS last_failure, "
          "stats_reset AS counted_since FROM pg_stat_database WHERE checksum_failures > 0",
          pack="health", threshold="one is too many.", caveat="a page that was mended or dropped stays counted until the counters are reset."),
    Check("PG-232", Severity.MEDIUM, POSTGRESQL, "Reads on a standby are cancelled",
          "What the primary cleaned or locked was still being read here, and replay could wait no longer.",
          "PostgreSQL manual 27.4.2, Handling Query Conflicts; 28.2.17 pg_stat_database_conflicts",
          flagged("Short reads need a longer max_standby_streaming_delay; long ones hot_standby_feedback, which costs bloat on the primary."),
          "SELECT c.datname::text AS object, c.confl_snapshot AS by_cleaning, c.confl_lock AS by_locks, c.confl_bufferpin AS by_pins, "
          "c.confl_tablespace AS by_tablespaces, c.confl_deadlock AS by_deadlocks, current_setting('max_standby_streaming_delay') AS "
          "max_standby_streaming_delay, current_setting('hot_standby_feedback') AS hot_standby_feedback, d.stats_reset AS counted_since "
          "FROM pg_stat_database_conflicts AS c JOIN pg_stat_database AS d ON d.datid = c.datid WHERE pg_is_in_recovery() "
          "AND c.confl_snapshot + c.confl_lock + c.confl_bufferpin + c.confl_tablespace + c.confl_deadlock >= 3 LIMIT 20",
          pack="health", threshold="3 since the counters began; the bound is ours.",
          caveat="on a standby that is there for failover alone, reads may well be cancelled."),
)  # fmt: skip
