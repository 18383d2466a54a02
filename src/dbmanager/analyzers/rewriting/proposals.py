"""Proposes rewrites of a query: by rules of ours, each with what it demands, and by single steps of sqlglot's optimizer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from dbmanager.analyzers.rewriting.equivalence import proof_of, qualified, sql_schema
from dbmanager.analyzers.rewriting.promises import keys_of
from dbmanager.model.schema import DatabaseSchema, Table, TypeKind

MOST_PROPOSALS = 16
_OPTIMIZER_FAULTS = (
    SqlglotError, AssertionError, AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError,
)  # fmt: skip
"""What sqlglot's optimizer is known to raise on statements it can't handle: then it has nothing to propose."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A rewrite to judge.

    Attributes:
        origin: `rule: ...` or `sqlglot: ...`.
        demand: what must hold for it to be right; the gate judges whether it does.
        is_other_question: it answers another question on purpose, so it is shown and not judged.
    """

    sql: str
    origin: str
    demand: str = ""
    is_other_question: bool = False


@dataclass(frozen=True, slots=True)
class _Work:
    """A statement that rules look at; each gets a copy to change."""

    tree: exp.Query
    dialect: str
    schema: DatabaseSchema

    def text(self, tree: exp.Expr) -> str:
        return tree.sql(self.dialect)

    def table(self, node: exp.Expr | None) -> Table | None:
        """Return the base table that a node of FROM names."""
        if not isinstance(node, exp.Table):
            return None
        found = self.schema.find(node.name, node.db or None)
        return found if found is not None and found.is_base else None


RewriteRule = Callable[[_Work], Iterable[Proposal]]


def proposals_of(statement: str, dialect: str, schema: DatabaseSchema) -> list[Proposal]:
    """Return rewrites worth judging, those of rules first; empty where the statement is not understood."""
    try:
        tree = sqlglot.parse_one(statement, dialect=dialect)
    except (SqlglotError, RecursionError):
        return []
    if not isinstance(tree, exp.Query):
        return []
    found: list[Proposal] = []
    resolved = qualified(statement, dialect, schema, quoted=False) or tree
    for rule in RULES:
        found += rule(_Work(resolved.copy(), dialect, schema))
    found += [p for p in optimized(statement, dialect, schema) if proof_of(statement, p.sql, dialect, schema) is None]
    seen = {tree.sql(dialect).casefold()}
    unique = [p for p in found if not (p.sql.casefold() in seen or seen.add(p.sql.casefold()))]  # type: ignore[func-returns-value]
    return unique[:MOST_PROPOSALS]


def optimized(statement: str, dialect: str, schema: DatabaseSchema) -> list[Proposal]:
    """Return what sqlglot's optimizer makes of a statement, whole and by its single steps."""
    from sqlglot.optimizer import optimize
    from sqlglot.optimizer.eliminate_joins import eliminate_joins
    from sqlglot.optimizer.merge_subqueries import merge_subqueries
    from sqlglot.optimizer.pushdown_predicates import pushdown_predicates
    from sqlglot.optimizer.simplify import simplify
    from sqlglot.optimizer.unnest_subqueries import unnest_subqueries

    base = qualified(statement, dialect, schema)
    known = sql_schema(base, schema) if base is not None else None
    if base is None or known is None:
        return []
    plain = base.sql(dialect)
    steps: dict[str, Callable[[exp.Expr], exp.Expr]] = {
        "optimize": lambda tree: optimize(tree, schema=known, dialect=dialect),
        "unnest_subqueries": unnest_subqueries,
        "merge_subqueries": merge_subqueries,
        "pushdown_predicates": lambda tree: pushdown_predicates(tree, dialect=dialect),
        "eliminate_joins": eliminate_joins,
        "simplify": lambda tree: simplify(tree, dialect=dialect),
    }
    found = []
    for name, step in steps.items():
        try:
            text = step(base.copy()).sql(dialect)
        except _OPTIMIZER_FAULTS:
            continue
        if text != plain:
            found.append(Proposal(text, f"sqlglot: {name}"))
    return found


def not_in(work: _Work) -> Iterator[Proposal]:
    """Propose NOT EXISTS for NOT IN of a subquery."""
    for node in work.tree.find_all(exp.Not):
        inside = node.this.unnest()
        query = inside.args.get("query") if isinstance(inside, exp.In) else None
        select = query.unnest() if query is not None else None
        if not isinstance(select, exp.Select) or len(select.selects) != 1 or _is_grouped(select):
            continue
        output = select.selects[0].unalias()
        condition = exp.EQ(this=output.copy(), expression=inside.this.copy())
        inner = select.copy().select(exp.Literal.number(1), append=False, copy=False).where(condition, copy=False)
        changed = _replaced(work, node, exp.Not(this=exp.Exists(this=inner)))
        yield Proposal(
            changed, "rule: NOT IN as NOT EXISTS",
            f"{work.text(inside.this)} and {work.text(output)} are never NULL",
        )  # fmt: skip


def or_as_union(work: _Work) -> Iterator[Proposal]:
    """Propose a union of two index searches for an OR across columns."""
    select = work.tree
    if not isinstance(select, exp.Select) or _is_grouped(select) or any(select.args.get(p) for p in ("order", "with_")):
        return
    where = select.args.get("where")
    parts = list(_conjuncts(where.this)) if where else []
    for part in parts:
        choice = part.unnest()
        if not isinstance(choice, exp.Or) or len({column.name for column in choice.find_all(exp.Column)}) < 2:
            continue
        rest = [other for other in parts if other is not part]
        first, second = select.copy(), select.copy()
        first.set("where", exp.Where(this=exp.and_(choice.left, *rest)))
        negated = sqlglot.parse_one(f"({work.text(choice.left)}) IS NOT TRUE", dialect=work.dialect)
        second.set("where", exp.Where(this=exp.and_(choice.right, negated, *rest)))
        text = f"{work.text(first)} UNION ALL {work.text(second)}"
        yield Proposal(text, "rule: OR as UNION ALL of what each side finds", "each side has an index")
        return


def union_all(work: _Work) -> Iterator[Proposal]:
    """Propose UNION ALL where both sides hold different values of a column and a whole key is among the outputs."""
    tree = work.tree
    if not isinstance(tree, exp.Union) or not tree.args.get("distinct"):
        return
    sides = [tree.this.unnest(), tree.expression.unnest()]
    if not all(isinstance(side, exp.Select) for side in sides):
        return
    tables = [work.table(_from(side)) for side in sides]
    if tables[0] is None or tables[0] != tables[1] or any(side.args.get("joins") for side in sides):
        return
    keyed = all(
        any(set(key) <= {item.unalias().name for item in side.selects} for key in keys_of(tables[0])) for side in sides
    )
    fixed = [_fixed(side) for side in sides]
    if keyed and any(fixed[1].get(name, value) != value for name, value in fixed[0].items()):
        changed = tree.copy()
        changed.set("distinct", False)
        yield Proposal(work.text(changed), "rule: UNION as UNION ALL", "both sides are disjoint and hold a key")


def count_as_exists(work: _Work) -> Iterator[Proposal]:
    """Propose EXISTS for a count that is only compared with nothing."""
    for node in work.tree.find_all(exp.GT, exp.EQ, exp.GTE):
        count, bound = node.this, node.args["expression"]
        select = count.this if isinstance(count, exp.Subquery) else None
        limit = "1" if isinstance(node, exp.GTE) else "0"
        if not isinstance(select, exp.Select) or not isinstance(bound, exp.Literal) or bound.name != limit:
            continue
        item = select.selects[0].unalias()
        if not isinstance(item, exp.Count) or not isinstance(item.this, exp.Star) or select.args.get("group"):
            continue
        exists: exp.Expr = exp.Exists(this=select.copy().select(exp.Literal.number(1), append=False, copy=False))
        if isinstance(node, exp.EQ):
            exists = exp.Not(this=exists)
        yield Proposal(_replaced(work, node, exists), "rule: count(*) compared with 0 as EXISTS")


def function_as_range(work: _Work) -> Iterator[Proposal]:
    """Propose a range for a year taken of a column, so that an index can serve."""
    for node in work.tree.find_all(exp.EQ):
        call, year = node.this, node.args["expression"]
        column = _year_of(call)
        if (
            column is None
            or not isinstance(year, exp.Literal)
            or not year.name.isdigit()
            or not _is_moment(work, column)
        ):
            continue
        name, number = work.text(column), int(year.name)
        text = f"{name} >= '{number:04}-01-01' AND {name} < '{number + 1:04}-01-01'"
        changed = exp.Paren(this=sqlglot.parse_one(text, dialect=work.dialect))
        yield Proposal(
            _replaced(work, node, changed), "rule: a year of a column as a range", "an index leads with the column"
        )


def keyset(work: _Work) -> Iterator[Proposal]:
    """Propose paging by key in place of OFFSET; it asks for what comes after a row, which is another question."""
    select = work.tree
    order, offset = select.args.get("order"), select.args.get("offset")
    if not isinstance(select, exp.Select) or order is None or offset is None:
        return
    keys = [item.this for item in order.expressions]
    changed = select.copy()
    changed.set("offset", None)
    marks = ", ".join(f"<last {work.text(key)}>" for key in keys)
    after = "<" if order.expressions[0].args.get("desc") else ">"
    text = f"{work.text(changed)} -- with WHERE ({', '.join(map(work.text, keys))}) {after} ({marks})"
    yield Proposal(
        text,
        "rule: OFFSET as paging by key",
        "the order ends with a key, and the caller keeps the last row's keys",
        True,
    )


def correlated_aggregate(work: _Work) -> Iterator[Proposal]:
    """Propose one grouped join for a correlated aggregate that is asked again for each row."""
    select = work.tree
    where = select.args.get("where") if isinstance(select, exp.Select) else None
    if not isinstance(select, exp.Select) or where is None or select.args.get("with_"):
        return
    for part in _conjuncts(where.this):
        found = _correlated(work, part)
        if found is None:
            continue
        inner, key, outer, value = found
        grouped = inner.copy().select(
            exp.alias_(key.copy(), "rewrite_key"), exp.alias_(value.copy(), "rewrite_value"), append=False, copy=False
        )  # fmt: skip
        grouped.set("where", _without(inner, key, outer))
        grouped = grouped.group_by(key.copy(), copy=False)
        changed = select.copy().join(
            grouped.subquery("rewrite_group"), on=exp.EQ(this=exp.column("rewrite_key", "rewrite_group"), expression=outer.copy()), copy=False,
        )  # fmt: skip
        subquery = next(part.find_all(exp.Subquery))
        for candidate in changed.args["where"].find_all(exp.Subquery):
            if candidate == subquery:
                candidate.replace(exp.column("rewrite_value", "rewrite_group"))
                break
        yield Proposal(
            work.text(changed),
            "rule: a correlated aggregate as a grouped join",
            "no row is wanted where the aggregate is NULL",
        )


def outer_as_inner(work: _Work) -> Iterator[Proposal]:
    """Propose an inner join where WHERE compares a column of the right side with a literal."""
    select = work.tree
    where = select.args.get("where") if isinstance(select, exp.Select) else None
    for at, join in enumerate(select.args.get("joins") or ()):
        if join.side != "LEFT" or where is None:
            continue
        alias = join.this.alias_or_name
        demanded = any(
            isinstance(part, exp.EQ | exp.GT | exp.GTE | exp.LT | exp.LTE | exp.Between | exp.Like)
            and isinstance(part.this, exp.Column) and part.this.table == alias
            for part in (term.unnest() for term in _conjuncts(where.this))
        )  # fmt: skip
        if demanded:
            changed = select.copy()
            changed.args["joins"][at].set("side", None)
            changed.args["joins"][at].set("kind", None)
            yield Proposal(work.text(changed), "rule: an outer join whose right side is demanded, as an inner one")


RULES: tuple[RewriteRule, ...] = (
    not_in, or_as_union, union_all, count_as_exists, function_as_range, keyset, correlated_aggregate, outer_as_inner,
)  # fmt: skip


def _replaced(work: _Work, node: exp.Expr, by: exp.Expr) -> str:
    """Return the text of a copy of the statement with one node replaced."""
    marker = exp.Identifier(this="rewrite_marker")
    parent = node.parent
    if parent is None:
        return work.text(by)
    node.replace(marker)
    changed = work.tree.copy()
    marker.replace(node)
    place = next(found for found in changed.find_all(exp.Identifier) if found.name == "rewrite_marker")
    place.replace(by)
    return work.text(changed)


def _is_grouped(select: exp.Select) -> bool:
    parts = ("group", "having", "distinct", "limit", "offset", "qualify", "windows")
    return any(select.args.get(p) for p in parts) or any(item.find(exp.AggFunc, exp.Window) for item in select.selects)


def _conjuncts(node: exp.Expr) -> Iterator[exp.Expr]:
    inner = node.unnest()
    if isinstance(inner, exp.And):
        yield from _conjuncts(inner.left)
        yield from _conjuncts(inner.right)
    else:
        yield node


def _from(select: exp.Expr) -> exp.Expr | None:
    from_ = select.args.get("from_")
    return from_.this if from_ else None


def _fixed(select: exp.Expr) -> dict[str, str]:
    """Return the columns that a SELECT demands to be one literal, and these."""
    where = select.args.get("where")
    found = {}
    for part in _conjuncts(where.this) if where else ():
        if isinstance(part, exp.EQ) and isinstance(part.this, exp.Column) and isinstance(part.expression, exp.Literal):
            found[part.this.name] = part.expression.sql()
    return found


def _year_of(call: exp.Expr) -> exp.Column | None:
    if isinstance(call, exp.Extract) and call.this.name.lower() == "year" and isinstance(call.expression, exp.Column):
        return call.expression
    inner = call.this if isinstance(call, exp.Year) else None
    while isinstance(inner, exp.Cast | exp.TsOrDsToDate):
        inner = inner.this
    return inner if isinstance(inner, exp.Column) else None


def _is_moment(work: _Work, column: exp.Column) -> bool:
    kinds = (TypeKind.DATE, TypeKind.TIMESTAMP)
    tables = [table for node in work.tree.find_all(exp.Table) if (table := work.table(node)) is not None]
    return any(t.has_column(column.name) and t.column(column.name).type.kind in kinds for t in tables)


def _correlated(work: _Work, part: exp.Expr) -> tuple[exp.Select, exp.Column, exp.Column, exp.Expr] | None:
    """Return subquery, its key, the outer column and the value of a comparison with a correlated aggregate."""
    compared = part.unnest()
    if not isinstance(compared, exp.EQ | exp.GT | exp.GTE | exp.LT | exp.LTE | exp.NEQ):
        return None
    subquery = next((s for s in (compared.this, compared.args["expression"]) if isinstance(s, exp.Subquery)), None)
    inner = subquery.this if subquery is not None else None
    if (
        not isinstance(inner, exp.Select)
        or len(inner.selects) != 1
        or inner.args.get("group")
        or inner.args.get("joins")
    ):
        return None
    value = inner.selects[0].unalias()
    source, where = _from(inner), inner.args.get("where")
    if (
        not value.find(exp.Sum, exp.Avg, exp.Min, exp.Max)
        or value.find(exp.Count, exp.Coalesce, exp.Case)
        or where is None
    ):
        return None
    mine = source.alias_or_name if source is not None else ""
    table = work.table(source)
    for condition in _conjuncts(where.this):
        one, other = condition.args.get("this"), condition.args.get("expression")
        if isinstance(condition, exp.EQ) and isinstance(one, exp.Column) and isinstance(other, exp.Column):
            for key, outer in ((one, other), (other, one)):
                if _is_of(key, mine, table) and not _is_of(outer, mine, table):
                    return inner, key, outer, value
    return None


def _is_of(column: exp.Column, alias: str, table: Table | None) -> bool:
    """Whether a column is of the table of that alias."""
    return column.table == alias or (not column.table and table is not None and table.has_column(column.name))


def _without(inner: exp.Select, key: exp.Column, outer: exp.Column) -> exp.Where | None:
    """Return the conditions of a subquery but the one that correlates it."""
    kept = [
        part.copy()
        for part in _conjuncts(inner.args["where"].this)
        if not (isinstance(part, exp.EQ) and {part.this.sql(), part.expression.sql()} == {key.sql(), outer.sql()})
    ]
    return exp.Where(this=exp.and_(*kept)) if kept else None
