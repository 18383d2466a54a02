"""Commands of MongoDB and Redis read as statements are: what stays the same for other values, and whether it writes."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass

from pydantic import JsonValue

from dbmanager.analyzers.workload.fingerprint import Reading
from dbmanager.errors import InvalidStatement
from dbmanager.model.commands import parse_command
from dbmanager.model.workload import StatementKind

_READING = frozenset(("find", "aggregate", "count", "distinct", "getMore"))
_WRITING = frozenset(("insert", "update", "delete", "findAndModify", "findandmodify"))
_SAME = frozenset(("limit", "skip", "batchSize", "lsid", "$db", "$clusterTime", "txnNumber", "cursor", "maxTimeMS"))
"""Fields of a command whose values make no other statement; the first three are shown as a value, the rest left out."""
_PATH = re.compile(r"\$\$?[A-Za-z_][\w.]*")
_WORD = re.compile(r"[A-Z][A-Z0-9._-]{0,40}")
_REDIS_WRITING = re.compile(
    r"^(?:SET|GETSET|GETDEL|APPEND|INCR|DECR|DEL|UNLINK|EXPIRE|PEXPIRE|PERSIST|RENAME|COPY|RESTORE|MSET|H(?:SET|DEL|INCR|MSET)"
    r"|[LR](?:PUSH|POP|TRIM|REM|INSERT|SET|MOVE)|S(?:ADD|REM|POP|MOVE)|Z(?:ADD|REM|INCR|POP)|X(?:ADD|DEL|TRIM|ACK|GROUP|CLAIM)"
    r"|PFADD|GEOADD|SETBIT|FLUSH)"
)
_REDIS_READING = re.compile(
    r"^(?:GET|MGET|STRLEN|EXISTS|TTL|PTTL|TYPE|H|L|S|Z|X|PFCOUNT|GEO|BIT|SCAN|KEYS|DBSIZE|RANDOMKEY)"
)


@dataclass(frozen=True, slots=True)
class CommandReading(Reading):
    """A command read; `problem` tells why it can't be."""

    problem: str | None = None


def read_command(text: str, dialect: str) -> CommandReading:
    """Return the reading of a command; never fails."""
    return _redis(text) if dialect == "redis" else _mongodb(text)


def _mongodb(text: str) -> CommandReading:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return _unreadable(text, "no JSON document")
    name = next(iter(document), "") if isinstance(document, dict) else ""
    if name not in _READING | _WRITING:
        return _unreadable(text, "no command that reads or writes documents")
    kind: StatementKind = "write" if name in _WRITING else "read"
    stages = document.get("pipeline")
    if isinstance(stages, list) and any(isinstance(s, dict) and ({"$out", "$merge"} & set(s)) for s in stages):
        kind = "write"
    shape = {
        field: value if isinstance(value, str) and field == name else _shape(value, field == "pipeline")
        for field, value in document.items()
        if field not in _SAME
    }
    shown = json.dumps(shape, ensure_ascii=False)
    return CommandReading(_digest(shown), shown, kind, (name, str(document[name])))


def _shape(value: JsonValue, is_expression: bool = False) -> JsonValue:
    """Return a value with what it compares with folded; names of fields and flags stay, `$field` paths in expressions."""
    if isinstance(value, dict):
        if len(value) == 1 and next(iter(value)) in (
            "$oid",
            "$date",
            "$numberLong",
            "$numberDecimal",
            "$binary",
            "$uuid",
        ):
            return "?"
        return {
            name: _list(inner) if name in ("$in", "$nin", "documents") else _shape(inner, _holds(name, is_expression))
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_shape(item, is_expression) for item in value]
    if isinstance(value, str) and is_expression and _PATH.fullmatch(value):
        return value
    return value if isinstance(value, bool) else "?"


def _holds(name: str, is_expression: bool) -> bool:
    """Whether a field's value is an expression, in which `$name` is a path; elsewhere it is a text like any other."""
    return name in ("$expr", "pipeline") or (is_expression and name not in ("$match", "$literal", "query"))


def _list(value: JsonValue) -> JsonValue:
    return [_shape(value[0])] if isinstance(value, list) and value else _shape(value)


def _redis(text: str) -> CommandReading:
    try:
        arguments = parse_command(text)
    except InvalidStatement:
        return _unreadable(text, "no Redis command")
    word = arguments[0].decode("ascii", "replace").upper()
    if not _WORD.fullmatch(word):
        return _unreadable(text, "no Redis command")
    kind: StatementKind = "write" if _REDIS_WRITING.match(word) else "read" if _REDIS_READING.match(word) else "other"
    key = key_pattern(arguments[1].decode("utf-8", "replace")) if len(arguments) > 1 else ""
    key = "*" if key and kind == "other" else key  # AUTH's is a password
    shown = json.dumps([word, *([key] if key else []), *(["?"] if len(arguments) > 2 else [])], ensure_ascii=False)
    return CommandReading(_digest(shown), shown, kind, (word, key))


def key_pattern(key: str) -> str:
    """Return a key's pattern: its first part where others follow; anything else in it may be somebody's name."""
    first, mark, _ = re.split(r"([:/.|#-])", key, maxsplit=1) if re.search(r"[:/.|#-]", key) else ("", "", "")
    return f"{first}{mark}*" if first.isidentifier() and first.isascii() and len(first) <= 24 else "*"


def _digest(shown: str) -> str:
    return hashlib.sha256(shown.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _unreadable(text: str, problem: str) -> CommandReading:
    return CommandReading(_digest(text), f"({len(text)} characters)", "other", (), problem)
