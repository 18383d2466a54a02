"""Reads a statement's text as the server does: strings, names, words, and comments that it must not contain.

The parser of the gate reads some things otherwise (`--1`, `/*! */`, nested comments), so the text that both the parser and
the server get is one without comments. Sessions have no mode that would change this reading (`facts.LEXICAL_MODES`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from dbmanager.errors import StatementRefused

TOKEN = re.compile(
    r"""(?P<hint>/\*(?:!|M!|\+))
      | (?P<comment>/\*.*?\*/ | \#[^\n]* | --(?=[\s\x00-\x1f]|\Z)[^\n]*)
      | (?P<open>/\*)
      | (?P<string>'(?:[^'\\]|\\.|'')*' | "(?:[^"\\]|\\.|"")*")
      | (?P<quoted>`(?:[^`]|``)+`)
      | (?P<number>\d[\w.]*|\.\d\w*)
      | (?P<variable>@@?(?:[\w.$]+|`(?:[^`]|``)+`|'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*")?)
      | (?P<word>[\w$\u0080-\U0010ffff]+)
      | (?P<assign>:=)
      | (?P<space>\s+)
      | (?P<unclosed>['"`])
      | (?P<mark>.)""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    """One token; `text` is decoded for quoted names and lower-case for words."""

    kind: str
    text: str


def read(sql: str) -> tuple[str, list[Token]]:
    """Return the statement with every comment blanked, and its tokens without spaces.

    Raises: StatementRefused for comments that the server runs, and for what does not end.
    """
    kept: list[str] = []
    tokens: list[Token] = []
    for match in TOKEN.finditer(sql):
        kind, text = str(match.lastgroup), match.group()
        if kind == "hint":
            raise StatementRefused(
                "comments that the server runs (/*! ... */, /*M! ... */, /*+ ... */) are not read",
                hint="Write the statement without them.",
            )
        if kind in ("open", "unclosed"):
            raise StatementRefused("a comment, string or name does not end", hint="Close it.")
        if kind in ("comment", "space"):
            kept.append(" " if kind == "comment" else text)
            continue
        kept.append(text)
        if kind == "quoted":
            tokens.append(Token(kind, text[1:-1].replace("``", "`")))
        else:
            tokens.append(Token(kind, text.lower() if kind == "word" else text))
    return "".join(kept), tokens


def without_introducers(expression: str) -> str:
    """Return an expression of the catalog without `_utf8mb4` and the like before its strings: the server varies them."""
    matches = list(TOKEN.finditer(expression))
    return "".join(
        match.group()
        for match, following in zip(matches, [*matches[1:], None], strict=True)
        if not (
            match.lastgroup == "word"
            and match.group().lower() in ("_utf8mb4", "_utf8mb3", "_utf8", "_latin1")
            and following is not None
            and following.lastgroup == "string"
        )
    )


def without_database(body: str, database: str) -> str:
    """Return a view's text with the tables of its own database named plainly, as everywhere in the model."""
    matches = list(TOKEN.finditer(body))
    own = "`" + database.replace("`", "``") + "`"
    kept: list[str] = []
    at = 0
    while at < len(matches):
        following = matches[at + 1].group() if at + 1 < len(matches) else ""
        name = matches[at].group()
        if name == own and following == "." and (not kept or kept[-1] != "."):
            at += 2
            continue
        kept.append(name)
        at += 1
    return "".join(kept)
