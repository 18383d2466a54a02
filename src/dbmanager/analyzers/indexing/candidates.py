"""Candidate indexes of a query: equality and join columns first, one range or an order last, and covering ones."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator
from itertools import permutations

from dbmanager.analyzers.indexing.usage import ColumnUse
from dbmanager.model.indexing import PLAIN, IndexMeans
from dbmanager.model.schema import Index, IndexKey, Table, TypeKind

MAX_KEY_COLUMNS = 3
MAX_INCLUDED = 6
MAX_MERGED = 8
"""Columns beside the keys in an index that is to serve several queries."""
MAX_FOR_A_TABLE = 60
"""Candidates of one query for one table; the narrow ones come first."""
_LONGEST_NAME = 63
_ALIGNMENT = {
    TypeKind.TIMESTAMP: 1, TypeKind.FLOAT: 1, TypeKind.DATE: 3, TypeKind.INTEGER: 3, TypeKind.BOOLEAN: 4, TypeKind.UUID: 4
}  # fmt: skip
_NO_KEYS = frozenset((TypeKind.JSON, TypeKind.ARRAY, TypeKind.OTHER))


_Shape = tuple[tuple[IndexKey, ...], tuple[str, ...], str | None]


def candidates(uses: Iterable[ColumnUse], means: IndexMeans = PLAIN) -> list[tuple[Table, Index]]:
    """Return distinct candidates that no existing key or index already serves, narrow ones first."""
    found: dict[tuple[str | None, str, _Shape], tuple[Table, Index]] = {}
    for use in uses:
        shapes = (shape for shape in _shapes(use, means) if not _served(use.table, shape))
        for count, shape in enumerate(dict.fromkeys(shapes)):
            if count == MAX_FOR_A_TABLE:
                break
            key = (use.table.schema, use.table.name, shape)
            found.setdefault(key, (use.table, index_of(use.table, *shape)))
    return sorted(found.values(), key=lambda pair: (len(pair[1].keys) + len(pair[1].include), pair[1].name))


def index_of(
    table: Table, keys: tuple[IndexKey, ...], include: tuple[str, ...] = (), where: str | None = None
) -> Index:
    """Return an index named by its table and columns; where the name must be cut, it ends in a digest of all of it."""
    plain = all(not key.is_expression and not key.descending for key in keys)
    words = [key.name if not key.is_expression else "expr" for key in keys]
    name = "_".join(("ix", table.name, *words, *(("incl", *include) if include else ())))
    if not plain or where is not None or len(name.encode()) > _LONGEST_NAME:
        whole = repr((table.schema, table.name, keys, include, where))
        digest = hashlib.sha256(whole.encode()).hexdigest()[:8]
        room = _LONGEST_NAME - len(digest) - 1
        while len(name.encode()) > room:
            name = name[:-1]
        name = f"{name}_{digest}"
    return Index(name=name, keys=keys, include=include, where=where)


def widened(found: Iterable[tuple[Table, Index]]) -> list[tuple[Table, Index]]:
    """Return indexes that hold what two, or all, of the covering ones with the same keys hold."""
    groups: dict[tuple[str | None, str, tuple[IndexKey, ...], str | None], list[tuple[Table, Index]]] = {}
    for table, index in found:
        if index.include:
            groups.setdefault((table.schema, table.name, index.keys, index.where), []).append((table, index))
    made: dict[str, tuple[Table, Index]] = {}
    for members in groups.values():
        table, keys = members[0][0], members[0][1].keys
        sets = list(dict.fromkeys(frozenset(index.include) for _, index in members))
        unions = {one | other for one in sets for other in sets} | {frozenset[str]().union(*sets)}
        for union in sorted(unions.difference(sets), key=sorted):
            if len(union) <= MAX_MERGED:
                index = index_of(table, keys, _held(table, union), members[0][1].where)
                made[index.name] = (table, index)
    return list(made.values())


def merged(table: Table, first: Index, second: Index) -> Index | None:
    """Return one index that serves what two serve; None where their keys do not begin alike or it would be too wide."""
    if first.where != second.where:
        return None
    wide, narrow = (first, second) if len(first.keys) >= len(second.keys) else (second, first)
    if wide.keys[: len(narrow.keys)] != narrow.keys:
        return None
    held = {key.name for key in wide.keys}
    include = _held(table, (set(wide.include) | set(narrow.include)) - held)
    if len(include) > MAX_MERGED:
        return None
    return index_of(table, wide.keys, include, wide.where)


def _shapes(use: ColumnUse, means: IndexMeans) -> Iterator[_Shape]:
    lists = list(dict.fromkeys(_column_lists(use)))
    held = {column.name for column in use.table.columns if column.identity is not None and means.holds_row_key}
    narrow = [tuple(IndexKey(name, descending=_turned(use, names, name)) for name in names) for names in lists]
    for keys in narrow:
        yield keys, (), None
    if means.expressions:
        for text in use.expressions:
            yield (IndexKey(f"({text})", is_expression=True),), (), None
    if means.include and not use.whole:
        for keys in narrow:
            rest = _held(use.table, set(use.read) - held - {key.name for key in keys})
            if rest and len(rest) <= MAX_INCLUDED:
                yield keys, rest, None
    if means.partial:
        for condition, columns in _conditions(use):
            for keys in narrow:
                left = tuple(key for key in keys if key.name not in columns or key.name in use.ranged)
                if not left:
                    continue
                yield left, (), condition
                rest = _held(use.table, (set(use.read) - held - columns | set(use.beyond)) - {key.name for key in left})
                if means.include and rest and not use.whole and len(rest) <= MAX_INCLUDED:
                    yield left, rest, condition


def _conditions(use: ColumnUse) -> Iterator[tuple[str, set[str]]]:
    """Yield conditions that are the same in every call, each alone and all together, with their columns."""
    steady = [(text, set(columns)) for text, columns in use.comparisons.items()]
    steady += [
        (condition, {column}) for column, condition in use.constants.items() if _is_steady(use.table, column, condition)
    ]
    yield from steady
    if len(steady) > 1:
        yield " AND ".join(text for text, _ in steady), set[str]().union(*(columns for _, columns in steady))


def _held(table: Table, names: Collection[str]) -> tuple[str, ...]:
    """Order columns to hold so that no bytes are lost to alignment: those of eight bytes first, texts last."""
    return tuple(sorted(names, key=lambda name: (_ALIGNMENT.get(table.column(name).type.kind, 9), name)))


def _turned(use: ColumnUse, names: tuple[str, ...], name: str) -> bool:
    """Whether a key is sorted downwards: only where an order mixes both ways, since an index is read from both ends."""
    return (
        name in use.descending
        and len(use.descending) < len(use.ordered)
        and names[-len(use.ordered) :] == tuple(use.ordered)
    )


def _is_steady(table: Table, column: str, condition: str) -> bool:
    """Whether a condition is likely the same in every call: a null test, a boolean, one of few declared values."""
    kind = table.column(column).type.kind
    return kind in (TypeKind.BOOLEAN, TypeKind.ENUM) or condition.upper().endswith((" NULL", " TRUE", " FALSE"))


def _column_lists(use: ColumnUse) -> Iterator[tuple[str, ...]]:
    """Yield lists of key columns, the narrow ones first; a range or an order stands last."""
    can = {column.name for column in use.table.columns if column.type.kind not in _NO_KEYS}
    exact = [name for name in dict.fromkeys((*use.equal, *use.joined)) if name in can]
    ranged = [name for name in use.ranged if name in can and name not in exact]
    order = tuple(name for name in use.ordered if name in can)
    group = tuple(name for name in use.grouped if name in can)
    for width in range(1, MAX_KEY_COLUMNS + 1):
        yield from permutations(exact, width)
        for head in permutations(exact, width - 1):
            yield from ((*head, tail) for tail in ranged)
    for tail in (order, group):
        if tail:
            for head in [(), tuple(use.equal), *((name,) for name in exact)]:
                yield tuple(dict.fromkeys((*head, *tail)))[: MAX_KEY_COLUMNS + 1]


def _served(table: Table, shape: _Shape) -> bool:
    """Whether what exists serves a shape already: an index that begins with it, or a key inside its head."""
    keys, include, where = shape
    if include or where is not None or any(key.is_expression for key in keys):
        return any(i.keys == keys and i.include == include and i.where == where for i in table.indexes)
    columns = tuple(key.name for key in keys)
    unique = [table.primary_key.columns] if table.primary_key else []
    unique += [one.columns for one in table.uniques]
    unique += [index.column_names for index in table.indexes if index.unique and index.where is None]
    if any(key and set(key) <= set(columns[: len(key)]) for key in unique):
        return True
    starts = any(i.valid and i.where is None and i.column_names[: len(columns)] == columns for i in table.indexes)
    return starts or any(key[: len(columns)] == columns for key in unique)
