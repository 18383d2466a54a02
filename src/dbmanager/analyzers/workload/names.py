"""Which tables of the catalog a statement names; what is made inside of it (WITH, derived tables) is none."""

from __future__ import annotations

from dataclasses import dataclass

from dbmanager.model.placeholders import spaced
from dbmanager.model.schema import DatabaseSchema, Table


@dataclass(frozen=True, slots=True)
class Named:
    """The tables and views a statement reads or writes, and names that the catalog does not have."""

    tables: tuple[Table, ...]
    unknown: tuple[str, ...]


def named(text: str, dialect: str, schema: DatabaseSchema) -> Named | None:
    """Return what a statement names; None when it can't be parsed."""
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        parsed = sqlglot.parse_one(spaced(text, dialect), read=dialect)
    except (SqlglotError, RecursionError):
        return None
    made = {cte.alias_or_name.lower() for cte in parsed.find_all(exp.CTE)}
    tables: dict[tuple[str | None, str], Table] = {}
    unknown: dict[str, None] = {}
    for place in parsed.find_all(exp.Table):
        if not isinstance(place.this, exp.Identifier) or (not place.db and place.name.lower() in made):
            continue
        found = _found(place, dialect, schema)
        if found is not None:
            tables[found.schema, found.name] = found
        elif place.db.lower() not in ("pg_catalog", "information_schema", "performance_schema", "mysql", "sys"):
            unknown[place.name] = None
    return Named(tuple(tables.values()), tuple(unknown))


def _found(place: object, dialect: str, schema: DatabaseSchema) -> Table | None:
    from sqlglot import exp

    if not isinstance(place, exp.Table):
        return None
    name = place.name if place.this.quoted or dialect == "mysql" else place.name.lower()
    within = place.db or None
    if dialect == "mysql":
        within = None
    found = schema.find(name, within)
    if found is not None or dialect == "postgres":
        return found
    return next((table for table in schema.tables if table.name.lower() == place.name.lower()), None)
