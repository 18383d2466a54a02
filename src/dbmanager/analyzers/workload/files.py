"""Reads query files and server logs: which kind a file is, and the statements in it with their times and values."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator

from dbmanager.analyzers.workload import mongodb_log, mysql_log, postgresql_log
from dbmanager.analyzers.workload.documents import document
from dbmanager.analyzers.workload.gathering import COMMANDS
from dbmanager.analyzers.workload.splitting import split
from dbmanager.model.operations import number
from dbmanager.model.workload import Workload, WorkloadStatement

NOT_UTF8 = "bytes that are no UTF-8: save the file as UTF-8"
LOOKED_AT = 65_536
"""Characters of the beginning by which a file's kind is told."""


def of_file(data: bytes, dialect: str, *, database: str | None = None) -> Workload:
    """Return a file's statements, one for each run; its kind is told by its beginning.

    SQL separated by semicolons; a log of PostgreSQL (csvlog, jsonlog, stderr) or a slow log of MySQL; MongoDB's log or
    commands as JSON lines; Redis commands, one a line. What a log says of another database than the named one is left
    out.
    """
    text = data.decode("utf-8-sig", "surrogateescape")
    kind, statements = _statements(text, dialect, database)
    return _workload(f"file ({kind})", statements)


def of_list(given: Iterable[str]) -> Workload:
    """Return statements that were given one by one, each run once."""
    return _workload(
        "given statements", (WorkloadStatement("", text.strip(), 1, samples=(text.strip(),)) for text in given)
    )


def _statements(text: str, dialect: str, database: str | None) -> tuple[str, Iterator[WorkloadStatement]]:
    beginning = text[:LOOKED_AT]
    if dialect == "mongodb":
        is_log = mongodb_log.is_log(beginning)
        return ("log", mongodb_log.statements(text, database)) if is_log else ("commands", _lines(text))
    if dialect in COMMANDS:
        return "commands", _lines(text)
    if dialect == "mysql" and mysql_log.is_log(beginning):
        return "slow log", mysql_log.statements(text, database)
    kind = postgresql_log.kind_of(beginning) if dialect == "postgres" else None
    if kind is not None:
        return kind, postgresql_log.statements(text, kind, database)
    return "SQL", (WorkloadStatement("", part.text, 1, samples=(part.text,)) for part in split(text, dialect))


def _lines(text: str) -> Iterator[WorkloadStatement]:
    """Yield the commands of a file with one a line; a line with the fields `command` and `ms` tells its time."""
    for line in text.splitlines():
        command, taken = line.strip(), None
        if not command:
            continue
        found = document(command)
        if found is not None and isinstance(found.get("command"), dict | list):
            command = json.dumps(found["command"], ensure_ascii=False)
            taken = number(found.get("ms"))
        yield WorkloadStatement("", command, 1, taken, samples=(command,))


def _workload(source: str, statements: Iterable[WorkloadStatement]) -> Workload:
    kept: list[WorkloadStatement] = []
    skipped: list[tuple[str, str]] = []
    for position, statement in enumerate(statements, 1):
        if not _is_text(statement.text) or not all(map(_is_text, statement.samples)):
            skipped.append((f"statement {position}", NOT_UTF8))
        elif "\0" in statement.text:
            skipped.append((f"statement {position}", "a NUL character, which no engine takes"))
        else:
            kept.append(statement)
    return Workload(source, dt.datetime.now(dt.UTC), tuple(kept), skipped=tuple(skipped), is_cumulative=False)


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
