"""What a statement promises of its answer: an order, one answer for the same data, or less."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from dbmanager.model.documents import Fields
from dbmanager.model.schema import DatabaseSchema, Table

VOLATILE = frozenset(
    "rand random randomblob uuid gen_random_uuid newid clock_timestamp timeofday statement_timestamp sysdate nextval "
    "setval txid_current uuid_generate_v4 uuid_generate_v1 last_insert_id row_count found_rows changes total_changes "
    "connection_id pg_backend_pid sleep pg_sleep random_normal uuid_short uuidv7 uuidv4".split()
)
_VOLATILE_NODES = (exp.Rand, exp.Randn, exp.Uuid, exp.TableSample)
_CLOCKS = (exp.CurrentTimestamp, exp.CurrentTime, exp.CurrentDate, exp.CurrentDatetime)
_LISTS = (exp.ArrayAgg, exp.GroupConcat, exp.JSONArrayAgg, exp.JSONObjectAgg, exp.ArrayConcatAgg)
_NUMBERING = (exp.RowNumber, exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue, exp.Ntile)
_LIST_NAMES = frozenset(
    "json_agg jsonb_agg xmlagg json_group_array json_group_object jsonb_object_agg json_object_agg".split()
)


@dataclass(frozen=True, slots=True)
class Promise:
    """What holds of every answer.

    Attributes:
        ordered: the rows come in an order.
        keys: positions of the outputs that they are ordered by, in order; None where one of the keys is no output.
        total: the order leaves no two rows that differ untold.
        limited: only the first rows are answered.
        volatile: why it answers otherwise each time; it can't be compared then.
        loose: why the engine may choose among answers; only the number of rows is compared then.
        folds: one of several values that a collation takes for equal is answered.
        fields: of documents, the paths that they are ordered by, with whether they descend.
        bags: of documents, the fields with arrays whose order says nothing.
    """

    ordered: bool = False
    keys: tuple[int, ...] | None = None
    total: bool = False
    limited: bool = False
    volatile: str = ""
    loose: str = ""
    folds: bool = False
    fields: Fields = ()
    bags: tuple[str, ...] = ()

    @property
    def has_ties(self) -> bool:
        """Whether the engine may choose which rows are among the first."""
        return self.limited and not self.total


def promise_of(statement: str, dialect: str, schema: DatabaseSchema) -> Promise | None:
    """Return what a statement promises; None where it is not understood."""
    try:
        tree = sqlglot.parse_one(statement, dialect=dialect)
    except (SqlglotError, RecursionError):
        return None
    if not isinstance(tree, exp.Query):
        return Promise()
    order = tree.args.get("order")
    keys = _key_positions(tree, order.expressions, schema) if order else None
    return Promise(
        ordered=order is not None,
        keys=keys,
        total=_is_total(tree, keys, order.expressions if order else [], schema),
        limited=_limits(tree),
        volatile=_volatile(tree),
        loose=_loose(tree, schema, dialect),
        folds=any(True for _ in tree.find_all(exp.Distinct, exp.Group, exp.Union, exp.Min, exp.Max)),
    )


def _limits(tree: exp.Expr) -> bool:
    return any(tree.args.get(part) is not None for part in ("limit", "offset"))


def _volatile(tree: exp.Expr) -> str:
    for node in tree.find_all(exp.Func, *_VOLATILE_NODES):
        name = (node.name if isinstance(node, exp.Anonymous) else node.key).lower()
        if isinstance(node, _VOLATILE_NODES) or name in VOLATILE:
            return (
                f"{name}() answers otherwise each time" if not isinstance(node, exp.TableSample) else "it samples rows"
            )
    if any(isinstance(node, exp.Parameter | exp.SessionParameter) for node in tree.walk()):
        return "it reads a session's variables"
    return ""


def _loose(tree: exp.Expr, schema: DatabaseSchema, dialect: str) -> str:
    for node in tree.find_all(exp.Query):
        if node is not tree and _limits(node) and not _is_existence(node):
            order = node.args.get("order")
            items = order.expressions if order else []
            if not _is_total(node, _key_positions(node, items, schema) if order else None, items, schema):
                return "a LIMIT inside takes any rows, as the order before it is not full"
    for called in tree.find_all(exp.Func):
        name = (called.name if isinstance(called, exp.Anonymous) else called.key).lower()
        if (
            (isinstance(called, _LISTS) or name in _LIST_NAMES)
            and called.find(exp.Order) is None
            and not called.find_ancestor(exp.WithinGroup)
        ):
            return "it gathers values in a list whose order is not said"
    for window in tree.find_all(exp.Window):
        if isinstance(window.this, _NUMBERING) and not _orders_by_key(window, schema):
            return "a window function numbers rows whose order is not full"
    for select in tree.find_all(exp.Select):
        distinct = select.args.get("distinct")
        if distinct is not None and distinct.args.get("on") is not None:
            return "DISTINCT ON keeps any of the rows that its order leaves equal"
        if dialect in ("mysql", "sqlite") and _is_bare(select):
            return "an output stands beside aggregates without being grouped, so any row of the group gives it"
    return ""


def _is_existence(node: exp.Expr) -> bool:
    parent = node.parent
    return isinstance(parent, exp.Exists) or isinstance(getattr(parent, "parent", None), exp.Exists)


def _is_bare(select: exp.Select) -> bool:
    """Whether a column is answered that is neither grouped nor aggregated."""
    group = select.args.get("group")
    if group is None and not any(_aggregates(item) for item in select.selects):
        return False
    grouped = {item.sql().casefold() for item in (group.expressions if group else ())}
    names = {
        item.name.casefold()
        for item in (group.expressions if group else ())
        if isinstance(item, exp.Column | exp.Literal)
    }
    names |= {str(n) for n, item in enumerate(select.selects, 1) if item.alias_or_name.casefold() in names}
    for number, item in enumerate(select.selects, 1):
        inner = item.unalias()
        if inner.sql().casefold() in grouped or str(number) in names or item.alias.casefold() in names:
            continue
        for column in inner.find_all(exp.Column):
            if column.name.casefold() not in names and not column.find_ancestor(exp.AggFunc, exp.Subquery, exp.Exists):
                return True
    return False


def _aggregates(item: exp.Expr) -> bool:
    return any(
        node.find_ancestor(exp.Window, exp.Query) in (None, item.find_ancestor(exp.Query))
        for node in item.find_all(exp.AggFunc)
    )


def _orders_by_key(window: exp.Window, schema: DatabaseSchema) -> bool:
    select = window.find_ancestor(exp.Select)
    order = window.args.get("order")
    if order is None or not isinstance(select, exp.Select):
        return False
    keys = [item.this for item in order.expressions] + list(window.args.get("partition_by") or ())
    return _covers_keys(select, keys, schema)


def _key_positions(tree: exp.Query, items: Iterable[exp.Expr], schema: DatabaseSchema) -> tuple[int, ...] | None:
    names, texts = _outputs(tree, schema)
    found = []
    for item in items:
        key = item.this if isinstance(item, exp.Ordered) else item
        text = key.sql().casefold()
        if isinstance(key, exp.Literal) and not key.args.get("is_string"):
            found.append(int(key.name) - 1)
        elif text in texts:
            found.append(texts.index(text))
        elif isinstance(key, exp.Column) and key.name.casefold() in names:
            found.append(names.index(key.name.casefold()))
        else:
            return None
    return tuple(found)


def _outputs(tree: exp.Query, schema: DatabaseSchema) -> tuple[list[str], list[str]]:
    """Return names and texts of the outputs; both empty where stars hide them."""
    select = tree
    while isinstance(select, exp.SetOperation):
        select = select.this.unnest()
    if not isinstance(select, exp.Select):
        return [], []
    items = select.selects
    if any(isinstance(item, exp.Star) or item.is_star for item in items):
        tables = list(_base_tables(select, schema))
        if len(items) != 1 or len(tables) != 1 or tables[0] is None:
            return [], []
        return [column.name.casefold() for column in tables[0].columns], []
    return [item.alias_or_name.casefold() for item in items], [item.unalias().sql().casefold() for item in items]


def _is_total(tree: exp.Query, keys: tuple[int, ...] | None, items: Iterable[exp.Expr], schema: DatabaseSchema) -> bool:
    """Whether no two rows that differ may change places."""
    names, _ = _outputs(tree, schema)
    if keys is not None and names and set(range(len(names))) <= set(keys):
        return True
    if not isinstance(tree, exp.Select):
        return False
    group = tree.args.get("group")
    if group is None and any(_aggregates(item) for item in tree.selects):
        return True  # one row
    ordered = [item.this if isinstance(item, exp.Ordered) else item for item in items]
    if group is not None:
        texts = {key.sql().casefold() for key in ordered} | {key.name.casefold() for key in ordered}
        return bool(group.expressions) and all(
            e.sql().casefold() in texts or e.name.casefold() in texts for e in group.expressions
        )
    return _covers_keys(tree, ordered, schema)


def _covers_keys(select: exp.Select, keys: Iterable[exp.Expr], schema: DatabaseSchema) -> bool:
    """Whether a key of every table of a SELECT is among the columns."""
    columns = [(key.table.casefold(), key.name.casefold()) for key in keys if isinstance(key, exp.Column)]
    sources = list(_sources(select))
    tables = list(_base_tables(select, schema))
    if not tables or None in tables:
        return False
    for (alias, _), table in zip(sources, tables, strict=True):
        assert table is not None
        mine = {name for owner, name in columns if owner == alias or (not owner and len(tables) == 1)}
        if not any({c.casefold() for c in key} <= mine for key in keys_of(table)):
            return False
    return True


def _sources(select: exp.Select) -> Iterator[tuple[str, exp.Expr]]:
    from_ = select.args.get("from_")
    for node in [from_.this] if from_ else []:
        yield node.alias_or_name.casefold(), node
    for join in select.args.get("joins") or ():
        yield join.this.alias_or_name.casefold(), join.this


def _base_tables(select: exp.Select, schema: DatabaseSchema) -> Iterator[Table | None]:
    for _, node in _sources(select):
        table = schema.find(node.name, node.db or None) if isinstance(node, exp.Table) else None
        yield table if table is not None and table.is_base else None


def keys_of(table: Table) -> list[tuple[str, ...]]:
    """Return the sets of columns whose values are never NULL and never twice the same."""
    found = [table.primary_key.columns] if table.primary_key else []
    found += [unique.columns for unique in table.uniques]
    found += [
        i.column_names
        for i in table.indexes
        if i.unique and i.where is None and not any(k.is_expression for k in i.keys)
    ]
    primary = table.primary_key.columns if table.primary_key else ()
    return [key for key in found if key and (key == primary or not any(table.column(name).nullable for name in key))]


def unlike_bounds(original: str, rewritten: str, dialect: str) -> tuple[str, ...]:
    """Return numbers of rows that only one of two statements bounds or skips, written in LIMIT, OFFSET or FETCH."""
    found = [
        Counter(
            number.name
            for node in tree.find_all(exp.Limit, exp.Offset, exp.Fetch)
            for number in node.find_all(exp.Literal)
        )
        for tree in (sqlglot.parse_one(sql, dialect=dialect) for sql in (original, rewritten))
    ]
    return tuple(sorted((found[0] - found[1]) + (found[1] - found[0])))


def has_clock(statement: str, dialect: str) -> bool:
    """Whether the time of asking matters."""
    tree = sqlglot.parse_one(statement, dialect=dialect)
    return any(True for _ in tree.find_all(*_CLOCKS))
