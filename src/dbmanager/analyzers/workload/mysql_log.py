"""Reads the slow log of MySQL and MariaDB: statements with their time, rows and rows examined.

Source: https://dev.mysql.com/doc/refman/8.4/en/slow-query-log.html, https://mariadb.com/kb/en/slow-query-log-overview/
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbmanager.model.workload import WorkloadStatement

_HEAD = re.compile(r"^# Query_time: ", re.M)
_ENTRY = re.compile(
    r"^# Query_time: (?P<seconds>\d+(?:\.\d+)?)\s.*?Rows_sent: (?P<sent>\d+)\s+Rows_examined: (?P<examined>\d+)[^\n]*\n"
    r"(?P<more>(?:#[^\n]*\n)*)(?P<body>.*?)(?=^# (?:Time|User@Host|Query_time|administrator)|\Z)",
    re.M | re.S,
)
_SCHEMA = re.compile(r"Schema: (\S+)")
_AFFECTED = re.compile(r"Rows_affected: (\d+)")
_USE = re.compile(r"\A\s*use `?([^`;\n]+)`?;\s*", re.I)
_TIME = re.compile(r"\A\s*SET timestamp=\d+;\s*", re.I)
_RESTART = re.compile(r"^\S+, Version: .*\Z", re.M | re.S)


def is_log(beginning: str) -> bool:
    """Whether a text is a slow log."""
    return _HEAD.search(beginning) is not None


def statements(text: str, database: str | None = None) -> Iterator[WorkloadStatement]:
    """Yield every run that was logged; a `use` line tells the database until the next, as the server writes it."""
    current: str | None = None
    before = 0
    for entry in _ENTRY.finditer(text):
        body, schema = entry["body"], _SCHEMA.search(text[before : entry.start("body")])
        before = entry.end()
        used = _USE.match(body)
        if used:
            current, body = used[1].strip(), body[used.end() :]
        elif schema:
            current = schema[1]
        statement = _RESTART.sub("", _TIME.sub("", body, count=1)).strip().rstrip(";")
        if not statement or (database is not None and current is not None and current != database):
            continue
        affected = _AFFECTED.search(entry["more"])
        yield WorkloadStatement(
            "", statement, 1, float(entry["seconds"]) * 1000, int(entry["sent"]) + int(affected[1] if affected else 0),
            int(entry["examined"]), samples=(statement,),
        )  # fmt: skip
