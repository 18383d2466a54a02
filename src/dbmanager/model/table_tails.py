"""Takes from CREATE TABLE the ends that sqlglot does not parse and that reach nowhere, so that the rest can be judged."""

from __future__ import annotations

import re

_SQLITE = re.compile(r"\)\s*(WITHOUT\s+ROWID|STRICT)(\s*,\s*(WITHOUT\s+ROWID|STRICT))*\s*;?\s*$", re.IGNORECASE)
_PARTITIONED = re.compile(r"(?<=[)\s])PARTITION\s+BY\s+(LINEAR\s+)?(HASH|KEY|RANGE|LIST)\b", re.IGNORECASE)
_TOKEN = re.compile(r"\s+|(?P<call>[A-Za-z_]\w*)\s*(?=\()|[A-Za-z_]\w*|`[^`]+`|'[^'\\]*'|-?\d+|[(),]")
_CALLED = frozenset(
    "hash key range list columns year to_days month unix_timestamp to_seconds quarter than in partition by".split()
)


def without_tail(sql: str, dialect: str) -> str:
    """Return the statement without SQLite's table options or MySQL's partitions, where these are of plain words alone."""
    if dialect == "sqlite":
        return _SQLITE.sub(")", sql)
    begins = _PARTITIONED.search(sql) if dialect == "mysql" else None
    if begins is None or not _is_plain(sql[begins.start() :].rstrip().rstrip(";")):
        return sql
    return sql[: begins.start()]


def _is_plain(tail: str) -> bool:
    """Whether it is nothing but words, names, numbers, texts and parentheses, and calls only what counts time."""
    at = 0
    while at < len(tail):
        token = _TOKEN.match(tail, at)
        if token is None:
            return False
        called = token["call"]
        if called is not None and called.lower() not in _CALLED and not _is_named(tail, at):
            return False
        at = token.end()
    return not re.search(r"\b(directory|tablespace|engine|select|table|connection)\b", tail, re.IGNORECASE)


def _is_named(tail: str, at: int) -> bool:
    """Whether the word before a parenthesis names a partition, whose subpartitions follow."""
    return re.search(r"\bPARTITION\s+$", tail[:at], re.IGNORECASE) is not None
