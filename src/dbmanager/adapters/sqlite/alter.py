"""Alters tables of SQLite: by adding columns where that is enough, else by building the table anew beside the old one.

The second way is the one that SQLite's manual describes ("Making Other Kinds Of Table Schema Changes"): a table of the
new form is filled from the old one, takes its name, and gets its indexes back; references are off meanwhile and are
checked before it is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from dbmanager.adapters.facets import Emission, Unsupported
from dbmanager.adapters.sql.names import quote
from dbmanager.adapters.sqlite.execute import REBUILD
from dbmanager.model.schema import Column, Index, Table, TypeKind
from dbmanager.model.schema_difference import TableDifference

CreateTable = Callable[[Table], str]
DefineColumn = Callable[[Table, Column], str]


def alter_table(
    difference: TableDifference, create: CreateTable, define: DefineColumn, index: Callable[[Table, Index], str]
) -> Emission | Unsupported:
    """Return the statements and their inverse."""
    before, after = difference.before, difference.after
    if _only_adds(difference):
        added = [define(after, column) for column in difference.columns_added]
        on = f"ALTER TABLE {quote(before.name)}"
        return Emission(
            tuple(f"{on} ADD COLUMN {column}" for column in added),
            tuple(f"{on} DROP COLUMN {quote(column.name)}" for column in reversed(difference.columns_added)),
        )
    if before.triggers:
        return Unsupported(
            f"{before.name} has triggers ({', '.join(before.triggers)}), which building it anew would lose: drop them "
            "first and create them again afterwards"
        )
    if words := [" ".join(filter(None, one)) for one in (*before.unmodelled, *after.unmodelled)]:
        return Unsupported(
            f"{before.name} would be built anew, which would lose what only its own words tell "
            f"({', '.join(dict.fromkeys(words))}): change it by propose_change"
        )
    kept = tuple(i for i in before.indexes if i not in difference.indexes_dropped)
    forward = _rebuilt(before, replace(after, indexes=kept), create, index)
    back = _rebuilt(after, replace(before, indexes=kept), create, index)
    return Emission(forward, () if difference.columns_dropped else back)


def _only_adds(difference: TableDifference) -> bool:
    alone = replace(difference, columns_added=(), indexes_added=(), indexes_dropped=())
    return alone.is_empty and all(_addable(difference.after, column) for column in difference.columns_added)


def _addable(table: Table, column: Column) -> bool:
    """Whether ADD COLUMN takes it: no key, nothing to compute, and a constant for the rows that are there."""
    constant = column.default is not None and not column.default.lstrip().startswith(("(", "CURRENT"))
    return column.generated is None and column.identity is None and (column.nullable or constant) and (
        column.default is None or constant
    )  # fmt: skip


def _rebuilt(old: Table, new: Table, create: CreateTable, index: Callable[[Table, Index], str]) -> tuple[str, ...]:
    """Return the statements that build `new` from the rows of `old`, which has its name."""
    beside = f"_dbmanager_new_{new.name}"
    there = {column.name for column in old.columns}
    columns = [quote(column.name) for column in new.columns if column.name in there and column.generated is None]
    name, listed = quote(old.name), ", ".join(columns)
    counts = "autoincrement" in new.options and "autoincrement" in old.options
    numbers = _numbering(_text(old.name), _text(beside)) if counts else ()
    return (
        REBUILD,
        create(replace(new, name=beside)),
        *((f"INSERT INTO {quote(beside)} ({listed}) SELECT {listed} FROM {name}",) if columns else ()),  # noqa: S608
        *numbers,
        f"DROP TABLE {name}",
        f"ALTER TABLE {quote(beside)} RENAME TO {name}",
        *(i.definition or index(new, i) for i in new.indexes if not i.backs_constraint),
    )


def _numbering(old: str, new: str) -> tuple[str, ...]:
    """Return what lets AUTOINCREMENT go on from where it was, rows deleted since included."""
    return (
        f"DELETE FROM sqlite_sequence WHERE name = {new}",  # noqa: S608 - a quoted name
        f"INSERT INTO sqlite_sequence (name, seq) SELECT {new}, seq FROM sqlite_sequence WHERE name = {old}",  # noqa: S608
    )


def changes_values(old: Column, new: Column) -> str | None:
    """Return the condition of a value that the new column would turn into another one, or would not read.

    Source: sqlite.org/datatype3.html, "Determination Of Column Affinity".
    """
    name = quote(new.name)
    if new.generated is not None:
        return f"{name} IS NOT ({new.generated})" if old.generated is None else None
    if old.type.native == new.type.native:
        return None
    text = f"typeof({name}) = 'text' AND CAST(CAST({name} AS NUMERIC) AS TEXT) <> {name}"
    match affinity(new.type.native):
        case "TEXT":
            return f"typeof({name}) = 'real' AND CAST(CAST({name} AS TEXT) AS REAL) <> {name}"
        case "REAL":
            return f"({text}) OR (typeof({name}) = 'integer' AND CAST({name} AS REAL) <> {name})"
        case "NUMERIC" if new.type.kind not in (TypeKind.DECIMAL, TypeKind.BOOLEAN):
            return f"{text} AND {name} = CAST({name} AS NUMERIC)"  # what reads as no number stays the text that it is
        case "INTEGER" | "NUMERIC":
            return text
    return None


def affinity(declared: str) -> str:
    """Return what a column of a declared type turns its values into where it can."""
    name = declared.upper()
    if "INT" in name:
        return "INTEGER"
    if any(word in name for word in ("CHAR", "CLOB", "TEXT")):
        return "TEXT"
    if not name or "BLOB" in name:
        return "BLOB"
    return "REAL" if any(word in name for word in ("REAL", "FLOA", "DOUB")) else "NUMERIC"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
