"""Splits a file of SQL into its statements, each byte for byte as it stands; quotes, bodies and comments are respected."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_PIECE = re.compile(
    r"""(?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z))|(?P<tag>\$(?:[A-Za-z_]\w*)?\$).*?(?:(?P=tag)|\Z)|[eE]'(?:[^'\\]|''|\\.)*(?:'|\Z)
    |(?P<single>')|"(?:[^"\\]|""|\\.)*(?:"|\Z)|`[^`]*(?:`|\Z)|(?P<end>;)|(?P<hash>\#[^\n]*)|[^;'"`$\-/\#eE]+|.""",
    re.S | re.X,
)
_PLAIN = re.compile(r"'(?:[^']|'')*(?:'|\Z)", re.S)
_ESCAPED = re.compile(r"'(?:[^'\\]|''|\\.)*(?:'|\Z)", re.S)
_DELIMITER = re.compile(r"^[ \t]*delimiter[ \t]+(\S+)[ \t]*$", re.I | re.M)


@dataclass(frozen=True, slots=True)
class Part:
    """One statement without its semicolon, and the line on which it begins, counted from 1."""

    text: str
    line: int


def split(text: str, dialect: str) -> Iterator[Part]:
    """Yield the statements of a text; what is only comment or space is none.

    Backslashes escape in MySQL's strings and PostgreSQL's `E''`; a MySQL client's DELIMITER line is followed.
    """
    if dialect == "mysql" and _DELIMITER.search(text):
        yield from _delimited(text)
        return
    yield from _split(text, dialect, 0, 1)


def _split(text: str, dialect: str, start: int, line: int) -> Iterator[Part]:
    string = _ESCAPED if dialect == "mysql" else _PLAIN
    at, begin, has_words = start, start, False
    while at < len(text):
        match = _PIECE.match(text, at)
        if match is None:  # pragma: no cover - the last choice takes any character
            break
        if match["single"] is not None:
            match = string.match(text, at) or match
            has_words = True
        elif match.lastgroup == "end":
            if has_words:
                yield _part(text, begin, at, line)
            line += text.count("\n", begin, match.end())
            begin, has_words = match.end(), False
        elif match["comment"] is None and not (match["hash"] is not None and dialect == "mysql"):
            has_words = has_words or not match[0].isspace()
        at = match.end()
    if has_words:
        yield _part(text, begin, len(text), line)


def _part(text: str, begin: int, end: int, line: int) -> Part:
    piece = text[begin:end]
    lead = len(piece) - len(piece.lstrip())
    return Part(piece.strip(), line + piece.count("\n", 0, lead))


def _delimited(text: str) -> Iterator[Part]:
    """Yield the statements between DELIMITER lines: by the semicolon where that stands, by the named word elsewhere."""
    at, mark = 0, ";"
    for match in [*_DELIMITER.finditer(text), None]:
        block = text[at : match.start() if match else len(text)]
        line = text.count("\n", 0, at) + 1
        if mark == ";":
            yield from _split(block, "mysql", 0, line)
        else:
            for piece in block.split(mark):
                if piece.strip():
                    yield _part(piece, 0, len(piece), line)
                line += piece.count("\n")
        if match:
            at, mark = match.end(), match[1]
