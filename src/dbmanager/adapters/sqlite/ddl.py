"""Reads out of CREATE TABLE what no PRAGMA tells: checks, names of references, AUTOINCREMENT."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from dbmanager.model.schema import CheckConstraint

_TOKEN = re.compile(
    r"""(?P<space>\s+|--[^\n]*|/\*.*?\*/)|(?P<quoted>"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\])"""
    r"""|(?P<string>'(?:[^']|'')*')|(?P<word>[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)|(?P<other>.)""",
    re.S,
)


def _tokens(sql: str) -> Iterator[tuple[str, str, int, int]]:
    for match in _TOKEN.finditer(sql):
        if match.lastgroup != "space":
            yield match.lastgroup or "other", match.group(), match.start(), match.end()


def unquoted(text: str) -> str:
    """Return an identifier without its quotes."""
    if text[:1] in '"`' and len(text) > 1:
        return text[1:-1].replace(text[0] * 2, text[0])
    return text[1:-1] if text.startswith("[") else text


def checks(sql: str) -> tuple[CheckConstraint, ...]:
    """Return the check constraints of a CREATE TABLE statement in order."""
    if "CHECK" not in sql.upper():
        return ()
    tokens = list(_tokens(sql))
    found: list[CheckConstraint] = []
    name: str | None = None
    for position, (kind, text, _, _) in enumerate(tokens):
        if kind == "word" and text.upper() == "CONSTRAINT" and position + 1 < len(tokens):
            name = unquoted(tokens[position + 1][1])
        elif kind == "word" and text.upper() == "CHECK" and position + 1 < len(tokens):
            span = _parenthesised(tokens, position + 1)
            if span is not None:
                found.append(CheckConstraint(sql[span[0] : span[1]].strip(), name))
            name = None
        elif text == ",":
            name = None
    return tuple(found)


def _parenthesised(tokens: list[tuple[str, str, int, int]], start: int) -> tuple[int, int] | None:
    if tokens[start][1] != "(":
        return None
    depth = 0
    for _, text, begin, _ in tokens[start:]:
        depth += (text == "(") - (text == ")")
        if depth == 0:
            return tokens[start][3], begin
    return None


@dataclass(frozen=True, slots=True)
class Declared:
    """A key or reference as written: its name, its columns (empty in a column's own clause), whether deferrable."""

    kind: str
    name: str | None
    columns: tuple[str, ...]
    deferrable: bool = False


def constraints(sql: str) -> tuple[Declared, ...]:
    """Return unique, primary and foreign keys of a CREATE TABLE statement, in order; every reference, named or not."""
    tokens = list(_tokens(sql))
    found: list[Declared] = []
    name: str | None = None
    depth = 0
    for position, (kind, text, _, _) in enumerate(tokens):
        depth += (text == "(") - (text == ")")
        word = text.upper() if kind == "word" and depth == 1 else ""
        if text == "," and depth == 1:
            name = None
        elif word == "CONSTRAINT" and position + 1 < len(tokens):
            name = unquoted(tokens[position + 1][1])
        elif word in ("UNIQUE", "PRIMARY"):
            found.append(Declared(word.lower(), name, _listed(tokens, position + (2 if word == "PRIMARY" else 1))))
        elif word == "REFERENCES":
            found.append(Declared("references", name, (), _deferred(tokens, position)))
    return tuple(found)


def _listed(tokens: list[tuple[str, str, int, int]], start: int) -> tuple[str, ...]:
    """Return the plain names of a parenthesised list."""
    if start >= len(tokens) or tokens[start][1] != "(":
        return ()
    names: list[str] = []
    for (_, before, _, _), (kind, text, _, _) in itertools.pairwise(tokens[start:]):
        if text == ")":
            break
        if before in ("(", ",") and kind in ("word", "quoted"):
            names.append(unquoted(text))
    return tuple(names)


def _deferred(tokens: list[tuple[str, str, int, int]], start: int) -> bool:
    depth = 0
    for position in range(start, len(tokens)):
        text = tokens[position][1]
        depth += (text == "(") - (text == ")")
        if depth < 0 or (depth == 0 and text == ","):
            return False
        if text.upper() == "DEFERRABLE":
            return tokens[position - 1][1].upper() != "NOT"
    return False


def generated(sql: str, column: str) -> str | None:
    """Return the expression of a generated column."""
    tokens = list(_tokens(sql))
    inside = False
    for position, (kind, text, _, _) in enumerate(tokens):
        if kind in ("word", "quoted") and unquoted(text) == column and tokens[position - 1][1] in ("(", ","):
            inside = True
        if inside and kind == "word" and text.upper() == "AS":
            span = _parenthesised(tokens, position + 1)
            return sql[span[0] : span[1]].strip() if span else None
    return None


def where_clause(sql: str) -> str | None:
    """Return the predicate of a partial CREATE INDEX."""
    depth = 0
    for kind, text, _, end in _tokens(sql):
        depth += (text == "(") - (text == ")")
        if depth == 0 and kind == "word" and text.upper() == "WHERE":
            return sql[end:].strip()
    return None


def key_expressions(sql: str) -> list[str]:
    """Return the key parts of a CREATE INDEX as written, without ASC, DESC and COLLATE."""
    tokens = list(_tokens(sql))
    opening = next(
        (i for i, token in enumerate(tokens) if token[1] == "(" and any(t[1].upper() == "ON" for t in tokens[:i])), None
    )
    span = _parenthesised(tokens, opening) if opening is not None else None
    if span is None:
        return []
    parts: list[str] = []
    depth, begin = 0, span[0]
    for _, text, at, end in tokens:
        if span[0] <= at < span[1]:
            depth += (text == "(") - (text == ")")
            if text == "," and depth == 0:
                parts.append(sql[begin:at])
                begin = end
    parts.append(sql[begin : span[1]])
    return [re.sub(r"(?i)\s+(collate\s+\w+|asc|desc)\b", "", part).strip() for part in parts]
