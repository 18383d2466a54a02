"""The statement gate that every SQL engine shares: one statement, of reading kinds only, at any nesting.

It is the second layer. The engine's own read-only session is the first and holds alone for writes; what this layer
adds is a refusal before anything runs, in words that say what to use instead.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from dbmanager.errors import StatementRefused
from dbmanager.model.placeholders import spaced

if TYPE_CHECKING:
    from sqlglot import exp

MAX_STATEMENT_BYTES = 64_000
logging.getLogger("sqlglot").setLevel(logging.CRITICAL)  # its warnings repeat the statement, values included
_WRITE_HINT = "Reads only here: propose the change as a change set, so that it is reviewed and approved."


def parse_single_read(sql: str, dialect: str) -> exp.Expr:
    """Return the parsed statement when it is a single SELECT, set operation, VALUES or TABLE.

    Raises:
        StatementRefused: it is empty, too long, several, not understood, or would do anything but read.
    """
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    if len(sql.encode("utf-8", "replace")) > MAX_STATEMENT_BYTES:
        raise StatementRefused("the statement is longer than 64 kB", hint="Send values as parameters.")
    if "\0" in sql:
        raise StatementRefused("the statement contains a NUL character", hint="Remove it.")
    try:
        found = sqlglot.parse(spaced(sql, dialect), dialect=dialect)
    except (SqlglotError, RecursionError) as unclear:
        raise StatementRefused(
            f"the statement was not understood{_position(unclear)}, and what is not understood is not run",
            hint="Write one plain SELECT in the engine's own SQL.",
        ) from None
    parsed = [
        item for item in found if item is not None and not isinstance(item, exp.Semicolon)
    ]  # a comment at the end
    if len(parsed) != 1:
        raise StatementRefused(f"one statement at a time; {len(parsed)} were given", hint="Call once per statement.")
    root = parsed[0]
    if isinstance(root, exp.Command | exp.Describe | exp.Show | exp.Pragma) or not isinstance(
        root, exp.Query | exp.Values
    ):
        raise _refused_root(root)
    _check_nodes(root)
    return root


def _position(problem: Exception) -> str:
    errors = getattr(problem, "errors", None) or []
    first = errors[0] if errors else {}
    return f" at line {first['line']}, column {first['col']}" if first.get("line") else ""


def _refused_root(root: exp.Expr) -> StatementRefused:
    from sqlglot import exp

    kind = (root.name if isinstance(root, exp.Command) else root.key).upper()
    if kind in ("EXPLAIN", "DESCRIBE"):
        return StatementRefused(
            "EXPLAIN is not run as a query", hint="Explain has its own tool.", next_actions=("explain_query",)
        )
    if kind in ("SHOW", "PRAGMA"):
        return StatementRefused(
            f"{kind} is not run as a query",
            hint="Select from the catalog views instead.",
            next_actions=("describe_schema", "check_database"),
        )
    return StatementRefused(f"{kind} is not a read", hint=_WRITE_HINT, next_actions=("propose_change",))


def _check_nodes(root: exp.Expr) -> None:
    """Walk every node without recursion; refuse anything that writes, locks or leaves the query language."""
    from sqlglot import exp

    forbidden = (exp.DML, exp.DDL, exp.Command, exp.Into, exp.Alter, exp.Set, exp.Transaction, exp.Commit, exp.Rollback)
    stack: list[exp.Expr] = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, forbidden) and not isinstance(node, exp.Query):
            raise StatementRefused(
                f"{node.key.upper()} inside a query is not a read", hint=_WRITE_HINT, next_actions=("propose_change",)
            )
        if isinstance(node, exp.Lock):
            raise StatementRefused("a row-locking clause (FOR UPDATE, FOR SHARE) is not a read", hint="Leave it out.")
        stack.extend(node.iter_expressions())
