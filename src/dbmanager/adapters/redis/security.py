"""Gathers the facts that Redis's checks judge; no password, no hash of one and no key's value is among them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from redis import exceptions as driver

from dbmanager.adapters.facets import Unsupported
from dbmanager.adapters.redis.catalog import RedisCatalog
from dbmanager.adapters.redis.checks import CHECKS
from dbmanager.adapters.redis.checks.facts import ACL_LOG, CODE, CONFIG, GROUPS, INFO, REPLICATION, USERS
from dbmanager.adapters.redis.describe import Group
from dbmanager.adapters.redis.session import Sessions, Wire
from dbmanager.errors import InvalidStatement, PermissionDenied
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
        raise AssertionError(f"no facts called {query!r}")

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
        "largest_bytes": max((facts.size_bytes or 0 for facts in group.sampled), default=0),
        "largest_elements": max(lengths, default=0),
        "hashes_packed": sum(facts.encoding in ("listpack", "ziplist") for facts in hashes),
        "hashes_unpacked": sum(facts.encoding == "hashtable" for facts in hashes),
        "smallest_unpacked": min((facts.length or 0 for facts in hashes if facts.encoding == "hashtable"), default=0),
    }
