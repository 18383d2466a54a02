"""Rules over PostgreSQL's settings. Each cites the counter that it was measured by."""

from __future__ import annotations

from collections.abc import Iterator

from dbmanager.model.tuning import GB, MB, Machine, Measured, Proposed, TuningRule, in_megabytes, rounded, rules

SPILL_BYTES_AN_HOUR = 100 * MB
ENOUGH_READS = 10_000
LARGEST_WORK_MEM = 64 * MB
FAST_READ_MS = 1.0
MISSES = 0.1


def _work_mem(m: Measured, machine: Machine) -> Iterator[Proposed]:
    if m["temp_files"] < 20 or m["temp_bytes"] < SPILL_BYTES_AN_HOUR * max(m["hours"], 1):
        return
    share = machine.memory_bytes / 4 / max(m["max_connections"], 1) if machine.memory_bytes else LARGEST_WORK_MEM
    wanted = min(rounded(2 * m["temp_bytes"] / m["temp_files"]), max(rounded(share), MB), GB)
    if wanted > m["work_mem_bytes"]:
        yield Proposed(in_megabytes(wanted), m.text("work_mem"))


def _misses(m: Measured) -> bool:
    return m["blks_read"] >= ENOUGH_READS and m["blks_read"] > MISSES * (m["blks_read"] + m["blks_hit"])


def _shared_buffers(m: Measured, machine: Machine) -> Iterator[Proposed]:
    if not _misses(m):
        return
    if machine.memory_bytes is None:
        yield Proposed(needs="memory_bytes of the server")
    elif (wanted := min(machine.memory_bytes / 4, max(4 * m["shared_buffers_bytes"], 128 * MB))) > 1.5 * m[
        "shared_buffers_bytes"
    ]:
        yield Proposed(in_megabytes(wanted), m.text("shared_buffers"))


def _effective_cache_size(m: Measured, machine: Machine) -> Iterator[Proposed]:
    if m["blks_read"] < ENOUGH_READS:
        return
    if machine.memory_bytes is None:
        yield Proposed(needs="memory_bytes of the server")
    elif not 0.5 < (machine.memory_bytes * 0.7) / max(m["effective_cache_size_bytes"], 1) < 2:
        yield Proposed(in_megabytes(machine.memory_bytes * 0.7), m.text("effective_cache_size"))


def _max_wal_size(m: Measured, machine: Machine) -> Iterator[Proposed]:
    requested, timed = m["checkpoints_requested"], m["checkpoints_timed"]
    if requested >= 10 and requested > timed:
        yield Proposed(
            in_megabytes(m["max_wal_size_bytes"] * min(1 + requested / max(timed, 1), 4)), m.text("max_wal_size")
        )


def _autovacuum(m: Measured, machine: Machine) -> Iterator[Proposed]:
    for row in m.rows("churned_tables"):
        live, dead = float(str(row["live_rows"])), float(str(row["dead_rows"]))
        share = max(0.01, min(0.05, round(1_000 / max(live, 1), 3)))
        if dead > live * 0.2 and float(str(row["scale_factor"])) > share:
            yield Proposed(f"{share:g}", str(row["scale_factor"]), str(row["quoted"]),
                           {"live_rows": row["live_rows"], "dead_rows": row["dead_rows"], "changed": row["changed"]})  # fmt: skip


def _random_page_cost(m: Measured, machine: Machine) -> Iterator[Proposed]:
    if m["blk_read_time_ms"] > 0 and m["blks_read"] >= ENOUGH_READS and m["random_page_cost"] >= 2:
        mean = m["blk_read_time_ms"] / m["blks_read"]
        if mean <= FAST_READ_MS:
            yield Proposed("1.1", m.text("random_page_cost"), figures={"mean_read_ms": round(mean, 4)})


def _idle_transactions(m: Measured, machine: Machine) -> Iterator[Proposed]:
    idle, whole = m["idle_in_transaction_ms"], m["session_ms"]
    if m["idle_in_transaction_session_timeout_ms"] == 0 and idle >= 10_000 and idle > 0.25 * whole:
        yield Proposed("10min", m.text("idle_in_transaction_session_timeout"))


def _max_connections(m: Measured, machine: Machine) -> Iterator[Proposed]:
    allowed = m["max_connections"] - m["reserved_connections"]
    if m["used_connections"] >= 0.8 * allowed > 0:
        yield Proposed(str(int(m["max_connections"] * 1.5)), m.text("max_connections"))


RULES = rules(
    TuningRule("PT-01", "work_mem", "twice the mean temporary file, at most a quarter of the memory shared by all connections "
               "(64 MB where the memory is not known)", "PostgreSQL manual 20.4.1, work_mem; 28.2.17, temp_bytes",
               ("temp_files", "temp_bytes"), "Sorts and hashes of the usual size stay in memory; each may take that much.",
               "reload", _work_mem),
    TuningRule("PT-02", "shared_buffers", "four times what it is, at most a quarter of the memory", "PostgreSQL manual 20.4.1, shared_buffers",
               ("blks_read", "blks_hit"), "Fewer reads from outside the cache; the operating system's cache loses as much.",
               "restart", _shared_buffers),
    TuningRule("PT-03", "effective_cache_size", "70 % of the memory", "PostgreSQL manual 20.7.2, effective_cache_size",
               ("blks_read",), "The planner takes index scans for as cheap as they are; no memory is taken.",
               "reload", _effective_cache_size),
    TuningRule("PT-04", "max_wal_size", "what it is, times one more than requested checkpoints per timed one, at most fourfold",
               "PostgreSQL manual 30.5, WAL Configuration", ("checkpoints_requested", "checkpoints_timed"),
               "Checkpoints come by the clock and less is written; recovery after a crash takes longer, WAL more room.",
               "reload", _max_wal_size),
    TuningRule("PT-05", "autovacuum_vacuum_scale_factor", "1,000 rows as a share of the table's, between 1 and 5 %",
               "PostgreSQL manual 25.1.6; CREATE TABLE, Storage Parameters", ("churned_tables",),
               "This table is vacuumed sooner and in smaller pieces.", "at once", _autovacuum),
    TuningRule("PT-06", "random_page_cost", "1.1 where a read takes a millisecond or less on average (a disk that turns takes five), measured (track_io_timing)",
               "PostgreSQL manual 20.7.2, random_page_cost", ("blk_read_time_ms", "blks_read"),
               "Index scans are chosen more often, as fast storage deserves.", "reload", _random_page_cost),
    TuningRule("PT-07", "idle_in_transaction_session_timeout", "10 minutes where a quarter of all session time, 10 s at least, was spent idle in "
               "transactions", "PostgreSQL manual 20.11.1; 28.2.17, idle_in_transaction_time",
               ("idle_in_transaction_ms", "session_ms"), "Forgotten transactions end, and vacuum goes on; a client may see its session ended.",
               "reload", _idle_transactions),
    TuningRule("PT-08", "max_connections", "half as many again where 80 % are used; a pool in front is the better answer",
               "PostgreSQL manual 20.3.1, max_connections", ("used_connections", "max_connections"),
               "Clients are not refused; each connection costs memory.", "restart", _max_connections),
)  # fmt: skip
