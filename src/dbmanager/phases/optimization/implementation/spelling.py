"""Refuses names that differ from those that are there in nothing but their case, where the engine takes both for one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dbmanager.errors import InvalidStatement
from dbmanager.model.schema import DatabaseSchema, Table

_COLUMNS = ("sqlite", "mysql", "mariadb")
_TABLES = ("sqlite",)


def require_spelling(tables: Sequence[Table], present: DatabaseSchema) -> None:
    """Pass where every name is spelled as it is, or is new.

    Raises: InvalidStatement naming both spellings: dropping one and adding the other would lose the values.
    """
    if present.engine in _TABLES:
        _compare((table.name for table in tables), (table.name for table in present.tables), "table")
    for table in tables if present.engine in _COLUMNS else ():
        there = present.find(table.name, table.schema)
        if there is not None:
            names = (column.name for column in there.columns)
            _compare((column.name for column in table.columns), names, f"column of {table.name}")


def _compare(asked: Iterable[str], there: Iterable[str], what: str) -> None:
    present = list(there)
    spelled = {name.casefold(): name for name in present}
    for name in asked:
        found = spelled.get(name.casefold(), name)
        if name not in present and found != name:
            raise InvalidStatement(
                f"{name} is there as {found}, and this engine takes both for one {what}", object_name=name,
                hint=f"Write {found} in the design; to change its spelling, rename it by propose_change first.",
            )  # fmt: skip
