"""What single nodes of a parsed statement are, as far as tracing needs to know."""

from __future__ import annotations

from collections.abc import Iterable

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError


def is_plain(node: exp.Expr) -> bool:
    """Whether it compares a column as it stands with parameters or literals, for being equal or not."""
    if not isinstance(node, exp.EQ | exp.NEQ | exp.In):
        return False
    others = [one for one in node.iter_expressions() if not isinstance(one, exp.Column)]
    return len(others) == len(list(node.iter_expressions())) - 1 and all(
        isinstance(one, exp.Placeholder | exp.Parameter | exp.Literal) for one in others
    )


def gathers(node: exp.Expr) -> bool:
    """Whether a function of a name only gathers many rows into one value, by its name."""
    return isinstance(node, exp.Anonymous) and any(part in node.name.casefold() for part in ("group_", "agg"))


def is_label(node: exp.Identifier) -> bool:
    """Whether a name only labels what stands beside it."""
    return isinstance(node.parent, exp.Alias | exp.TableAlias | exp.Window | exp.Dot | exp.DataType | exp.Collate)


def definitions(node: exp.Window) -> list[exp.Expr]:
    """Return the definitions of the named window that a function runs over."""
    name, select = node.args.get("alias"), node.find_ancestor(exp.Select)
    if name is None or select is None:
        return []
    windows = select.args.get("windows")
    return [w for w in windows or () if w.this is not None and w.this.name.casefold() == str(name.name).casefold()]


def operands(node: exp.Count) -> Iterable[exp.Expr]:
    """Return what a count counts; a star counts nothing of its own."""
    return [inner for inner in node.iter_expressions() if not isinstance(inner, exp.Star)]


def output_name(node: exp.Expr) -> str:
    """Return the name that a projection's output bears."""
    return node.alias_or_name or node.output_name


def is_foreign_call(node: exp.Expr) -> bool:
    """Whether it calls a function of a user's schema, which may read anything, whatever its name."""
    if not isinstance(node, exp.Dot) or not isinstance(node.expression, exp.Func):
        return False
    return str(node.this.name).casefold() != "pg_catalog"


def is_null_test(node: exp.Expr) -> bool:
    """Whether it tests for NULL."""
    return isinstance(node, exp.Is) and isinstance(node.expression, exp.Null)


def view_body(definition: str, dialect: str) -> exp.Expr | None:
    """Return the query of a view's definition, None where it can't be read."""
    try:
        parsed = sqlglot.parse_one(definition, dialect=dialect)
    except SqlglotError:
        return None
    body = parsed.expression if isinstance(parsed, exp.Create) else parsed
    return body if isinstance(body, exp.Query) else None
