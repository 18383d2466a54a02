"""Traces what a key-value store's command answers to the columns of its keys' groups."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from dbmanager.analyzers.lineage.model import Trace, merge
from dbmanager.errors import InvalidStatement
from dbmanager.model.commands import parse_command, to_text
from dbmanager.model.keys import FIELD, KEY, SCORE, TTL, TYPE, VALUE, field_column, may_overlap, patterns_of
from dbmanager.model.lineage import BaseColumn
from dbmanager.model.schema import DatabaseSchema, Table

_PLAIN = frozenset(
    "DBSIZE EXISTS TYPE TTL PTTL EXPIRETIME PEXPIRETIME STRLEN LLEN HLEN SCARD ZCARD XLEN HSTRLEN HEXISTS OBJECT MEMORY "
    "PING TIME INFO LASTSAVE ROLE COMMAND LATENCY SLOWLOG ACL CLIENT CONFIG PUBSUB MODULE CLUSTER HTTL HPTTL HEXPIRETIME "
    "HPEXPIRETIME SINTERCARD ZINTERCARD VCARD VDIM".split()
)
"""Commands that answer counts, lengths, types, times and facts of the server; the gate lets no secret setting pass."""
_FIRST_KEY = frozenset(
    "GET GETRANGE SUBSTR GETBIT BITCOUNT BITPOS BITFIELD_RO DUMP LRANGE LINDEX LPOS SMEMBERS SRANDMEMBER SISMEMBER SMISMEMBER "
    "SSCAN XRANGE XREVRANGE ZLEXCOUNT ZRANGE ZREVRANGE ZRANGEBYSCORE ZREVRANGEBYSCORE ZRANGEBYLEX ZREVRANGEBYLEX ZRANDMEMBER ZSCAN "
    "ZSCORE ZMSCORE ZRANK ZREVRANK ZCOUNT GEOPOS GEODIST GEOHASH GEOSEARCH GEORADIUS_RO GEORADIUSBYMEMBER_RO HVALS XPENDING".split()
)
_EVERY_KEY = frozenset("MGET SINTER SUNION SDIFF".split())
_COUNTED = frozenset("ZUNION ZINTER ZDIFF".split())
_BY_FIELD = frozenset("HGET HMGET".split())
_WHOLE_HASH = frozenset("HGETALL HRANDFIELD HSCAN HKEYS".split())
_UNKNOWN = Trace("", frozenset(), complete=False)


@dataclass(frozen=True, slots=True)
class _Groups:
    """The groups of a schema, asked by key."""

    schema: DatabaseSchema

    def table(self, key: bytes) -> Table | None:
        name = patterns_of(tuple(table.name for table in self.schema.tables)).find(to_text(key))
        return self.schema.find(name) if name is not None else None

    def contents(self, key: bytes) -> Trace:
        """Trace all that a key holds; unknown where its group is."""
        table = self.table(key)
        if table is None:
            return _UNKNOWN
        return _of(table, (column.name for column in table.columns if column.name not in (KEY, TYPE, TTL)))

    def field(self, key: bytes, field: bytes) -> Trace:
        """Trace one hash field; one that is no column may be among the others, if the group has others."""
        table = self.table(key)
        if table is None:
            return _UNKNOWN
        name = field_column(to_text(field))
        if table.has_column(name):
            return _of(table, [name])
        return _of(table, [FIELD, VALUE]) if table.has_column(FIELD) else _UNKNOWN

    def names(self, key: bytes) -> Trace:
        """Trace a hash's field names: those that are columns are names a program gave, the others may be anything."""
        table = self.table(key)
        if table is None:
            return _UNKNOWN
        return _of(table, [FIELD] if table.has_column(FIELD) else [])

    def keys(self, glob: str) -> Trace:
        """Trace the names of the keys that fit a glob."""
        return merge(KEY, [_of(table, [KEY]) for table in self.schema.tables if may_overlap(glob, table.name)])

    def key(self, key: bytes) -> Trace:
        """Trace a key's own name, which the asker wrote down: nothing is told by it."""
        return Trace(KEY)


def _of(table: Table, columns: Iterable[str]) -> Trace:
    return Trace("", frozenset(BaseColumn(table.schema or "", table.name, column) for column in columns))


def trace_outputs(statement: str, schema: DatabaseSchema, columns: Sequence[str]) -> tuple[Trace, ...] | None:
    """Return one trace per result column; None for a command that is not known to say where its answer comes from."""
    try:
        arguments = parse_command(statement)
    except InvalidStatement:
        return None
    tracer = _tracer(arguments, _Groups(schema))
    return None if tracer is None else tuple(_named(tracer(name), name) for name in columns)


def _named(trace: Trace, name: str) -> Trace:
    """Return the trace under an expression's name, which the exit does not compare with a column's."""
    return Trace(f"({name})", trace.sources, trace.complete)


_Tracer = Callable[[str], Trace]


def _tracer(arguments: Sequence[bytes], groups: _Groups) -> _Tracer | None:
    word = arguments[0].decode("ascii", "replace").upper()
    rest = arguments[1:]
    if word in _PLAIN:
        return lambda name: Trace(name)
    if word == "ECHO":
        return lambda name: Trace(name)
    if word in ("SCAN", "RANDOMKEY"):
        names = groups.keys(_glob(rest))
        return lambda name: names if name == KEY else Trace(name) if name == "cursor" else _UNKNOWN
    if not rest:
        return None
    if word in _FIRST_KEY or (word == "SORT_RO" and not {b"BY", b"GET"} & {argument.upper() for argument in rest}):
        return _by_column(groups.contents(rest[0]))
    if word in _EVERY_KEY:
        return _by_column(merge("", [groups.contents(key) for key in rest]))
    if word in _COUNTED and rest[0].isdigit():
        return _by_column(merge("", [groups.contents(key) for key in rest[1 : 1 + int(rest[0])]]))
    if word == "XREAD" and b"STREAMS" in [argument.upper() for argument in rest]:
        named = rest[[argument.upper() for argument in rest].index(b"STREAMS") + 1 :]
        return _by_column(merge("", [groups.contents(key) for key in named[: len(named) // 2]]))
    if word == "LCS" and len(rest) >= 2:
        return _by_column(merge("", [groups.contents(key) for key in rest[:2]]))
    if word in _BY_FIELD:
        return _by_column(merge("", [groups.field(rest[0], field) for field in rest[1:]]), Trace(FIELD))
    if word in _WHOLE_HASH:
        return _whole_hash(word, rest[0], groups)
    return None


def _by_column(contents: Trace, field: Trace | None = None) -> _Tracer:
    """Trace values to the contents; a score tells of nothing but scores, cursors and ids of nothing."""

    def trace(name: str) -> Trace:
        if name in ("cursor", "id"):
            return Trace(name)
        if name == KEY:
            return Trace(name)
        if name == FIELD and field is not None:
            return field
        if name == SCORE and contents.complete:
            return Trace(name, frozenset(source for source in contents.sources if source.column == SCORE))
        return contents if name in (VALUE, "member") else _UNKNOWN

    return trace


def _whole_hash(word: str, key: bytes, groups: _Groups) -> _Tracer:
    names, contents = groups.names(key), groups.contents(key)

    def trace(name: str) -> Trace:
        if name == "cursor":
            return Trace(name)
        if name == FIELD:
            return names
        return contents if name == VALUE and word != "HKEYS" else _UNKNOWN

    return trace


def _glob(rest: Sequence[bytes]) -> str:
    words = [argument.upper() for argument in rest]
    at = words.index(b"MATCH") + 1 if b"MATCH" in words else len(rest)
    return to_text(rest[at]) if at < len(rest) else "*"
