"""Rules over MySQL's and MariaDB's settings. Each cites the counter that it was measured by.

There is none for join_buffer_size, sort_buffer_size and read buffers: what their counters show is a missing index
(check MY-212), and a buffer of every session that follows such a counter grows without end.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbmanager.model.tuning import GB, MB, Judge, Machine, Measured, Proposed, TuningRule, rounded, rules

LARGEST_TMP = 256 * MB
LARGEST_REDO = 8 * GB
SHARED_BUFFERS = ("innodb_buffer_pool_size", "innodb_log_buffer_size", "key_buffer_size", "query_cache_size")
SESSION_BUFFERS = (
    "sort_buffer_size", "join_buffer_size", "read_buffer_size", "read_rnd_buffer_size", "thread_stack", "binlog_cache_size",
    "net_buffer_length",
)  # fmt: skip
"""Source: MySQL manual, How MySQL Uses Memory; temporary tables come on top."""


def _hours(m: Measured) -> float:
    return max((m["uptime_since_flush_status"] or m["uptime"]) / 3_600, 1)


def _buffer_pool(m: Measured, machine: Machine) -> Iterator[Proposed]:
    reads, requests = m["innodb_buffer_pool_reads"], m["innodb_buffer_pool_read_requests"]
    if reads < 10_000 or reads <= 0.01 * requests:
        return
    current = m["innodb_buffer_pool_size"]
    if machine.memory_bytes is None:
        yield Proposed(needs="memory_bytes of the server")
        return
    most, chunk = machine.memory_bytes * 0.6, int(m["innodb_buffer_pool_chunk_size"]) or MB
    wanted = rounded(min(2 * current, most), chunk)
    if wanted > current:
        yield Proposed(str(wanted), str(int(current)))


def _redo(setting: str) -> Judge:
    def judge(m: Measured, machine: Machine) -> Iterator[Proposed]:
        an_hour, current = m["innodb_os_log_written"] / _hours(m), m[setting]
        if current and an_hour > current and not (setting == "innodb_log_file_size" and m["innodb_redo_log_capacity"]):
            yield Proposed(str(min(rounded(an_hour * 1.25, 16 * MB), LARGEST_REDO)), str(int(current)))

    return judge


def _tmp_table_size(m: Measured, machine: Machine) -> Iterator[Proposed]:
    on_disk, current = m["created_tmp_disk_tables"], min(m["tmp_table_size"], m["max_heap_table_size"])
    if on_disk >= 100 and on_disk > 0.25 * m["created_tmp_tables"] and current < LARGEST_TMP:
        yield Proposed(str(int(min(2 * current, LARGEST_TMP))), str(int(current)))


def _table_open_cache(m: Measured, machine: Machine) -> Iterator[Proposed]:
    misses, current = m["table_open_cache_misses"], m["table_open_cache"]
    most = (m["open_files_limit"] or 10_000) / 2
    if misses >= 1_000 and misses > 0.2 * (misses + m["table_open_cache_hits"]) and current < most:
        yield Proposed(str(int(min(max(2 * current, 400), most))), str(int(current)))


def _thread_cache(m: Measured, machine: Machine) -> Iterator[Proposed]:
    made, current = m["threads_created"], m["thread_cache_size"]
    wanted = min(max(m["max_used_connections"], 8), 100)
    if made >= 100 and made > 0.5 * m["connections"] and wanted > current:
        yield Proposed(str(int(wanted)), str(int(current)))


def peak_bytes(m: Measured, connections: int) -> float:
    """Return what the server takes when so many sessions use all of their buffers, beside what all share."""
    each = sum(m[name] for name in SESSION_BUFFERS)
    return sum(m[name] for name in SHARED_BUFFERS) + connections * each


def _max_connections(m: Measured, machine: Machine) -> Iterator[Proposed]:
    if m["max_used_connections"] >= 0.85 * m["max_connections"] > 0:
        wanted = int(m["max_connections"] * 1.5)
        most = machine.memory_bytes
        if most is not None and peak_bytes(m, wanted) > 0.9 * most:
            yield Proposed(
                needs="more memory than the machine has, or a pool in front: all connections at once would fill it"
            )
        else:
            yield Proposed(str(wanted), str(int(m["max_connections"])))


RULES = rules(
    TuningRule("MT-01", "innodb_buffer_pool_size", "twice what it is, at most 60 % of the memory, in whole chunks",
               "MySQL manual, Configuring InnoDB Buffer Pool Size", ("innodb_buffer_pool_reads", "innodb_buffer_pool_read_requests"),
               "Fewer reads from disk; the memory is taken from everything else on the machine.", "at once", _buffer_pool),
    TuningRule("MT-02", "innodb_redo_log_capacity", "the redo of an hour and a quarter more, at most 8 GB",
               "MySQL manual, innodb_redo_log_capacity", ("innodb_os_log_written", "uptime"),
               "Pages are flushed evenly; recovery after a crash takes longer.", "at once", _redo("innodb_redo_log_capacity")),
    TuningRule("MT-03", "innodb_log_file_size", "the redo of an hour and a quarter more, at most 8 GB",
               "MariaDB manual, innodb_log_file_size (dynamic since 10.9)", ("innodb_os_log_written", "uptime"),
               "Pages are flushed evenly; recovery after a crash takes longer.", "at once", _redo("innodb_log_file_size")),
    TuningRule("MT-04", "tmp_table_size", "twice what it is, at most 256 MB; max_heap_table_size alike, for the smaller one counts",
               "MySQL manual, Internal Temporary Table Use in MySQL", ("created_tmp_disk_tables", "created_tmp_tables"),
               "Fewer temporary tables on disk, but for those with long texts; each session may take that much.", "new connections",
               _tmp_table_size),
    TuningRule("MT-05", "table_open_cache", "twice what it is, 400 at least, at most half of open_files_limit",
               "MySQL manual, table_open_cache", ("table_open_cache_misses", "table_open_cache_hits"),
               "Tables stay open; more file handles are held.", "at once", _table_open_cache),
    TuningRule("MT-06", "thread_cache_size", "the peak of connections, between 8 and 100", "MySQL manual, thread_cache_size",
               ("threads_created", "connections"), "Threads are kept for the next connection.", "at once", _thread_cache),
    TuningRule("MT-07", "max_connections", "half as many again where the peak was 85 %, unless the buffers of so many sessions would fill nine tenths of the memory",
               "MySQL manual, max_connections", ("max_used_connections", "max_connections"),
               "Clients are not refused; each may take its session's buffers.", "at once", _max_connections),
)  # fmt: skip
