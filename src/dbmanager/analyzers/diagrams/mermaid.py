"""Entity-relationship diagrams in Mermaid, split so that every one can be drawn."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from dbmanager.model.schema import Column, DatabaseSchema, ForeignKey, Table

MAX_TABLES = 40
MAX_EDGES = 300
MAX_CHARACTERS = 45_000
"""Mermaid 12 refuses over 500 edges and 50,000 characters; people stop reading sooner."""
_PLAIN = re.compile(r"[^A-Za-z0-9_]")


def er_diagrams(
    schema: DatabaseSchema,
    *,
    tables: Sequence[Table] | None = None,
    inferred: Sequence[tuple[Table, ForeignKey]] = (),
    keys_only: bool = False,
) -> tuple[str, ...]:
    """Return one `erDiagram` per cluster of related tables, the largest first.

    Args:
        schema: where references are looked up.
        tables: only these; all base tables when absent.
        inferred: references that are not declared; drawn dotted.
        keys_only: leave out columns that are in no key.
    """
    chosen = list(tables) if tables is not None else list(schema.base_tables())
    edges = _edges(schema, chosen, inferred)
    return tuple(_draw(schema, cluster, edges, keys_only) for cluster in _clusters(chosen, edges))


_Edge = tuple[Table, Table, ForeignKey, bool]


def _edges(schema: DatabaseSchema, tables: list[Table], inferred: Sequence[tuple[Table, ForeignKey]]) -> list[_Edge]:
    present = {(table.schema, table.name) for table in tables}
    pairs = [(table, key, False) for table in tables for key in table.foreign_keys]
    pairs += [(table, key, True) for table, key in inferred]
    found: list[_Edge] = []
    for table, key, dotted in pairs:
        parent = schema.find(key.referred_table, key.referred_schema or table.schema)
        if parent is not None and {(table.schema, table.name), (parent.schema, parent.name)} <= present:
            found.append((table, parent, key, dotted))
    return found


def _clusters(tables: list[Table], edges: list[_Edge]) -> list[list[Table]]:
    """Group related tables; a group over the limits is cut along breadth-first order."""
    near: dict[tuple[str | None, str], list[Table]] = defaultdict(list)
    for child, parent, _, _ in edges:
        near[(child.schema, child.name)].append(parent)
        near[(parent.schema, parent.name)].append(child)
    seen: set[tuple[str | None, str]] = set()
    groups: list[list[Table]] = []
    for start in sorted(tables, key=lambda t: -len(near[(t.schema, t.name)])):
        group: list[Table] = []
        queue = [start]
        while queue:
            table = queue.pop(0)
            key = (table.schema, table.name)
            if key in seen:
                continue
            seen.add(key)
            group.append(table)
            queue.extend(near[key])
        groups += [group[i : i + MAX_TABLES] for i in range(0, len(group), MAX_TABLES)]
    lone = [group[0] for group in groups if len(group) == 1]
    related = [group for group in groups if len(group) > 1]
    related.sort(key=len, reverse=True)
    return related + [lone[i : i + MAX_TABLES] for i in range(0, len(lone), MAX_TABLES)]


def _draw(schema: DatabaseSchema, cluster: list[Table], edges: list[_Edge], keys_only: bool) -> str:
    inside = {(table.schema, table.name) for table in cluster}
    lines = ["erDiagram"]
    drawn = 0
    for child, parent, key, dotted in edges:
        if {(child.schema, child.name), (parent.schema, parent.name)} <= inside and drawn < MAX_EDGES:
            optional = any(child.column(name).nullable for name in key.columns if child.has_column(name))
            line = ".." if dotted else "--"
            left = "|o" if optional else "||"
            label = ", ".join(key.columns).replace('"', "'")
            lines.append(f'  {_entity(schema, parent)} {left}{line}o{{ {_entity(schema, child)} : "{label}"')
            drawn += 1
    for table in cluster:
        block = _block(schema, table, keys_only)
        if sum(map(len, lines)) + sum(map(len, block)) > MAX_CHARACTERS:
            block = _block(schema, table, keys_only=True)
        lines.extend(block)
    return "\n".join(lines)


def _block(schema: DatabaseSchema, table: Table, keys_only: bool) -> list[str]:
    columns = [(column, _marks(table, column)) for column in table.columns]
    rows = [
        f"    {_word(column.type.native)} {_word(column.name)}{' ' + marks if marks else ''}"
        for column, marks in columns
        if marks or not keys_only
    ]
    return [f"  {_entity(schema, table)} {{", *rows, "  }"]


def _marks(table: Table, column: Column) -> str:
    marks = []
    if table.primary_key and column.name in table.primary_key.columns:
        marks.append("PK")
    if any(column.name in key.columns for key in table.foreign_keys):
        marks.append("FK")
    if any(unique.columns == (column.name,) for unique in table.uniques):
        marks.append("UK")
    return ", ".join(marks)


def _entity(schema: DatabaseSchema, table: Table) -> str:
    name = schema.display_name(table)
    return '"' + name.replace('"', "'") + '"'


def _word(text: str) -> str:
    """Return a Mermaid attribute word: letters, digits and underscores, beginning with a letter."""
    word = _PLAIN.sub("_", text).strip("_") or "unknown"
    return word if word[0].isalpha() else f"c_{word}"
