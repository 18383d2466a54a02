"""Finds the statements in the bodies of stored routines, and puts placeholders where their variables stand."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbmanager.analyzers.workload.lexing import Word, words
from dbmanager.model.workload import Routine

_STARTS = frozenset(("select", "insert", "update", "delete", "with", "merge", "perform", "replace"))
_BEFORE = frozenset((";", "begin", "then", "else", "loop", "query", "in", "do", "as", "for", "$$", "declare", "is"))
"""A statement begins after one of these; `in` and `for` with a SELECT are loops over rows."""
_ENDS = frozenset((";", "loop"))
_DECLARED = re.compile(r"\bdeclare\b(?P<names>.*?)\bbegin\b", re.I | re.S)
_DECLARED_IN_BLOCK = re.compile(r"\bdeclare\s+(?P<names>\w+(?:\s*,\s*\w+)*)\s+(?!cursor|condition|handler)", re.I)


def statements_of(routine: Routine, dialect: str) -> tuple[str, ...]:
    """Return the statements of a body as the engine counts them: without INTO targets, PERFORM as SELECT.

    What EXECUTE runs is made at run time and can't be told.
    """
    body = routine.body
    if routine.language == "sql" and dialect != "mysql":
        return tuple(part for part in _parted(body, dialect))
    return tuple(_statement(body, found) for found in _spans(words(body, dialect)))


def with_placeholders(text: str, routine: Routine, dialect: str) -> str:
    """Return a statement of the routine with `$1` for its arguments and variables (MySQL: NULL), so that it can be planned."""
    names = {
        name.lower(): number for number, name in enumerate((*routine.arguments, *_variables(routine.body, dialect)), 1)
    }
    result, end = "", 0
    found = words(text, dialect)
    for number, word in enumerate(found):
        is_part = number > 0 and found[number - 1].canonical == "."
        if word.canonical.lower() in names and not is_part:
            stand_in = "NULL" if dialect == "mysql" else f"${names[word.canonical.lower()]}"
            result += text[end : word.start] + stand_in
            end = word.end
    return result + text[end:]


def _variables(body: str, dialect: str) -> Iterator[str]:
    if dialect == "mysql":
        for match in _DECLARED_IN_BLOCK.finditer(body):
            yield from (name.strip() for name in match["names"].split(","))
        return
    for block in _DECLARED.finditer(body):
        for line in block["names"].split(";"):
            name = line.strip().split(" ")[0]
            if name.isidentifier():
                yield name


def _spans(found: list[Word]) -> Iterator[list[Word]]:
    at = 0
    while at < len(found):
        before = found[at - 1].canonical if at else ";"
        if found[at].canonical in _STARTS and before in _BEFORE:
            end = at
            while end < len(found) and found[end].canonical not in _ENDS:
                end += 1
            yield _without_target(found[at:end])
            at = end
        at += 1


def _without_target(found: list[Word]) -> list[Word]:
    """Drop INTO and the variables after it; INSERT INTO and MERGE INTO keep theirs."""
    for number, word in enumerate(found):
        if word.canonical == "into" and number and found[number - 1].canonical not in ("insert", "merge", "replace"):
            end = number + 1
            while end < len(found) and found[end].canonical not in ("from", "where", "order", "limit", "for"):
                end += 1
            return found[:number] + found[end:]
    return found


def _statement(body: str, found: list[Word]) -> str:
    """Write the words as they stand in the body; a gap where something was left out."""
    text, end = "", found[0].start
    for word in found:
        text += (" " if word.gap and text else "") if word.start > end else ""
        text += body[word.start : word.end]
        end = word.end
    return re.sub(r"^perform\b", "SELECT", text, flags=re.I)


def _parted(body: str, dialect: str) -> Iterator[str]:
    from dbmanager.analyzers.workload.splitting import split

    for part in split(body, dialect):
        yield part.text
