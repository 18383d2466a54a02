"""PostgreSQL's `$1` as sqlglot can read it: it takes `$1,$` for the tag of a dollar quote, which hides what follows.

In PostgreSQL a tag is a name, so it can't begin with a digit. A `$` after a letter, a digit or a character beyond ASCII
belongs to a name or to the end of a tag.
"""

from __future__ import annotations

import re

_SIGN = re.compile(r"(?<![\w$\x80-\U0010ffff])\$(?=\d)")
_WHOLE = re.compile(r"(?<![\w$\x80-\U0010ffff])(\$\d+)")


def spaced(sql: str, dialect: str) -> str:
    """Return the statement with a space after each `$1`, which ends what sqlglot would read as a tag; for parsing."""
    return _WHOLE.sub(r"\1 ", sql) if dialect == "postgres" else sql


def colons(sql: str, dialect: str) -> str:
    """Return the statement with `:1` for `$1`, every character in its place; for tokens whose positions are used."""
    return _SIGN.sub(":", sql) if dialect == "postgres" else sql
