"""Generates small databases that honour the constraints, for telling two statements apart."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from sqlglot import exp

from dbmanager.analyzers.rewriting.constraints import checks_of, is_refused
from dbmanager.analyzers.rewriting.hints import Hints, Literal, base
from dbmanager.analyzers.rewriting.values import Value, literal_of, pool
from dbmanager.model.lineage import BaseColumn
from dbmanager.model.schema import Column, DatabaseSchema, ForeignKey, Table, TypeKind

Key = tuple[str | None, str]
_TRIES = 6


@dataclass(frozen=True, slots=True)
class TableRows:
    """The rows of one table, for the columns that are filled."""

    table: Table
    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]


@dataclass(frozen=True, slots=True)
class SmallDatabase:
    """Rows of some tables, parents first."""

    tables: tuple[TableRows, ...]

    def without(self, table: int, row: int) -> SmallDatabase:
        """Return the same without one row."""
        old = self.tables[table]
        kept = replace(old, rows=(*old.rows[:row], *old.rows[row + 1 :]))
        return SmallDatabase((*self.tables[:table], kept, *self.tables[table + 1 :]))

    def smaller(self) -> Iterator[SmallDatabase]:
        """Yield every database with one row less, children first."""
        for table in reversed(range(len(self.tables))):
            for row in range(len(self.tables[table].rows)):
                yield self.without(table, row)

    def loads(self, dialect: str, engine: str) -> list[str]:
        """Return the statements that write it into empty tables."""
        return [_insert(part, dialect, engine) for part in self.tables if part.rows]


def _insert(part: TableRows, dialect: str, engine: str) -> str:
    def quoted(name: str) -> str:
        return exp.to_identifier(name, quoted=True).sql(dialect)

    kinds = [part.table.column(name).type.kind for name in part.columns]
    rows = ", ".join(
        "(" + ", ".join(literal_of(v, dialect, kind) for v, kind in zip(row, kinds, strict=True)) + ")"
        for row in part.rows
    )
    name = ".".join(
        quoted(p)
        for p in (part.table.schema, part.table.name)
        if p and not (dialect == "mysql" and p != part.table.name)
    )
    names = ", ".join(quoted(column) for column in part.columns)
    overriding = " OVERRIDING SYSTEM VALUE" if engine == "postgresql" else ""
    return f"INSERT INTO {name} ({names}){overriding} VALUES {rows}"  # noqa: S608 - quoted names, literals of our own


@dataclass(slots=True)
class Generator:
    """Makes databases one after another, each with a mood of its own: how full, how many NULLs, how near the literals."""

    schema: DatabaseSchema
    hints: Hints
    dialect: str
    seed: int = 0
    _order: list[Table] = field(default_factory=list)
    _class: dict[BaseColumn, int] = field(default_factory=dict)
    _near: dict[int, list[Literal]] = field(default_factory=dict)
    _checks: dict[Key, list[exp.Expr]] = field(default_factory=dict)
    _wide: set[int] = field(default_factory=set)
    _parents: list[Table] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._order = _parents_first(self.schema, self.hints.tables)
        self._join()
        for table in self._order:
            checks = self._checks[(table.schema, table.name)] = checks_of(table, self.dialect)
            for check in checks:
                self._learn(table, check)

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables that get rows, parents first."""
        return tuple(self._order)

    def empty(self) -> SmallDatabase:
        """Return the database with no rows at all."""
        return SmallDatabase(())

    def made(self, number: int) -> SmallDatabase:
        """Return a database; the same for the same seed and number."""
        rng = random.Random(f"{self.seed}:{number}")
        mood = _Mood(rng)
        made: dict[Key, TableRows] = {}
        for table in self._order:
            made[(table.schema, table.name)] = self._rows(table, mood, made)
        return SmallDatabase(tuple(made.values()))

    def _join(self) -> None:
        """Put columns that are compared with each other, or refer to each other, into one class of values."""
        pairs = list(self.hints.equal)
        for table in self._order:
            for key in table.foreign_keys:
                parent = _parent(self.schema, table, key)
                if parent is not None:
                    self._parents.append(parent)
                    pairs += [
                        (base(table, a), base(parent, b))
                        for a, b in zip(key.columns, key.referred_columns, strict=False)
                    ]
        columns = [base(table, column.name) for table in self._order for column in table.columns]
        self._class = {column: number for number, column in enumerate(columns)}
        for one, other in pairs:
            kept, gone = self._class.get(one), self._class.get(other)
            if kept is not None and gone is not None and kept != gone:
                self._class = {c: kept if n == gone else n for c, n in self._class.items()}
        keys = [base(table, name) for table in self._order for key in _uniques(table) for name in key]
        self._wide = {self._class[key] for key in keys if key in self._class}
        for column, number in self._class.items():
            self._near.setdefault(number, []).extend(self.hints.literals.get(column, ()))

    def _learn(self, table: Table, check: exp.Expr) -> None:
        """Take the literals of a check as values of its columns."""
        literals = [n.name if n.args.get("is_string") else float(n.name) for n in check.find_all(exp.Literal)]
        for column in check.find_all(exp.Column):
            number = self._class.get(base(table, column.name))
            if number is not None:
                self._near[number] = [
                    *self._near[number],
                    *(int(v) if isinstance(v, float) and v.is_integer() else v for v in literals),
                ]

    def _filled(self, table: Table) -> list[Column]:
        """Return the columns that get values: those that are read, and those that must have one."""
        read = self.hints.columns.get((table.schema, table.name), set())
        keys = {name for key in _uniques(table) for name in key} | {n for k in table.foreign_keys for n in k.columns}
        return [
            column
            for column in table.columns
            if column.generated is None
            and (column.name in read or column.name in keys or (not column.nullable and column.default is None))
        ]

    def _rows(self, table: Table, mood: _Mood, made: dict[Key, TableRows]) -> TableRows:
        columns = self._filled(table)
        names = tuple(column.name for column in columns)
        rows: list[tuple[Value, ...]] = []
        taken: set[tuple[object, ...]] = set()
        uses = self.hints.uses[(table.schema, table.name)]
        for _ in range(mood.rows(uses, is_parent=table in self._parents)):
            for _ in range(_TRIES):
                row = self._row(table, columns, mood, made, rows)
                if row is not None and self._allowed(table, row, taken):
                    rows.append(tuple(row[name] for name in names))
                    break
        return TableRows(table, names, tuple(rows))

    def _row(
        self, table: Table, columns: Sequence[Column], mood: _Mood, made: dict[Key, TableRows],
        rows: Sequence[tuple[Value, ...]],
    ) -> dict[str, Value] | None:  # fmt: skip
        """Return a row; None where a value or a parent that must be there can't be had."""
        row: dict[str, Value] = {}
        if rows and mood.repeats():
            row = dict(zip((c.name for c in columns), mood.rng.choice(rows), strict=True))
            for _ in range(mood.rng.choice((0, 1, 1, 2))):
                row.pop(mood.rng.choice(columns).name, None)
            for key in _uniques(table):  # a repeated key can't be
                row.pop(mood.rng.choice(key), None)
        for column in columns:
            if column.name not in row:
                value = self._value(table, column, mood)
                if value is None and not column.nullable:
                    return None
                row[column.name] = value
        referred = all(self._referred(table, reference, row, mood, made) for reference in table.foreign_keys)
        return row if referred else None

    def _referred(
        self, table: Table, key: ForeignKey, row: dict[str, Value], mood: _Mood, made: dict[Key, TableRows]
    ) -> bool:
        """Point a row at a parent; False where it must have one and there is none."""
        parent = _parent(self.schema, table, key)
        if parent is None or any(name not in row for name in key.columns):
            return True
        nullable = all(table.column(name).nullable for name in key.columns)
        there = made.get((parent.schema, parent.name))
        options = [] if there is None else _tuples(there, key.referred_columns)
        if parent == table:
            options = [tuple(row[name] for name in key.referred_columns if name in row)]
        current = tuple(row[name] for name in key.columns)
        if (nullable and (not options or mood.nulls())) or (None in current and nullable):
            row.update(dict.fromkeys(key.columns))
            return True
        if not options:
            return False
        if current not in options:
            row.update(zip(key.columns, mood.rng.choice(options), strict=True))
        return True

    def _value(self, table: Table, column: Column, mood: _Mood) -> Value:
        name = base(table, column.name)
        read = column.name in self.hints.columns.get((table.schema, table.name), set())
        if column.nullable and (mood.nulls() if read else mood.rng.random() < 0.8):
            return None
        number = self._class.get(name, -1)
        hits, near, plain = pool(column, [*self._near.get(number, ()), *self.hints.general])
        chosen = mood.narrowed((number, column.type.kind), number in self._wide, hits, near, plain)
        if not chosen:
            return None
        value = mood.rng.choice(chosen)
        if value == 0 and column.identity is not None and self.dialect == "mysql":
            return 1
        return value

    def _allowed(self, table: Table, row: dict[str, Value], taken: set[tuple[object, ...]]) -> bool:
        if any(is_refused(check, row) for check in self._checks[(table.schema, table.name)]):
            return False
        keys = []
        for number, key in enumerate(_uniques(table)):
            values = tuple(_folded(row.get(name)) for name in key)
            if None not in values:
                keys.append((number, *values))
        if any(key in taken for key in keys):
            return False
        taken.update(keys)
        return True


class _Mood:
    """How one database is: chosen once, so that databases differ more than rows do."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self._most = rng.choice((1, 2, 3, 4, 6))
        self._null_ratio = rng.choice((0.0, 0.0, 0.15, 0.4))
        self._hit_ratio = rng.choice((0.2, 0.6, 0.9, 1.0, 1.0))
        self._fewest_parents = rng.choice((1, 2, self._most))
        self._near_ratio = rng.choice((0.6, 0.9, 1.0))
        self._domain = rng.choice((1, 2, 2, 3, 5, 8))
        self._repeat_ratio = rng.choice((0.0, 0.3, 0.6))
        self._emptied = rng.random() < 0.2
        self._narrow: dict[object, list[Value]] = {}

    def rows(self, uses: int, *, is_parent: bool) -> int:
        """Return how many rows a table gets: more where it is joined with itself, few where others refer to it."""
        if not uses:
            return max(self._most, 2)
        if self._emptied and self.rng.random() < 0.3:
            return 0
        most = self._most + (uses - 1 if self._most > 1 else 0)
        return self.rng.randint(1, max(self._fewest_parents, uses) if is_parent else most)

    def nulls(self) -> bool:
        """Whether a value that may be NULL is."""
        return self.rng.random() < self._null_ratio

    def repeats(self) -> bool:
        """Whether a row is made of an earlier one."""
        return self.rng.random() < self._repeat_ratio

    def narrowed(
        self, key: object, wide: bool, hits: Sequence[Value], near: Sequence[Value], plain: Sequence[Value]
    ) -> list[Value]:
        """Return the few values that columns of a class take in this database, so that they meet; of keys, enough."""
        if key not in self._narrow:
            size = max(self._domain, self._most + 3) if wide else self._domain
            drawn = [self._one(hits, near, plain) for _ in range(3 * size)] if hits or near or plain else []
            self._narrow[key] = list(dict.fromkeys(drawn))[:size]
        return self._narrow[key]

    def _one(self, hits: Sequence[Value], near: Sequence[Value], plain: Sequence[Value]) -> Value:
        chance = self.rng.random()
        if hits and (chance < self._hit_ratio or not (near or plain)):
            return self.rng.choice(hits)
        others = near if near and (chance < self._near_ratio or not plain) else plain or near
        return self.rng.choice(others)


def _folded(value: Value) -> object:
    """Return a key's value as the laxest collation would compare it."""
    return value.casefold().rstrip() if isinstance(value, str) else value


def _uniques(table: Table) -> list[tuple[str, ...]]:
    found = [table.primary_key.columns] if table.primary_key else []
    found += [unique.columns for unique in table.uniques]
    found += [i.column_names for i in table.indexes if i.unique and not any(key.is_expression for key in i.keys)]
    return list(dict.fromkeys(key for key in found if key))


def _tuples(part: TableRows, columns: Sequence[str]) -> list[tuple[Value, ...]]:
    if not set(columns) <= set(part.columns):
        return []
    places = [part.columns.index(name) for name in columns]
    found = [tuple(row[place] for place in places) for row in part.rows]
    return [values for values in found if None not in values]


def _parent(schema: DatabaseSchema, table: Table, key: ForeignKey) -> Table | None:
    return schema.find(key.referred_table, key.referred_schema or table.schema)


def _parents_first(schema: DatabaseSchema, tables: Sequence[Table]) -> list[Table]:
    """Return the tables and all that they refer to, each after its parents; circles are broken anywhere."""
    found: list[Table] = []
    visiting: set[Key] = set()

    def visit(table: Table) -> None:
        name = (table.schema, table.name)
        if table in found or name in visiting:
            return
        visiting.add(name)
        for key in table.foreign_keys:
            parent = _parent(schema, table, key)
            if parent is not None and parent.is_base:
                visit(parent)
        found.append(table)

    for table in tables:
        visit(table)
    return found


__all__ = ["Generator", "SmallDatabase", "TableRows", "TypeKind"]
