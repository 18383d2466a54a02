"""Rules over the text of a statement, by its syntax tree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from sqlglot import exp

from dbmanager.analyzers.plans.facts import SQL, PlanRule, Seen, StatementFacts, sources
from dbmanager.model.findings import Severity
from dbmanager.model.schema import Table, TypeKind

NodeT = TypeVar("NodeT", bound=exp.Expr)
FAR_OFFSET = 1_000.0
_COMPARISONS = (exp.EQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In)
_NUMBERS = (TypeKind.INTEGER, TypeKind.DECIMAL, TypeKind.FLOAT)
_REWRITE = "Write the statement as it was."


def _star(facts: StatementFacts) -> Iterator[Seen]:
    select = facts.tree
    if not isinstance(select, exp.Select) or any(isinstance(node, exp.Subquery) for node in sources(select)):
        return
    if any(isinstance(item, exp.Star) or item.is_star for item in select.selects):
        fix = "Name the columns that are used: fewer bytes, and an index may hold them all."
        yield Seen("SELECT *", fix, undo=_REWRITE)


def _leading_wildcard(facts: StatementFacts) -> Iterator[Seen]:
    for node in _all(facts, exp.Like, exp.ILike):
        pattern = node.args.get("expression")
        if isinstance(pattern, exp.Literal) and pattern.name[:1] in ("%", "_") and isinstance(node.this, exp.Column):
            yield Seen(
                node.this.sql(),
                "Search by the beginning, or by a trigram or full-text index.",
                undo="DROP INDEX of what was made.",
            )


def _far_offset(facts: StatementFacts) -> Iterator[Seen]:
    for node in _all(facts, exp.Offset):
        count = node.args.get("expression") or node.this
        if isinstance(count, exp.Literal) and count.name.isdigit() and int(count.name) >= FAR_OFFSET:
            yield Seen(
                "OFFSET",
                "Page by key: WHERE (key) > (last key seen) ORDER BY key; it asks for what comes after a row.",
                float(count.name),
                _REWRITE,
            )


def _wrapped_column(facts: StatementFacts) -> Iterator[Seen]:
    for node in _all(facts, *_COMPARISONS):
        for side in (node.this, node.args.get("expression")):
            if side is None:
                continue
            column = _inside(side)
            table = facts.table_of(column) if column is not None else None
            if column is not None and table is not None and _leads(table, column.name) and _is_constant(node, side):
                yield Seen(
                    f"{table.name}.{column.name} in {_word(side)}",
                    "Compare the bare column with a range or a value of its own type, or index the expression.", undo=_REWRITE,
                )  # fmt: skip


def _inside(side: exp.Expr) -> exp.Column | None:
    """Return the column that a function or a cast stands around."""
    if isinstance(side, exp.Column | exp.Literal | exp.Subquery | exp.AggFunc):
        return None
    if not isinstance(side, exp.Func | exp.Cast | exp.Binary):
        return None
    columns = list(side.find_all(exp.Column))
    has_more = side.find(exp.AggFunc, exp.Subquery, exp.Case, exp.Coalesce, exp.Window) is not None
    return columns[0] if len(columns) == 1 and not has_more and not isinstance(side, exp.Predicate) else None


def _is_constant(node: exp.Expr, side: exp.Expr) -> bool:
    others = [child for child in node.iter_expressions() if child is not side]
    return bool(others) and not any(child.find(exp.Column, exp.Query) for child in others)


def _word(side: exp.Expr) -> str:
    return "a calculation" if isinstance(side, exp.Binary) else f"{side.key}()"


def _leads(table: Table, column: str) -> bool:
    keys = [table.primary_key.columns] if table.primary_key else []
    keys += [unique.columns for unique in table.uniques] + [index.column_names for index in table.indexes]
    return any(key[:1] == (column,) for key in keys)


def _other_type(facts: StatementFacts) -> Iterator[Seen]:
    for node in _all(facts, exp.EQ):
        for column, other in ((node.this, node.expression), (node.expression, node.this)):
            if not isinstance(column, exp.Column) or not isinstance(other, exp.Literal) or other.args.get("is_string"):
                continue
            table = facts.table_of(column)
            if table is not None and table.column(column.name).type.kind is TypeKind.TEXT:
                yield Seen(f"{table.name}.{column.name}", "Write the value as a text, like the column.", undo=_REWRITE)


def _not_in(facts: StatementFacts) -> Iterator[Seen]:
    for node in _all(facts, exp.Not):
        inside = node.this.unnest()
        query = inside.args.get("query") if isinstance(inside, exp.In) else None
        select = query.unnest() if query is not None else None
        if not isinstance(select, exp.Select) or len(select.selects) != 1:
            continue
        output = select.selects[0].unalias()
        table = facts.table_of(output) if isinstance(output, exp.Column) else None
        if table is not None and table.column(output.name).nullable and not _demands(select, output.name):
            yield Seen(
                f"NOT IN over {table.name}.{output.name}",
                "One NULL there and no row is answered: leave NULLs out, or NOT EXISTS if that is meant (verify_rewrite).",
                undo=_REWRITE,
            )  # fmt: skip


def _demands(select: exp.Select, column: str) -> bool:
    where = select.args.get("where")
    return where is not None and any(c.name == column for c in where.find_all(exp.Column))


def _cartesian(facts: StatementFacts) -> Iterator[Seen]:
    for select in _all(facts, exp.Select):
        names = [node.alias_or_name for node in sources(select) if isinstance(node, exp.Table)]
        joins = select.args.get("joins") or []
        if (
            len(names) < 2
            or len(names) != len(sources(select))
            or any(join.args.get("using") or join.method for join in joins)
        ):
            continue
        linked = {names[0]}
        conditions = [join.args["on"] for join in joins if join.args.get("on") is not None]
        conditions += [select.args["where"]] if select.args.get("where") else []
        groups = [_tables_of(facts, part) & set(names) for condition in conditions for part in _terms(condition)]
        for _ in names:
            for group in groups:
                linked |= group if group & linked else set()
        if left := [name for name in names if name not in linked]:
            yield Seen(", ".join(left), "Say how it is joined; every row meets every other now.", undo=_REWRITE)


def _tables_of(facts: StatementFacts, part: exp.Expr) -> set[str]:
    found = set()
    for column in part.find_all(exp.Column):
        table = None if column.table else facts.table_of(column)
        found.add(column.table or (table.name if table is not None else ""))
    return found


def _terms(node: exp.Expr) -> Iterator[exp.Expr]:
    inner = node.this.unnest() if isinstance(node, exp.Where | exp.Paren) else node
    if isinstance(inner, exp.And):
        yield from _terms(inner.left)
        yield from _terms(inner.right)
    else:
        yield inner


def _or_across(facts: StatementFacts) -> Iterator[Seen]:
    for node in _all(facts, exp.Or):
        sides = [next(side.find_all(exp.Column), None) for side in (node.left, node.right)]
        if None in sides or sides[0].name == sides[1].name or node.find_ancestor(exp.Or):  # type: ignore[union-attr]
            continue
        tables = [facts.table_of(column) for column in sides if column is not None]
        if len(tables) == 2 and all(
            t is not None and _leads(t, c.name) for t, c in zip(tables, sides, strict=True) if c
        ):
            yield Seen(
                "OR",
                "UNION ALL of one search by each index, without what the first has found (verify_rewrite).",
                undo=_REWRITE,
            )


def _random_order(facts: StatementFacts) -> Iterator[Seen]:
    for node in _all(facts, exp.Ordered):
        if node.this.find(exp.Rand) is not None or (
            isinstance(node.this, exp.Anonymous) and node.this.name.lower() in ("random", "rand")
        ):
            yield Seen(
                "ORDER BY a random number", "Draw keys first, or TABLESAMPLE where the engine has it.", undo=_REWRITE
            )


def _counted(facts: StatementFacts) -> Iterator[Seen]:
    for node in _all(facts, exp.GT, exp.GTE):
        count, bound = node.this, node.args["expression"]
        select = count.this if isinstance(count, exp.Subquery) else None
        wanted = "0" if isinstance(node, exp.GT) else "1"
        if not isinstance(select, exp.Select) or not isinstance(bound, exp.Literal) or bound.name != wanted:
            continue
        if isinstance(select.selects[0].unalias(), exp.Count):
            yield Seen("count(*) > 0", "EXISTS, which ends at the first row (verify_rewrite).", undo=_REWRITE)


def _correlated(facts: StatementFacts) -> Iterator[Seen]:
    for select in _all(facts, exp.Select):
        if not isinstance(select.parent, exp.Subquery) or isinstance(select.parent.parent, exp.From | exp.Join):
            continue
        mine = {node.alias_or_name for node in sources(select)}
        where = select.args.get("where")
        if where is None or not any(item.find(exp.AggFunc) for item in select.selects):
            continue
        if any(column.table and column.table not in mine for column in where.find_all(exp.Column)):
            yield Seen(
                "a correlated aggregate",
                "One grouped join in its place, if there are many outer rows (verify_rewrite proposes it).",
                undo=_REWRITE,
            )


def _distinct_join(facts: StatementFacts) -> Iterator[Seen]:
    for select in _all(facts, exp.Select):
        if select.args.get("distinct") is not None and select.args.get("joins") and not select.args.get("group"):
            tables = {column.table for item in select.selects for column in item.find_all(exp.Column)}
            if len(tables) == 1 and "" not in tables and len(sources(select)) > 1:
                yield Seen(
                    "DISTINCT over a join",
                    "EXISTS for the tables that nothing is answered of (verify_rewrite).",
                    undo=_REWRITE,
                )


def _all(facts: StatementFacts, *kinds: type[NodeT]) -> Iterator[NodeT]:
    return facts.tree.find_all(*kinds) if facts.tree is not None else iter(())


_INDEXES = "https://use-the-index-luke.com/sql/where-clause"
RULES: tuple[PlanRule, ...] = (
    PlanRule("SQL-001", Severity.LOW, SQL, "every column is read", "https://use-the-index-luke.com/sql/clustering/index-only-scan-covering-index",
             "All columns are really used, and new ones shall be, too.", _star),
    PlanRule("SQL-002", Severity.MEDIUM, SQL, "a pattern begins with a wildcard, so no ordinary index can serve", f"{_INDEXES}/searching-for-ranges/like-performance-tuning",
             "The column has a trigram or full-text index, or the other conditions leave few rows.", _leading_wildcard),
    PlanRule("SQL-003", Severity.MEDIUM, SQL, "rows are read to be skipped", "our limit; https://use-the-index-luke.com/no-offset",
             "Nobody ever turns that far.", _far_offset, FAR_OFFSET),
    PlanRule("SQL-004", Severity.MEDIUM, SQL, "an indexed column stands inside of a function, so its index can't serve", f"{_INDEXES}/functions",
             "The very expression is indexed, or other conditions leave few rows.", _wrapped_column),
    PlanRule("SQL-005", Severity.HIGH, SQL, "NOT IN over a column that may be NULL", "ISO/IEC 9075-2, 8.4: x NOT IN (..., NULL) is never true",
             "There are no NULLs there, though they are allowed.", _not_in),
    PlanRule("SQL-006", Severity.MEDIUM, frozenset(("mysql", "sqlite")), "a text column is compared with a number", "https://dev.mysql.com/doc/refman/8.4/en/type-conversion.html",
             "It is meant to find texts of any spelling of that number.", _other_type),
    PlanRule("SQL-007", Severity.HIGH, SQL, "a table is joined without a condition", "ISO/IEC 9075-2, 7.10: a cross join is the product",
             "One side has a single row, or the product is meant.", _cartesian),
    PlanRule("SQL-008", Severity.LOW, SQL, "OR across two indexed columns", f"{_INDEXES}/obfuscation/smart-logic",
             "The plan already combines both indexes.", _or_across),
    PlanRule("SQL-009", Severity.MEDIUM, SQL, "all rows are sorted by a random number", "SQL Antipatterns (Karwin, 2010), Random Selection",
             "The table is small.", _random_order),
    PlanRule("SQL-010", Severity.LOW, SQL, "rows are counted only to see whether there are any", "SQLCheck (Dintyala et al., SIGMOD 2020)",
             "The planner may know it already.", _counted),
    PlanRule("SQL-011", Severity.LOW, SQL, "an aggregate is computed again for each row", "Galindo-Legaria and Joshi, SIGMOD 2001",
             "Few outer rows, and an index for the inner ones.", _correlated),
    PlanRule("SQL-012", Severity.LOW, SQL, "DISTINCT takes back what a join has multiplied", "SQLCheck (Dintyala et al., SIGMOD 2020)",
             "The join can't multiply rows, and what is answered has duplicates of its own.", _distinct_join),
)  # fmt: skip
