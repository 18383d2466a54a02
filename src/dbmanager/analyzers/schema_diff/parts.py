"""Spells out the parts of a table, one sentence each: two tables are equal when their parts are.

What is left out says nothing of how rows are held or kept right: names of constraints and indexes, the order of
columns, comments, estimates, triggers, and storage options (those of SQLite, which change what a column takes, stay).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from dbmanager.model.schema import CheckConstraint, Column, ForeignKey, Index, Table, UniqueConstraint

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ON = re.compile(r"^CREATE (?:UNIQUE )?INDEX .*? ON (?:ONLY )?\S+ USING ", re.DOTALL)
_TELLING_OPTIONS = ("without_rowid", "strict", "autoincrement")
_INFERRING = ("mongodb",)
"""Engines whose columns are guessed from documents, and so no part of the design."""


def parts(table: Table, engine: str) -> frozenset[str]:
    """Return every part of a table as the catalog of `engine` reads it."""
    found = {unique_part(unique) for unique in table.uniques} | {check_part(check) for check in table.checks}
    if engine not in _INFERRING:
        found |= {column_part(column) for column in table.columns}
        found |= {key_part(table)} if table.primary_key else set()
    found |= {reference_part(key, table.schema) for key in table.foreign_keys}
    found |= {index_part(index) for index in table.indexes if not index.backs_constraint}
    found |= {options_part(table, engine)} - {""} | {unmodelled_part(*one) for one in table.unmodelled}
    return frozenset(found)


def column_part(column: Column) -> str:
    """Return a column's name, type, and everything that decides which values it takes."""
    facts = [column.type.native.lower(), "" if column.nullable else "not null"]
    facts += [f"{word} {text}" for word, text in (("default", column.default), ("generated as", column.generated),
              ("identity", column.identity), ("collate", column.collation)) if text is not None]  # fmt: skip
    return f"column {_name(column.name)} {', '.join(fact for fact in facts if fact)}"


def key_part(table: Table) -> str:
    """Return the primary key."""
    key = table.primary_key
    return f"primary key ({_names(key.columns if key else ())}){_after(key.words if key else '')}"


def unique_part(unique: UniqueConstraint) -> str:
    """Return a unique constraint."""
    return f"unique ({_names(unique.columns)}){' nulls not distinct' if unique.nulls_not_distinct else ''}{_after(unique.words)}"


def _after(words: str) -> str:
    return f" {words}" if words else ""


def reference_part(key: ForeignKey, own_schema: str | None) -> str:
    """Return a reference; the schema is left out where it is the table's own."""
    schema = f"{_name(key.referred_schema)}." if key.referred_schema not in (None, own_schema) else ""
    actions = f" on delete {key.on_delete.lower()} on update {key.on_update.lower()}"
    return (
        f"reference ({_names(key.columns)}) to {schema}{_name(key.referred_table)} ({_names(key.referred_columns)})"
        f"{' match full' if key.match_full else ''}{actions}{' deferrable' if key.deferrable else ''}"
        f"{' initially deferred' if key.initially_deferred else ''}{'' if key.validated else ' not validated'}"
    )


def check_part(check: CheckConstraint) -> str:
    """Return a check."""
    return f"check ({' '.join(check.expression.split())}){'' if check.validated else ' not validated'}"


def index_part(index: Index) -> str:
    """Return an index without its name; PostgreSQL's own words where there are some, since they tell operator classes."""
    unique = ("" if index.valid else "unusable ") + ("unique " if index.unique else "")
    if index.definition and (head := _ON.match(index.definition)):
        return f"{unique}index using {index.definition[head.end() :]}"
    keys = ", ".join(
        (k.name if k.is_expression else _name(k.name)) + (" desc" if k.descending else "") for k in index.keys
    )
    include = f" include ({_names(index.include)})" if index.include else ""
    where = f" where {index.where}" if index.where else ""
    return f"{unique}index using {index.method} ({keys}){include}{where}"


def options_part(table: Table, engine: str) -> str:
    """Return how the table is partitioned, or the options that decide what it takes; empty where there are none."""
    if table.partition_key:
        bounds = ", ".join(sorted(f"{_name(part.name)} {part.bound}" for part in table.partitions))
        return f"partitioned by {table.partition_key}: {bounds}"
    if engine in _INFERRING:
        return f"options {table.definition}" if table.definition else ""
    options = [option for option in table.options if option in _TELLING_OPTIONS]
    return f"options {' '.join(sorted(options))}" if options else ""


def unmodelled_part(column: str, words: str) -> str:
    """Return what the engine's own words declare about a column, or about a key of the table."""
    return f"column {_name(column)} declared {words}" if column else f"key declared {words}"


def _name(name: str | None) -> str:
    text = str(name)
    return text if _PLAIN.fullmatch(text) else '"' + text.replace('"', '""') + '"'


def _names(names: Iterable[str]) -> str:
    return ", ".join(_name(name) for name in names)
