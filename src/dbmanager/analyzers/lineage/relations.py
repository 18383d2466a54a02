"""Which relation a name means: a table of the model, or one of the engines' own catalogs, which no model holds."""

from __future__ import annotations

from dbmanager.analyzers.lineage.model import NOTHING, Trace
from dbmanager.analyzers.lineage.scopes import UNKNOWN
from dbmanager.model.schema import DatabaseSchema, Table

SYSTEM_COLUMNS = frozenset("ctid xmin xmax cmin cmax tableoid".split())
_REVEALING = frozenset(
    "pg_stats pg_stats_ext pg_stats_ext_exprs pg_statistic pg_statistic_ext_data pg_stat_activity "
    "pg_stat_statements pg_prepared_statements pg_cursors pg_largeobject pg_authid pg_shadow sqlite_stat3 sqlite_stat4".split()
)
"""Catalog relations that repeat row values: histograms, most common values, statement texts."""
_SCHEMAS = frozenset(("pg_catalog", "information_schema"))
_PREFIXES = ("pg_", "sqlite_", "pragma_")


def find_table(schema: DatabaseSchema, name: str, owner: str) -> Table | None:
    """Return the table of that name, whatever its case where only one fits; None when there is none."""
    if owner.casefold() == "main" and schema.engine == "sqlite":
        owner = ""
    found = schema.find(name, owner or None)
    if found is not None:
        return found
    folded = [
        t
        for t in schema.tables
        if t.name.casefold() == name.casefold() and (not owner or (t.schema or "").casefold() == owner.casefold())
    ]
    return folded[0] if len(folded) == 1 else None


def of_relation(name: str, schema: str) -> Trace:
    """Return what a column of a relation outside of the model holds: nothing of a user's for most of the catalog."""
    is_system = schema.casefold() in _SCHEMAS or (not schema and name.casefold().startswith(_PREFIXES))
    return NOTHING if is_system and name.casefold() not in _REVEALING else UNKNOWN
