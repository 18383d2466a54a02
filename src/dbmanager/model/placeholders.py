"""PostgreSQL's `$1` as sqlglot can read it: it takes `$1,$` for the tag of a dollar quote, which hides what follows.

In PostgreSQL a tag is a name, so it can't begin with a digit. A `$` after a letter, a digit or a character beyond ASCII
belongs to a name or to the end of a tag. Quoted names and texts stay as they are, whatever they hold.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

_PIECE = re.compile(
    r"""--[^\n\r]* | (?P<comment>/\*) | [eE]'(?:[^'\\]|''|\\.)*(?:'|\Z) | '(?:[^']|'')*(?:'|\Z) | "(?:[^"]|"")*(?:"|\Z)
    | (?P<tag>\$(?:[A-Za-z_\x80-\U0010ffff][\w\x80-\U0010ffff]*)?\$).*?(?:(?P=tag)|\Z) | (?P<parameter>\$\d+)
    | [\w\x80-\U0010ffff][\w$\x80-\U0010ffff]* | .""",
    re.S | re.X,
)
_COMMENT = re.compile(r"/\*|\*/")


def spaced(sql: str, dialect: str) -> str:
    """Return the statement with a space after each `$1`, which ends what sqlglot would read as a tag; for parsing."""
    return _changed(sql, dialect, lambda parameter: f"{parameter} ")


def colons(sql: str, dialect: str) -> str:
    """Return the statement with `:1` for `$1`, every character in its place; for tokens whose positions are used."""
    return _changed(sql, dialect, lambda parameter: f":{parameter[1:]}")


def _changed(sql: str, dialect: str, change: Callable[[str], str]) -> str:
    if dialect != "postgres" or "$" not in sql:
        return sql
    return "".join(change(text) if is_parameter else text for text, is_parameter in _pieces(sql))


def _pieces(sql: str) -> Iterator[tuple[str, bool]]:
    """Yield every piece of a statement as the server reads it, and whether it is a parameter."""
    at = 0
    while at < len(sql):
        match = _PIECE.match(sql, at)
        end = len(sql) if match is None else match.end()
        if match is not None and match["comment"] is not None:
            end = _closed(sql, end)
        yield sql[at:end], match is not None and match["parameter"] is not None
        at = end


def _closed(sql: str, at: int) -> int:
    """Return where a comment ends that began before: one within it must end first."""
    depth = 1
    while depth and (mark := _COMMENT.search(sql, at)) is not None:
        depth += 1 if mark[0] == "/*" else -1
        at = mark.end()
    return len(sql) if depth else at
