"""The MySQL half of the gate: no words that write, lock or wait, no function with effects, no other database.

The read-only transaction below it refuses changes to tables; it does not refuse files, named locks, user variables, waiting,
settings of the server or killing. Those are refused here alone.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbmanager.adapters.mysql.text import Token, read
from dbmanager.adapters.sql.gate import parse_single_read
from dbmanager.errors import StatementRefused

if TYPE_CHECKING:
    from sqlglot import exp

DENIED = re.compile(
    r"load_file|get_lock|release_lock|release_all_locks|sleep|benchmark|master_pos_wait|source_pos_wait|master_gtid_wait"
    r"|wait_for_executed_gtid_set|wait_until_sql_thread_after_gtids|nextval|setval|sys_exec|sys_eval|sys_set|sys_get"
    r"|keyring_\w+|audit_log_\w+|audit_api_\w+|version_tokens_\w+|group_replication_\w+|asynchronous_connection_\w+"
    r"|innodb_redo_log_\w+|mysql_firewall_\w+|set_firewall_\w+|read_firewall_\w+|mysqlx_\w+|service_get_\w+"
    r"|service_release_\w+|spider_\w+|load_rewrite_rules|flush_rewrite_cache|gen_blocklist|gen_blacklist|gen_dictionary_\w+"
    r"|mask_inner_\w+|http_\w+|lib_mysqludf_\w+|option_tracker_\w+|telemetry_\w+|mle_\w+"
)
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
_BODY = re.compile(
    r"\b(insert|update|delete|replace|truncate|call|create|alter|drop|rename|grant|revoke|set\s+(global|session|persist|@)"
    r"|prepare|execute|into\s+(outfile|dumpfile|@)|load\s+data|lock|unlock|handler|flush|kill|do|commit|rollback"
    r"|start\s+transaction|signal|resignal)\b|@\w+\s*:=",
    re.IGNORECASE,
)
_HINTS = {
    "sleep": "Waiting is not reading.",
    "nextval": "Read the sequence's columns instead.",
    "load_file": "Files of the server are not read here.",
}


@dataclass(frozen=True, slots=True)
class RoutineFacts:
    """A stored or loadable function; `body` is None where the role may not see it, or where it is native code."""

    name: str
    data_access: str
    body: str | None


Lookup = Callable[[Sequence[str]], Awaitable[tuple[RoutineFacts, ...]]]


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
    for facts in await lookup(names):
        reason = _reason(facts)
        if reason is not None:
            raise _refused(facts.name, reason)
    return plain


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


def _refused(name: str, reason: str) -> StatementRefused:
    return StatementRefused(
        f"function {name} {reason}, so it is not called by a read", object_name=name,
        hint=_HINTS.get(name, "Leave it out; what changes something goes into a change set."),
        next_actions=("propose_change",),
    )  # fmt: skip


def _reason(facts: RoutineFacts) -> str | None:
    if facts.data_access == "NATIVE":
        return "is native code loaded into the server"
    if facts.data_access == "MODIFIES SQL DATA":
        return "may have effects (declared MODIFIES SQL DATA)"
    if facts.body is None:
        return "has a body that this user may not see"
    _, tokens = read_body(facts.body)
    if _BODY.search(" ".join(token.text for token in tokens if token.kind != "string")):
        return "has a body that does more than read"
    if any(DENIED.fullmatch(token.text) for token in tokens if token.kind in ("word", "quoted")):
        return "calls a function with effects"
    return None


def read_body(body: str) -> tuple[str, list[Token]]:
    """Read a routine's text; what the server would run inside a comment counts as text."""
    return read(re.sub(r"/\*(M?!\d*|\+)|\*/", " ", body))


def called_names(tokens: Sequence[Token]) -> list[str]:
    """Return every name before a parenthesis, decoded and lower-case."""
    names = {
        token.text.lower(): None
        for token, following in itertools.pairwise(tokens)
        if following.text == "(" and following.kind == "mark" and token.kind in ("word", "quoted")
    }
    return list(names)
