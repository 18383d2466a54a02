"""Puts tables in the order of their references, and in the schemas of another database."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from dbmanager.model.schema import Table


def in_order(tables: Iterable[Table]) -> list[Table]:
    """Order parents before children; tables in a cycle keep their order."""
    left, done = list(tables), []
    while left:
        names = {table.name for table in left}
        ready = [t for t in left if not ({k.referred_table for k in t.foreign_keys} - {t.name}) & names]
        for table in ready or left[:1]:
            done.append(table)
            left.remove(table)
    return done


def landed(table: Table, schema: str | None) -> Table:
    """Return the table as it stands in a schema of another database, where all that it refers to stands too."""
    keys = tuple(replace(key, referred_schema=schema) for key in table.foreign_keys)
    return replace(table, schema=schema, foreign_keys=keys)
