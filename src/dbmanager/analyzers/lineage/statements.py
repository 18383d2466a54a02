"""Column lineage of a whole statement: a query's outputs, or the columns that an INSERT, UPDATE or CREATE AS fills."""

from __future__ import annotations

from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from dbmanager.analyzers.lineage.model import Reading, Trace
from dbmanager.analyzers.lineage.trace import read_parsed
from dbmanager.model.lineage import BaseColumn
from dbmanager.model.placeholders import spaced
from dbmanager.model.schema import DatabaseSchema


@dataclass(frozen=True, slots=True)
class StatementLineage:
    """Where a statement's outputs come from.

    Attributes:
        target: the table that is written; None for a query.
        outputs: one trace per output, named by the column that it fills or is shown as.
        touched: every base column that the statement reads.
        filters: those of them that decide which rows count.
    """

    target: str | None
    outputs: tuple[Trace, ...]
    touched: frozenset[BaseColumn]
    filters: frozenset[BaseColumn]


def lineage_of(sql: str, dialect: str, schema: DatabaseSchema) -> StatementLineage | None:
    """Return the lineage of one statement, or None when it can't be traced at all (or writes from no query)."""
    try:
        statement = sqlglot.parse_one(spaced(sql, dialect), dialect=dialect)
        if isinstance(statement, exp.Insert):
            return _insert(statement, dialect, schema)
        if isinstance(statement, exp.Create):
            return _create(statement, dialect, schema)
        if isinstance(statement, exp.Update):
            return _update(statement, dialect, schema)
        reading = read_parsed(statement, dialect, schema)
    except (SqlglotError, RecursionError):
        return None
    return _lineage(None, reading, None)


def _lineage(target: str | None, reading: Reading | None, names: list[str] | None) -> StatementLineage | None:
    if reading is None:
        return None
    outputs = reading.outputs
    if names is not None:
        if len(names) != len(outputs):
            return None
        outputs = tuple(trace.renamed(name) for trace, name in zip(outputs, names, strict=True))
    return StatementLineage(target, outputs, reading.touched, reading.filters)


def _insert(statement: exp.Insert, dialect: str, schema: DatabaseSchema) -> StatementLineage | None:
    """Map an INSERT's query to the columns it fills: those listed, or the table's in their order."""
    into, query = statement.this, statement.expression
    table = into.this if isinstance(into, exp.Schema) else into
    if not isinstance(query, exp.Query | exp.Values) or not isinstance(table, exp.Table):
        return None
    with_ = statement.args.get("with_")
    if with_ is not None and isinstance(query, exp.Query) and query.args.get("with_") is None:
        query = query.copy()
        query.set("with_", with_.copy())
    names = [column.name for column in into.expressions] if isinstance(into, exp.Schema) else None
    known = schema.find(table.name, table.db or None)
    reading = read_parsed(query, dialect, schema)
    if names is None and known is not None and reading is not None:
        names = [column.name for column in known.columns][: len(reading.outputs)]
    return _lineage(table.name, reading, names)


def _create(statement: exp.Create, dialect: str, schema: DatabaseSchema) -> StatementLineage | None:
    made = statement.this
    table = made.this if isinstance(made, exp.Schema) else made
    query = statement.expression
    if not isinstance(query, exp.Query) or not isinstance(table, exp.Table):
        return None
    listed = [column.name for column in made.expressions] if isinstance(made, exp.Schema) else []
    return _lineage(table.name, read_parsed(query, dialect, schema), listed or None)


def _update(statement: exp.Update, dialect: str, schema: DatabaseSchema) -> StatementLineage | None:
    """Read `UPDATE t SET c = e FROM f WHERE w` as `SELECT e AS c FROM t, f WHERE w`."""
    sets = [one for one in statement.expressions if isinstance(one, exp.EQ) and isinstance(one.this, exp.Column)]
    if not isinstance(statement.this, exp.Table) or len(sets) != len(statement.expressions):
        return None
    query = exp.select(*(exp.alias_(one.expression.copy(), one.this.name, quoted=True) for one in sets))
    query = query.from_(statement.this.copy())
    from_ = statement.args.get("from_")
    if from_ is not None:
        query = query.join(from_.this.copy(), join_type="cross")
    where = statement.args.get("where")
    if where is not None:
        query.set("where", where.copy())
    return _lineage(statement.this.name, read_parsed(query, dialect, schema), None)
