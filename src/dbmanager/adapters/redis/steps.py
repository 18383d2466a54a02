"""Turns a command that someone wrote into a change step: its keys, risk, before-image or the reason why there is none."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from dbmanager.errors import InvalidStatement
from dbmanager.model.changes import ChangeStep
from dbmanager.model.commands import parse_command, to_text, write_command
from dbmanager.model.schema import DatabaseSchema

MAX_KEYS = 1_000
_ONE = (1, 1, 1)
_TWO = (1, 2, 1)
_ALL = (1, -1, 1)
_PAIRS = (1, -1, 2)
WRITES: Mapping[str, tuple[int, int, int]] = {
    **dict.fromkeys(
        "SET SETEX PSETEX SETNX GETSET GETEX GETDEL APPEND SETRANGE SETBIT INCR INCRBY INCRBYFLOAT DECR DECRBY HSET HMSET HSETNX "
        "HDEL HINCRBY HINCRBYFLOAT HEXPIRE HPEXPIRE HEXPIREAT HPEXPIREAT HPERSIST HSETEX HGETEX HGETDEL LPUSH RPUSH LPUSHX RPUSHX "
        "LPOP RPOP LSET LINSERT LREM LTRIM SADD SREM SPOP ZADD ZINCRBY ZREM ZPOPMIN ZPOPMAX ZREMRANGEBYRANK ZREMRANGEBYSCORE "
        "ZREMRANGEBYLEX GEOADD XADD XDEL XTRIM XSETID XACK EXPIRE PEXPIRE EXPIREAT PEXPIREAT PERSIST PFADD BITFIELD RESTORE".split(),
        _ONE,
    ),
    **dict.fromkeys("RENAME RENAMENX COPY LMOVE RPOPLPUSH SMOVE ZRANGESTORE GEOSEARCHSTORE".split(), _TWO),
    **dict.fromkeys("DEL UNLINK SINTERSTORE SUNIONSTORE SDIFFSTORE PFMERGE".split(), _ALL),
    "BITOP": (2, -1, 1),
    **dict.fromkeys("MSET MSETNX".split(), _PAIRS),
}
"""Commands that write, with the places of their keys: first, last, step. Keys that are only read do no harm here."""
_HIGH = frozenset("DEL UNLINK GETDEL RENAME SPOP LTRIM".split())
_ADMIN = frozenset(
    "CONFIG ACL FLUSHALL FLUSHDB SWAPDB SAVE BGSAVE BGREWRITEAOF MEMORY SCRIPT FUNCTION LATENCY SLOWLOG CLIENT".split()
)
_ADMIN_PARTS: Mapping[str, frozenset[str]] = {
    "CONFIG": frozenset(("SET", "REWRITE", "RESETSTAT")),
    "ACL": frozenset(("SETUSER", "DELUSER", "SAVE", "LOAD", "LOG")),
    "MEMORY": frozenset(("PURGE",)),
    "SCRIPT": frozenset(("FLUSH",)),
    "FUNCTION": frozenset(("DELETE", "FLUSH")),
    "LATENCY": frozenset(("RESET",)),
    "SLOWLOG": frozenset(("RESET",)),
    "CLIENT": frozenset(("KILL",)),
}


class RedisSteps:
    """The `ChangeSteps` facet."""

    def change_step(
        self, schema: DatabaseSchema, statement: str, *, inverse: str | None = None, title: str | None = None
    ) -> ChangeStep:
        """Return the step of one command.

        Raises: InvalidStatement when it is a read, writes keys it does not name, or names too many of them.
        """
        arguments = parse_command(statement)
        inverses = (write_command(parse_command(inverse)),) if inverse else ()
        text = write_command(arguments)
        word = arguments[0].decode("ascii", "replace").upper()
        base = {"title": title or _title(arguments), "statement": text, "inverse": inverses}
        if word in WRITES:
            return _key_step(word, arguments, base, inverses)
        if word in _ADMIN:
            return _admin_step(word, arguments, base, inverses)
        raise InvalidStatement(
            f"{word[:24]} is not a command that a change can carry out" if word.isalnum() else "that is no command",
            object_name="redis",
            hint="Name the keys in a command that writes them (SET, HSET, DEL, EXPIRE ...); reads are run as queries, scripts not at all.",
            next_actions=("run_query",),
        )


def written_keys(arguments: Sequence[bytes]) -> list[bytes]:
    """Return the distinct keys of a command of `WRITES`, in order."""
    first, last, step = WRITES[arguments[0].decode("ascii", "replace").upper()]
    end = len(arguments) + last if last < 0 else last
    return list(dict.fromkeys(arguments[first : end + 1 : step]))


def capture_of(kind: str, names: Sequence[bytes]) -> str:
    """Return the text that tells the executor what to keep before it writes: `keys` or `config` by name."""
    return json.dumps({kind: json.loads(write_command(names))}, ensure_ascii=False)


def _key_step(
    word: str, arguments: Sequence[bytes], base: Mapping[str, object], inverses: tuple[str, ...]
) -> ChangeStep:
    keys = written_keys(arguments)
    if not keys:
        raise InvalidStatement(f"{word} names no key", hint="Write the key behind the command.")
    if len(keys) > MAX_KEYS:
        raise InvalidStatement(
            f"{word} names {len(keys):,} keys, more than {MAX_KEYS:,}", hint="Split it into several changes."
        )
    return ChangeStep.model_validate(
        {
            **base,
            "risk": "high" if word in _HIGH and len(keys) > 1 else "medium",
            "lock": "none; the keys are watched, and the change is refused if another client writes them meanwhile",
            "before_image": None if inverses else capture_of("keys", keys),
        }
    )


def _admin_step(
    word: str, arguments: Sequence[bytes], base: Mapping[str, object], inverses: tuple[str, ...]
) -> ChangeStep:
    part = arguments[1].decode("ascii", "replace").upper() if len(arguments) > 1 else ""
    parts = _ADMIN_PARTS.get(word)
    if parts is not None and part not in parts:
        raise InvalidStatement(
            f"{word} {part[:24]} changes nothing or can't be proposed",
            hint=f"Proposed can be: {', '.join(sorted(parts))}.",
        )
    image = None
    if word == "CONFIG" and part == "SET" and not inverses:
        image = capture_of("config", arguments[2::2])
    return ChangeStep.model_validate(
        {
            **base,
            "access": "admin",
            "risk": "medium" if image or inverses else "high",
            "lock": "none",
            "transactional": False,
            "before_image": image,
        }
    )


def _title(arguments: Sequence[bytes]) -> str:
    """Name the command and its first argument; values are left out."""
    return " ".join(to_text(argument) for argument in arguments[:2])[:80] + (" ..." if len(arguments) > 2 else "")
