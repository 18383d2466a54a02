"""Writes a statement worth keeping as a materialized view, with what lets it be refreshed while it is read."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dbmanager.adapters.sql.names import quote
from dbmanager.model.caching import CacheCandidate

_FOLDED = re.compile(r"\?|\$\d")


@dataclass(frozen=True, slots=True)
class KeptView:
    """A materialized view of PostgreSQL.

    Attributes:
        statements: what makes it, each with its inverse.
        refresh: what brings it up to date; with a unique index readers go on meanwhile.
        every_seconds: how often, for answers to be no older than allowed.
    """

    name: str
    statements: tuple[tuple[str, str], ...]
    refresh: str
    every_seconds: float


def kept_view(candidate: CacheCandidate) -> KeptView | str:
    """Return the view, or why it can't be written: its statement's values are not known any more."""
    if _FOLDED.search(candidate.statement):
        return (
            "its values were folded when it was counted: write CREATE MATERIALIZED VIEW with the values that are meant"
        )
    name = f"cached_{candidate.fingerprint[:12]}"
    made = [
        (f"CREATE MATERIALIZED VIEW {quote(name)} AS {candidate.statement}", f"DROP MATERIALIZED VIEW {quote(name)}")
    ]
    key = _grouped_by(candidate.statement)
    if key:
        index = f"{name}_key"
        columns = ", ".join(map(quote, key))
        made.append((f"CREATE UNIQUE INDEX {quote(index)} ON {quote(name)} ({columns})", f"DROP INDEX {quote(index)}"))
    refresh = f"REFRESH MATERIALIZED VIEW {'CONCURRENTLY ' if key else ''}{quote(name)}"
    return KeptView(name, tuple(made), refresh, candidate.design.ttl_seconds)


def _grouped_by(statement: str) -> tuple[str, ...]:
    """Return the output columns that are unique because the statement groups by just them; empty where it doesn't."""
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        parsed = sqlglot.parse_one(statement, read="postgres")
    except (SqlglotError, RecursionError):
        return ()
    grouping = parsed.args.get("group") if isinstance(parsed, exp.Select) else None
    if grouping is None or set(grouping.args) - {"expressions"} - {
        name for name, value in grouping.args.items() if not value
    }:
        return ()
    shown = {one.unalias().sql("postgres"): one.alias_or_name for one in parsed.expressions}
    names = [shown.get(one.sql("postgres"), "") for one in grouping.expressions]
    return tuple(names) if names and all(names) else ()
