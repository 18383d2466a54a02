"""Proves two statements equal by bringing both into one form; every step to it is a rule with a proof."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify

from dbmanager.analyzers.rewriting.promises import keys_of
from dbmanager.model.schema import DatabaseSchema, Table

NodeT = TypeVar("NodeT", bound=exp.Expr)


@dataclass(frozen=True, slots=True)
class Rule:
    """One step to the common form, and why it changes no answer."""

    id: str
    title: str
    proof: str


PROOFS: tuple[Rule, ...] = (
    Rule("names", "spelling, comments, aliases of tables, columns named with their table",
         "Names are resolved by the catalog as the engine does; renaming them all alike changes nothing."),
    Rule("operands", "order of the operands of AND, OR and =; comparisons turned round; repeated operands",
         "AND and OR of three-valued logic commute, associate and are idempotent; a < b is b > a."),
    Rule("between", "BETWEEN as two comparisons, IN of a list as sorted list, IN of one value as =",
         "SQL defines them so (ISO/IEC 9075-2, 8.3 and 8.4)."),
    Rule("negation", "NOT pushed to the comparisons",
         "De Morgan's laws hold in three-valued logic, and both a comparison and its opposite are unknown for NULL."),
    Rule("joins", "conditions of inner joins among those of WHERE, where a SELECT has inner joins alone",
         "An inner join is the filtered product; filters of a product commute."),
    Rule("existence", "what EXISTS selects",
         "Only whether there is a row matters; outputs without aggregates change no number of rows."),
    Rule("count", "count of a literal, or of a column that is never NULL in inner joins, as count(*)",
         "count(x) leaves out rows whose x is NULL; there are none."),
    Rule("distinct", "DISTINCT over one table with a whole key among the outputs",
         "No two rows have the same key, so no two outputs are the same."),
)  # fmt: skip

MOST_NODES = 600
"""Of a statement's tree, three times the largest of TPC-H. Comparing and simplifying take the square of it, seconds beyond."""
_FLIPPED: dict[type[exp.Expr], type[exp.Expr]] = {exp.GT: exp.LT, exp.GTE: exp.LTE}
_OPPOSITE: dict[type[exp.Expr], type[exp.Expr]] = {
    exp.EQ: exp.NEQ, exp.NEQ: exp.EQ, exp.LT: exp.GTE, exp.GTE: exp.LT, exp.GT: exp.LTE, exp.LTE: exp.GT,
}  # fmt: skip


def proof_of(original: str, rewritten: str, dialect: str, schema: DatabaseSchema) -> tuple[str, ...] | None:
    """Return the ids of the rules that prove both equal, None where they prove nothing."""
    forms = [_canonical(sql, dialect, schema) for sql in (original, rewritten)]
    if None in forms or forms[0][0] != forms[1][0]:  # type: ignore[index]
        return None
    used = {rule for form in forms if form for rule in form[1]}
    return tuple(rule.id for rule in PROOFS if rule.id in used | {"names"})


def sql_schema(tree: exp.Expr, schema: DatabaseSchema) -> dict[str, Any] | None:
    """Return the tables that a statement names as sqlglot takes them; None where some are not known."""
    found: dict[str, Any] = {}
    ctes = {cte.alias_or_name for cte in tree.find_all(exp.CTE)}
    for node in tree.find_all(exp.Table):
        table = schema.find(node.name, node.db or None)
        if table is None:
            if node.name in ctes:
                continue
            return None
        columns = {column.name: _type(column.type.native) for column in table.columns}
        if table.schema is None:
            found[table.name] = columns
        else:
            found.setdefault(table.schema, {})[table.name] = columns
    return found


def _type(native: str) -> str:
    return native.partition("(")[0].strip() or "text"


def qualified(statement: str, dialect: str, schema: DatabaseSchema, *, quoted: bool = True) -> exp.Query | None:
    """Return a statement with every name resolved; None where that can't be done for sure, or would take too long."""
    try:
        tree = sqlglot.parse_one(statement, dialect=dialect)
        known = sql_schema(tree, schema)
        if known is None or not isinstance(tree, exp.Query) or sum(1 for _ in tree.walk()) > MOST_NODES:
            return None
        db = schema.default_schema if schema.default_schema in known else None
        return qualify(tree, dialect=dialect, schema=known, db=db, quote_identifiers=quoted, identify=quoted)
    except (SqlglotError, RecursionError, KeyError, AttributeError, ValueError, TypeError):
        return None


def _canonical(statement: str, dialect: str, schema: DatabaseSchema) -> tuple[str, set[str]] | None:
    tree = qualified(statement, dialect, schema)
    if tree is None or _has_odd_names(tree, schema):
        return None
    form = _Form(schema, set())
    return repr(_plain(_renamed(form.shaped(_plain(tree))))), form.used


def _key(node: exp.Expr) -> str:
    """Return what nodes are sorted and told apart by, whichever way they were made."""
    return repr(_plain(node))


def _plain(tree: NodeT) -> NodeT:
    """Return the tree without what says nothing: comments, quotes, the order in which parts were found."""
    for node in tree.walk():
        node.comments = None
        if isinstance(node, exp.Identifier):
            node.set("quoted", True)
        node.args = dict(sorted(node.args.items()))
    return tree


def _has_odd_names(tree: exp.Query, schema: DatabaseSchema) -> bool:
    """Whether a CTE hides a table, or SQLite compares by the collation of whichever column stands left."""
    tables = [schema.find(node.name, node.db or None) for node in tree.find_all(exp.Table)]
    collated = any(c.collation not in (None, "", "BINARY") for table in tables if table for c in table.columns)
    hidden = any(schema.find(cte.alias_or_name) is not None for cte in tree.find_all(exp.CTE))
    return hidden or (collated and schema.engine == "sqlite")


@dataclass(slots=True)
class _Form:
    """Brings a statement into the common form, and notes which rules did something."""

    schema: DatabaseSchema
    used: set[str]

    def shaped(self, tree: exp.Query) -> exp.Query:
        """Apply the rules; those about SELECTs first, then bottom up those about conditions."""
        for select in list(tree.find_all(exp.Select)):
            self._select(select)
        for exists in list(tree.find_all(exp.Exists)):
            self._exists(exists)
        _renamed(tree)
        return cast(exp.Query, _bottom_up(tree, self._node))

    def _select(self, select: exp.Select) -> None:
        tables = self._inner_tables(select)
        if tables is None:
            return
        conditions = [join.args["on"] for join in select.args.get("joins") or () if join.args.get("on") is not None]
        for join in select.args.get("joins") or ():
            if join.args.get("on") is not None or join.args.get("kind"):
                self.used.add("joins")
            join.set("on", None)
            join.set("kind", None)
            join.set("side", None)
        for condition in conditions:
            select.where(condition, copy=False)
        for count in [
            n for item in select.find_all(exp.Count) for n in [item] if item.find_ancestor(exp.Select) is select
        ]:
            if not count.expressions and self._never_null(count.this, tables):
                count.set("this", exp.Star())
                self.used.add("count")
        self._distinct(select, tables)

    def _inner_tables(self, select: exp.Select) -> dict[str, Table] | None:
        """Return the base tables of a SELECT by alias where it has inner joins of plain tables alone."""
        from_ = select.args.get("from_")
        joins = select.args.get("joins") or []
        nodes = ([from_.this] if from_ else []) + [join.this for join in joins]
        if any(
            join.side or join.method or join.kind not in ("", "INNER", "CROSS") or join.args.get("using")
            for join in joins
        ):
            return None
        found = {}
        for node in nodes:
            table = self.schema.find(node.name, node.db or None) if isinstance(node, exp.Table) else None
            if table is None or not table.is_base or node.args.get("joins") or node.args.get("laterals"):
                return None
            found[node.alias_or_name] = table
        return None if select.args.get("laterals") or not nodes else found

    def _never_null(self, node: exp.Expr | None, tables: dict[str, Table]) -> bool:
        if isinstance(node, exp.Literal):
            return True
        if not isinstance(node, exp.Column) or node.table not in tables or not tables[node.table].has_column(node.name):
            return False
        table = tables[node.table]
        key = table.primary_key.columns if table.primary_key and self.schema.engine != "sqlite" else ()
        return not table.column(node.name).nullable or node.name in key

    def _distinct(self, select: exp.Select, tables: dict[str, Table]) -> None:
        distinct = select.args.get("distinct")
        if distinct is None or distinct.args.get("on") or len(tables) != 1 or select.args.get("group"):
            return
        table = next(iter(tables.values()))
        outputs = {item.unalias().name for item in select.selects if isinstance(item.unalias(), exp.Column)}
        if any(set(key) <= outputs and not any(table.column(n).nullable for n in key) for key in keys_of(table)):
            select.set("distinct", None)
            self.used.add("distinct")

    def _exists(self, exists: exp.Exists) -> None:
        select = exists.this
        plain = isinstance(select, exp.Select) and not any(
            select.args.get(p) for p in ("group", "having", "limit", "offset", "distinct", "qualify")
        )
        bare = exp.Column | exp.Literal | exp.Star | exp.Null
        if plain and all(isinstance(item.unalias(), bare) for item in select.selects):
            select.set("expressions", [exp.Literal.number(1)])
            select.set("order", None)
            self.used.add("existence")

    def _node(self, node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Paren):
            return cast(exp.Expr, node.this)
        if isinstance(node, exp.Not):
            return self._negated(node)
        if isinstance(node, exp.Between) and not node.args.get("symmetric"):
            self.used.add("between")
            low = exp.LTE(this=node.args["low"], expression=node.this.copy())
            return self._sorted(exp.And, [low, exp.LTE(this=node.this, expression=node.args["high"])])
        if isinstance(node, exp.In) and node.expressions and not node.args.get("query"):
            return self._in(node)
        if isinstance(node, exp.And | exp.Or):
            return self._sorted(type(node), list(_flat(node, type(node))))
        if type(node) in _FLIPPED:
            self.used.add("operands")
            return _FLIPPED[type(node)](this=node.args["expression"], expression=node.this)
        if isinstance(node, exp.EQ | exp.NEQ) and _key(node.this) > _key(node.args["expression"]):
            self.used.add("operands")
            return type(node)(this=node.args["expression"], expression=node.this)
        return node

    def _negated(self, node: exp.Not) -> exp.Expr:
        inner = node.this.unnest()
        if type(inner) in _OPPOSITE and not inner.find(exp.Any, exp.All, exp.Tuple):
            self.used.add("negation")
            return self._node(_OPPOSITE[type(inner)](this=inner.this, expression=inner.args["expression"]))
        if isinstance(inner, exp.Not):
            self.used.add("negation")
            return cast(exp.Expr, inner.this)
        if isinstance(inner, exp.And | exp.Or):
            self.used.add("negation")
            kind = exp.Or if isinstance(inner, exp.And) else exp.And
            return self._sorted(kind, [self._negated(exp.Not(this=part)) for part in _flat(inner, type(inner))])
        return exp.Not(this=inner)

    def _in(self, node: exp.In) -> exp.Expr:
        self.used.add("between")
        items = list({_key(item): item for item in sorted(node.expressions, key=_key)}.values())
        if len(items) == 1 and isinstance(items[0], exp.Literal):
            return self._node(exp.EQ(this=node.this, expression=items[0]))
        return exp.In(this=node.this, expressions=items)

    def _sorted(self, kind: type[exp.Expr], parts: Iterable[exp.Expr]) -> exp.Expr:
        flat = [leaf for part in parts for leaf in _flat(part, kind)]
        unique = list({_key(part): part for part in sorted(flat, key=_key)}.values())
        self.used.add("operands")
        found = unique[0]
        for part in unique[1:]:
            found = kind(this=found, expression=part)
        return found


def _flat(node: exp.Expr, kind: type[exp.Expr]) -> Iterable[exp.Expr]:
    node = node.unnest()
    if isinstance(node, kind):
        yield from _flat(node.this, kind)
        yield from _flat(node.args["expression"], kind)
    else:
        yield node


def _bottom_up(node: exp.Expr, change: Callable[[exp.Expr], exp.Expr]) -> exp.Expr:
    """Return the tree with every node changed, children first."""
    for name, value in list(node.args.items()):
        if isinstance(value, exp.Expr):
            node.set(name, _bottom_up(value, change))
        elif isinstance(value, list):
            node.set(name, [_bottom_up(item, change) if isinstance(item, exp.Expr) else item for item in value])
    return change(node)


def _renamed(tree: exp.Query) -> exp.Query:
    """Return the tree with the aliases of tables numbered in the order in which they are met."""
    names: dict[str, str] = {}
    ctes = {cte.alias_or_name for cte in tree.find_all(exp.CTE)}
    for node in tree.walk(bfs=False):
        if isinstance(node, exp.TableAlias) and node.this is not None:
            names.setdefault(node.name, f"t{len(names)}")
    for node in list(tree.walk()):
        if isinstance(node, exp.TableAlias) and node.this is not None:
            node.set("this", exp.to_identifier(names[node.name]))
        elif isinstance(node, exp.Column) and node.table in names:
            node.set("table", exp.to_identifier(names[node.table]))
        elif isinstance(node, exp.Table) and node.name in ctes and not node.db:
            node.set("this", exp.to_identifier(names[node.name]))
    return tree
