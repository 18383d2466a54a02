"""How a query uses each table's columns: equality, range, join, order, and what it reads at all."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from dbmanager.model.placeholders import spaced
from dbmanager.model.schema import DatabaseSchema, Table


@dataclass(slots=True)
class ColumnUse:
    """The columns of one table as one query uses them, each in the order met.

    Attributes:
        grouped: columns of GROUP BY and DISTINCT.
        descending: those of `ordered` that are sorted the other way.
        read: every column that the query touches; empty where that is not known.
        whole: every column is given out, so that no index can hold them all.
        expressions: engine expressions over this table alone that are compared with values.
        constants: conditions `column = literal` and `column IS [NOT] NULL` in the engine's words, by column.
        comparisons: conditions between columns of this very table, in the engine's words, with the columns.
        beyond: the columns read anywhere but in `constants` and `comparisons`.
    """

    table: Table
    equal: list[str] = field(default_factory=list)
    ranged: list[str] = field(default_factory=list)
    joined: list[str] = field(default_factory=list)
    ordered: list[str] = field(default_factory=list)
    grouped: list[str] = field(default_factory=list)
    descending: list[str] = field(default_factory=list)
    read: list[str] = field(default_factory=list)
    whole: bool = False
    expressions: list[str] = field(default_factory=list)
    constants: dict[str, str] = field(default_factory=dict)
    comparisons: dict[str, tuple[str, ...]] = field(default_factory=dict)
    beyond: list[str] = field(default_factory=list)


_EQUALITY = (exp.EQ, exp.In, exp.Is, exp.NullSafeEQ)
_RANGE = (exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.Like)
_TRANSPARENT = (exp.Paren, exp.And, exp.Where, exp.Having, exp.Join, exp.Select)
_FIRST_CHARACTERS = "%_"

_Sources = dict[int, dict[str, ColumnUse]]


def column_uses(statement: str, dialect: str, schema: DatabaseSchema) -> list[ColumnUse]:
    """Return how a query uses each base table it names; empty when it can't be understood or names none."""
    if dialect == "mongodb":
        documents = importlib.import_module("dbmanager.analyzers.indexing.documents")
        return cast(list[ColumnUse], documents.column_uses(statement, schema))
    return _sql_uses(statement, dialect, schema)


def _sql_uses(sql: str, dialect: str, schema: DatabaseSchema) -> list[ColumnUse]:
    try:
        tree = sqlglot.parse_one(spaced(sql, dialect), dialect=dialect)
    except (SqlglotError, RecursionError):
        return []
    _spell(tree, dialect, schema)
    sources: _Sources = {
        id(query): _sources(query, schema) for query in tree.find_all(exp.Select, exp.Update, exp.Delete)
    }
    for query in tree.find_all(exp.Select):
        if any(isinstance(item, exp.Star) for item in query.expressions) and not _only_counted(query):
            for use in sources[id(query)].values():
                use.whole = True
    for column in tree.find_all(exp.Column):
        if isinstance(column.this, exp.Star):
            for use in _named(column, sources):
                use.whole = True
            continue
        found = _owner(column, sources)
        if found is not None:
            _note(column, found, sources, dialect)
    return [use for uses in sources.values() for use in uses.values()]


def _spell(tree: exp.Expr, dialect: str, schema: DatabaseSchema) -> None:
    """Write names as the catalog does: PostgreSQL folds unquoted ones, the others do not look at the case of columns."""
    known = {table.name for table in schema.tables} | {c.name for table in schema.tables for c in table.columns}
    folded = {name.casefold(): name for name in sorted(known)}
    for name in tree.find_all(exp.Identifier):
        if name.this in known or (dialect == "postgres" and name.args.get("quoted")):
            continue
        spelled = name.this.lower() if dialect == "postgres" else folded.get(name.this.casefold(), name.this)
        name.set("this", spelled)


def _sources(query: exp.Expr, schema: DatabaseSchema) -> dict[str, ColumnUse]:
    from_ = query.args.get("from_") or query.args.get("from")
    nodes = [from_.this] if from_ else [query.this] if isinstance(query.this, exp.Table) else []
    nodes += [join.this for join in query.args.get("joins") or ()]
    uses: dict[str, ColumnUse] = {}
    for node in nodes:
        if isinstance(node, exp.Table) and node.name and not _is_common(node, query):
            table = schema.find(node.name, node.db or None)
            if table is not None and table.is_base:
                uses[node.alias_or_name.casefold()] = ColumnUse(table)
        for join in node.args.get("joins") or () if isinstance(node, exp.Table) else ():
            uses |= _sources(exp.Select(joins=[join.copy()]), schema)
    return uses


def _is_common(node: exp.Table, query: exp.Expr) -> bool:
    """Whether the name is one of a WITH around it, which hides a table of that name."""
    scope: exp.Expr | None = query
    while scope is not None:
        with_ = scope.args.get("with_") or scope.args.get("with")
        if with_ and not node.db and any(one.alias_or_name == node.name for one in with_.expressions):
            return True
        scope = scope.parent
    return False


def _only_counted(query: exp.Select) -> bool:
    """Whether nobody looks at what `SELECT *` gives: it stands in EXISTS."""
    return isinstance(query.parent, exp.Exists)


def _named(column: exp.Column, sources: _Sources) -> Iterator[ColumnUse]:
    for query in _queries_around(column):
        use = sources.get(id(query), {}).get(column.table.casefold())
        if use is not None:
            yield use
            return


def _queries_around(node: exp.Expr) -> Iterator[exp.Expr]:
    scope = node.parent
    while scope is not None:
        if isinstance(scope, exp.Select | exp.Update | exp.Delete):
            yield scope
        scope = scope.parent


def _owner(column: exp.Column, sources: _Sources) -> ColumnUse | None:
    """Return the use that a column belongs to: that of the nearest query around it which knows the name."""
    alias = column.table.casefold()
    for query in _queries_around(column):
        for name, use in sources.get(id(query), {}).items():
            if (alias == name or not alias) and use.table.has_column(column.name):
                return use
    return None


def _note(column: exp.Column, use: ColumnUse, sources: _Sources, dialect: str) -> None:
    name = column.name
    _add(use.read, name)
    holder = column.parent
    while isinstance(holder, exp.Paren):
        holder = holder.parent
    if isinstance(holder, exp.Ordered) and isinstance(holder.parent, exp.Order):
        _add(use.ordered, name)
        if holder.args.get("desc"):
            _add(use.descending, name)
    elif isinstance(holder, exp.Group) or (isinstance(holder, exp.Select) and holder.args.get("distinct")):
        _add(use.grouped, name)
    elif isinstance(holder, (*_EQUALITY, *_RANGE)) and _is_conjunct(holder, name):
        if _compared(column, holder, use, sources, dialect):
            return
    elif (
        isinstance(holder, exp.Func | exp.Cast)
        and isinstance(holder.parent, _EQUALITY)
        and holder.parent.this is holder
        and _is_conjunct(holder.parent, name)
        and _is_alone(holder, use, sources)
    ):
        _add(use.expressions, _plain(holder, dialect))
    _add(use.beyond, name)


def _compared(column: exp.Column, predicate: exp.Expr, use: ColumnUse, sources: _Sources, dialect: str) -> bool:
    """Note how a column is compared; True where the whole predicate is a condition that an index can carry."""
    name, first = column.name, predicate.this.unnest() is column
    others = [
        part for key, part in predicate.args.items() if isinstance(part, exp.Expr) and part.unnest() is not column
    ]
    others += predicate.expressions if isinstance(predicate, exp.In) else []
    within = [inner for other in others for inner in other.find_all(exp.Column)]
    if any(_owner(inner, sources) is use for inner in within):
        alone = isinstance(predicate, exp.Binary) and all(_owner(c, sources) is use for c in within)
        if alone and not predicate.find(exp.Select, exp.Func) and not predicate.find_ancestor(exp.Or):
            use.comparisons[_plain(predicate, dialect)] = tuple(c.name for c in predicate.find_all(exp.Column))
            return True
        return False
    if isinstance(predicate, exp.Like):
        pattern = predicate.expression
        if first and isinstance(pattern, exp.Literal) and pattern.name and pattern.name[0] not in _FIRST_CHARACTERS:
            _add(use.ranged, name)
        return False
    if isinstance(predicate, _RANGE):
        if first or not isinstance(predicate, exp.Between):
            _add(use.ranged, name)
        return False
    if isinstance(predicate, exp.In) and not first:
        return False
    outside = within or predicate.args.get("query") or any(o.find(exp.Select) for o in others)
    _add(use.joined if outside else use.equal, name)
    if outside or not isinstance(predicate, exp.EQ | exp.Is) or predicate.find_ancestor(exp.Or):
        return False
    if not all(isinstance(other.unnest(), exp.Literal | exp.Boolean | exp.Null) for other in others):
        return False
    negated = predicate.parent if isinstance(predicate.parent, exp.Not) else None
    use.constants.setdefault(name, _plain(negated or predicate, dialect))
    return True


def _plain(node: exp.Expr, dialect: str) -> str:
    """Return an expression as an index of the table would say it: columns without an alias."""
    copy = node.copy()
    for column in copy.find_all(exp.Column):
        for part in ("table", "db", "catalog"):
            column.set(part, None)
    return copy.sql(dialect=dialect)


def _is_conjunct(predicate: exp.Expr, name: str) -> bool:
    """Whether rows must satisfy the predicate: it stands under AND, or in every branch of an OR for this column."""
    node, parent = predicate, predicate.parent
    while parent is not None:
        if isinstance(parent, exp.Where | exp.Having | exp.Join):
            return True
        if isinstance(parent, exp.Or):
            branches = list(parent.flatten())
            if not all(any(c.name == name for c in branch.find_all(exp.Column)) for branch in branches):
                return False
        elif isinstance(parent, exp.Not) and isinstance(node, exp.Is):
            pass
        elif not isinstance(parent, _TRANSPARENT):
            return False
        node, parent = parent, parent.parent
    return False


def _is_alone(expression: exp.Expr, use: ColumnUse, sources: _Sources) -> bool:
    """Whether an expression is made of this table's columns and constants, by something that an index can hold."""
    columns = list(expression.find_all(exp.Column))
    volatile = expression.find(exp.Select, exp.AggFunc, exp.Anonymous, exp.CurrentDate, exp.CurrentTimestamp, exp.Rand)
    return volatile is None and all(_owner(column, sources) is use for column in columns)


def _add(names: list[str], name: str) -> None:
    if name not in names:
        names.append(name)
