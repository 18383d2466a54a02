"""The same statement with another table first in FROM.

Hypopg (1.3.1) writes the conditions and expressions of its indexes for the first table of a statement and does not adapt
them: on any other table they are recognised by no plan. The order of a comma-separated FROM list means nothing to SQL, so a
statement can be planned with the table in question first.
"""

from __future__ import annotations

from itertools import pairwise

import sqlglot
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from dbmanager.model.placeholders import colons

_ENDS = frozenset((
    TokenType.WHERE, TokenType.GROUP_BY, TokenType.HAVING, TokenType.ORDER_BY, TokenType.LIMIT, TokenType.OFFSET,
    TokenType.FETCH, TokenType.UNION, TokenType.EXCEPT, TokenType.INTERSECT, TokenType.WINDOW, TokenType.SEMICOLON,
    TokenType.FOR,
))  # fmt: skip
_OPENS, _CLOSES = (TokenType.L_PAREN, TokenType.L_BRACKET), (TokenType.R_PAREN, TokenType.R_BRACKET)


def turned(statement: str, table: str) -> str | None:
    """Return the statement with the FROM item of a table in the first place; None where it can't be moved."""
    try:
        tokens = sqlglot.tokenize(colons(statement, "postgres"), dialect="postgres")
    except SqlglotError:
        return None
    items = _items(tokens)
    if any(token.token_type is TokenType.LATERAL for item in items for token in item):
        return None
    wanted = next((number for number, item in enumerate(items) if _names(item, table)), 0)
    if wanted == 0:
        return None
    first, other = (statement[item[0].start : item[-1].end + 1] for item in (items[0], items[wanted]))
    start, end = items[0][-1].end + 1, items[wanted][0].start
    head, tail = statement[: items[0][0].start], statement[items[wanted][-1].end + 1 :]
    return f"{head}{other}{statement[start:end]}{first}{tail}"


def _items(tokens: list[Token]) -> list[list[Token]]:
    """Return the tokens of each item of the outermost FROM list."""
    depth, items, inside = 0, list[list[Token]](), False
    for token in tokens:
        depth += (token.token_type in _OPENS) - (token.token_type in _CLOSES)
        if depth == 0 and inside and token.token_type in _ENDS:
            break
        if depth == 0 and token.token_type is TokenType.COMMA and inside:
            items.append([])
        elif inside:
            items[-1].append(token)
        elif depth == 0 and token.token_type is TokenType.FROM:
            inside = True
            items.append([])
    return [item for item in items if item]


def _names(item: list[Token], table: str) -> bool:
    """Whether an item begins with the table, with its schema or without."""
    head = [item[0], *(after for before, after in pairwise(item[:3]) if before.token_type is TokenType.DOT)]
    last = head[-1]
    name = last.text if last.token_type is TokenType.IDENTIFIER else last.text.lower()
    return name == table
