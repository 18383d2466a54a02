"""Lets a column that counts from now on, by an identity or a sequence, go on after the numbers that are there."""

from __future__ import annotations

import re
from collections.abc import Iterable

from dbmanager.adapters.sql.names import quote
from dbmanager.model.schema import Column, Table

_NEXT = re.compile(r"nextval\('(.+)'::regclass\)")


def counting(table: Table, changed: Iterable[tuple[Column, Column]]) -> list[str]:
    """Return a statement for each column that begins to count: after the largest number held or given out before.

    Args:
        table: with its schema.
        changed: what each column was and what it is now.
    """
    found = []
    for old, new in changed:
        sequence = _sequence(new)
        if sequence is not None and sequence != _sequence(old):
            counter = f"{_text(sequence)}::regclass"
        elif new.identity is not None and old.identity is None:
            counter = _identity(table, new)
        else:
            continue
        given = [f", (SELECT last_value FROM {one})" for one in (_sequence(old), sequence) if one is not None]  # noqa: S608
        name, column = quote(table.schema, table.name), quote(new.name)
        largest = f"greatest(max({column}), 1{''.join(given)})::bigint"
        sql = f"SELECT pg_catalog.setval({counter}, {largest}) FROM {name}"  # noqa: S608 - quoted names only
        found.append(f"{sql} HAVING max({column}) IS NOT NULL")
    return found


def _identity(table: Table, column: Column) -> str:
    """Return the sequence of an identity; pg_get_serial_sequence could tell an older one that the column owns."""
    held = f"d.refobjid = {_text(quote(table.schema, table.name))}::regclass AND a.attname = {_text(column.name)}"
    joined = "pg_catalog.pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid"
    own = "d.classid = 'pg_catalog.pg_class'::regclass AND d.deptype = 'i'"
    return f"(SELECT d.objid::regclass FROM pg_catalog.pg_depend AS d JOIN {joined} WHERE {own} AND {held})"  # noqa: S608 - quoted names and texts


def _sequence(column: Column) -> str | None:
    """Return the name of the sequence that a column counts by, as SQL writes it."""
    found = _NEXT.fullmatch(column.default or "")
    return found[1].replace("''", "'") if found else None


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
