"""Judges what a read reaches beyond its own text: stored functions and views, and what these reach in turn."""

from __future__ import annotations

import itertools
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

from dbmanager.adapters.mysql.functions import WORDS
from dbmanager.adapters.mysql.text import Token, read

DENIED = re.compile(
    r"load_file|get_lock|release_lock|release_all_locks|sleep|benchmark|master_pos_wait|source_pos_wait|master_gtid_wait"
    r"|wait_for_executed_gtid_set|wait_until_sql_thread_after_gtids|nextval|setval|sys_exec|sys_eval|sys_set|sys_get"
    r"|keyring_\w+|audit_log_\w+|audit_api_\w+|version_tokens_\w+|group_replication_\w+|asynchronous_connection_\w+"
    r"|innodb_redo_log_\w+|mysql_firewall_\w+|set_firewall_\w+|read_firewall_\w+|mysqlx_\w+|service_get_\w+"
    r"|service_release_\w+|spider_\w+|load_rewrite_rules|flush_rewrite_cache|gen_blocklist|gen_blacklist|gen_dictionary_\w+"
    r"|mask_inner_\w+|http_\w+|lib_mysqludf_\w+|option_tracker_\w+|telemetry_\w+|mle_\w+|wsrep_\w+"
)
"""Native and loadable functions with effects, or with a reach outside the tables."""
_BODY = re.compile(
    r"\b(((insert|replace|truncate)\b(?! \()|update|delete|call|create|alter|drop|rename|grant|revoke|set\s+(global|session|persist|@)"
    r"|prepare|execute|into\s+(outfile|dumpfile|@)|load\s+data|lock|unlock|handler|flush|kill|do|commit|rollback"
    r"|start\s+transaction|next\s+value\s+for|signal|resignal)\b)|@\w+\s*:=",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class RoutineFacts:
    """A function or view; `body` is None where the role may not see it, or where it is native code.

    Attributes:
        data_access: as declared; NATIVE for loaded code, VIEW for a view.
    """

    name: str
    data_access: str
    body: str | None


Lookup = Callable[[Sequence[str], Sequence[str]], Awaitable[tuple[RoutineFacts, ...]]]
"""Finds the functions and the views of the connection's own database among names."""


async def reached(functions: Iterable[str], tables: Iterable[str], lookup: Lookup) -> tuple[RoutineFacts, ...]:
    """Return every function and view of the database that a statement reaches, through views and functions too."""
    wanted, views = dict.fromkeys(functions), dict.fromkeys(tables)
    asked: set[tuple[str, str]] = set()
    found: dict[tuple[str, str], RoutineFacts] = {}
    while any(new := ([n for n in wanted if ("f", n) not in asked], [n for n in views if ("v", n) not in asked])):
        asked |= {("f", name) for name in new[0]} | {("v", name) for name in new[1]}
        for facts in await lookup(*new):
            found[facts.name, facts.data_access] = facts
            tokens = _tokens(facts)
            wanted |= dict.fromkeys(called_names(tokens))
            views |= dict.fromkeys(_read_names(tokens))
    return tuple(found.values())


def _read_names(tokens: Sequence[Token]) -> list[str]:
    """Return what may be the name of a table or view in a body: it stands in a list, and nothing is taken from it there."""
    return [
        token.text
        for before, token, after in zip(tokens, tokens[1:], [*tokens[2:], Token("mark", "")], strict=False)
        if before.text in ("from", "join", "straight_join", ",", "(") and before.kind in ("word", "mark")
        and after.text not in (".", "(") and (token.kind == "quoted" or (token.kind == "word" and token.text not in WORDS))
    ]  # fmt: skip


def reason(facts: RoutineFacts) -> str | None:
    """Return why a function or view is not read; None when nothing is known against it."""
    if facts.data_access == "NATIVE":
        return "is native code loaded into the server"
    if facts.data_access == "MODIFIES SQL DATA":
        return "may have effects (declared MODIFIES SQL DATA)"
    if facts.body is None:
        return None if facts.data_access == "VIEW" else "has a body that this user may not see"
    tokens = _tokens(facts)
    plain = " ".join(token.text for token in tokens if token.kind != "string")
    if facts.data_access != "VIEW" and _BODY.search(plain):
        return "has a body that does more than read"
    if any(DENIED.fullmatch(name) for name in called_names(tokens)):
        return "calls a function with effects"
    return None


def _tokens(facts: RoutineFacts) -> list[Token]:
    """Read a body; what the server would run inside a comment counts as text."""
    return read(re.sub(r"/\*(M?!\d*|\+)|\*/", " ", facts.body or ""))[1]


def called_names(tokens: Sequence[Token]) -> list[str]:
    """Return every name before a parenthesis, decoded and lower-case."""
    names = {
        token.text.lower(): None
        for token, following in itertools.pairwise(tokens)
        if following.text == "(" and following.kind == "mark" and token.kind in ("word", "quoted")
    }
    return list(names)
