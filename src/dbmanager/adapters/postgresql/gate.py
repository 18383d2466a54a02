"""The PostgreSQL half of the gate: which functions a read may call, by decoded name in every placement."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from dbmanager.adapters.sql.gate import parse_single_read
from dbmanager.errors import StatementRefused
from dbmanager.model.placeholders import spaced

SAFE_VOLATILE = re.compile(
    r"random|clock_timestamp|timeofday|gen_random_uuid|uuid_generate_v\d\w*|currval|lastval|pg_blocking_pids"
    r"|pg_(table|relation|total_relation|indexes|database|tablespace)_size|pg_stat_get_\w+|pg_is_in_recovery"
    r"|pg_(current|last)_wal_\w+|pg_last_xact_\w+|pg_sequence_last_value|pg_lock_status|pg_get_\w+|statement_timestamp"
    r"|pg_relation_is_publishable|pg_available_\w+|pg_cursor|pg_prepared_statement|pg_timezone_\w+|bernoulli|system"
)
DENIED = re.compile(
    r"\w*_to_xml\w*|ts_stat|txid_current|pg_current_xact_id|pg_read_\w+|pg_ls_\w+|pg_stat_file|lo_\w+|loread|lowrite"
    r"|dblink\w*|pg_sleep\w*|pg_advisory\w*|pg_try_advisory\w*|set_config|pg_(terminate|cancel)_backend|pg_stat_reset\w*"
    r"|pg_logical_\w+|pg_replication_\w+|pg_notify|nextval|setval|pg_export_snapshot|pg_reload_conf|pg_rotate_logfile\w*"
    r"|pg_hba_file_rules|pg_show_all_file_settings|pg_file_\w+|pg_import_system_collations|pg_promote|pg_switch_wal"
)
SECRET_RELATIONS = frozenset(
    "pg_authid pg_shadow pg_user_mapping pg_user_mappings pg_hba_file_rules pg_ident_file_mappings pg_file_settings "
    "pg_subscription pg_largeobject pg_stat_ssl_keys".split()
)
TRUSTED_LANGUAGES = frozenset(("sql", "plpgsql"))
_HINTS = {
    "pg_sleep": "Waiting is not reading.",
    "nextval": "Read the sequence's last_value instead.",
    "set_config": "Settings are changed by a change set.",
}


@dataclass(frozen=True, slots=True)
class FunctionFacts:
    """One overload as the catalog describes it; `volatility` is i, s or v.

    Attributes:
        reads_outside: its body names a relation whose rows are files or programs of the server.
    """

    name: str
    schema: str
    volatility: str
    security_definer: bool
    language: str
    from_extension: bool
    reads_outside: bool


@dataclass(frozen=True, slots=True)
class Reach:
    """What a statement's names mean: functions, and relations that read files, run programs or call out."""

    functions: tuple[FunctionFacts, ...]
    outside: frozenset[str]


Lookup = Callable[[Sequence[str]], Awaitable[Reach]]


async def check_read(sql: str, lookup: Lookup) -> None:
    """Pass a statement that only reads and calls only functions that do.

    Raises: StatementRefused naming the function and what to do instead.
    """
    from sqlglot import exp

    tree = parse_single_read(sql, "postgres")
    for node in tree.find_all(exp.Table):
        if node.name.casefold() in SECRET_RELATIONS:
            raise StatementRefused(
                f"{node.name} holds secrets and is not read here", object_name=node.name,
                hint="Use pg_roles, or the security checks.", next_actions=("check_database",),
            )  # fmt: skip
    names = called_names(sql)
    denied = next((name for name in names if DENIED.fullmatch(name)), None)
    if denied is not None:
        raise _refused(denied, "has effects or reaches outside the tables")
    reach = await lookup(names)
    for node in tree.find_all(exp.Table):
        if node.name in reach.outside or node.name.lower() in reach.outside:
            raise StatementRefused(
                f"{node.name} reads files or programs of the server, so it is not read here", object_name=node.name,
                hint="Copy its rows into a table, in a change set.", next_actions=("propose_change",),
            )  # fmt: skip
    for facts in reach.functions:
        reason = _reason(facts)
        if reason is not None:
            raise _refused(facts.name, reason)


def _refused(name: str, reason: str) -> StatementRefused:
    return StatementRefused(
        f"function {name} {reason}, so it is not called by a read", object_name=name,
        hint=_HINTS.get(name, "Leave it out; what changes something goes into a change set."),
        next_actions=("propose_change",),
    )  # fmt: skip


def _reason(facts: FunctionFacts) -> str | None:
    if facts.schema == "pg_catalog":
        volatile = facts.volatility == "v" and not SAFE_VOLATILE.fullmatch(facts.name)
        return "may have effects (volatile)" if volatile else None
    if facts.reads_outside:
        return "reads files or programs of the server"
    if facts.security_definer:
        return "runs with its owner's rights (SECURITY DEFINER)"
    if facts.volatility == "v" and not (facts.from_extension and SAFE_VOLATILE.fullmatch(facts.name)):
        return "may have effects (declared volatile)"
    if facts.language not in TRUSTED_LANGUAGES and not facts.from_extension:
        return f"is written in {facts.language}, which can reach outside"
    return None


def called_names(sql: str) -> list[str]:
    """Return every name that the statement may call, decoded: before a parenthesis, or as an attribute of a value.

    Works on tokens, so that no placement can hide one from a tree walk.

    Raises: StatementRefused for Unicode-escaped names, which would hide what they name.
    """
    from sqlglot.dialects.postgres import Postgres
    from sqlglot.tokenizer_core import TokenType

    tokens = Postgres().tokenize(spaced(sql, "postgres"))
    names: dict[str, None] = {}
    for at, token in enumerate(tokens):
        following = tokens[at + 1] if at + 1 < len(tokens) else None
        if token.text.upper() == "U" and following is not None and following.token_type is TokenType.AMP:
            after = tokens[at + 2] if at + 2 < len(tokens) else None
            if after is not None and after.token_type in (TokenType.IDENTIFIER, TokenType.STRING):
                raise StatementRefused("Unicode-escaped names and strings are not read", hint="Write them plainly.")
        if token.token_type in (TokenType.STRING, TokenType.NUMBER):
            continue
        quoted = token.token_type is TokenType.IDENTIFIER
        name = token.text if quoted else token.text.lower()
        if not name or not (quoted or name[0].isalpha() or name[0] == "_"):
            continue
        previous = tokens[at - 1] if at else None
        called = following is not None and following.token_type is TokenType.L_PAREN
        attribute = (
            previous is not None
            and previous.token_type is TokenType.DOT
            and at >= 2
            and tokens[at - 2].token_type in (TokenType.R_PAREN, TokenType.R_BRACKET)
        )
        dotted_denied = previous is not None and previous.token_type is TokenType.DOT and DENIED.fullmatch(name)
        if called or attribute or dotted_denied:
            names[name] = None
    return list(names)
