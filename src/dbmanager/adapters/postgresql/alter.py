"""ALTER TABLE of PostgreSQL: everything about one table in one statement, so that it is rewritten once at most."""

from __future__ import annotations

from collections.abc import Callable

from dbmanager.adapters.facets import Emission, Unsupported
from dbmanager.adapters.postgresql.counting import counting
from dbmanager.adapters.sql.names import quote
from dbmanager.model.schema import CheckConstraint, Column, PrimaryKey, Table, TypeKind, UniqueConstraint
from dbmanager.model.schema_difference import TableDifference

DefineColumn = Callable[[Column], str]


def alter_table(difference: TableDifference, define: DefineColumn) -> Emission | Unsupported:
    """Return the statement and its inverse; `define` writes a column's definition."""
    before, after = difference.before, difference.after
    if difference.options_changed:
        return Unsupported(f"another partitioning of {before.name} moves every row: copy it into a new table")
    for old, new in difference.columns_changed:
        if old.generated != new.generated:
            return Unsupported(
                f"PostgreSQL can't change how {before.name}.{old.name} is generated: drop the column and add it anew"
            )
    forward = _Clauses(before, define)
    forward.all_of(difference)
    back = _Clauses(after, define)
    back.all_of(
        TableDifference(
            after, before, columns_added=difference.columns_dropped, columns_dropped=difference.columns_added,
            columns_changed=tuple((new, old) for old, new in difference.columns_changed),
            primary_key_changed=difference.primary_key_changed,
            uniques_added=difference.uniques_dropped, uniques_dropped=difference.uniques_added,
            checks_added=difference.checks_dropped, checks_dropped=difference.checks_added,
        )
    )  # fmt: skip
    changed = difference.columns_changed
    return Emission(
        (forward.statement(), *counting(before, changed)),
        ()
        if difference.columns_dropped
        else (back.statement(), *counting(before, [(new, old) for old, new in changed])),
    )


def _collated(column: Column) -> str:
    return f" COLLATE {quote(column.collation)}" if column.collation else ""


class _Clauses:
    """The clauses of one ALTER TABLE; PostgreSQL puts them in an order that works."""

    def __init__(self, table: Table, define: DefineColumn) -> None:
        self._table, self._define = table, define
        self._clauses: list[str] = []

    def statement(self) -> str:
        """Return the statement."""
        return f"ALTER TABLE {quote(self._table.schema, self._table.name)}\n  " + ",\n  ".join(self._clauses)

    def all_of(self, difference: TableDifference) -> None:
        """Add everything that the difference asks for."""
        names = [check.name for check in difference.checks_dropped] + [one.name for one in difference.uniques_dropped]
        self._clauses += [f"DROP CONSTRAINT {quote(name)}" for name in names]
        key = difference.before.primary_key
        if difference.primary_key_changed and key is not None:
            self._clauses.append(f"DROP CONSTRAINT {quote(key.name)}")
        self._clauses += [f"DROP COLUMN {quote(column.name)}" for column in difference.columns_dropped]
        self._clauses += [
            f"ADD COLUMN {self._define(column)}{_collated(column)}" for column in difference.columns_added
        ]
        for old, new in difference.columns_changed:
            self._column(old, new)
        key = difference.after.primary_key
        if difference.primary_key_changed and key is not None:
            self._clauses.append(
                f"ADD {_named(key.name)}PRIMARY KEY ({', '.join(map(quote, key.columns))}){_after(key)}"
            )
        self._clauses += [f"ADD {_unique(unique)}" for unique in difference.uniques_added]
        self._clauses += [f"ADD {_check(check)}" for check in difference.checks_added]

    def _column(self, old: Column, new: Column) -> None:
        alter = f"ALTER COLUMN {quote(new.name)}"
        retyped = old.type.native != new.type.native or old.collation != new.collation
        if old.identity is not None and new.identity is None:
            self._clauses.append(f"{alter} DROP IDENTITY")
        if old.default is not None and (retyped or new.default is None):
            self._clauses.append(f"{alter} DROP DEFAULT")
        if retyped:
            collation = f" COLLATE {quote(new.collation)}" if new.collation else ""
            self._clauses.append(f"{alter} TYPE {new.type.native}{collation}{_using(old, new)}")
        if old.nullable != new.nullable:
            self._clauses.append(f"{alter} {'DROP' if new.nullable else 'SET'} NOT NULL")
        if new.default is not None and (retyped or old.default != new.default):
            self._clauses.append(f"{alter} SET DEFAULT {new.default}")
        if new.identity is not None and old.identity is None:
            self._clauses.append(f"{alter} ADD GENERATED {new.identity.upper()} AS IDENTITY")
        elif new.identity is not None and old.identity != new.identity:
            self._clauses.append(f"{alter} SET GENERATED {new.identity.upper()}")  # its counter goes on


def _using(old: Column, new: Column) -> str:
    """Return how values are carried over where PostgreSQL has no assignment for it.

    Values that fit by assignment are left to it: a cast cuts a text that is too long, an assignment refuses it.
    """
    if new.type.kind is TypeKind.TEXT or old.type.kind is new.type.kind:
        return ""
    return f" USING {quote(new.name)}::{new.type.native}"


def changes_values(old: Column, new: Column) -> str | None:
    """Return the condition of a value that does not come back from the new type as it was."""
    if old.type.native == new.type.native or (new.type.kind is TypeKind.TEXT and new.type.length is None):
        return None
    name = quote(new.name)
    return f"({name}::{new.type.native})::{old.type.native} IS DISTINCT FROM {name}"


def _named(name: str | None) -> str:
    return f"CONSTRAINT {quote(name)} " if name else ""


def _unique(unique: UniqueConstraint) -> str:
    nulls = " NULLS NOT DISTINCT" if unique.nulls_not_distinct else ""
    return f"{_named(unique.name)}UNIQUE{nulls} ({', '.join(map(quote, unique.columns))}){_after(unique)}"


def _after(key: PrimaryKey | UniqueConstraint) -> str:
    return f" {key.words}" if key.words else ""


def _check(check: CheckConstraint) -> str:
    return f"{_named(check.name)}CHECK ({check.expression})" + ("" if check.validated else " NOT VALID")
