"""Checks of health: memory, evictions, fragmentation, clients, replication, slow commands, hot keys."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from dbmanager.adapters.counters import Counters
from dbmanager.adapters.redis.checks.facts import CLUSTER, GROUPS, HEALTH, HOT, LATENCY, REDIS, SLOWLOG
from dbmanager.model.findings import Check, FactRows, Fix, Problem, QueryCheck, Severity

LIMITS = ("maxmemory", "maxmemory-policy", "maxclients", "slowlog-log-slower-than", "slowlog-max-len")
HOT_COUNT = 200
SLOW_TIMES = 10
LONG_MS = 100
MEGABYTE = 1_048_576


class Told(Counters):
    """What INFO and CONFIG tell."""

    @property
    def hours(self) -> float:
        """For how long the server has been up, an hour at least, so that a young one is not extrapolated."""
        return max(self["uptime_in_seconds"], 3_600) / 3_600

    def keys(self) -> tuple[int, int]:
        """Return the keys of all databases, and how many of them expire."""
        found = [
            re.match(r"keys=(\d+),expires=(\d+)", str(value))
            for name, value in self._row.items()
            if name.startswith("db")
        ]
        counted = [(int(one[1]), int(one[2])) for one in found if one]
        return sum(keys for keys, _ in counted), sum(expires for _, expires in counted)


def told(
    about: str, is_wrong: Callable[[Told], bool], advice: str, shows: str
) -> Callable[[FactRows], Iterator[Problem]]:
    """Return a judge over INFO; `shows` names the figures that are its evidence."""

    def judge(facts: FactRows) -> Iterator[Problem]:
        for row in facts:
            if is_wrong(Told(row)):
                shown = {name: row[name] for name in (*shows.split(), "uptime_in_seconds") if name in row}
                yield Problem(about, shown, '["INFO"]', Fix(advice))

    return judge


def _cannot_evict(t: Told) -> bool:
    keys, expires = t.keys()
    return (
        t.text("maxmemory-policy").startswith("volatile")
        and t["maxmemory"] > 0
        and keys >= 100
        and expires < 0.5 * keys
    )


def _slow(facts: FactRows) -> Iterator[Problem]:
    if sum(int(str(row["times"])) for row in facts) >= SLOW_TIMES:
        for row in facts:
            yield Problem(
                str(row["command"]), {"times": row["times"], "longest_ms": row["longest_ms"]},
                fix=Fix("Replace commands that walk over everything (KEYS, SMEMBERS, HGETALL of big keys) by SCAN and ranges."),
            )  # fmt: skip


def _heavy(facts: FactRows) -> Iterator[Problem]:
    whole = sum(int(str(row["bytes_estimated"] or 0)) for row in facts)
    for row in facts:
        size = int(str(row["bytes_estimated"] or 0))
        if len(facts) > 1 and size > 10 * MEGABYTE and size > 0.5 * whole:
            names = ("bytes_estimated", "keys", "sampled", "largest_bytes", "largest_elements", "without_ttl")
            yield Problem(
                str(row["group"]), {name: row[name] for name in names},
                fix=Fix("Give them an expiry, keep them compact, or split them off; big single keys are told by pack=schema."),
            )  # fmt: skip


def _latency(facts: FactRows) -> Iterator[Problem]:
    for row in facts:
        if int(str(row["longest_ms"])) >= LONG_MS:
            yield Problem(
                str(row["event"]), {"longest_ms": row["longest_ms"], "last_ms": row["last_ms"]},
                fix=Fix("LATENCY DOCTOR tells what such an event comes of; fork: less memory or no huge pages; aof: the disk."),
            )  # fmt: skip


def _cluster(facts: FactRows) -> Iterator[Problem]:
    for row in facts:
        if row.get("cluster_state", "ok") != "ok":
            names = ("cluster_state", "cluster_slots_assigned", "cluster_slots_fail", "cluster_known_nodes")
            yield Problem(
                "cluster", {name: row[name] for name in names if name in row},
                fix=Fix("Assign the missing slots, or bring back the nodes that held them (CLUSTER NODES)."),
            )  # fmt: skip


def _hot(facts: FactRows) -> Iterator[Problem]:
    for row in facts:
        if int(str(row["hot"])) and int(str(row["hottest"])) >= 4 * max(int(str(row["median"])), 1):
            yield Problem(
                str(row["group"]), {name: row[name] for name in ("hot", "keys", "hottest", "median", "share")},
                fix=Fix("Keep a copy in the clients (CLIENT TRACKING), or spread it over several keys."),
            )  # fmt: skip


def slow_fork(most_usec: int) -> Callable[[FactRows], Iterator[Problem]]:
    """Return a judge of the last fork's time."""
    return told(
        "fork", lambda t: t["latest_fork_usec"] >= most_usec,
        "Switch transparent huge pages off, keep instances smaller, and save on a replica instead.",
        "latest_fork_usec used_memory used_memory_rss rdb_last_bgsave_time_sec aof_last_rewrite_time_sec",
    )  # fmt: skip


_SAVES = {
    "rdb_last_bgsave_status": "snapshot", "aof_last_bgrewrite_status": "rewrite of the append-only file",
    "aof_last_write_status": "append-only file",
}  # fmt: skip


def _unsaved(facts: FactRows) -> Iterator[Problem]:
    for row in facts:
        for name, what in _SAVES.items():
            if row.get(name) == "err":
                shown = {
                    n: row[n]
                    for n in (name, "rdb_changes_since_last_save", "rdb_last_save_time", "aof_enabled")
                    if n in row
                }
                yield Problem(
                    what,
                    shown,
                    '["INFO", "persistence"]',
                    Fix("See the server's log: a full disk, rights of the folder, memory for the fork."),
                )


def _behind(facts: FactRows) -> Iterator[Problem]:
    """Judge `slave0:ip=...,port=...,state=online,offset=...,lag=...` against the primary's own offset."""
    for row in facts:
        told_here = Told(row)
        for name, value in row.items():
            if not re.fullmatch(r"slave\d+", name):
                continue
            parts = dict(part.split("=", 1) for part in str(value).split(",") if "=" in part)
            behind, silent = told_here["master_repl_offset"] - int(parts.get("offset", 0)), int(parts.get("lag", 0))
            if behind > max(told_here["repl_backlog_size"], MEGABYTE) or silent >= 60:
                shown = {"state": parts.get("state"), "behind_bytes": round(behind), "silent_seconds": silent}
                yield Problem(
                    f"{parts.get('ip')}:{parts.get('port')}", shown, '["INFO", "replication"]',
                    Fix("Look at the replica: is it running, is its disk or network slow, does a long script hold it up?"),
                )  # fmt: skip


HEALTH_CHECKS: tuple[QueryCheck, ...] = (
    Check("RD-201", Severity.MEDIUM, REDIS, "Memory is nearly used up",
          "From the limit on keys are evicted, or every write is refused.", "Redis manual, Key eviction",
          told("maxmemory", lambda t: t["maxmemory"] > 0 and t["used_memory"] > 0.9 * t["maxmemory"],
               "Look what takes it (check_database pack=schema: big keys, keys without an expiry); then plan_tuning.",
               "used_memory maxmemory maxmemory-policy used_memory_peak"), HEALTH,
          pack="health", threshold="90 % of maxmemory; the share is ours.", caveat="a cache is meant to be full."),
    Check("RD-202", Severity.MEDIUM, REDIS, "Keys are evicted",
          "Something that was stored is gone before its time.", "Redis manual, Key eviction; INFO evicted_keys",
          told("evicted_keys", lambda t: t["evicted_keys"] > 100 * t.hours,
               "Give it more memory or less to keep: plan_tuning proposes maxmemory from this count.",
               "evicted_keys used_memory maxmemory maxmemory-policy keyspace_hits keyspace_misses"), HEALTH,
          pack="health", threshold="more than 100 an hour since the server began; the bound is ours.",
          caveat="for a cache it is no fault while the hits stay high; CONFIG RESETSTAT begins the count anew."),
    Check("RD-203", Severity.LOW, REDIS, "Memory is fragmented",
          "The process holds far more memory than the data need.", "Redis manual, Memory optimization; INFO mem_fragmentation_ratio",
          told("mem_fragmentation_ratio", lambda t: t["mem_fragmentation_ratio"] > 1.5
               and t["mem_fragmentation_bytes"] > 100 * MEGABYTE,
               "Switch activedefrag on where the allocator can (jemalloc), or restart in a quiet hour.",
               "mem_fragmentation_ratio mem_fragmentation_bytes used_memory used_memory_rss allocator_frag_ratio"), HEALTH,
          pack="health", threshold="a ratio above 1.5 (the manual's) and 100 MB of it.",
          caveat="right after many keys were deleted the allocator has not given back what it can."),
    Check("RD-204", Severity.LOW, REDIS, "Most look-ups find nothing",
          "Each miss is work twice: here, and where the value is then made.", "Redis manual, INFO keyspace_misses",
          told("keyspace_misses", lambda t: t["keyspace_hits"] + t["keyspace_misses"] >= 10_000
               and t["keyspace_hits"] < 0.5 * (t["keyspace_hits"] + t["keyspace_misses"]),
               "Look whether keys expire or are evicted too soon, and whether clients ask for the right names.",
               "keyspace_hits keyspace_misses evicted_keys expired_keys"), HEALTH,
          pack="health", threshold="hits below one half over 10,000 look-ups; the share is ours.",
          caveat="clients that ask whether a thing exists before they make it miss by design."),
    Check("RD-205", Severity.HIGH, REDIS, "Connections were refused",
          "maxclients was reached; clients were turned away.", "Redis manual, Clients, maxclients",
          told("rejected_connections", lambda t: t["rejected_connections"] > 0,
               "Look for clients that open and do not close (CLIENT LIST), use pools, then raise maxclients.",
               "rejected_connections connected_clients maxclients"), HEALTH,
          pack="health", threshold="one is too many.", caveat="it may be long ago; CONFIG RESETSTAT begins the count anew."),
    Check("RD-206", Severity.MEDIUM, REDIS, "Clients are nearly at their limit",
          "The next ones are refused.", "Redis manual, Clients, maxclients",
          told("maxclients", lambda t: t["maxclients"] > 0 and t["connected_clients"] >= 0.8 * t["maxclients"],
               "Use pools in the applications; see CLIENT LIST for who is idle.", "connected_clients maxclients"), HEALTH,
          pack="health", threshold="80 % of maxclients; the share is ours.", caveat="it is this moment's count."),
    Check("RD-207", Severity.HIGH, REDIS, "Replica has lost its primary",
          "It answers with old data and can't take over with what came since.", "Redis manual, Replication; INFO master_link_status",
          told("master_link_status", lambda t: t.text("role") == "slave" and t.text("master_link_status") == "down",
               "Look at the primary, at the network between and at masterauth.",
               "role master_link_status master_link_down_since_seconds master_sync_in_progress"), HEALTH,
          pack="health", threshold="master_link_status is down.", caveat="during a full synchronisation it is down by nature."),
    Check("RD-208", Severity.LOW, REDIS, "Slow commands",
          "Redis runs one command at a time: while one is slow, all others wait.", "Redis manual, SLOWLOG; Diagnosing latency issues",
          _slow, SLOWLOG,
          pack="health", threshold="10 entries in the slow log, whose own bound is slowlog-log-slower-than (10 ms).",
          caveat="the log has no end date: entries may be old (SLOWLOG RESET)."),
    Check("RD-209", Severity.MEDIUM, REDIS, "Most keys can't be evicted",
          "The policy takes only keys with an expiry; when they are gone, writes are refused.", "Redis manual, Key eviction, volatile policies",
          told("maxmemory-policy", _cannot_evict, "Give the keys an expiry, or choose an allkeys policy.",
               "maxmemory-policy maxmemory used_memory db0"), HEALTH,
          pack="health", threshold="a volatile policy, and fewer than half of 100 keys or more expire; the share is ours.",
          caveat="a memory limit that is never reached makes it harmless."),
    Check("RD-210", Severity.LOW, REDIS, "Many commands are answered by an error",
          "Wrong types, missing rights or scripts: work that is done for nothing.", "Redis manual, INFO errorstats, total_error_replies",
          told("total_error_replies", lambda t: t["total_error_replies"] >= 100
               and t["total_error_replies"] > 0.05 * t["total_commands_processed"],
               "INFO errorstats tells which errors, INFO commandstats which commands failed.",
               "total_error_replies total_commands_processed"), HEALTH, min_version=60_200,
          pack="health", threshold="5 % of the commands, 100 at least; the share is ours.",
          caveat="EVALSHA that is tried first and sent whole afterwards is counted as an error."),
    Check("RD-211", Severity.LOW, REDIS, "Hot keys",
          "One key's load can't be spread over nodes or threads.", "Redis manual, OBJECT FREQ; LFU mode",
          _hot, HOT,
          pack="health", threshold="a use counter of 200 of 255, four times the group's median; the bound is ours.",
          caveat="the counter is logarithmic and decays by lfu-decay-time; of a large key space only a part is looked at."),
    Check("RD-212", Severity.CRITICAL, REDIS, "Cluster does not serve all slots",
          "Commands on the missing slots, and by default on all of them, are refused.", "Redis manual, Cluster specification, cluster_state",
          _cluster, CLUSTER,
          pack="health", threshold="cluster_state is not ok.", caveat="it is the view of this node; another may see more."),
    Check("RD-213", Severity.MEDIUM, REDIS, "Clients do not read their answers",
          "What is waiting for them takes memory from the data, until they are thrown out.",
          "Redis manual, Clients, Output buffer limits; INFO mem_clients_normal",
          told("output buffers", lambda t: t["mem_clients_normal"] > 5 * MEGABYTE
               and t["mem_clients_normal"] > 0.2 * t["used_memory"],
               "CLIENT LIST shows them by omem; read faster, ask for less at once, bound them by client-output-buffer-limit.",
               "mem_clients_normal used_memory connected_clients pubsub_clients"), HEALTH,
          pack="health", threshold="5 MB and a fifth of the memory; the share is ours.", caveat="it is this moment's figure."),
    Check("RD-215", Severity.MEDIUM, REDIS, "The server stood still for a while",
          "Everybody waited for a fork, a disk, an expiry cycle or one command.", "Redis manual, Latency monitoring, LATENCY LATEST",
          _latency, LATENCY,
          pack="health", threshold="100 ms, the manual's example for latency-monitor-threshold.",
          caveat="events are kept only while latency-monitor-threshold is above 0, which is not the default; and they may be old."),
    Check("RD-216", Severity.LOW, REDIS, "One group of keys takes most of the memory",
          "What is decided about these keys decides about the server.", "Redis manual, MEMORY USAGE; Memory optimization",
          _heavy, GROUPS,
          pack="health", threshold="half of the memory of all keys and 10 MB, among several groups; the bound is ours.",
          caveat="it is the sampled keys' average times the number of keys: a few big ones weigh too much or are missed."),
    Check("RD-214", Severity.INFO, REDIS, "Counters are younger than a day",
          "What is judged by counters has seen no whole day of work yet.", "Redis manual, INFO, uptime_in_seconds",
          told("uptime", lambda t: t["uptime_in_seconds"] < 86_400, "Run the checks again tomorrow before acting on what is counted.",
               ""), HEALTH,
          pack="health", threshold="one day; the bound is ours.", caveat="CONFIG RESETSTAT is not told: an old server's counters may be young."),
    Check("RD-217", Severity.MEDIUM, REDIS, "Forking takes long",
          "While the process is copied for a save or a rewrite, nobody is served.", "Redis manual, Latency generated by fork; INFO latest_fork_usec",
          slow_fork(100_000), HEALTH,
          pack="health", threshold="100 ms, as for the latency monitor; the bound is ours.",
          caveat="it is the last fork's time: the machine may have been busy."),
    Check("RD-218", Severity.HIGH, REDIS, "Writing to disk fails",
          "What is in memory is not on disk: a restart loses it, and with stop-writes-on-bgsave-error writes are refused now.",
          "Redis manual, Persistence; INFO rdb_last_bgsave_status, aof_last_bgrewrite_status, aof_last_write_status", _unsaved, HEALTH,
          pack="health", threshold="the last attempt failed.", caveat="the next attempt may succeed."),
    Check("RD-219", Severity.LOW, REDIS, "Replication backlog holds less than a minute of writes",
          "A replica that was cut off for longer must be sent everything anew, by a fork and a full copy.",
          "Redis manual, Replication; INFO repl_backlog_size, master_repl_offset",
          told("repl-backlog-size", lambda t: t["connected_slaves"] > 0 and t["repl_backlog_active"] > 0
               and t["repl_backlog_size"] < 60 * t["master_repl_offset"] / (t.hours * 3_600),
               "Raise repl-backlog-size to what is written in the longest cut that replicas must live through.",
               "repl_backlog_size repl_backlog_histlen master_repl_offset connected_slaves"), HEALTH,
          pack="health", threshold="the bytes written in 60 s on average, repl-timeout's default.",
          caveat="it is an average since the server began; an offset that was loaded from a file counts from earlier on."),
    Check("RD-220", Severity.HIGH, REDIS, "Replica is behind",
          "A failover now loses this much, and reads there are this old.", "Redis manual, Replication; INFO replication, slaveN", _behind, HEALTH,
          pack="health", threshold="more than the replication backlog holds, or silent for repl-timeout (60 s).",
          caveat="a replica that is being sent everything anew is behind by nature."),
)  # fmt: skip
