"""Names of a statement that a database does not have, with those that were probably meant."""

from __future__ import annotations

import sqlglot
from sqlglot import Dialect, exp
from sqlglot.errors import SqlglotError

from dbmanager.errors import nearest
from dbmanager.model.placeholders import spaced
from dbmanager.model.schema import DatabaseSchema

MOST = 3


def corrections(schema: DatabaseSchema, statement: str, dialect: str) -> list[tuple[str, str]]:
    """Return up to three pairs of a name in the statement and the schema's nearest; empty where none is near.

    Tables are looked for before columns. A statement that can't be parsed has none, nor has one that is no SQL.
    """
    if Dialect.get(dialect) is None:
        return []
    try:
        parsed = sqlglot.parse_one(spaced(statement, dialect), dialect=dialect)
    except SqlglotError:
        return []
    made = {alias.alias_or_name.casefold() for alias in parsed.find_all(exp.CTE, exp.Alias, exp.TableAlias)}
    tables = [table.name for table in schema.tables]
    columns = sorted({column.name for table in schema.tables for column in table.columns})
    found: dict[str, str] = {}
    for kind, known in ((exp.Table, tables), (exp.Column, columns)):
        names = {name.casefold() for name in known} | made
        for part in parsed.find_all(kind):
            near = nearest(part.name, known) if part.name and part.name.casefold() not in names else None
            if near is not None and len(found) < MOST:
                found.setdefault(part.name, near)
    return list(found.items())
