"""Builds the schema model's tables out of the catalog's rows."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TypeVar

from dbmanager.adapters.mysql.facts import ServerFacts
from dbmanager.adapters.mysql.rows import CatalogRows, ColumnRow, ConstraintRow, IndexRow, ObjectRow
from dbmanager.adapters.mysql.text import without_database, without_introducers
from dbmanager.adapters.mysql.types import data_type
from dbmanager.adapters.sql.names import quote
from dbmanager.errors import InvalidStatement
from dbmanager.model.schema import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    IndexKey,
    Partition,
    PrimaryKey,
    Table,
    TableKind,
    TypeKind,
    UniqueConstraint,
)

Row = TypeVar("Row", ColumnRow, ConstraintRow, IndexRow)
_JSON_VALID = re.compile(r"\(?json_valid\(`(?P<column>(?:[^`]|``)+)`\)\)?", re.I)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_BARE_DEFAULT = re.compile(r"^(CURRENT_TIMESTAMP(\(\d*\))?|NULL|b'[01]*')$", re.I)
LAST_CHARACTER = "\uffff"
NO_ACTION = "NO ACTION"
_BASE = ("BASE TABLE", "SYSTEM VERSIONED")


def name_of(*names: str | None) -> str:
    """Return a quoted name.

    Raises:
        InvalidStatement: a part holds a character beyond the first 65,536, which MySQL would make a `?` of.
    """
    for name in names:
        if name and max(name) > LAST_CHARACTER:
            raise InvalidStatement(
                "a name holds a character that no name can have here",
                object_name=name,
                hint="Names take the first 65,536 characters: choose another name for it.",
            )
    return quote(*names, mark="`")


def built_tables(rows: CatalogRows, facts: ServerFacts) -> tuple[Table, ...]:
    """Return tables and views in the order of their names."""
    objects: dict[tuple[str, str], list[ObjectRow]] = defaultdict(list)
    for row in rows.objects:
        objects[(row.sort, row.parent)].append(row)
    columns, indexes, constraints = _grouped(rows.columns), _grouped(rows.indexes), _grouped(_placed(rows.constraints))
    found = [
        _table(row, objects, columns[name], indexes[name], constraints[name], facts)
        for (sort, name), (row, *_) in objects.items()
        if sort == "table" and row.name in (*_BASE, "VIEW")
    ]
    return tuple(sorted(found, key=lambda table: table.name))


def _placed(rows: list[ConstraintRow]) -> list[ConstraintRow]:
    """Return the rows with every check whole, where its clause and its table came apart; names are unique then."""
    clauses = {row.name: row.body for row in rows if row.sort == "clause"}
    return [
        row._replace(sort="check", body=clauses[row.name]) if row.sort == "place" and row.name in clauses else row
        for row in rows
        if row.sort != "clause"
    ]


def _grouped(rows: Iterable[Row]) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.parent].append(row)
    for group in groups.values():
        group.sort(key=lambda row: row.position)
    return groups


def _table(
    row: ObjectRow,
    objects: Mapping[tuple[str, str], list[ObjectRow]],
    columns: list[ColumnRow],
    index_rows: list[IndexRow],
    constraints: list[ConstraintRow],
    facts: ServerFacts,
) -> Table:
    name = row.parent
    kind = TableKind.VIEW if row.name == "VIEW" else TableKind.TABLE
    views = objects.get(("view", name), ())
    partitions = sorted(objects.get(("partition", name), ()), key=lambda p: (p.c, p.d))
    checks = [c for c in constraints if c.sort == "check"]
    json = {m["column"].replace("``", "`") for c in checks if (m := _JSON_VALID.fullmatch(c.body or ""))}
    keys = _foreign_keys(constraints, facts.database)
    primary, uniques, indexes = _indexes(index_rows, keys, facts)
    if partitions:
        kind = TableKind.PARTITIONED
    return Table(
        name=name,
        schema=None,
        kind=kind,
        columns=tuple(_column(c, facts, c.name in json) for c in columns),
        primary_key=primary,
        uniques=uniques,
        foreign_keys=keys,
        checks=tuple(_check(c, facts) for c in checks if not _is_json_check(c, json)),
        indexes=indexes,
        triggers=tuple(t.name for t in objects.get(("trigger", name), ())),
        partitions=tuple({p.name: Partition(p.name, p.body or "") for p in partitions}.values()),
        partition_key=f"{partitions[0].a} ({partitions[0].b or ''})" if partitions else None,
        comment=(row.d or None) if kind is not TableKind.VIEW else None,
        row_estimate=int(row.estimate) if row.estimate is not None and kind is not TableKind.VIEW else None,
        definition=without_database(views[0].body, facts.database) if views and views[0].body else None,
        options=_options(row) if kind is not TableKind.VIEW else (),
    )


def _options(row: ObjectRow) -> tuple[str, ...]:
    found = [f"ENGINE={row.a}"] if row.a and row.a != "InnoDB" else []
    if row.b:
        found.append(f"COLLATE={row.b}")
    if row.name == "SYSTEM VERSIONED":
        found.append("WITH SYSTEM VERSIONING")
    return (*found, *(word for word in (row.c or "").split() if word.lower().startswith("row_format=")))


def _column(row: ColumnRow, server: ServerFacts, is_json: bool) -> Column:
    type_ = data_type(
        row.data_type, row.native, row.length, row.number_precision, row.number_scale, is_json
    )  # fmt: skip
    extra = (row.extra or "").lower()
    generated = row.expression if "generated" in extra and "default_generated" not in extra else None
    default = None if generated else _default(row, type_.kind, server)
    if default is not None and "on update" in extra:
        default += " ON UPDATE " + re.split(r"on update ", row.extra or "", flags=re.I)[1]
    stored = " STORED" if "stored" in extra or "persistent" in extra else " VIRTUAL"
    return Column(
        name=row.name,
        type=type_,
        nullable=row.nullable == "YES",
        default=default,
        generated=f"{_plain(generated, server)}{stored}" if generated else None,
        identity="by default" if "auto_increment" in extra else None,
        collation=row.collation_name if not is_json else None,
        comment=row.comment or None,
    )


def _default(row: ColumnRow, kind: TypeKind, server: ServerFacts) -> str | None:
    """Return the default as SQL; some servers tell it as SQL, others as the bare value."""
    value = row.default_value
    if value is None:
        return None
    if "columns.is_generated" in server.has:
        return None if value == "NULL" else str(value)
    if "default_generated" in (row.extra or "").lower():
        return str(value) if _BARE_DEFAULT.match(value) else f"({_plain(value, server)})"
    if kind in (TypeKind.INTEGER, TypeKind.BOOLEAN, TypeKind.DECIMAL, TypeKind.FLOAT) or _BARE_DEFAULT.match(value):
        return str(value)
    return "'" + str(value).replace("\\", "\\\\").replace("'", "''") + "'"


def _plain(text: str, server: ServerFacts) -> str:
    """Return an expression as SQL; servers that tell defaults bare tell expressions escaped once more."""
    if "columns.is_generated" in server.has:
        return text
    plain = _ESCAPED.sub(lambda match: {"n": "\n", "r": "\r", "t": "\t", "0": "\0"}.get(match[1], match[1]), text)
    return without_introducers(plain)


def _is_json_check(row: ConstraintRow, json: set[str]) -> bool:
    match = _JSON_VALID.fullmatch(row.body or "")
    return match is not None and match["column"].replace("``", "`") in json


def _check(row: ConstraintRow, server: ServerFacts) -> CheckConstraint:
    text = _plain(row.body or "", server)
    named = None if str(row.column_name).lower() == "column" else row.name
    return CheckConstraint(text, named, validated=row.on_update != "NO")


def _foreign_keys(rows: list[ConstraintRow], database: str) -> tuple[ForeignKey, ...]:
    grouped: dict[str, list[ConstraintRow]] = defaultdict(list)
    actions = {row.name: (row.on_delete or NO_ACTION, row.on_update or NO_ACTION) for row in rows if row.sort == "rule"}
    for row in rows:
        if row.sort == "reference" and row.name in actions:
            grouped[row.name].append(row)
    return tuple(
        ForeignKey(
            columns=tuple(r.column_name or "" for r in group),
            referred_table=group[0].other or "",
            referred_columns=tuple(r.other_column or "" for r in group),
            referred_schema=None if group[0].other_schema == database else group[0].other_schema,
            name=name,
            on_delete=actions[name][0],
            on_update=actions[name][1],
        )
        for name, group in grouped.items()
    )


def _indexes(
    rows: list[IndexRow], keys: tuple[ForeignKey, ...], server: ServerFacts
) -> tuple[PrimaryKey | None, tuple[UniqueConstraint, ...], tuple[Index, ...]]:
    """Return keys and indexes; an index that the server made for a reference counts as behind it."""
    grouped: dict[str, list[IndexRow]] = defaultdict(list)
    for row in rows:
        grouped[row.name].append(row)
    primary: PrimaryKey | None = None
    uniques, indexes = [], []
    own = {(key.name, key.columns) for key in keys}
    for name, group in grouped.items():
        parts = tuple(_key(row, server) for row in group)
        unique = int(group[0].is_plain) == 0
        plain = all(not part.is_expression for part in parts)
        columns = tuple(part.name for part in parts)
        if name == "PRIMARY":
            primary = PrimaryKey(columns)
        elif unique and plain:
            uniques.append(UniqueConstraint(columns, name))
        indexes.append(
            Index(
                name=name,
                keys=parts,
                unique=unique,
                method=str(group[0].method).lower(),
                backs_constraint=name == "PRIMARY" or (unique and plain) or (name, columns) in own,
                valid=group[0].used != "NO",
            )
        )
    indexes.sort(key=lambda index: (index.name != "PRIMARY", index.name))  # the server promises no order
    uniques.sort(key=lambda unique: (unique.name or "", unique.columns))
    return primary, tuple(uniques), tuple(indexes)


def _key(row: IndexRow, server: ServerFacts) -> IndexKey:
    descending = row.direction == "D"
    if row.column_name is None:
        return IndexKey(f"({_plain(row.expression or '', server)})", True, descending)
    if row.prefix is not None and str(row.method).upper() not in ("SPATIAL", "FULLTEXT"):
        return IndexKey(f"{name_of(row.column_name)}({row.prefix})", True, descending)
    return IndexKey(row.column_name, False, descending)
