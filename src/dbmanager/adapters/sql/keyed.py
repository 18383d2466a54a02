"""Which columns hold rows together: those must keep their type and order when a table moves between engines."""

from __future__ import annotations

from dbmanager.model.schema import Table


def keyed_columns(table: Table) -> set[str]:
    """Return the columns that stand in a key, unique constraint, unique index or reference."""
    groups = [u.columns for u in table.uniques] + [k.columns for k in table.foreign_keys]
    groups += [table.primary_key.columns] if table.primary_key else []
    groups += [tuple(k.name for k in index.keys) for index in table.indexes if index.unique]
    return {name for group in groups for name in group}
