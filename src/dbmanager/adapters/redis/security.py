"""Gathers the facts that Redis's checks judge; no password, no hash of one and no key's value is among them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from redis import exceptions as driver

from dbmanager.adapters.facets import Unsupported
from dbmanager.adapters.redis.catalog import RedisCatalog, scan_keys
from dbmanager.adapters.redis.checks import CHECKS
from dbmanager.adapters.redis.checks.facts import (
    ACL_LOG,
    CLUSTER,
    CODE,
    CONFIG,
    GROUPS,
    HEALTH,
    HOT,
    INFO,
    LATENCY,
    REPLICATION,
    SLOWLOG,
    USERS,
)
from dbmanager.adapters.redis.checks.health import HOT_COUNT, LIMITS
from dbmanager.adapters.redis.describe import Group
from dbmanager.adapters.redis.session import Sessions, Wire
from dbmanager.errors import InvalidStatement, PermissionDenied
from dbmanager.model.commands import to_text
from dbmanager.model.findings import FactRows, QueryCheck
from dbmanager.model.queries import Cell

SETTINGS = (
    "protected-mode bind port tls-port save appendonly maxmemory maxmemory-policy timeout acllog-max-len enable-debug-command "
    "enable-module-command enable-protected-configs logfile syslog-enabled supervised tls-protocols stop-writes-on-bgsave-error"
).split()
FUNCTIONS_SINCE = 70_000
DANGEROUS = (("FLUSHALL",), ("CONFIG", "SET", "save", ""), ("SHUTDOWN",), ("REPLICAOF", "no", "one"), ("KEYS", "*"))


class RedisSecurity:
    """The `Security` facet."""

    def __init__(self, sessions: Sessions, catalog: RedisCatalog) -> None:
        self._sessions = sessions
        self._catalog = catalog

    def checks(self) -> tuple[QueryCheck, ...]:
        """Return the checks in id order."""
        return CHECKS

    async def facts(self, check: QueryCheck) -> FactRows | Unsupported:
        """Return a check's facts, or why this user can't see them (managed services close CONFIG and ACL)."""
        version = (await self._sessions.server()).number
        if check.min_version and 0 < version < check.min_version:
            return Unsupported(f"needs Redis {check.min_version // 10_000}")
        if check.query == GROUPS:
            return tuple(_group(group) for group in (await self._catalog.model()).groups)
        if check.query == HOT:
            return await self._hot()
        try:
            async with self._sessions.reading(timeout_seconds=30) as wire:
                return await self._asked(wire, check.query)
        except (PermissionDenied, InvalidStatement) as denied:
            return Unsupported(f"the user can't see it: {denied.message}")

    async def _asked(self, wire: Wire, query: str) -> FactRows:
        if query == CONFIG:
            return await _settings(wire)
        if query == USERS:
            return await _users(wire)
        if query == ACL_LOG:
            entries = await _told(wire, "ACL", "LOG", 128)
            reasons = Counter(str(_mapping(entry).get("reason")) for entry in entries)
            return tuple({"reason": reason, "entries": count} for reason, count in sorted(reasons.items()))
        if query == CODE:
            return await _code(wire, has_functions=(await self._sessions.server()).number >= FUNCTIONS_SINCE)
        if query == REPLICATION:
            return await self._replication(wire)
        if query == INFO:
            found: dict[str, str] = {}
            for section in ("server", "persistence", "keyspace", "replication"):
                found |= await self._sessions.info(wire, section)
            if not found:
                raise PermissionDenied("the user's ACL does not allow INFO")
            return (found,)
        if query == HEALTH:
            return await health_facts(self._sessions, wire)
        if query == SLOWLOG:
            return await _slow(wire)
        if query == LATENCY:
            events = [
                entry for entry in await _told(wire, "LATENCY", "LATEST") if isinstance(entry, list) and len(entry) >= 4
            ]
            return tuple({"event": entry[0].decode(), "last_ms": entry[2], "longest_ms": entry[3]} for entry in events)
        if query == CLUSTER:
            return await _cluster(wire)
        raise AssertionError(f"no facts called {query!r}")

    async def _hot(self) -> FactRows | Unsupported:
        """Return how often the keys of each group were used, by Redis's own logarithmic counter."""
        patterns = (await self._catalog.model()).patterns
        async with self._sessions.reading(timeout_seconds=60) as wire:
            reply = (await wire.many([("CONFIG", "GET", "maxmemory-policy")]))[0]
            policy = reply[1].decode() if isinstance(reply, list) and len(reply) == 2 else ""
            if "lfu" not in policy:
                return Unsupported("Redis counts the use of keys only under an LFU policy (maxmemory-policy)")
            keys, share = await scan_keys(wire)
            counts: dict[str, list[int]] = {}
            for start in range(0, len(keys), 500):
                part = keys[start : start + 500]
                found = await wire.many([("OBJECT", "FREQ", key) for key in part])
                for key, count in zip(part, found, strict=True):
                    if isinstance(count, int):
                        counts.setdefault(patterns.find(to_text(key)) or "*", []).append(count)
        return tuple(
            {"group": group, "keys": len(found), "share": share, "hottest": max(found), "median": sorted(found)[len(found) // 2],
             "hot": sum(one >= HOT_COUNT for one in found)}
            for group, found in sorted(counts.items())
        )  # fmt: skip

    async def _replication(self, wire: Wire) -> FactRows:
        """Return the server's role and how a replica reaches its primary; the password it shows is only looked for."""
        role = (await self._sessions.info(wire, "replication")).get("role")
        if role is None:
            raise PermissionDenied("the user's ACL does not allow INFO")
        encrypts, secret = [await _told(wire, "CONFIG", "GET", name) for name in ("tls-replication", "masterauth")]
        row: dict[str, Cell] = {"role": role, "logs_in": len(secret) == 2 and secret[1] != b""}
        if len(encrypts) == 2 and isinstance(encrypts[1], bytes):
            row["tls-replication"] = encrypts[1].decode()
        return (row,)


async def _told(wire: Wire, *command: str | int) -> list[object]:
    reply = (await wire.many([command]))[0]
    if isinstance(reply, driver.RedisError):
        raise reply
    return list(reply or ())


async def health_facts(sessions: Sessions, wire: Wire) -> FactRows:
    """Return one row: INFO by its names, and the limits that CONFIG tells where the user may ask."""
    found: dict[str, Cell] = {}
    for section in ("server", "clients", "memory", "persistence", "stats", "replication", "keyspace"):
        found |= await sessions.info(wire, section)
    if not found:
        raise PermissionDenied("the user's ACL does not allow INFO")
    limits = await wire.many([("CONFIG", "GET", name) for name in LIMITS])
    for name, reply in zip(LIMITS, limits, strict=True):
        if isinstance(reply, list) and len(reply) == 2:
            found[name] = reply[1].decode("utf-8", "replace")
    return (found,)


async def _slow(wire: Wire) -> FactRows:
    """Return slow commands by name, without their arguments: those are keys and values."""
    by_name: dict[str, list[int]] = {}
    for entry in await _told(wire, "SLOWLOG", "GET", 128):
        if not isinstance(entry, list) or len(entry) < 4:
            continue
        command = entry[3]
        if command and isinstance(command[0], bytes):
            name = command[0].decode("ascii", "replace").upper()
            by_name.setdefault(name if name.isalpha() else "?", []).append(int(entry[2]))
    return tuple(
        {"command": name, "times": len(micros), "longest_ms": max(micros) / 1_000}
        for name, micros in sorted(by_name.items())
    )


async def _cluster(wire: Wire) -> FactRows:
    reply = (await wire.many([("CLUSTER", "INFO")]))[0]
    if not isinstance(reply, bytes):
        return ()
    lines = [line.partition(":") for line in reply.decode().splitlines() if ":" in line]
    return ({name: value.strip() for name, _, value in lines},)


async def _settings(wire: Wire) -> FactRows:
    found: dict[str, Cell] = {}
    for name in SETTINGS:
        reply = await _told(wire, "CONFIG", "GET", name)
        if len(reply) == 2 and isinstance(reply[1], bytes):
            found[name] = reply[1].decode("utf-8", "replace")
    return (found,)


async def _code(wire: Wire, *, has_functions: bool) -> FactRows:
    """Return modules that came from a file (what is built in has no path) and libraries of functions."""
    modules = [_mapping(entry) for entry in await _told(wire, "MODULE", "LIST")]
    rows: list[Mapping[str, Cell]] = [
        {"name": str(module["name"]), "kind": "module", "origin": path}
        for module in modules
        if "/" in (path := str(module.get("path", "/")))
    ]
    libraries = [_mapping(entry) for entry in await _told(wire, "FUNCTION", "LIST")] if has_functions else []
    rows += [
        {"name": str(each["library_name"]), "kind": "functions", "origin": str(each["engine"])} for each in libraries
    ]
    return tuple(rows)


async def _users(wire: Wire) -> FactRows:
    """Return one row per user: what it may do, and which dangerous commands the server would let it run."""
    rows: list[Mapping[str, Cell]] = []
    for line in await _told(wire, "ACL", "LIST"):
        words = line.decode("utf-8", "replace").split() if isinstance(line, bytes) else []
        name, rules = words[1], words[2:]
        enabled = "on" in rules
        allowed = await wire.many([("ACL", "DRYRUN", name, *command) for command in DANGEROUS])
        rows.append(
            {
                "user": name,
                "enabled": enabled,
                "nopass": "nopass" in rules,
                "all_commands": "+@all" in rules,
                "all_keys": "~*" in rules,
                "all_channels": "&*" in rules,
                "dangerous": [str(c[0]) for c, reply in zip(DANGEROUS, allowed, strict=True) if reply == b"OK"],
            }
        )
    return tuple(rows)


def _mapping(entry: object) -> dict[str, object]:
    items = (
        [item.decode("utf-8", "replace") if isinstance(item, bytes) else item for item in entry]
        if isinstance(entry, list)
        else []
    )
    return dict(zip(map(str, items[::2]), items[1::2], strict=False))


def _group(group: Group) -> dict[str, Cell]:
    lengths = [facts.length or 0 for facts in group.sampled if facts.type != "string"]
    hashes = [facts for facts in group.sampled if facts.type == "hash"]
    return {
        "group": group.pattern,
        "keys": group.keys_estimated,
        "sampled": len(group.sampled),
        "fields": list[Cell](group.fields()),
        "types": list[Cell](sorted(group.types())),
        "without_ttl": sum(facts.ttl_ms is None for facts in group.sampled),
        "bytes_estimated": group.memory_bytes(),
        "largest_bytes": max((facts.size_bytes or 0 for facts in group.sampled), default=0),
        "largest_elements": max(lengths, default=0),
        "hashes_packed": sum(facts.encoding in ("listpack", "ziplist") for facts in hashes),
        "hashes_unpacked": sum(facts.encoding == "hashtable" for facts in hashes),
        "smallest_unpacked": min((facts.length or 0 for facts in hashes if facts.encoding == "hashtable"), default=0),
    }
