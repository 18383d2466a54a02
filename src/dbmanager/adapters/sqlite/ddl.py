"""Reads out of CREATE TABLE what no PRAGMA tells: checks, names of references, AUTOINCREMENT."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from dbmanager.model.schema import CheckConstraint

_TOKEN = re.compile(
    r"""(?P<space>\s+|--[^\n]*|/\*.*?\*/)|(?P<quoted>"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\])"""
    r"""|(?P<string>'(?:[^']|'')*')|(?P<word>[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)|(?P<other>.)""",
    re.S,
)


_UNMODELLED = ("COLLATE", "CONFLICT", "STORED", "DESC")
_CONSTRAINTS = ("CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN")
_SITE = re.compile(
    r"""--[^\n]*|/\*.*?\*/|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|'(?:[^']|'')*'|(?P<mark>[(),])"""
    r"""|(?<![\w$])(?P<word>CONSTRAINT|CHECK|UNIQUE|PRIMARY|REFERENCES)(?![\w$])""",
    re.S | re.I,
)
"""What `checks` and `constraints` look at; other words are passed over at the regular expression's speed."""


def _tokens(sql: str, start: int = 0) -> Iterator[tuple[str, str, int, int]]:
    for match in _TOKEN.finditer(sql, start):
        if match.lastgroup != "space":
            yield match.lastgroup or "other", match.group(), match.start(), match.end()


@lru_cache(maxsize=4)
def _sites(sql: str) -> tuple[tuple[str, int], ...]:
    """Return marks and keywords outside strings, quoted names and comments, with where each ends."""
    return tuple((match.group().upper(), match.end()) for match in _SITE.finditer(sql) if match.lastgroup)


def _name_at(sql: str, start: int) -> str | None:
    return next((unquoted(text) for _, text, _, _ in _tokens(sql, start)), None)


def unquoted(text: str) -> str:
    """Return an identifier without its quotes."""
    if text[:1] in '"`' and len(text) > 1:
        return text[1:-1].replace(text[0] * 2, text[0])
    return text[1:-1] if text.startswith("[") else text


def checks(sql: str) -> tuple[CheckConstraint, ...]:
    """Return the check constraints of a CREATE TABLE statement in order."""
    found: list[CheckConstraint] = []
    name: str | None = None
    for site, end in _sites(sql) if "CHECK" in sql.upper() else ():
        if site == "CONSTRAINT":
            name = _name_at(sql, end)
        elif site == "CHECK":
            span = _parenthesised(sql, end)
            if span is not None:
                found.append(CheckConstraint(sql[span[0] : span[1]].strip(), name))
            name = None
        elif site == ",":
            name = None
    return tuple(found)


def _parenthesised(sql: str, start: int) -> tuple[int, int] | None:
    """Return where the inside of the parenthesis that opens next begins and ends; None when another token is next."""
    begin, depth = None, 0
    for _, text, at, end in _tokens(sql, start):
        if begin is None:
            if text != "(":
                return None
            begin = end
        depth += (text == "(") - (text == ")")
        if depth == 0:
            return begin, at
    return None


@dataclass(frozen=True, slots=True)
class Declared:
    """A key or reference as written: its name, its columns (empty in a column's own clause), whether deferrable."""

    kind: str
    name: str | None
    columns: tuple[str, ...]
    deferrable: bool = False


def names_or_defers(sql: str) -> bool:
    """Whether a CREATE TABLE statement may hold anything about keys and references that no PRAGMA tells."""
    upper = sql.upper()
    return "CONSTRAINT" in upper or "DEFERRABLE" in upper


def constraints(sql: str) -> tuple[Declared, ...]:
    """Return unique, primary and foreign keys of a CREATE TABLE statement, in order; every reference, named or not."""
    found: list[Declared] = []
    name: str | None = None
    depth = 0
    for site, end in _sites(sql):
        depth += (site == "(") - (site == ")")
        if depth != 1:
            continue
        if site == ",":
            name = None
        elif site == "CONSTRAINT":
            name = _name_at(sql, end)
        elif site in ("UNIQUE", "PRIMARY"):
            found.append(Declared(site.lower(), name, _listed(sql, end, skip=site == "PRIMARY")))
        elif site == "REFERENCES":
            found.append(Declared("references", name, (), _deferred(sql, end)))
    return tuple(found)


def _listed(sql: str, start: int, *, skip: bool) -> tuple[str, ...]:
    """Return the plain names of the parenthesised list that comes next, or after one word."""
    tokens = list(itertools.islice(_tokens(sql, start), int(skip), int(skip) + 1))
    if not tokens or tokens[0][1] != "(":
        return ()
    names: list[str] = []
    for (_, before, _, _), (kind, text, _, _) in itertools.pairwise(_tokens(sql, tokens[0][2])):
        if text == ")":
            break
        if before in ("(", ",") and kind in ("word", "quoted"):
            names.append(unquoted(text))
    return tuple(names)


def _deferred(sql: str, start: int) -> bool:
    if "DEFERRABLE" not in sql.upper():
        return False
    depth, before = 0, ""
    for _, text, _, _ in _tokens(sql, start):
        depth += (text == "(") - (text == ")")
        if depth < 0 or (depth == 0 and text == ","):
            return False
        if text.upper() == "DEFERRABLE":
            return before.upper() != "NOT"
        before = text
    return False


def generated(sql: str, column: str) -> str | None:
    """Return the expression of a generated column."""
    tokens = list(_tokens(sql))
    inside = False
    for position, (kind, text, _, end) in enumerate(tokens):
        if kind in ("word", "quoted") and unquoted(text) == column and tokens[position - 1][1] in ("(", ","):
            inside = True
        if inside and kind == "word" and text.upper() == "AS":
            span = _parenthesised(sql, end)
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
    return [re.sub(r"(?i)\s+(collate\s+\w+|asc|desc)\b", "", part).strip() for part in _key_parts(sql)]


def collated_keys(sql: str) -> dict[int, str]:
    """Return the key parts of a CREATE INDEX that name a collation, by their places, without ASC and DESC."""
    if "COLLATE" not in sql.upper():
        return {}
    parts = [re.sub(r"(?i)\s+(asc|desc)\s*$", "", part).strip() for part in _key_parts(sql)]
    return {place: part for place, part in enumerate(parts) if re.search(r"(?i)\bcollate\s+\S+$", part)}


def unmodelled(sql: str) -> tuple[tuple[str, str], ...]:
    """Return what the columns and keys of a CREATE TABLE declare that the model does not hold, with each column's name."""
    upper = sql.upper()
    if not any(word in upper for word in _UNMODELLED):
        return ()
    found: list[tuple[str, str]] = []
    depth, column, begins, in_key, before = 0, "", False, False, ""
    for kind, text, _, end in _tokens(sql):
        depth += (text == "(") - (text == ")")
        if text == "(":
            begins, in_key = depth == 1, (depth == 2 and before in ("KEY", "UNIQUE")) or (in_key and depth > 1)
        elif text == ")":
            in_key = in_key and depth > 1
        elif text == "," and depth == 1:
            begins = True
        elif begins:
            begins = False
            column = "" if kind == "word" and text.upper() in _CONSTRAINTS else unquoted(text)
        elif kind == "word" and (depth == 1 or in_key) and text.upper() in _UNMODELLED:
            found.append((column, _said(text.lower(), _name_at(sql, end))))
        before = text.upper()
    return tuple(one for one in found if one[1].lower() != "collate binary")


def _said(word: str, following: str | None) -> str:
    words = {"collate": "collate ", "conflict": "on conflict "}
    return f"{words[word]}{(following or '').lower()}" if word in words else word


def _key_parts(sql: str) -> list[str]:
    tokens = list(_tokens(sql))
    opening = next(
        (i for i, token in enumerate(tokens) if token[1] == "(" and any(t[1].upper() == "ON" for t in tokens[:i])), None
    )
    span = _parenthesised(sql, tokens[opening][2]) if opening is not None else None
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
    return parts
