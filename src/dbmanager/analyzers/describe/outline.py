"""Describes a schema in few tokens: names, one compact line per table, or everything declared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from dbmanager.model.schema import Column, DatabaseSchema, ForeignKey, Index, Table

Detail = Literal["names", "compact", "full"]
BYTES_PER_TOKEN = 3.2
"""Measured on schema text with the o200k vocabulary: 3.2 to 3.9 bytes a token; the low end keeps the budget."""


def tokens_of(text: str) -> int:
    """Return a safe estimate of the tokens of a text."""
    return int(len(text.encode()) / BYTES_PER_TOKEN) + 1


@dataclass(frozen=True, slots=True)
class Outline:
    """Text for as many tables as the budget holds; `next_table` is the number to go on with, None at the end."""

    text: str
    shown: int
    total: int
    next_table: int | None


def outline(
    schema: DatabaseSchema,
    tables: Sequence[Table],
    *,
    detail: Detail,
    budget_tokens: int,
    start: int = 0,
    labels: Mapping[tuple[str | None, str], Mapping[str, str]] | None = None,
) -> Outline:
    """Return the tables from `start` on, at least one, as far as the budget goes."""
    write: Callable[[Table], str] = {
        "names": _name(schema),
        "compact": _compact(schema),
        "full": _full(schema, labels or {}),
    }[detail]
    lines: list[str] = []
    used = 0
    for table in tables[start:]:
        line = write(table)
        used += tokens_of(line)
        if lines and used > budget_tokens:
            break
        lines.append(line)
    shown = start + len(lines)
    return Outline("\n".join(lines), len(lines), len(tables), shown if shown < len(tables) else None)


def neighbourhood(schema: DatabaseSchema, focus: Sequence[Table], depth: int) -> list[Table]:
    """Return the tables within `depth` references of the focus, nearest first."""
    near: dict[tuple[str | None, str], list[Table]] = {}
    for table in schema.tables:
        for key in table.foreign_keys:
            parent = schema.find(key.referred_table, key.referred_schema or table.schema)
            if parent is not None:
                near.setdefault((table.schema, table.name), []).append(parent)
                near.setdefault((parent.schema, parent.name), []).append(table)
    found = {(table.schema, table.name): table for table in focus}
    edge = list(focus)
    for _ in range(depth):
        edge = [
            other
            for table in edge
            for other in near.get((table.schema, table.name), [])
            if found.setdefault((other.schema, other.name), other) is other
        ]
    return list(found.values())


def _name(schema: DatabaseSchema) -> Callable[[Table], str]:
    def write(table: Table) -> str:
        mark = "" if table.kind == "table" else f" [{table.kind}]"
        return f"{schema.display_name(table)}{mark}{_rows(table)}"

    return write


def _rows(table: Table) -> str:
    return f" ~{table.row_estimate:,} rows" if table.row_estimate is not None and table.is_base else ""


def _compact(schema: DatabaseSchema) -> Callable[[Table], str]:
    def write(table: Table) -> str:
        references = {key.columns[0]: key for key in table.foreign_keys if len(key.columns) == 1}
        key_columns = table.primary_key.columns if table.primary_key else ()
        columns = ", ".join(_short(column, key_columns, references.get(column.name)) for column in table.columns)
        parts = f" partitions:{len(table.partitions)}" if table.partitions else ""
        return f"{_name(schema)(table)}{parts}: {columns}"

    return write


def _short(column: Column, key_columns: tuple[str, ...], reference: ForeignKey | None) -> str:
    mark = "*" if column.name in key_columns else "?" if column.nullable else ""
    target = f">{reference.referred_table}" if reference else ""
    return f"{column.name}{mark} {column.type.native}{target}"


def _full(schema: DatabaseSchema, labels: Mapping[tuple[str | None, str], Mapping[str, str]]) -> Callable[[Table], str]:
    def write(table: Table) -> str:
        kinds = labels.get((table.schema, table.name), {})
        lines = [f"## {_name(schema)(table)}"]
        if table.comment:
            lines.append(table.comment)
        lines += [f"- {_column(column, kinds.get(column.name))}" for column in table.columns]
        if table.primary_key:
            lines.append(f"primary key ({', '.join(table.primary_key.columns)})")
        lines += [f"unique ({', '.join(unique.columns)})" for unique in table.uniques]
        lines += [_reference(key) for key in table.foreign_keys]
        lines += [f"check {check.expression}" for check in table.checks]
        lines += [_index(index) for index in table.indexes if not index.backs_constraint]
        if table.partition_key:
            lines.append(f"partitioned by {table.partition_key}: {len(table.partitions)} partitions")
        lines += [f"trigger {name}" for name in table.triggers]
        return "\n".join(lines)

    return write


def _column(column: Column, kind: str | None) -> str:
    parts = [column.name, column.type.native, "null" if column.nullable else "not null"]
    parts += [f"default {column.default}"] if column.default else []
    parts += [f"identity {column.identity}"] if column.identity else []
    parts += [f"generated {column.generated}"] if column.generated else []
    parts += [f"[{kind}: masked]"] if kind else []
    if column.presence_ratio is not None and column.presence_ratio < 1:
        parts.append(f"in {column.presence_ratio:.1%} of sampled documents")
    parts += [f"-- {column.comment}"] if column.comment else []
    return " ".join(parts)


def _reference(key: ForeignKey) -> str:
    action = f" on delete {key.on_delete.lower()}" if key.on_delete != "NO ACTION" else ""
    return f"references {key.referred_table}({', '.join(key.referred_columns)}) by ({', '.join(key.columns)}){action}"


def _index(index: Index) -> str:
    keys = ", ".join(key.name + (" desc" if key.descending else "") for key in index.keys)
    extras = (f" include ({', '.join(index.include)})" if index.include else "") + (
        f" where {index.where}" if index.where else ""
    )
    unique = "unique " if index.unique else ""
    method = "" if index.method == "btree" else f" using {index.method}"
    return f"{unique}index {index.name} ({keys}){method}{extras}{'' if index.valid else ' INVALID'}"
