"""The read-only gate: an allow-list made from the live server's own command table, with advice for what is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dbmanager.adapters.redis.stream_reads import stream_read
from dbmanager.errors import InvalidStatement, StatementRefused

_BARRED_FLAGS = frozenset(("write", "admin", "blocking", "pubsub", "noscript", "may_replicate", "no_multi"))
_BARRED_CATEGORIES = frozenset(
    ("@write", "@admin", "@dangerous", "@blocking", "@scripting", "@pubsub", "@transaction", "@connection")
)
FACTS = frozenset(
    "ping echo time info lastsave role command|count command|list command|getkeys command|info command|docs memory|stats "
    "memory|doctor latency|latest latency|doctor slowlog|len acl|whoami acl|cat client|id client|getname config|get "
    "pubsub|numpat module|list cluster|info".split()
)
"""Commands about the server, without effect and without a row's value; none has the flag `readonly`."""
_ADVICE = {
    "keys": 'walks every key at once: use ["SCAN", "0", "MATCH", pattern, "COUNT", "1000"]',
    "sort": 'may store its result: use ["SORT_RO", key]',
    "georadius": "may store its result: use GEOSEARCH",
    "georadiusbymember": "may store its result: use GEOSEARCH",
    "bitfield": "may write: use BITFIELD_RO with GET",
    "getex": "changes the expiry: use GET and PTTL",
    "getdel": "deletes the key: use GET",
    "getset": "overwrites the key: use GET",
    "spop": "removes members: use SRANDMEMBER",
    "lpop": "removes elements: use LRANGE",
    "rpop": "removes elements: use LRANGE",
    "xreadgroup": "moves the group's position: use XRANGE, and XINFO GROUPS for positions",
    "pfcount": "rewrites the count kept inside the key",
    "touch": "changes when the key was last used",
    "blpop": "waits and removes: use LRANGE",
    "brpop": "waits and removes: use LRANGE",
    "bzpopmin": "waits and removes: use ZRANGE",
    "bzpopmax": "waits and removes: use ZRANGE",
    "monitor": "streams every client's commands",
    "subscribe": "changes what the connection is for",
    "psubscribe": "changes what the connection is for",
    "select": "changes the database of the connection: name another connection",
    "multi": "opens a transaction on the connection: run each command on its own",
    "client|list": "shows other clients' addresses and names: CLIENT ID and INFO clients tell the rest",
    "slowlog|get": "shows other clients' arguments: use SLOWLOG LEN",
    "eval": "runs a script: send its commands one by one",
    "eval_ro": "runs a script: send its commands one by one",
    "fcall": "runs a function: send its commands one by one",
    "fcall_ro": "runs a function: send its commands one by one",
    "lolwut": "tells nothing about the data",
}
_SECRET_SETTING = re.compile(r"pass|auth|secret|key-file|user|\*|\?|\[|\\", re.IGNORECASE)
MAX_SCAN_COUNT = 10_000
_BOUNDED_BY_US = frozenset(("sort_ro",))
"""Commands that are `@dangerous` for nothing but their cost, which is looked at before they run (see `bounds`)."""


@dataclass(frozen=True, slots=True)
class CommandFacts:
    """One entry of the server's command table: `keys` is the first key, the last and the step between."""

    name: str
    flags: frozenset[str]
    categories: frozenset[str]
    keys: tuple[int, int, int]

    @property
    def reads(self) -> bool:
        """Whether the server says of it that it only reads, and nothing else of it that would forbid it."""
        barred = _BARRED_CATEGORIES - ({"@dangerous"} if self.name in _BOUNDED_BY_US else set())
        return "readonly" in self.flags and not self.flags & _BARRED_FLAGS and not self.categories & barred


class CommandTable:
    """The server's commands by name; subcommands as `config|get`."""

    def __init__(self, reply: Sequence[Any]) -> None:
        self.commands: dict[str, CommandFacts] = {}
        self._containers: set[str] = set()
        for entry in reply:
            if entry:
                self._add(entry)

    def _add(self, entry: Sequence[Any]) -> None:
        name = _text(entry[0]).lower()
        categories = frozenset(_text(item) for item in entry[6]) if len(entry) > 6 else frozenset()
        self.commands[name] = CommandFacts(
            name, frozenset(_text(item) for item in entry[2]), categories, (int(entry[3]), int(entry[4]), int(entry[5]))
        )
        children = entry[9] if len(entry) > 9 and entry[9] else ()
        if children:
            self._containers.add(name)
        for child in children:
            self._add(child)

    def named(self, arguments: Sequence[bytes]) -> str:
        """Return the full name of a command, with its subcommand where the command is a container."""
        word = arguments[0].decode("ascii", "replace").lower()
        second = arguments[1].decode("ascii", "replace").lower() if len(arguments) > 1 else ""
        container = word in self._containers or (f"{word}|{second}" in FACTS and word not in ("ping", "echo"))
        return f"{word}|{second}" if container and second else word

    def keys(self, arguments: Sequence[bytes]) -> list[bytes]:
        """Return the keys of a command as far as its table entry tells; movable ones by their count argument."""
        name = self.named(arguments)
        word = name.partition("|")[0].upper()
        if word in _COUNTED:
            at = _COUNTED[word]
            count = int(arguments[at]) if len(arguments) > at and arguments[at].isdigit() else 0
            return list(arguments[at + 1 : at + 1 + count])
        if word == "XREAD":
            return list(stream_read(arguments).keys)
        facts = self.commands.get(name) or self.commands.get(word.lower())
        first, last, step = facts.keys if facts else (0, 0, 0)
        if first < 1 or step < 1:
            return []
        end = len(arguments) + last if last < 0 else last
        return list(arguments[first : end + 1 : step])


_COUNTED: Mapping[str, int] = dict.fromkeys(("ZUNION", "ZINTER", "ZDIFF", "SINTERCARD", "ZINTERCARD"), 1)


def check_read(table: CommandTable, arguments: Sequence[bytes]) -> str:
    """Pass a command that only reads and return its full name.

    Raises: StatementRefused with what to use instead; InvalidStatement when the server has no such command.
    """
    name = table.named(arguments)
    facts = table.commands.get(name)
    if name in FACTS and name.partition("|")[0] in table.commands:
        _check_setting(name, arguments)
        return name
    if facts is None:
        word = name.partition("|")[0]
        if word not in table.commands:
            raise InvalidStatement(
                "the server has no such command", hint='Write one command as a JSON list, e.g. ["GET", "a"].'
            )
        facts = table.commands[word]
        if "|" in name or not facts.reads:
            raise _refused(name, "is not among the commands that only read")
    if name in _ADVICE:
        raise _refused(name, _ADVICE[name])
    if name == "xread" and "readonly" in facts.flags:
        stream_read(arguments)
        return name
    if not facts.reads:
        raise _refused(name, _why(facts))
    _check_arguments(name, arguments)
    return name


def _why(facts: CommandFacts) -> str:
    if "write" in facts.flags or "@write" in facts.categories:
        return "writes"
    for flag in ("blocking", "pubsub", "admin"):
        if flag in facts.flags:
            return f"is a {flag} command"
    return "is not a command that only reads"


def _refused(name: str, reason: str) -> StatementRefused:
    writes = reason == "writes"
    return StatementRefused(
        f"{name.replace('|', ' ').upper()} {reason}", object_name=name.replace("|", " ").upper(),
        hint="Propose the change as a change set." if writes else "Only commands that read are run here.",
        next_actions=("propose_change",) if writes else (),
    )  # fmt: skip


def _check_setting(name: str, arguments: Sequence[bytes]) -> None:
    if name != "config|get":
        return
    for setting in arguments[2:]:
        if _SECRET_SETTING.search(setting.decode("ascii", "replace")):
            raise _refused(name, "is answered for settings by their full names only, and never for secrets")


def _check_arguments(name: str, arguments: Sequence[bytes]) -> None:
    words = [argument.upper() for argument in arguments[1:]]
    if name in ("scan", "hscan", "sscan", "zscan") and b"COUNT" in words:
        at = words.index(b"COUNT") + 1
        if at < len(words) and (not words[at].isdigit() or int(words[at]) > MAX_SCAN_COUNT):
            raise _refused(name, f"looks at no more than COUNT {MAX_SCAN_COUNT} at a time")
    if name.startswith("sort") and b"STORE" in words:
        raise _refused(name, "stores its result")


def _text(value: object) -> str:
    return value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
