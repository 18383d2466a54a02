"""What was found of a rewrite, as text: generated rows may be shown, rows of the database never are."""

from __future__ import annotations

import json
from collections.abc import Sequence

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from dbmanager.analyzers.describe.markdown import table
from dbmanager.analyzers.rewriting.databases import SmallDatabase
from dbmanager.analyzers.rewriting.pipelines.collections import SmallCollections
from dbmanager.analyzers.workload.commands import read_command
from dbmanager.model.queries import Cell, Row
from dbmanager.model.rewrites import Answer

MOST_ROWS = 8


def database_text(database: SmallDatabase | SmallCollections) -> str:
    """Return the rows of a small database; tables without rows are named."""
    if isinstance(database, SmallCollections):
        return _collections_text(database)
    parts = [
        f"{part.table.name}:\n{table(part.columns, [tuple(map(_cell, row)) for row in part.rows])}"
        for part in database.tables
        if part.rows
    ]
    empty = [part.table.name for part in database.tables if not part.rows]
    if empty:
        parts.append("Empty: " + ", ".join(empty))
    return "\n".join(parts) or "All tables are empty."


def _collections_text(database: SmallCollections) -> str:
    parts = [
        f"{part.name}:\n" + "\n".join(json.dumps(document, ensure_ascii=False) for document in part.rows)
        for part in database.tables
        if part.rows
    ]
    empty = [part.name for part in database.tables if not part.rows]
    if empty:
        parts.append("Empty: " + ", ".join(empty))
    return "\n".join(parts) or "All collections are empty."


def answer_text(answer: Answer) -> str:
    """Return an answer's first rows."""
    if answer.problem:
        return f"fails: {answer.problem}"
    if not answer.rows:
        return "no rows"
    names = [column.name for column in answer.columns]
    shown = table(names, _rows(answer.rows)) if names else "\n".join(str(row[0]) for row in _rows(answer.rows))
    left = len(answer.rows) - MOST_ROWS
    return f"\n{shown}" + (f"\n{left} more rows" if left > 0 else "")


def cost_text(before: float | None, after: float | None, engine: str) -> str:
    """Return both costs and what follows from them; empty where the engine tells none."""
    if before is None or after is None:
        return "The engine tells no cost: measure both with measure_queries."
    unit = "thousands of machine steps" if engine == "sqlite" else "planner cost"
    ratio = after / before if before else None
    judged = "" if ratio is None else f", {ratio:.3g} times"
    advice = " Dearer: keep the original." if after > before * 1.02 else ""
    return f"{unit} {before:,.0f} before, {after:,.0f} after{judged}.{advice}"


def without_literals(statement: str, dialect: str) -> str:
    """Return a statement with a question mark for each of its values; empty where it is not understood."""
    if dialect == "mongodb":
        reading = read_command(statement, dialect)
        return "" if reading.problem else reading.shown
    try:
        tree = sqlglot.parse_one(statement, dialect=dialect)
        return tree.transform(lambda node: exp.Placeholder() if isinstance(node, exp.Literal) else node).sql(dialect)
    except (SqlglotError, RecursionError):
        return ""


def _rows(rows: Sequence[Row]) -> Sequence[Row]:
    return rows[:MOST_ROWS]


def _cell(value: object) -> Cell:
    return value if isinstance(value, str | int | float | bool | None) else str(value)
