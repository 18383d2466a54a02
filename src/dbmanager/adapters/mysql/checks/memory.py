"""Checks of health over memory and what the lack of it costs."""

from __future__ import annotations

from dbmanager.adapters.mysql.checks.judges import COUNTERS, MYSQL, Counters, counted
from dbmanager.model.findings import Check, QueryCheck, Severity

DAY = 86_400


def _sorts(c: Counters) -> float:
    return c["sort_scan"] + c["sort_range"]


def _looked_for(c: Counters) -> float:
    return c["table_open_cache_misses"] + c["table_open_cache_hits"]


MEMORY: tuple[QueryCheck, ...] = (
    Check("MY-208", Severity.INFO, MYSQL, "Counters are younger than a day",
          "What is judged by counters has seen no whole day of work yet.", "MySQL manual, Server Status Variables, Uptime_since_flush_status",
          counted("uptime", lambda c: (c["uptime_since_flush_status"] or c["uptime"]) < DAY,
                  "Run the checks again tomorrow before acting on what is counted."), COUNTERS,
          pack="health", threshold="one day; the bound is ours.", caveat="a server may see all of its work within an hour."),
    Check("MY-209", Severity.MEDIUM, MYSQL, "Many pages are read from disk",
          "The buffer pool does not hold what is asked for.", "MySQL manual, InnoDB Buffer Pool; Innodb_buffer_pool_reads",
          counted("innodb_buffer_pool_size", lambda c: c["innodb_buffer_pool_reads"] >= 10_000
                  and c["innodb_buffer_pool_reads"] > 0.01 * c["innodb_buffer_pool_read_requests"],
                  "Look for the scans behind it first (advise_indexes); then plan_tuning proposes the pool's size from this count.",
                  "innodb_buffer_pool_reads innodb_buffer_pool_read_requests innodb_buffer_pool_size innodb_buffer_pool_wait_free"),
          COUNTERS,
          pack="health", threshold="more than 1 % of the requests, 10,000 reads at least; the share is customary.",
          caveat="the warm-up after a restart and every dump are counted too."),
    Check("MY-210", Severity.LOW, MYSQL, "Temporary tables go to disk",
          "Groups and sorts are written to files and read back.", "MySQL manual, Internal Temporary Table Use in MySQL",
          counted("tmp_table_size", lambda c: c["created_tmp_disk_tables"] >= 100
                  and c["created_tmp_disk_tables"] > 0.25 * c["created_tmp_tables"],
                  "Leave long texts out of what is grouped, add the index that gives the order; then see plan_tuning.",
                  "created_tmp_disk_tables created_tmp_tables tmp_table_size max_heap_table_size"), COUNTERS,
          pack="health", threshold="a quarter of all, 100 at least; the share is MySQLTuner's.",
          caveat="tables with long texts go to disk whatever the size is (MariaDB); raising it does not help them."),
    Check("MY-211", Severity.LOW, MYSQL, "Sorts need several passes",
          "What does not fit into the sort buffer is written out and merged.", "MySQL manual, sort_buffer_size",
          counted("sort_buffer_size", lambda c: c["sort_merge_passes"] >= 100 and c["sort_merge_passes"] > 0.1 * _sorts(c),
                  "Add the index that gives the order, sort fewer columns; raise sort_buffer_size for that session alone.",
                  "sort_merge_passes sort_scan sort_range sort_buffer_size"), COUNTERS,
          pack="health", threshold="a tenth of the sorts, 100 at least; the share is MySQLTuner's.",
          caveat="one nightly report may be all of it."),
    Check("MY-212", Severity.MEDIUM, MYSQL, "Joins without an index",
          "The second table is read whole for each block of rows of the first.", "MySQL manual, Select_full_join",
          counted("select_full_join", lambda c: c["select_full_join"] >= 100 and c["select_full_join"] > 10 * c.hours,
                  "Add the index: give the statements to advise_indexes. A larger join_buffer_size only hides it, and every "
                  "session pays for it.", "select_full_join select_scan join_buffer_size"), COUNTERS,
          pack="health", threshold="100 at least, and more than 10 an hour; the bound is ours.",
          caveat="joins with a table of a few rows are counted alike."),
    Check("MY-213", Severity.LOW, MYSQL, "Tables are opened again and again",
          "The cache of open tables is too small for what is used at once.", "MySQL manual, table_open_cache",
          counted("table_open_cache", lambda c: c["table_open_cache_misses"] >= 1_000
                  and c["table_open_cache_misses"] > 0.2 * _looked_for(c),
                  "plan_tuning proposes table_open_cache from this count; mind the limit of open files.",
                  "table_open_cache_misses table_open_cache_hits table_open_cache open_tables"), COUNTERS,
          pack="health", threshold="a fifth of the look-ups, 1,000 misses at least; the share is MySQLTuner's.",
          caveat="a dump opens every table once."),
)  # fmt: skip
