"""What two statements compare their columns with: literals, and each other. Small databases are made of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from dbmanager.model.lineage import BaseColumn
from dbmanager.model.schema import DatabaseSchema, Table, TableKind

COMPARISONS = (
    exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.In, exp.Between, exp.Like, exp.ILike, exp.NullSafeEQ,
    exp.NullSafeNEQ, exp.SimilarTo, exp.RegexpLike, exp.Case, exp.Coalesce, exp.Substring, exp.Left, exp.Right,
)  # fmt: skip
"""What gives a column literals; of a number in a function of texts follow texts of that length."""
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_UNITS = {"day": (0, 1), "week": (0, 7), "month": (1, 0), "year": (12, 0)}
Literal = int | float | str


@dataclass(slots=True)
class Hints:
    """What is known of the columns that statements touch.

    Attributes:
        tables: the base tables that are read, views resolved.
        columns: those of them that are read, by table.
        literals: what a column is compared with.
        general: literals that could not be told to belong to a column.
        equal: pairs of columns that are compared with each other.
        elsewhere: relations named that are no tables of this database, or views over such ones; their rows are real ones
            wherever they are read.
        uses: how often a table is named, the most in one statement.
    """

    tables: list[Table] = field(default_factory=list)
    columns: dict[tuple[str | None, str], set[str]] = field(default_factory=dict)
    literals: dict[BaseColumn, list[Literal]] = field(default_factory=dict)
    general: list[Literal] = field(default_factory=list)
    equal: list[tuple[BaseColumn, BaseColumn]] = field(default_factory=list)
    uses: Counter[tuple[str | None, str]] = field(default_factory=Counter)
    elsewhere: list[str] = field(default_factory=list)


def hints_of(statements: Sequence[str], dialect: str, schema: DatabaseSchema) -> Hints | None:
    """Return what the statements tell together; None where one of them is not understood."""
    hints = Hints()
    try:
        trees = [sqlglot.parse_one(sql, dialect=dialect) for sql in statements]
        for tree in trees:
            reader = _Reader(schema, dialect, hints)
            reader.read(tree)
            hints.uses |= reader.uses
    except (SqlglotError, RecursionError):
        return None
    return hints


def base(table: Table, column: str) -> BaseColumn:
    """Return the name of a column of a table."""
    return BaseColumn(table.schema or "", table.name, column)


@dataclass(slots=True)
class _Reader:
    """Reads one statement, and the views that it names."""

    schema: DatabaseSchema
    dialect: str
    hints: Hints
    aliases: dict[str, list[Table]] = field(default_factory=dict)
    seen_views: set[str] = field(default_factory=set)
    uses: Counter[tuple[str | None, str]] = field(default_factory=Counter)

    def read(self, tree: exp.Expr) -> None:
        """Note tables, then columns, then comparisons."""
        ctes = {cte.alias_or_name.casefold() for cte in tree.find_all(exp.CTE)}
        for node in tree.find_all(exp.Table):
            if not (node.name.casefold() in ctes and not node.db):
                self._table(node)
        for column in tree.find_all(exp.Column):
            for found in self._resolved(column):
                self.hints.columns[(found.schema or None, found.table)].add(found.column)
        if tree.find(exp.Star) is not None:
            self._stars(tree)
        for compared in tree.find_all(*COMPARISONS):
            self._compared(compared)
        for join in tree.find_all(exp.Join):
            for name in join.args.get("using") or ():
                self._pairs(
                    [found for t in self.hints.tables if t.has_column(name.name) for found in [base(t, name.name)]]
                )

    def _table(self, node: exp.Table) -> None:
        if not isinstance(node.this, exp.Identifier):
            return  # a function
        table = _found(self.schema, node)
        if table is None or node.catalog:
            self.hints.elsewhere.append(node.name)
            return
        if not table.is_base:
            self._view(table)
            return
        self.uses[(table.schema, table.name)] += 1
        known = self.aliases.setdefault(node.alias_or_name.casefold(), [])
        if table not in known:
            known.append(table)
        if table not in self.hints.tables:
            self.hints.tables.append(table)
        self.hints.columns.setdefault((table.schema, table.name), set())

    def _view(self, view: Table) -> None:
        if view.kind is not TableKind.VIEW or not view.definition:
            self.hints.elsewhere.append(view.name)
        if view.name in self.seen_views or not view.definition:
            return
        self.seen_views.add(view.name)
        text = re.sub(r"(?is)^\s*create\s.*?\bas\b\s*(?=select|with)", "", view.definition)
        _Reader(self.schema, self.dialect, self.hints, {}, self.seen_views).read(
            sqlglot.parse_one(text.strip().rstrip(";"), dialect=self.dialect)
        )

    def _stars(self, tree: exp.Expr) -> None:
        """Every column of the tables is read where a star stands for them; not that of count(*)."""
        if any(not isinstance(star.parent, exp.Count) for star in tree.find_all(exp.Star)):
            for tables in self.aliases.values():
                for table in tables:
                    self.hints.columns[(table.schema, table.name)] |= {column.name for column in table.columns}

    def _resolved(self, column: exp.Column) -> list[BaseColumn]:
        name = column.name.casefold()
        if column.table and column.table.casefold() in self.aliases:
            tables = self.aliases[column.table.casefold()]
        else:
            tables = [table for found in self.aliases.values() for table in found]
        return [base(t, c.name) for t in dict.fromkeys(tables) for c in t.columns if c.name.casefold() == name]

    def _compared(self, node: exp.Expr) -> None:
        sides = [child for child in node.iter_expressions() if not isinstance(child, exp.Query | exp.Subquery)]
        columns = [found for side in sides for column in _own(side, exp.Column) for found in self._resolved(column)]  # type: ignore[arg-type] # asked for
        literals = [value for side in sides for value in _literals(side)]
        for column in columns:
            self.hints.literals.setdefault(column, []).extend(literals)
        if not columns:
            self.hints.general.extend(literals)
        query = node.args.get("query")
        if isinstance(node, exp.In) and query is not None:
            for inner in list(query.find_all(exp.Select))[:1]:
                columns += [f for item in inner.selects for c in item.find_all(exp.Column) for f in self._resolved(c)]
        if isinstance(node, exp.EQ | exp.In | exp.NullSafeEQ | exp.NEQ | exp.GT | exp.LT | exp.GTE | exp.LTE):
            self._pairs(columns)

    def _pairs(self, columns: Sequence[BaseColumn]) -> None:
        for other in columns[1:]:
            if other != columns[0]:
                self.hints.equal.append((columns[0], other))


def _found(schema: DatabaseSchema, node: exp.Table) -> Table | None:
    """Return the table that a name means, whatever its case."""
    table = schema.find(node.name, node.db or None)
    if table is not None:
        return table
    alike = [t for t in schema.tables if t.name.casefold() == node.name.casefold()]
    alike = [t for t in alike if not node.db or (t.schema or "").casefold() == node.db.casefold()]
    return alike[0] if len(alike) == 1 else None


def _own(node: exp.Expr, kind: type[exp.Expr]) -> Iterator[exp.Expr]:
    """Yield nodes of a kind at or below one, subqueries left out."""
    stack: list[exp.Expr] = [node]
    while stack:
        current = stack.pop()
        if isinstance(current, exp.Query | exp.Subquery):
            continue
        if isinstance(current, kind):
            yield current
        stack.extend(current.iter_expressions())


def _literals(side: exp.Expr) -> Iterator[Literal]:
    for node in _own(side, exp.Literal):
        if isinstance(node.parent, exp.Interval | exp.DataTypeParam):
            continue
        if node.args.get("is_string"):
            yield node.name
        else:
            yield _number(node.name)
    for moved in (*_own(side, exp.Add), *_own(side, exp.Sub)):
        yield from _moved(moved)


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return float(text)


def _moved(node: exp.Expr) -> Iterator[str]:
    """Yield the day that a date and an interval make together."""
    date = next((x.name for x in _own(node.this, exp.Literal) if _DATE.match(x.name)), None)
    interval = node.args.get("expression")
    if date is None or not isinstance(interval, exp.Interval):
        return
    words = f"{interval.this.name if interval.this else ''} {interval.args.get('unit') or ''}".lower().split()
    count = next((int(word) for word in words if word.lstrip("-").isdigit()), None)
    unit = next((word.rstrip("s") for word in words if word.rstrip("s") in _UNITS), None)
    if count is None or unit is None:
        return
    months, days = (part * count * (-1 if isinstance(node, exp.Sub) else 1) for part in _UNITS[unit])
    yield shifted(date[:10], months, days)


def shifted(date: str, months: int, days: int) -> str:
    """Return a day some months and days later, the last of its month at most; the same where there is no such day."""
    import calendar
    import datetime as dt

    try:
        day = dt.date.fromisoformat(date)
        year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
        last = calendar.monthrange(year, month + 1)[1]
        return (dt.date(year, month + 1, min(day.day, last)) + dt.timedelta(days=days)).isoformat()
    except (ValueError, OverflowError):
        return date
