"""Reads a key space into the schema model: one table per key pattern, from a bounded, unhurried SCAN."""

from __future__ import annotations

import hashlib
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import anyio
from redis import exceptions as driver

from dbmanager.adapters.redis.describe import Group, KeyFacts, table_of
from dbmanager.adapters.redis.groups import learn_patterns
from dbmanager.adapters.redis.session import Sessions, Wire
from dbmanager.model.commands import to_text
from dbmanager.model.keys import ANY, KeyPatterns, patterns_of
from dbmanager.model.schema import DatabaseSchema, Table
from dbmanager.model.statistics import ServerInfo

MAX_KEYS = 200_000
MAX_SECONDS = 5.0
BATCH = 1_000
SAMPLED_KEYS = 5_000
"""Keys looked into over all groups; at most 50 and at least 5 of each."""
MODEL_SECONDS = 60.0
MODELS_KEPT = 4
NOTICE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Model:
    """What one look at the key space gave. `share` is the part of all keys that was seen, 1.0 for every key."""

    schema: DatabaseSchema
    groups: tuple[Group, ...]
    patterns: KeyPatterns
    share: float
    read_at: float


class RedisCatalog:
    """The `Catalog` facet.

    A key space declares nothing, so nothing tells cheaply that it changed. The model is learnt by a SCAN of at most
    200,000 keys and 5 seconds, resting between batches as long as they took, and serves for 60 seconds; it is learnt
    anew when we wrote, or when a key turns up that fits no known group. The fingerprint is a digest of the learnt
    structure, so keys that come and go within known groups leave it as it was. On larger key spaces it covers the
    groups with at least 1 % of the keys seen.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._groups: tuple[str, ...] = ()
        self._model: Model | None = None
        self._learnt: deque[Model] = deque(maxlen=MODELS_KEPT)
        self._learning = anyio.Lock()

    async def model(self) -> Model:
        """Return the learnt model, at most 60 seconds old."""
        async with self._learning:
            if self._model is None or time.monotonic() - self._model.read_at > MODEL_SECONDS:
                async with self._sessions.reading(timeout_seconds=120) as wire:
                    self._model = await learn(wire, await self._sessions.info(wire, "server"), self._groups)
                self._learnt.appendleft(self._model)
            return self._model

    def keep_groups(self, groups: Sequence[str]) -> None:
        """Learn no groups from now on but take these, so that two key spaces are told apart alike."""
        self._groups = tuple(groups)
        self.forget()

    async def patterns_among(self, table: Table) -> KeyPatterns:
        """Return the patterns that a table was learnt with: they decide which keys are its own.

        A model that was learnt anew from another sample meanwhile would move keys between groups.
        """
        for model in self._learnt:
            if any(known is table for known in model.schema.tables):
                return model.patterns
        return (await self.model()).patterns

    def forget(self) -> None:
        """Have the model learnt anew at the next question."""
        self._model = None

    def notice(self, keys: Sequence[str]) -> None:
        """Forget the model when one of these keys fits none of its groups, at most every 2 seconds."""
        model = self._model
        if model is None or time.monotonic() - model.read_at < NOTICE_SECONDS:
            return
        if any(model.patterns.find(key) is None for key in keys):
            self.forget()

    def known_columns(self, key: str) -> frozenset[str] | None:
        """Return the columns of a key's group as last learnt, None when there is no such group."""
        if self._model is None:
            return None
        pattern = self._model.patterns.find(key)
        table = self._model.schema.find(pattern) if pattern else None
        return frozenset(column.name for column in table.columns) if table else None

    async def fingerprint(self) -> str:
        """Return a digest of the learnt structure."""
        return (await self.model()).schema.fingerprint

    async def read_schema(self) -> DatabaseSchema:
        """Return one table per key pattern."""
        return (await self.model()).schema

    async def read_schema_by(self, names: Sequence[str]) -> DatabaseSchema:
        """Return one table per pattern given; the model that serves other questions stays as it is."""
        async with self._sessions.reading(timeout_seconds=120) as wire:
            model = await learn(wire, await self._sessions.info(wire, "server"), names)
        self._learnt.appendleft(model)
        return model.schema

    async def server_info(self) -> ServerInfo:
        """Return version, user, rights and warnings."""
        facts = await self._sessions.server()
        async with self._sessions.reading(timeout_seconds=30) as wire:
            memory = await self._sessions.info(wire, "memory")
            replication = await self._sessions.info(wire, "replication")
            rules = (await wire.many([("ACL", "GETUSER", facts.user)]))[0]
        commands = _commands(rules)
        warnings = _warnings(facts.confines, commands, rules)
        return ServerInfo(
            engine="redis",
            version=f"{facts.product} {'.'.join(map(str, facts.version))}",
            version_number=facts.number,
            database=str(self._sessions.database),
            role=facts.user,
            is_superuser=commands == "+@all",
            read_only=self._sessions.settings.access == "read_only" or replication.get("role") == "slave",
            size_bytes=int(memory["used_memory"]) if memory.get("used_memory", "").isdigit() else None,
            privileges=(commands,) if commands else (),
            warnings=warnings,
            capabilities=("EVAL_RO",) if facts.confines else (),
        )


def _commands(rules: object) -> str:
    """Return the command rules of ACL GETUSER's reply, empty when the user may not see them."""
    if not isinstance(rules, list):
        return ""
    texts = [item.decode() if isinstance(item, bytes) else item for item in rules]
    return str(texts[texts.index("commands") + 1]) if "commands" in texts else ""


def _warnings(confines: bool, commands: str, rules: object) -> tuple[str, ...]:
    found = []
    if not confines:
        found.append(
            "reads can't run inside a read-only script (EVAL_RO wants Redis 7 and the right @scripting): below the gate "
            "stands only the user's own ACL"
        )
    granted = set(commands.split())
    if granted & {"+@all", "+@write"} and "-@write" not in granted:
        found.append("the user may write; one with +@read alone is enough for reading")
    if granted & {"+@all", "+@dangerous", "+@admin"} and not {"-@dangerous", "-@admin"} & granted:
        found.append("the user may run dangerous commands (FLUSHALL, CONFIG, SHUTDOWN)")
    if isinstance(rules, driver.RedisError):
        found.append("the user may not look at its own ACL, so what it may do is not known before it is tried")
    return tuple(found)


async def learn(wire: Wire, server: dict[str, str], given: Sequence[str] = ()) -> Model:
    """Look at the key space within the bounds and describe its groups, the given ones or those that the keys show."""
    keys, share = await scan_keys(wire)
    texts = {key: to_text(key) for key in keys}
    names = set(given or learn_patterns(texts.values()))
    if share < 1.0:
        names.add(ANY)
    patterns = patterns_of(tuple(sorted(names)))
    members: dict[str, list[bytes]] = {name: [] for name in names}
    for key, text in texts.items():
        members.setdefault(patterns.find(text) or ANY, []).append(key)
    groups = await _looked_into(wire, members, share)
    tables = tuple(table_of(group, patterns) for group in sorted(groups, key=lambda g: g.pattern))
    lasting = [
        (table.name, tuple((column.name, column.type.native) for column in table.columns))
        for table, group in zip(tables, sorted(groups, key=lambda g: g.pattern), strict=True)
        if share == 1.0 or group.keys_seen * 100 >= len(keys)
    ]
    fingerprint = hashlib.sha256(repr(lasting).encode()).hexdigest()[:32]
    schema = DatabaseSchema("redis", server.get("redis_version", ""), tables, fingerprint)
    return Model(schema, tuple(groups), patterns, share, time.monotonic())


async def scan_keys(wire: Wire) -> tuple[list[bytes], float]:
    """Return distinct keys within the bounds and which share of all keys they are."""
    found: dict[bytes, None] = {}
    cursor, started = b"0", time.monotonic()
    while True:
        sent = time.monotonic()
        cursor, batch = await wire.call("SCAN", cursor, "COUNT", BATCH)
        found.update(dict.fromkeys(batch))
        if cursor == b"0":
            return list(found), 1.0
        now = time.monotonic()
        if len(found) >= MAX_KEYS or now - started > MAX_SECONDS:
            total = max(int(await wire.call("DBSIZE")), len(found), 1)
            return list(found), min(len(found) / total, 0.999)
        await anyio.sleep(min(now - sent, 0.05))


async def _looked_into(wire: Wire, members: dict[str, list[bytes]], share: float) -> list[Group]:
    most = max(5, min(50, SAMPLED_KEYS // max(len(members), 1)))
    chosen = {name: sorted(keys, key=_spread)[:most] for name, keys in members.items()}
    every = [key for keys in chosen.values() for key in keys]
    facts: dict[bytes, KeyFacts] = {}
    for start in range(0, len(every), 200):
        for known in await look_at(wire, every[start : start + 200]):
            facts[known.key] = known
    return [
        Group(name, len(members[name]), round(len(members[name]) / share),
              tuple(facts[key] for key in keys if key in facts), share)
        for name, keys in chosen.items()
    ]  # fmt: skip


def _spread(key: bytes) -> bytes:
    """Order keys by a digest, so that every look at the same keys chooses the same ones."""
    return hashlib.blake2b(key, digest_size=8).digest()


_LOOK = {
    "string": (("STRLEN",), ("GETRANGE", 0, 4095)),
    "hash": (("HLEN",), ("HSCAN", 0, "COUNT", 100)),
    "list": (("LLEN",), ("LRANGE", 0, 4)),
    "set": (("SCARD",), ("SSCAN", 0, "COUNT", 5)),
    "zset": (("ZCARD",), ("ZRANGE", 0, 4, "WITHSCORES")),
    "stream": (("XLEN",), ("XRANGE", "-", "+", "COUNT", 5)),
}


async def look_at(wire: Wire, keys: Sequence[bytes]) -> list[KeyFacts]:
    """Return what a few keys are and the beginning of what they hold; keys that are gone are left out."""
    kinds = [
        reply.decode() if isinstance(reply, bytes) else "none" for reply in await wire.many([("TYPE", k) for k in keys])
    ]
    known = [(key, kind) for key, kind in zip(keys, kinds, strict=True) if kind != "none"]
    asked: list[tuple[str | bytes | int, ...]] = []
    for key, kind in known:
        length, content = _LOOK.get(kind, ((), ()))
        asked += [("PTTL", key), ("OBJECT", "ENCODING", key), ("MEMORY", "USAGE", key)]
        asked += [(part[0], key, *part[1:]) if part else ("TYPE", key) for part in (length, content)]
    replies = await wire.many(asked)
    return [_facts(key, kind, replies[n * 5 : n * 5 + 5]) for n, (key, kind) in enumerate(known)]


def _facts(key: bytes, kind: str, replies: Sequence[object]) -> KeyFacts:
    ttl, encoding, size, length, content = (None if isinstance(r, driver.RedisError) else r for r in replies)
    if kind in ("hash", "set") and isinstance(content, list):
        content = content[1]
    return KeyFacts(
        key, kind, ttl if isinstance(ttl, int) and ttl >= 0 else None,
        encoding.decode() if isinstance(encoding, bytes) else "", size if isinstance(size, int) else None,
        length if isinstance(length, int) else None, content if kind in _LOOK else None,
    )  # fmt: skip
