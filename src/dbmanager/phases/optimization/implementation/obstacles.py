"""Counts the rows that stand in the way of a design: each count comes with the query that shows it again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from dbmanager.adapters.facets import Adapter, Emit
from dbmanager.adapters.sql.names import quote
from dbmanager.errors import DbManagerError
from dbmanager.model.schema import DatabaseSchema, ForeignKey
from dbmanager.model.schema_difference import TableDifference

Quote = Callable[..., str]
_MARKS = {"postgres": '"', "sqlite": '"', "mysql": "`"}


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Rows that a part of the design does not allow, or would change.

    Attributes:
        rows: how many; None where the engine could not even ask, as of values that are none of the new type.
    """

    what: str
    rows: int | None
    query: str


@dataclass(frozen=True, slots=True)
class _Question:
    what: str
    query: str


async def obstacles(
    adapter: Adapter, emit: Emit, differences: Sequence[TableDifference], present: DatabaseSchema
) -> list[Obstacle]:
    """Return what of the present rows stands in the way; each question is one count on the server."""
    found: list[Obstacle] = []
    mark = _MARKS.get(adapter.dialect)
    if mark is None:
        return (
            found  # documents have no declared columns; the engine refuses what its indexes and validators don't allow
        )
    for difference in differences:
        for question in _questions(emit, partial(quote, mark=mark), difference, present):
            try:
                rows = int(str((await adapter.query.fetch(question.query))[0][0]))
            except DbManagerError as problem:
                found.append(Obstacle(f"{question.what}: {problem.message}", None, question.query))
                continue
            if rows:
                found.append(Obstacle(question.what, rows, question.query))
    return found


def would_change(adapter: Adapter, emit: Emit, difference: TableDifference) -> list[tuple[str, str]]:
    """Return what another type would change in a table's values, each with the query that counts them."""
    mark = _MARKS.get(adapter.dialect)
    if mark is None:
        return []
    return [(one.what, one.query) for one in _changes(emit, partial(quote, mark=mark), difference)]


def _changes(emit: Emit, quote: Quote, difference: TableDifference) -> Iterator[_Question]:
    table = quote(difference.before.schema, difference.before.name)
    for old, new in difference.columns_changed:
        if (changed := emit.changes_values(old, new)) is not None:
            yield _Question(
                f"{difference.before.name}.{new.name} from {old.type.native} to {new.type.native} would change values",
                f"SELECT COUNT(*) FROM {table} WHERE ({changed})",  # noqa: S608 - quoted names and the engine's own expressions
            )


def _questions(emit: Emit, quote: Quote, difference: TableDifference, present: DatabaseSchema) -> Iterator[_Question]:
    before, after = difference.before, difference.after
    table = quote(before.schema, before.name)
    there = {column.name for column in before.columns}

    def count(condition: str) -> str:
        return f"SELECT COUNT(*) FROM {table} WHERE {condition}"  # noqa: S608 - quoted names and the engine's own expressions

    for column in difference.columns_added:
        filled = column.default is not None or column.generated is not None or column.identity is not None
        if not column.nullable and not filled:
            yield _Question(
                f"{before.name}.{column.name} is NOT NULL without a default, and rows have no value for it",
                count("1 = 1"),
            )
    for old, new in difference.columns_changed:
        name = f"{before.name}.{new.name}"
        if old.nullable and not new.nullable:
            yield _Question(f"{name} is to be NOT NULL, and rows hold NULL", count(f"{quote(new.name)} IS NULL"))
    yield from _changes(emit, quote, difference)
    keys = [unique.columns for unique in difference.uniques_added]
    keys += [after.primary_key.columns] if difference.primary_key_changed and after.primary_key else []
    keys += [index.column_names for index in difference.indexes_added
             if index.unique and index.where is None and len(index.column_names) == len(index.keys)]  # fmt: skip
    for columns in keys:
        if set(columns) <= there:
            listed = ", ".join(map(quote, columns))
            held = " AND ".join(f"{quote(column)} IS NOT NULL" for column in columns)
            yield _Question(
                f"({', '.join(columns)}) of {before.name} is to be unique, and groups of rows are equal in it",
                f"SELECT COUNT(*) FROM (SELECT 1 AS one FROM {table} WHERE {held} GROUP BY {listed} HAVING COUNT(*) > 1) AS twice",  # noqa: S608
            )
    for check in difference.checks_added:
        if not {column.name for column in difference.columns_added} & _words(check.expression):
            yield _Question(
                f"a check of {before.name} fails for rows: {check.expression}", count(f"NOT ({check.expression})")
            )
    for key in difference.references_added:
        if set(key.columns) <= there:
            yield _orphans(quote, difference, key, present)


def _orphans(quote: Quote, difference: TableDifference, key: ForeignKey, present: DatabaseSchema) -> _Question:
    table = quote(difference.before.schema, difference.before.name)
    parent = quote(key.referred_schema, key.referred_table)
    pairs = list(zip(key.columns, key.referred_columns, strict=True))
    same = " AND ".join(f"p.{quote(theirs)} = c.{quote(ours)}" for ours, theirs in pairs)
    held = " AND ".join(f"c.{quote(ours)} IS NOT NULL" for ours, _ in pairs)
    without = f" AND NOT EXISTS (SELECT 1 FROM {parent} AS p WHERE {same})"  # noqa: S608 - quoted names only
    if present.find(key.referred_table, key.referred_schema) is None:
        without = ""  # a parent that is not there yet has no rows
    return _Question(
        f"{difference.before.name} ({', '.join(key.columns)}) is to refer to {key.referred_table}, and rows have no parent",
        f"SELECT COUNT(*) FROM {table} AS c WHERE {held}{without}",  # noqa: S608
    )


def _words(expression: str) -> set[str]:
    return set(re.findall(r"[A-Za-z_][A-Za-z0-9_]*", expression))
