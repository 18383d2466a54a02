"""Judges whether a statement about a database's design can reach beyond the database that it is run in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dbmanager.model.placeholders import spaced
from dbmanager.model.table_tails import without_tail

if TYPE_CHECKING:
    from sqlglot import exp

_MADE = frozenset({"TABLE", "INDEX", "VIEW"})
_MADE_TOO = {"postgres": frozenset({"SCHEMA", "SEQUENCE"})}
_PROPERTIES = frozenset(
    "EngineProperty CharacterSetProperty CollateProperty AutoIncrementProperty SchemaCommentProperty OnProperty "
    "AlgorithmProperty LockProperty StrictProperty PartitionedByProperty PartitionedOfProperty "
    "UnloggedProperty".split()
)
_COMMENTED = frozenset({"TABLE", "COLUMN", "INDEX", "VIEW", "SCHEMA"})
"""Whose comments a database holds itself; those on databases and roles are the whole server's."""
_STORAGE = re.compile(r"fillfactor|(toast\.)?autovacuum_\w+|toast_tuple_target|parallel_workers", re.IGNORECASE)
"""Storage parameters of PostgreSQL, which say how rows are held and no more."""
_MARKS = ("/*", "--", "\\")
_ENGINES = ("innodb",)
_FUNCTIONS = frozenset("gen_random_uuid uuid now nextval clock_timestamp statement_timestamp".split())
_PARTITIONED = ("range", "list", "hash")
_OWN_SCHEMAS = {"sqlite": ("main",), "mysql": ()}


def beyond(sql: str, dialect: str) -> str | None:
    """Return why the statement must not be tried unasked, None when it changes one database's design and no more.

    What is not understood as a whole is not tried: another database's name, a storage engine that opens files or
    connections, a function with effects, or a query that runs could all reach beyond a scratch database.
    """
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    if any(mark in sql for mark in _MARKS) or (dialect == "mysql" and "#" in sql):
        return "it holds a comment or a backslash, which engines read in ways of their own"
    try:
        parsed = [
            item
            for item in sqlglot.parse(without_tail(spaced(sql, dialect), dialect), dialect=dialect)
            if item is not None
        ]
    except (SqlglotError, RecursionError):
        return "it was not understood"
    if len(parsed) != 1 or parsed[0].find(exp.Command):
        return "it was not understood as a whole"
    return _not_design(parsed[0], dialect) or _elsewhere(parsed[0], dialect) or _effects(parsed[0])


def names_its_database(sql: str) -> bool:
    """Whether a statement of MySQL's names tables with their database."""
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        return any(table.db for table in sqlglot.parse_one(sql, dialect="mysql").find_all(exp.Table))
    except (SqlglotError, RecursionError):
        return True


def is_rows_only(sql: str, dialect: str) -> bool:
    """Whether the statement changes rows and leaves the design as it is."""
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        return isinstance(
            sqlglot.parse_one(spaced(sql, dialect), dialect=dialect), exp.Insert | exp.Update | exp.Delete
        )
    except (SqlglotError, RecursionError):
        return False


def _not_design(parsed: exp.Expr, dialect: str) -> str | None:
    from sqlglot import exp

    if isinstance(parsed, exp.Comment):
        return None if str(parsed.args.get("kind")).upper() in _COMMENTED else "it comments on more than tables"
    kinds = _MADE | _MADE_TOO.get(dialect, frozenset())
    if not isinstance(parsed, exp.Create | exp.Drop | exp.Alter) or str(parsed.args.get("kind")).upper() not in kinds:
        return "it is no statement about tables, indexes or views"
    made_of = parsed.args.get("expression")
    if isinstance(parsed, exp.Create) and made_of is not None and str(parsed.args["kind"]).upper() != "VIEW":
        return "it runs a query"
    return None


def _elsewhere(parsed: exp.Expr, dialect: str) -> str | None:
    from sqlglot import exp

    for table in parsed.find_all(exp.Table):
        own = _OWN_SCHEMAS.get(dialect)
        if table.catalog or (own is not None and table.db and table.db.lower() not in own):
            return "it names another database"
    return None


def _effects(parsed: exp.Expr) -> str | None:
    from sqlglot import exp

    for called in parsed.find_all(exp.Anonymous, exp.AnonymousAggFunc):
        if isinstance(called.parent, exp.PartitionedByProperty) and called.name.lower() in _PARTITIONED:
            continue  # PARTITION BY RANGE (...): no call, though it is read as one
        if called.name.lower() not in _FUNCTIONS:
            return "it calls a function that may have effects"
    if any(item.args.get("tablespace") for item in parsed.find_all(exp.AlterSet)):
        return "it names a tablespace"
    for item in parsed.find_all(exp.Property):
        if type(item) is exp.Property and _STORAGE.fullmatch(item.name):
            continue
        if type(item).__name__ not in _PROPERTIES:
            return "it has an option that may reach beyond the database"
        if isinstance(item, exp.EngineProperty) and item.this.name.lower() not in _ENGINES:
            return "it names a storage engine that may reach beyond the database"
    return None
