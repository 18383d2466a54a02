"""Keeps a read small before it runs: ranges are cut to the page, whole values and set operations are measured first.

A command is atomic: once it runs nothing stops it, so its size is looked at before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from redis import exceptions as driver

from dbmanager.adapters.redis.session import Wire
from dbmanager.adapters.redis.stream_reads import XREAD, stream_read
from dbmanager.errors import ResourceExhausted
from dbmanager.model.queries import QueryRequest

MAX_BYTES = 16 * 1024 * 1024
MAX_ELEMENTS = 100_000
MAX_PRODUCT = 20_000_000
_LENGTH = {"list": "LLEN", "set": "SCARD", "hash": "HLEN", "zset": "ZCARD", "stream": "XLEN"}
_INSTEAD = {"hash": "HSCAN", "set": "SSCAN", "zset": "ZRANGE with ranks", "list": "LRANGE", "stream": "XRANGE with COUNT",
            "string": "GETRANGE"}  # fmt: skip
_BY_RANK = frozenset((b"LRANGE", b"ZRANGE", b"ZREVRANGE"))
_BY_VALUE = frozenset((b"ZRANGEBYSCORE", b"ZREVRANGEBYSCORE", b"ZRANGEBYLEX", b"ZREVRANGEBYLEX"))
_SINGLE = frozenset(
    b"GETRANGE SUBSTR STRLEN TYPE TTL PTTL EXPIRETIME PEXPIRETIME EXISTS LLEN SCARD HLEN ZCARD XLEN HEXISTS SISMEMBER ZSCORE "
    b"ZMSCORE SMISMEMBER ZRANK ZREVRANK HSTRLEN LINDEX SRANDMEMBER OBJECT MEMORY SCAN HSCAN SSCAN ZSCAN GETBIT HGET HMGET "
    b"ZCOUNT ZLEXCOUNT HTTL HPTTL HEXPIRETIME HPEXPIRETIME XINFO BITFIELD_RO GEOPOS GEODIST GEOHASH".split()
)
"""Commands that touch a small part of a value; only the part they return is large or small."""


@dataclass(frozen=True, slots=True)
class Bounded:
    """What is sent instead, and how many elements at its head belong to pages before (0 where the range skips them)."""

    arguments: tuple[bytes, ...]
    skip: int


async def bounded(wire: Wire, arguments: Sequence[bytes], keys: Sequence[bytes], request: QueryRequest) -> Bounded:
    """Return the command to send for one page.

    Raises: ResourceExhausted when its keys are too large to be read or combined in one command.
    """
    word, wanted = arguments[0].upper(), request.limits.max_rows + 1
    cut = await _cut(wire, word, tuple(arguments), request.offset, wanted)
    if keys and word not in _SINGLE:
        await _measure(wire, word, keys, cut.skip + wanted if cut is not None else None)
    elif word in (b"HGET", b"HMGET", b"LINDEX"):
        await _measure(wire, word, keys, 1 if word != b"HMGET" else len(arguments) - 2)
    return cut if cut is not None else Bounded(tuple(arguments), request.offset)


async def _cut(wire: Wire, word: bytes, arguments: tuple[bytes, ...], offset: int, wanted: int) -> Bounded | None:
    words = [argument.upper() for argument in arguments]
    if word in _BY_RANK and len(arguments) >= 4 and not {b"BYSCORE", b"BYLEX"} & set(words[4:]):
        return await _by_rank(wire, word, arguments, offset, wanted)
    if (word in _BY_VALUE or (word == b"ZRANGE" and {b"BYSCORE", b"BYLEX"} & set(words[4:]))) and len(arguments) >= 4:
        return _by_limit(arguments, words, offset, wanted)
    if word == XREAD:
        return Bounded(stream_read(arguments).limited(offset + wanted), offset)
    if word in (b"XRANGE", b"XREVRANGE") and len(arguments) >= 4:
        count = _number(arguments[5]) if len(arguments) == 6 and words[4] == b"COUNT" else None
        most = offset + wanted
        if len(arguments) == 4 or (count is not None and count > most):
            return Bounded((*arguments[:4], b"COUNT", str(most).encode()), offset)
        return Bounded(arguments, offset) if count is not None and count >= 0 else None
    return None


async def _by_rank(wire: Wire, word: bytes, arguments: tuple[bytes, ...], offset: int, wanted: int) -> Bounded | None:
    start, stop = _number(arguments[2]), _number(arguments[3])
    if start is None or stop is None:
        return None
    length = (await wire.many([("LLEN" if word == b"LRANGE" else "ZCARD", arguments[1])]))[0]
    if not isinstance(length, int):
        return None
    start = max(start + length, 0) if start < 0 else start
    stop = stop + length if stop < 0 else min(stop, length - 1)
    first = start + offset
    last = min(stop, first + wanted - 1)
    if last < first:
        first, last = 1, 0
    return Bounded((*arguments[:2], str(first).encode(), str(last).encode(), *arguments[4:]), 0)


def _by_limit(arguments: tuple[bytes, ...], words: Sequence[bytes], offset: int, wanted: int) -> Bounded | None:
    if b"LIMIT" not in words[4:]:
        return Bounded((*arguments, b"LIMIT", str(offset).encode(), str(wanted).encode()), 0)
    at = words.index(b"LIMIT", 4)
    if at + 2 >= len(arguments):
        return None
    skipped, count = _number(arguments[at + 1]), _number(arguments[at + 2])
    if skipped is None or count is None:
        return None
    left = wanted if count < 0 else max(min(count - offset, wanted), 0)
    return Bounded((*arguments[: at + 1], str(skipped + offset).encode(), str(left).encode(), *arguments[at + 3 :]), 0)


async def _measure(wire: Wire, word: bytes, keys: Sequence[bytes], elements: int | None) -> None:
    """Refuse what would read more than 16 MB or combine more than 100,000 elements."""
    kinds = [_plain(reply) for reply in await wire.many([("TYPE", key) for key in keys])]
    sizes = await wire.many([("MEMORY", "USAGE", key) for key in keys])
    lengths = await wire.many([(_LENGTH.get(kind, "STRLEN"), key) for kind, key in zip(kinds, keys, strict=True)])
    total, members, product = 0.0, 0, 1
    for kind, size, length in zip(kinds, sizes, lengths, strict=True):
        count = length if isinstance(length, int) else 0
        size_bytes = size if isinstance(size, int) else count if kind == "string" else 64 * count
        part = 1.0 if elements is None or kind == "string" or not count else min(elements / count, 1.0)
        total += size_bytes * part
        members += 0 if kind == "string" else min(count, elements) if elements is not None else count
        product *= max(count, 1)
    if total > MAX_BYTES or members > MAX_ELEMENTS or (word == b"LCS" and product > MAX_PRODUCT):
        raise ResourceExhausted(
            f"the command would read about {total / 1e6:,.0f} MB in {members:,} elements at once, and nothing could stop it",
            object_name=word.decode(), hint=f"Read it in parts: {_INSTEAD.get(kinds[0], 'SCAN')}.",
        )  # fmt: skip


def _plain(reply: object) -> str:
    return reply.decode() if isinstance(reply, bytes) and not isinstance(reply, driver.RedisError) else "none"


def _number(argument: bytes) -> int | None:
    try:
        return int(argument)
    except ValueError:
        return None
