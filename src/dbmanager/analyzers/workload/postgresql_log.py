"""Reads PostgreSQL's logs: csvlog, jsonlog and stderr; statements with durations and the values bound to them.

Source: https://www.postgresql.org/docs/current/runtime-config-logging.html
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from dbmanager.analyzers.workload.documents import document
from dbmanager.analyzers.workload.lexing import words
from dbmanager.model.workload import WorkloadStatement

Kind = Literal["csvlog", "jsonlog", "stderr log"]
_TIMED = re.compile(
    r"duration: (?P<ms>\d+(?:\.\d+)?) ms(?:  (?P<step>statement|execute|parse|bind)[^:]*: (?P<text>.*))?\Z", re.S
)
_PLAIN = re.compile(r"(?:statement|execute [^:]*): (?P<text>.*)\Z", re.S)
_BOUND = re.compile(r"\$(\d+) = (NULL|'(?:[^']|'')*')", re.S)
_STDERR = re.compile(
    r"^(?P<prefix>.*?)(?P<level>LOG|DETAIL|STATEMENT|ERROR|HINT|CONTEXT|WARNING|FATAL|PANIC|NOTICE|INFO):  ", re.M
)
_PID = re.compile(r"\[(\d+)\]")
CSV_DATABASE, CSV_PROCESS, CSV_MESSAGE, CSV_DETAIL = 2, 3, 13, 14


@dataclass(frozen=True, slots=True)
class _Entry:
    message: str
    detail: str
    process: str
    database: str | None


def kind_of(beginning: str) -> Kind | None:
    """Tell a log by its first lines; None for what is no log."""
    first = next((line for line in beginning.splitlines() if line.strip()), "")
    if first.startswith("{") and '"error_severity"' in first:
        return "jsonlog"
    if re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ \S+,", first):
        return "csvlog"
    if re.search(r"^\S.*?(?:LOG):  (?:duration|statement|execute|starting|database system)", beginning, re.M):
        return "stderr log"
    return None


def statements(text: str, kind: Kind, database: str | None = None) -> Iterator[WorkloadStatement]:
    """Yield every run that the log tells of; a time that stands alone belongs to its session's last statement."""
    reader = {"csvlog": _csv, "jsonlog": _json, "stderr log": _stderr}[kind]
    waiting: dict[str, WorkloadStatement] = {}
    for entry in reader(text):
        if database is not None and entry.database is not None and entry.database != database:
            continue
        timed, plain = _TIMED.match(entry.message), _PLAIN.match(entry.message)
        if timed and timed["text"] is not None:
            if timed["step"] in ("statement", "execute"):
                yield _run(timed["text"], entry.detail, float(timed["ms"]))
        elif timed and entry.process in waiting:
            yield replace(waiting.pop(entry.process), total_ms=float(timed["ms"]))
        elif plain:
            if entry.process in waiting:
                yield waiting[entry.process]
            waiting[entry.process] = _run(plain["text"], entry.detail, None)
    yield from waiting.values()


def _run(text: str, detail: str, taken_ms: float | None) -> WorkloadStatement:
    statement = text.strip().rstrip(";")
    bound = dict(_BOUND.findall(detail))
    sample = with_values(statement, bound) if bound else statement
    return WorkloadStatement("", statement, 1, taken_ms, samples=() if sample is None else (sample,))


def with_values(statement: str, bound: dict[str, str]) -> str | None:
    """Return a statement with the values bound to its `$1`, as literals; None when one was not logged."""
    result, end = "", 0
    for word in words(statement, "postgres"):
        if word.shown.startswith("$") and word.shown[1:].isdigit():
            if word.shown[1:] not in bound:
                return None
            result += statement[end : word.start] + bound[word.shown[1:]]
            end = word.end
    return result + statement[end:]


def _csv(text: str) -> Iterator[_Entry]:
    csv.field_size_limit(2**31 - 1)
    for row in csv.reader(io.StringIO(text, newline="")):
        if len(row) > CSV_DETAIL:
            yield _Entry(row[CSV_MESSAGE], row[CSV_DETAIL], row[CSV_PROCESS], row[CSV_DATABASE] or None)


def _json(text: str) -> Iterator[_Entry]:
    for line in text.splitlines():
        row = document(line)
        if row is not None:
            yield _Entry(
                str(row.get("message", "")), str(row.get("detail", "")), str(row.get("pid", "")), row.get("dbname")
            )


def _stderr(text: str) -> Iterator[_Entry]:
    """Yield entries of a plain log: lines that continue one begin with a tab; a detail follows what it belongs to."""
    heads = [match for match in _STDERR.finditer(text) if not match["prefix"].startswith("\t")]
    message, process = "", ""
    for number, head in enumerate(heads):
        end = heads[number + 1].start() if number + 1 < len(heads) else len(text)
        body = text[head.end() : end].rstrip("\n").replace("\n\t", "\n")
        if head["level"] == "DETAIL":
            yield _Entry(message, body, process, None)
            message = ""
            continue
        if message:
            yield _Entry(message, "", process, None)
        found = _PID.search(head["prefix"])
        message, process = (body if head["level"] == "LOG" else ""), (found[1] if found else "")
    if message:
        yield _Entry(message, "", process, None)
