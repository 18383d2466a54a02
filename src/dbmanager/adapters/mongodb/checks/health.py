"""Checks of health: connections, cache, queues, replication, the oplog, long operations, indexes, large documents."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from dbmanager.adapters.mongodb.checks.judges import MONGODB, at, each_row
from dbmanager.model.findings import Check, FactRows, Fix, Problem, QueryCheck, Severity

STATUS = '{"serverStatus": 1}'
HEALTHY_STATES = frozenset((1, 2, 7))
DAY_HOURS = 24
LATE_SECONDS = 60


def _figure(reply: Any, path: str) -> float:
    value = at(reply, path)
    return float(value) if isinstance(value, int | float | str) and str(value).replace(".", "", 1).isdigit() else 0.0


def _status(about: str, is_wrong: Callable[[Callable[[str], float]], bool], advice: str, shows: str) -> Any:
    """Return a judge over serverStatus; `shows` names the figures of its evidence, parted by commas."""

    def judge(facts: FactRows) -> Iterator[Problem]:
        for reply in facts:
            if is_wrong(lambda path: _figure(reply, path)):  # noqa: B023 - called at once
                shown = {path.rpartition(".")[2]: at(reply, path) for path in shows.split(",")}
                yield Problem(about, {**shown, "uptime": at(reply, "uptime")}, fix=Fix(advice))

    return judge


def _late_members(facts: FactRows) -> Iterator[Problem]:
    for reply in facts:
        members: Any = at(reply, "members") or []
        newest = max((_seconds(member) for member in members), default=0.0)
        for member in members:
            late = newest - _seconds(member)
            if member.get("state") not in HEALTHY_STATES or (member.get("state") == 2 and late > LATE_SECONDS):
                yield Problem(
                    str(member.get("name")), {"state": member.get("stateStr"), "behind_seconds": round(late)},
                    fix=Fix("Look at that member's log, disk and network; a member beyond the oplog must be synchronised anew."),
                )  # fmt: skip


def _seconds(member: Any) -> float:
    timestamp: Any = at(member, "optime.ts") or {}
    return _figure(timestamp, "$timestamp.t") if isinstance(timestamp, dict) else 0.0


def _short_oplog(facts: FactRows) -> Iterator[Problem]:
    for row in facts:
        hours = float(str(row["hours"]))
        if hours < DAY_HOURS:
            yield Problem(
                "oplog", {"hours": round(hours, 1)},
                fix=Fix("Enlarge it: replSetResizeOplog; set minRetentionHours so that it can't shrink below."),
            )  # fmt: skip


def _long_operations(facts: FactRows) -> Iterator[Problem]:
    for reply in facts:
        operations: Any = at(reply, "inprog") or []
        for operation in operations:
            seconds = int(operation.get("secs_running") or 0)
            if seconds >= LATE_SECONDS and operation.get("op") != "none":
                yield Problem(
                    f"operation {operation.get('opid')}",
                    {"op": operation.get("op"), "on": operation.get("ns"), "seconds": seconds,
                     "plan": operation.get("planSummary"), "waits_for_lock": operation.get("waitingForLock")},
                    fix=Fix("See its plan (explain_query), then let it end or db.killOp it."),
                )  # fmt: skip


_CACHE = "wiredTiger.cache."
HEALTH: tuple[QueryCheck, ...] = (
    Check("MG-201", Severity.MEDIUM, MONGODB, "Connections are nearly used up",
          "The next client is refused.", "MongoDB manual, serverStatus, connections",
          _status("connections", lambda f: f("connections.current") >= 0.8 * (f("connections.current") + f("connections.available")) > 0,
                  "Look at the pools of the drivers (maxPoolSize times processes) before raising net.maxIncomingConnections.",
                  "connections.current,connections.available"), STATUS,
          pack="health", threshold="80 % of what is allowed; the share is ours.", caveat="it is this moment's count."),
    Check("MG-202", Severity.MEDIUM, MONGODB, "The cache is short",
          "Beyond 95 % used or 20 % changed, the clients' own threads must evict pages and wait.",
          "MongoDB manual, serverStatus, wiredTiger.cache; WiredTiger, eviction_trigger and eviction_dirty_trigger",
          _status("wiredTiger cache", lambda f: f(_CACHE + "maximum bytes configured") > 0
                  and (f(_CACHE + "bytes currently in the cache") >= 0.95 * f(_CACHE + "maximum bytes configured")
                       or f(_CACHE + "tracked dirty bytes in the cache") >= 0.2 * f(_CACHE + "maximum bytes configured")),
                  "Look for scans (advise_indexes), for a slow disk, then give storage.wiredTiger.engineConfig.cacheSizeGB more.",
                  ",".join(_CACHE + name for name in ("bytes currently in the cache", "tracked dirty bytes in the cache",
                                                      "maximum bytes configured", "pages evicted by application threads"))),
          STATUS, pack="health", threshold="WiredTiger's own triggers: 95 % used, 20 % dirty.",
          caveat="it is this moment's figure; a bulk load fills it."),
    Check("MG-203", Severity.MEDIUM, MONGODB, "Operations queue up",
          "Clients wait for a lock or a ticket before their work begins.", "MongoDB manual, serverStatus, globalLock.currentQueue",
          _status("queue", lambda f: f("globalLock.currentQueue.total") >= 10,
                  "Look for long operations (MG-206) and missing indexes.",
                  "globalLock.currentQueue.total,globalLock.currentQueue.readers,globalLock.currentQueue.writers"), STATUS,
          pack="health", threshold="10 waiting at once; the bound is ours.", caveat="it is this moment's figure."),
    Check("MG-204", Severity.HIGH, MONGODB, "Member of the replica set is behind or down",
          "A failover now loses what it has not got, and majority writes may wait for it.", "MongoDB manual, replSetGetStatus",
          _late_members, '{"replSetGetStatus": 1}',
          pack="health", threshold="a state other than primary, secondary, arbiter, or more than 60 s behind; the bound is ours.",
          caveat="a member with secondaryDelaySecs is behind on purpose."),
    Check("MG-205", Severity.MEDIUM, MONGODB, "The oplog holds less than a day",
          "A member that is away for longer must be copied whole; change streams lose their place.",
          "MongoDB manual, Replica Set Oplog; rs.printReplicationInfo", _short_oplog, "facts:oplog",
          pack="health", threshold="24 hours; the bound is ours.", caveat="a new replica set has a short oplog by nature."),
    Check("MG-206", Severity.MEDIUM, MONGODB, "Operation that runs for long",
          "It holds its snapshot in the cache, and perhaps its locks.", "MongoDB manual, currentOp, secs_running",
          _long_operations, '{"currentOp": 1, "secs_running": {"$gte": 60}}',
          pack="health", threshold="60 seconds; the bound is ours.", caveat="a backup or an index build is meant to run for long."),
    Check("MG-207", Severity.MEDIUM, MONGODB, "Cursors without a time limit",
          "Forgotten ones keep their resources until the server restarts.", "MongoDB manual, serverStatus, metrics.cursor.open.noTimeout",
          _status("cursors", lambda f: f("metrics.cursor.open.noTimeout") >= 10, "Do without noCursorTimeout; close cursors in the clients.",
                  "metrics.cursor.open.noTimeout,metrics.cursor.open.total"), STATUS,
          pack="health", threshold="10 open ones; the bound is ours.", caveat="a long export uses some on purpose."),
    Check("MG-208", Severity.MEDIUM, MONGODB, "Collection with very many indexes",
          "Each insert and delete writes all of them, and the planner tries them.", "MongoDB manual, Remove Unnecessary Indexes",
          each_row("Drop those that $indexStats shows unused on every member; merge prefixes."), "facts:many_indexes",
          pack="health", threshold="more than 20; the bound is ours, the server's is 64.", caveat="a collection that is only read pays little."),
    Check("MG-209", Severity.MEDIUM, MONGODB, "Documents near the limit of 16 MB",
          "The next growth is refused, and each update rewrites the whole document.", "MongoDB manual, BSON Document Size",
          each_row("Move the growing part into a collection of its own."), "facts:large_documents",
          pack="health", threshold="half of 16 MB among 200 sampled documents; the bound is ours.",
          caveat="a sample shows some and misses others."),
    Check("MG-210", Severity.INFO, MONGODB, "Counters are younger than a day",
          "What is judged by counters has seen no whole day of work yet.", "MongoDB manual, serverStatus, uptime",
          _status("uptime", lambda f: 0 < f("uptime") < 86_400, "Run the checks again tomorrow before acting on what is counted.", "uptime"),
          STATUS, pack="health", threshold="one day; the bound is ours.", caveat="a server may see all of its work within an hour."),
)  # fmt: skip
