"""ALTER TABLE of MySQL and MariaDB: everything about one table in one statement, so that it is rebuilt once at most."""

from __future__ import annotations

from collections.abc import Callable

from dbmanager.adapters.facets import Emission, Unsupported
from dbmanager.adapters.mysql.tables import name_of
from dbmanager.model.schema import CheckConstraint, Column, Table
from dbmanager.model.schema_difference import TableDifference

DefineColumn = Callable[[Column], str]


def alter_table(difference: TableDifference, define: DefineColumn) -> Emission | Unsupported:
    """Return the statement and its inverse; `define` writes a column's definition."""
    name = difference.before.name
    if difference.options_changed:
        return Unsupported(f"another partitioning of {name} moves every row: copy it into a new table")
    unnamed = [check for check in (*difference.checks_dropped, *difference.checks_added) if not check.name]
    if unnamed:
        return Unsupported(
            f"a check of {name} that belongs to a column has no name to drop it by: write it as "
            "CONSTRAINT name CHECK (...) of the table"
        )
    if difference.primary_key_changed and not (_has_plain_key(difference.before) and _has_plain_key(difference.after)):
        return Unsupported(f"the primary key of {name} holds the beginnings of values: copy it into a new table")
    back = TableDifference(
        difference.after, difference.before, columns_added=difference.columns_dropped,
        columns_dropped=difference.columns_added,
        columns_changed=tuple((new, old) for old, new in difference.columns_changed),
        primary_key_changed=difference.primary_key_changed, uniques_added=difference.uniques_dropped,
        uniques_dropped=difference.uniques_added, checks_added=difference.checks_dropped,
        checks_dropped=difference.checks_added,
    )  # fmt: skip
    return Emission(
        (_statement(difference, define),), () if difference.columns_dropped else (_statement(back, define),)
    )


def _has_plain_key(table: Table) -> bool:
    return table.primary_key is None or all(map(table.has_column, table.primary_key.columns))


def _statement(difference: TableDifference, define: DefineColumn) -> str:
    before, after = difference.before.primary_key, difference.after.primary_key
    clauses = [f"DROP CONSTRAINT {name_of(check.name)}" for check in difference.checks_dropped]
    clauses += [f"DROP INDEX {name_of(unique.name)}" for unique in difference.uniques_dropped]
    if difference.primary_key_changed and before is not None:
        clauses.append("DROP PRIMARY KEY")
    clauses += [f"DROP COLUMN {name_of(column.name)}" for column in difference.columns_dropped]
    clauses += [f"ADD COLUMN {define(column)}" for column in difference.columns_added]
    clauses += [f"MODIFY COLUMN {define(new)}" for _, new in difference.columns_changed]
    if difference.primary_key_changed and after is not None:
        clauses.append(f"ADD PRIMARY KEY ({', '.join(map(name_of, after.columns))})")
    clauses += [
        f"ADD UNIQUE KEY {name_of(unique.name) + ' ' if unique.name else ''}({', '.join(map(name_of, unique.columns))})"
        for unique in difference.uniques_added
    ]
    clauses += [_check(check) for check in difference.checks_added]
    return f"ALTER TABLE {name_of(difference.before.name)}\n  " + ",\n  ".join(clauses)


def _check(check: CheckConstraint) -> str:
    enforced = "" if check.validated else " NOT ENFORCED"
    return f"ADD CONSTRAINT {name_of(check.name)} CHECK ({check.expression}){enforced}"
