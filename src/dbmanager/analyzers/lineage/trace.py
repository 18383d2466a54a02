"""Traces the output columns of one SELECT to base columns. Conservative: ambiguity widens, doubt is incomplete."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from dbmanager.analyzers.lineage.functions import is_pure_builtin
from dbmanager.analyzers.lineage.model import NOTHING, Predicate, Reading, Relation, Trace, merge
from dbmanager.analyzers.lineage.relations import SYSTEM_COLUMNS, find_table, of_relation
from dbmanager.analyzers.lineage.scopes import UNKNOWN, Scope, derived, rename, row_id_of
from dbmanager.analyzers.lineage.sql_shapes import (
    definitions,
    gathers,
    is_foreign_call,
    is_label,
    is_null_test,
    is_plain,
    operands,
    output_name,
    view_body,
)
from dbmanager.model.lineage import BaseColumn
from dbmanager.model.placeholders import spaced
from dbmanager.model.schema import DatabaseSchema, Table, TableKind

GIVEN = Trace("", given=True)
_WHOLE = frozenset(("where", "having", "qualify"))
_CLAUSES = (*_WHOLE, "group", "order", "distinct", "windows", "limit", "offset")


def trace_outputs(sql: str, dialect: str, schema: DatabaseSchema) -> tuple[Trace, ...] | None:
    """Return one trace per output column in order, or None when the statement can't be traced at all."""
    found = read_query(sql, dialect, schema)
    return found.outputs if found is not None else None


def read_query(sql: str, dialect: str, schema: DatabaseSchema) -> Reading | None:
    """Return what a query reads, or None when the statement can't be traced at all."""
    try:
        return read_parsed(sqlglot.parse_one(spaced(sql, dialect), dialect=dialect), dialect, schema)
    except (SqlglotError, RecursionError):
        return None


def read_parsed(statement: exp.Expr, dialect: str, schema: DatabaseSchema) -> Reading | None:
    """Return what a parsed query reads, or None when it can't be traced at all."""
    if not isinstance(statement, exp.Query | exp.Values):
        return None
    tracer = _Tracer(schema, dialect)
    outputs = tracer.query(statement, Scope())
    if outputs is None:
        return None
    return Reading(outputs, frozenset(tracer.touched), frozenset(tracer.filters), tuple(tracer.predicates))


class _Tracer:
    def __init__(self, schema: DatabaseSchema, dialect: str) -> None:
        self._schema = schema
        self._dialect = dialect
        self._views: dict[tuple[str | None, str], tuple[Trace, ...] | None] = {}
        self.touched: set[BaseColumn] = set()
        self.filters: set[BaseColumn] = set()
        self.predicates: list[Predicate] = []

    def query(self, node: exp.Expr, outer: Scope) -> tuple[Trace, ...] | None:
        """Return the outputs of a SELECT, set operation, VALUES or parenthesised query."""
        scope = Scope(outer=outer)
        if not self._ctes(node, scope):
            return None
        if isinstance(node, exp.Subquery):
            return self.query(node.this, scope)
        if isinstance(node, exp.SetOperation):
            left, right = self.query(node.this, scope), self.query(node.expression, scope)
            if left is None or right is None or len(left) != len(right):
                return None
            return tuple(merge(a.name, (a, b)) for a, b in zip(left, right, strict=True))
        if isinstance(node, exp.Values):
            return self._values(node, scope)
        if isinstance(node, exp.DML) and node.args.get("returning") and isinstance(node.this, exp.Table):
            rows = exp.select(*(one.copy() for one in node.args["returning"].expressions)).from_(node.this.copy())
            return self._select(rows, scope)
        if isinstance(node, exp.Select):
            return self._select(node, scope)
        return None

    def _ctes(self, node: exp.Expr, scope: Scope) -> bool:
        with_ = node.args.get("with_") or node.args.get("with")
        for cte in with_.expressions if with_ else ():
            name, query = cte.alias.casefold(), cte.this
            renames = [column.name for column in cte.args["alias"].columns] if cte.args.get("alias") else []
            if with_ and with_.args.get("recursive") and isinstance(query, exp.SetOperation):
                outputs = self._recursive(name, query, scope, renames)
            else:
                outputs = rename(self.query(query, scope), renames)
            scope.ctes[name] = outputs
        return True

    def _recursive(
        self, name: str, query: exp.SetOperation, scope: Scope, renames: list[str]
    ) -> tuple[Trace, ...] | None:
        """Trace a recursive CTE: the anchor first, then widen until nothing is added."""
        known = rename(self.query(query.this, scope), renames)
        while known is not None:
            scope.ctes[name] = known
            widened = rename(self.query(query, scope), renames)
            if widened is None or widened == known:
                return widened
            known = widened
        return None

    def _values(self, node: exp.Values, scope: Scope) -> tuple[Trace, ...] | None:
        rows = [row.expressions if isinstance(row, exp.Tuple) else [row] for row in node.expressions]
        if not rows or len({len(row) for row in rows}) != 1:
            return None
        return tuple(
            merge(f"column{number + 1}", [self._value(row[number], scope) for row in rows])
            for number in range(len(rows[0]))
        )

    def _select(self, node: exp.Select, scope: Scope) -> tuple[Trace, ...] | None:
        from_ = node.args.get("from_") or node.args.get("from")
        sources: list[exp.Expr] = [from_.this] if from_ else []
        sources.extend(node.args.get("laterals") or ())
        if sources:
            self._add_source(sources[0], scope, None)
            for nested in sources[0].args.get("joins") or ():
                self._add_source(nested.this, scope, nested)
            for extra in sources[1:]:
                self._add_source(extra, scope, None)
        for join in node.args.get("joins") or ():
            self._add_source(join.this, scope, join)
        outputs: list[Trace] = []
        for projection in node.expressions:
            if isinstance(projection, exp.Star) or (
                isinstance(projection, exp.Column) and isinstance(projection.this, exp.Star)
            ):
                star = self._star(projection, scope)
                if star is None:
                    return None
                outputs.extend(star)
                self.touched |= merge("", star).influences
            else:
                outputs.append(self._value(projection, scope).renamed(output_name(projection)))
        self._clauses(node, scope, outputs)
        return tuple(outputs)

    def _clauses(self, node: exp.Select, scope: Scope, outputs: list[Trace]) -> None:
        """Note what the other clauses read; an output's own name may stand in them for the output."""
        named = {trace.name.casefold(): trace for trace in outputs if trace.name}
        for clause in _CLAUSES:
            part = node.args.get(clause)
            for one in part if isinstance(part, list) else [part]:
                if isinstance(one, exp.Expr):
                    self._choose(one.this if clause in _WHOLE and one.this is not None else one, scope, named)
        for join in node.args.get("joins") or ():
            if join.args.get("on"):
                self._choose(join.args["on"], scope, {})
        for relation in scope.relations:
            for name in relation.using:
                both = merge(name, [t for r in scope.relations if (t := r.column(name)) is not None])
                self._decide(both)

    def _choose(self, node: exp.Expr, scope: Scope, named: Mapping[str, Trace]) -> None:
        """Note every comparison of a condition by itself."""
        if isinstance(node, exp.And | exp.Or | exp.Not | exp.Paren):
            for inner in node.iter_expressions():
                self._choose(inner, scope, named)
            return
        outputs = [named.get(c.name.casefold()) for c in node.find_all(exp.Column) if not c.table]
        self._decide(self._value(node, scope), outputs, plain=is_plain(node))

    def _decide(self, found: Trace, outputs: Iterable[Trace | None] = (), *, plain: bool = False) -> None:
        whole = merge("", [found, *(trace for trace in outputs if trace is not None)])
        sources = whole.influences | whole.counted
        self.touched |= sources
        self.filters |= sources
        self.predicates.append(Predicate(sources, whole.given, whole.generated or not whole.complete, plain))

    def _star(self, node: exp.Expr, scope: Scope) -> list[Trace] | None:
        wanted = node.table.casefold() if isinstance(node, exp.Column) else None
        chosen = [r for r in scope.relations if wanted is None or r.alias.casefold() == wanted]
        if not chosen or any(relation.columns is None for relation in chosen):
            return None
        if wanted is not None:
            return list(chosen[0].columns or ())
        if any(relation.using for relation in chosen[1:]) and scope.nested:
            return None
        outputs: list[Trace] = list(chosen[0].columns or ())
        for relation in chosen[1:]:
            outputs = self._joined(outputs, list(relation.columns or ()), relation.using)
        return outputs

    def _joined(self, left: list[Trace], right: list[Trace], using: tuple[str, ...]) -> list[Trace]:
        """Return the columns of a join: SQLite leaves merged ones in their place, the others put them first."""
        merged = {name: merge(name, [t for t in (*left, *right) if t.name.casefold() == name]) for name in using}
        rest = [t for t in right if t.name.casefold() not in merged]
        if self._dialect == "sqlite":
            return [
                merged[t.name.casefold()].renamed(t.name) if t.name.casefold() in merged else t for t in left
            ] + rest
        order = [t.name.casefold() for t in left if t.name.casefold() in merged] if self._dialect == "mysql" else using
        first = [merged[name].renamed(next(t.name for t in left if t.name.casefold() == name)) for name in order]
        return [*first, *(t for t in left if t.name.casefold() not in merged), *rest]

    def _add_source(self, node: exp.Expr, scope: Scope, join: exp.Join | None) -> None:
        relation = self._relation(node, scope)
        using = tuple(name.name.casefold() for name in (join.args.get("using") or ())) if join else ()
        if join is not None and (join.method or "").upper() == "NATURAL":
            ours = {t.name.casefold() for t in relation.columns or ()}
            found = [t.name.casefold() for r in scope.relations for t in r.columns or () if t.name.casefold() in ours]
            using = tuple(dict.fromkeys(found))
        scope.relations.append(Relation(relation.alias, relation.columns, relation.fallback, using))

    def _relation(self, node: exp.Expr, scope: Scope) -> Relation:
        alias = node.alias_or_name
        renames = (
            [c.name for c in node.args["alias"].columns] if isinstance(node.args.get("alias"), exp.TableAlias) else []
        )
        if isinstance(node, exp.Lateral):
            inner = node.this
            if isinstance(inner, exp.Subquery | exp.Query):
                return derived(alias, rename(self.query(inner, scope), renames))
            return self._function(inner, alias, renames, scope)
        if isinstance(node, exp.Subquery):
            if isinstance(node.this, exp.Table):
                joined = Scope(outer=scope)
                self._add_source(node.this, joined, None)
                for join in node.this.args.get("joins") or ():
                    self._add_source(join.this, joined, join)
                scope.relations.extend(joined.relations[:-1])
                scope.nested = True
                return joined.relations[-1]
            return derived(alias, rename(self.query(node, scope), renames))
        if isinstance(node, exp.Values):
            return derived(alias, rename(self._values(node, scope), renames))
        if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
            return self._named(node, alias, renames, scope)
        if isinstance(node, exp.Table) and node.args.get("rows_from"):
            return Relation(alias, None, merge("", [self._value(one, scope) for one in node.args["rows_from"]]))
        return self._function(node.this if isinstance(node, exp.Table) else node, alias, renames, scope)

    def _function(self, node: exp.Expr, alias: str, renames: list[str], scope: Scope) -> Relation:
        """A table function: every column may hold anything of its arguments."""
        trace = self._value(node, scope)
        columns = tuple(trace.renamed(name) for name in renames) or None
        return Relation(alias or (node.name if isinstance(node, exp.Func) else ""), columns, trace)

    def _named(self, node: exp.Table, alias: str, renames: list[str], scope: Scope) -> Relation:
        name, db = node.name, node.db
        if not db:
            is_cte, outputs = scope.cte(name.casefold())
            if is_cte:
                return derived(alias, rename(outputs, renames))
        table = find_table(self._schema, name, db)
        if table is not None:
            traced = self._table(table)
            return derived(alias, rename(traced, renames), row_id=row_id_of(table))
        return Relation(alias, None, of_relation(name, db))

    def _table(self, table: Table) -> tuple[Trace, ...] | None:
        if table.kind not in (TableKind.VIEW, TableKind.MATERIALIZED_VIEW):
            return tuple(
                Trace(c.name, frozenset((BaseColumn(table.schema or "", table.name, c.name),)), bare=True)
                for c in table.columns
            )
        key = (table.schema, table.name)
        if key not in self._views:
            self._views[key] = None  # a view that names itself is never traced
            body = view_body(table.definition or "", self._dialect)
            outputs = self.query(body, Scope()) if body is not None else None
            if outputs is not None and len(outputs) == len(table.columns):
                names = [column.name for column in table.columns]
                self._views[key] = tuple(t.renamed(n) for t, n in zip(outputs, names, strict=True))
            else:
                self._views[key] = tuple(UNKNOWN.renamed(column.name) for column in table.columns)
        return self._views[key]

    def _value(self, node: exp.Expr, scope: Scope) -> Trace:
        """Return everything that may influence a scalar expression."""
        found = self._parts(node, scope)
        inner = node.unalias() if isinstance(node, exp.Alias) else node
        while isinstance(inner, exp.Paren | exp.Cast):
            inner = inner.this
        passes = isinstance(inner, exp.Column | exp.Query | exp.Subquery | exp.Count | exp.Filter | exp.Window)
        return replace(found, is_count=found.is_count and passes, bare=found.bare and isinstance(inner, exp.Column))

    def _parts(self, node: exp.Expr, scope: Scope) -> Trace:
        found: list[Trace] = []
        stack: list[exp.Expr] = [node]
        while stack:
            current = stack.pop()
            if isinstance(current, exp.Column):
                found.append(self._column(current, scope))
            elif isinstance(current, exp.Query):
                found.append(self._subquery(current, scope))
            elif isinstance(current, exp.Count):
                counted = merge("", [self._parts(inner, scope) for inner in operands(current)])
                found.append(Trace("", counted=counted.influences | counted.counted, is_count=True, aggregates=True))
            elif is_null_test(current):
                tested = self._parts(current.this, scope)
                found.append(Trace("", counted=tested.influences | tested.counted))
            elif isinstance(current, exp.Filter):
                chosen = self._parts(current.expression.this, scope)
                self.filters |= chosen.influences
                found += [self._parts(current.this, scope), Trace("", counted=chosen.influences | chosen.counted)]
            elif isinstance(current, exp.Lambda):
                found += [self._named_alone(name, scope) for name in current.expressions]
                stack.append(current.this)
            elif isinstance(current, exp.Identifier):
                found.append(self._named_alone(current, scope))
            elif isinstance(current, exp.Dot) and isinstance(current.this, exp.Literal):
                found.append(UNKNOWN)  # SQLite takes a string for a table's name there
            elif isinstance(current, exp.Placeholder | exp.Parameter):
                found.append(GIVEN)
            else:
                if (isinstance(current, exp.Func) and not is_pure_builtin(current)) or is_foreign_call(current):
                    found.append(UNKNOWN)
                if isinstance(current, exp.Window):
                    stack.extend(definitions(current))
                if isinstance(current, exp.AggFunc) or gathers(current):
                    found.append(Trace("", aggregates=True))
                if isinstance(current, exp.Star) and not isinstance(current.parent, exp.Count):
                    found.extend(relation.whole_row() for relation in scope.relations)
                    self.touched |= merge("", found).influences
                stack.extend(current.iter_expressions())
        return merge("", found)

    def _named_alone(self, node: exp.Expr, scope: Scope) -> Trace:
        """Trace a name that the parser did not take for a column: one where there is such a column, else nothing."""
        if not isinstance(node, exp.Identifier) or is_label(node):
            return NOTHING
        found = self._resolved(exp.column(node.name), scope)
        if not found.complete:
            return NOTHING
        self.touched |= found.influences
        return found

    def _subquery(self, node: exp.Query, scope: Scope) -> Trace:
        """A query used as a value: its outputs, and every column it compares on the way."""
        outputs = self.query(node, scope)
        if outputs is None:
            return UNKNOWN
        inner = Scope(outer=scope)
        self._ctes(node, inner)
        for select in node.find_all(exp.Select):
            from_ = select.args.get("from_") or select.args.get("from")
            for source in [*([from_.this] if from_ else []), *(j.this for j in select.args.get("joins") or ())]:
                inner.relations.append(self._relation(source, inner))
        compared = merge("", [
            self._column(column, inner)
            for where in (*node.find_all(exp.Where), *node.find_all(exp.Having))
            for column in where.find_all(exp.Column)
        ])  # fmt: skip
        value = merge("", outputs)
        if isinstance(node.parent, exp.Exists):
            value = Trace("", complete=value.complete)
        return replace(
            value, conditions=value.conditions | compared.influences, complete=value.complete and compared.complete
        )

    def _column(self, node: exp.Column, scope: Scope) -> Trace:
        found = self._resolved(node, scope)
        self.touched |= found.influences
        made_up = (
            found.complete
            and not found.influences
            and not found.counted
            and found.name.casefold() not in SYSTEM_COLUMNS
        )
        return replace(found, generated=found.generated or made_up)

    def _resolved(self, node: exp.Column, scope: Scope) -> Trace:
        name, table = node.name, node.table.casefold()
        for reach in scope.chain():
            relations = [r for r in reach.relations if not table or r.alias.casefold() == table]
            hits = [trace for r in relations if (trace := r.column(name)) is not None]
            if hits:
                return merge(name, hits)
            if relations and name.casefold() in SYSTEM_COLUMNS:
                return NOTHING.renamed(name)
            rows = [r for r in reach.relations if not table and r.alias.casefold() == name.casefold()]
            if rows:
                return merge(name, [r.whole_row() for r in rows])
            if table and relations:
                return UNKNOWN.renamed(name)
        return UNKNOWN.renamed(name)
