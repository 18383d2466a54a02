"""The MySQL half of the gate: no words that write, lock or wait, no function with effects, no other database.

The read-only transaction below it refuses changes to tables; it does not refuse files, named locks, user variables, waiting,
settings of the server or killing. Those are refused here alone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from dbmanager.adapters.mysql.bodies import DENIED, Lookup, called_names, reached, reason
from dbmanager.adapters.mysql.functions import NATIVE, SYS, WORDS
from dbmanager.adapters.mysql.text import Token, read
from dbmanager.adapters.sql.gate import parse_single_read
from dbmanager.errors import StatementRefused, nearest

if TYPE_CHECKING:
    from sqlglot import exp

_WORDS = {
    "into": "INTO writes a file, a variable or a table",
    "procedure": "PROCEDURE is not a read",
    "outfile": "OUTFILE writes a file of the server",
    "dumpfile": "DUMPFILE writes a file of the server",
}
"""Reserved words; a name of that spelling must be quoted."""
_CATALOGS = frozenset(("information_schema", "performance_schema", "sys"))
_SECRETS = re.compile(
    r"processlist|x?\$?session|x?\$?processlist|user_attributes|replication_connection_configuration|keyring_\w+|threads"
    r"|events_statements_\w+|prepared_statements_instances|user_variables(_by_thread)?|variables_by_thread"
    r"|x?\$?statement\w*|x?\$?statements_\w+|innodb_trx|x?\$?innodb_lock_waits|x?\$?schema_table_lock_waits"
    r"|innodb_ft_\w+|innodb_metrics_\w+|error_log|binary_log_\w+|clone_\w+|persisted_variables|log_status|metadata_locks"
)
"""Views of the server that show statements of others with their values, or secrets."""
_HINTS = {
    "sleep": "Waiting is not reading.",
    "nextval": "Read the sequence's columns instead.",
    "load_file": "Files of the server are not read here.",
}


async def check_read(sql: str, lookup: Lookup, parser: Callable[[str], exp.Expr] | None = None) -> str:
    """Pass a statement that only reads; return it without its comments, which is the text that may run.

    Raises: StatementRefused naming what it contains and what to do instead.
    """
    from sqlglot import exp

    plain, tokens = read(sql)
    tree = (parser or _parsed)(plain)
    _check_words(tokens)
    for node in tree.find_all(exp.Table):
        _check_table(node)
    names = called_names(tokens)
    denied = next((name for name in names if DENIED.fullmatch(name)), None)
    if denied is not None:
        raise _refused(denied, "has effects or reaches outside the tables")
    tables = [node.name for node in tree.find_all(exp.Table) if node.name and not node.db]
    found = await reached(names, tables, lookup)
    for facts in found:
        why = reason(facts)
        if why is not None:
            raise _refused(facts.name, why, "view" if facts.data_access == "VIEW" else "function")
    stored = {facts.name.lower() for facts in found if facts.data_access != "VIEW"}
    _check_known(tokens, Counter(node.name.lower() for node in tree.find_all(exp.TableAlias) if node.columns), stored)
    return plain


def _check_known(tokens: Sequence[Token], declared: Counter[str], stored: set[str]) -> None:
    """Refuse a call of what is neither listed nor stored here; `declared` are names before a list of columns."""
    for at, token in enumerate(tokens[:-1]):
        if tokens[at + 1] != Token("mark", "(") or token.kind not in ("word", "quoted"):
            continue
        name = token.text.lower()
        if at and tokens[at - 1].text == ".":
            if tokens[at - 2].text.lower() != "sys" or name not in SYS:
                raise _refused(name, "is named with a database; a read calls its own database's, by the plain name")
        elif name == "last_insert_id" and tokens[at + 2 : at + 3] != [Token("mark", ")")]:
            raise _refused(name, "with an argument sets the session's last number")
        elif declared[name] > 0:
            declared[name] -= 1
        elif name not in NATIVE and name not in stored and (token.kind == "quoted" or name not in WORDS):
            near = nearest(name, sorted(NATIVE | stored))
            raise _refused(
                name, "is not one of those that a read may call", hint=f"Did you mean {near}?" if near else ""
            )


def _parsed(sql: str) -> exp.Expr:
    return parse_single_read(sql, "mysql")


def _check_words(tokens: Sequence[Token]) -> None:
    for at, token in enumerate(tokens):
        before = tokens[at - 1].text if at else ""
        if token.kind == "assign":
            raise StatementRefused("assigning a user variable (:=) is not a read", hint="Use a window function.")
        if token.kind == "word" and token.text in _WORDS and before != ".":
            raise StatementRefused(
                _WORDS[token.text], hint="Leave it out, or quote the name.", next_actions=("propose_change",)
            )
        following = [item.text for item in tokens[at : at + 3] if item.kind == "word"]
        if following == ["next", "value", "for"]:
            raise _refused("nextval", "changes the sequence")
        if following == ["lock", "in", "share"]:
            raise StatementRefused("a row-locking clause (LOCK IN SHARE MODE) is not a read", hint="Leave it out.")


def _check_table(node: exp.Table) -> None:
    schema = node.db.casefold()
    if not schema:
        return
    if schema not in _CATALOGS:
        raise StatementRefused(
            f"{node.db}.{node.name} names a database; a connection reads its own only, by the tables' plain names",
            object_name=node.name,
            hint="Leave the database's name out, or use the connection of that database.",
            next_actions=("describe_schema",),
        )
    if _SECRETS.fullmatch(node.name.casefold()):
        raise StatementRefused(
            f"{node.name} shows statements of others or secrets and is not read here",
            object_name=node.name,
            hint="Use the security checks.",
            next_actions=("check_database",),
        )


def _refused(name: str, reason: str, kind: str = "function", hint: str = "") -> StatementRefused:
    advice = "Leave it out; what changes something goes into a change set."
    return StatementRefused(
        f"{kind} {name[:80]} {reason}, so it is not used by a read", object_name=name,
        hint=_HINTS.get(name) or hint or advice, next_actions=("propose_change",),
    )  # fmt: skip
