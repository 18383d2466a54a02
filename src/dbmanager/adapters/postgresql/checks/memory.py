"""Checks of health over memory: cache misses, spills to disk."""

from __future__ import annotations

from dbmanager.adapters.postgresql.checks.judges import POSTGRESQL, TABLE, flagged
from dbmanager.model.findings import Check, QueryCheck, Severity

_SINCE = "coalesce(stats_reset, pg_postmaster_start_time())"

MEMORY: tuple[QueryCheck, ...] = (
    Check("PG-219", Severity.INFO, POSTGRESQL, "Counters are younger than a day",
          "What is judged by counters has seen no whole day of work yet.", "PostgreSQL manual 28.2.17, pg_stat_database",
          flagged("Run the checks again tomorrow before acting on what is counted."),
          f"SELECT datname::text AS object, {_SINCE} AS counted_since, pg_postmaster_start_time() AS server_started "  # noqa: S608
          f"FROM pg_stat_database WHERE datname = current_database() AND {_SINCE} > now() - interval '1 day'",
          pack="health", threshold="one day; the bound is ours.", caveat="a server may see all of its work within an hour."),
    Check("PG-220", Severity.MEDIUM, POSTGRESQL, "Many pages are read from outside the cache",
          "Each miss is a call to the operating system, and perhaps to the disk.",
          "PostgreSQL manual 28.2.17, blks_read; 20.4.1, shared_buffers",
          flagged("Look for the scans behind it first (advise_indexes); then at shared_buffers: plan_tuning."),
          f"SELECT datname::text AS object, blks_read, blks_hit, round(100.0 * blks_hit / (blks_hit + blks_read), 1) AS hit_pct, "  # noqa: S608
          f"current_setting('shared_buffers') AS shared_buffers, {_SINCE} AS counted_since FROM pg_stat_database "
          "WHERE datname = current_database() AND blks_read >= 10000 AND blks_hit < 0.9 * (blks_hit + blks_read)",
          pack="health", threshold="hits below 90 % over 10,000 reads or more; the share is customary, not the manual's.",
          caveat="the operating system's cache may have served the reads; a load or a backup since the reset counts too."),
    Check("PG-221", Severity.LOW, POSTGRESQL, "Table is read past the cache",
          "Most of its pages have to be fetched from outside whenever they are needed.",
          "PostgreSQL manual 28.2.21, pg_statio_all_tables",
          flagged("Look whether it is scanned whole (advise_indexes) before giving the server more memory."),
          f"SELECT {TABLE}, s.heap_blks_read AS blks_read, s.heap_blks_hit AS blks_hit, s.idx_blks_read, t.seq_scan AS whole_scans "  # noqa: S608
          "FROM pg_statio_user_tables AS s JOIN pg_stat_user_tables AS t ON t.relid = s.relid JOIN pg_class AS c ON c.oid = s.relid "
          "JOIN pg_namespace AS n ON n.oid = c.relnamespace "
          "WHERE s.heap_blks_read >= 10000 AND s.heap_blks_hit < 0.9 * (s.heap_blks_hit + s.heap_blks_read) "
          "ORDER BY s.heap_blks_read DESC LIMIT 10",
          pack="health", threshold="hits below 90 % over 10,000 reads or more; the share is customary.",
          caveat="an archive that is read once a month by design looks the same."),
    Check("PG-222", Severity.MEDIUM, POSTGRESQL, "Sorts and hashes spill to disk",
          "What does not fit into work_mem is written to temporary files and read back.",
          "PostgreSQL manual 20.4.1, work_mem; 28.2.17, temp_bytes",
          flagged("Find the statements (log_temp_files, measure_queries); then plan_tuning proposes work_mem from this count."),
          f"SELECT datname::text AS object, temp_files, temp_bytes, current_setting('work_mem') AS work_mem, {_SINCE} AS counted_since "  # noqa: S608
          "FROM pg_stat_database WHERE datname = current_database() AND temp_files >= 20 "
          f"AND temp_bytes > 104857600 * greatest(extract(epoch FROM now() - {_SINCE}) / 3600, 1)",
          pack="health", threshold="20 files and 100 MB for each hour since the counters began, an hour at least; the bound is ours.",
          caveat="building one large index spills by design."),
)  # fmt: skip
