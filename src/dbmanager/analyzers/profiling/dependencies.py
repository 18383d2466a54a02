"""Which columns seem to decide others, from sampled rows: candidates for a transitive dependency."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from dbmanager.model.queries import Cell
from dbmanager.model.schema import Table, TypeKind
from dbmanager.model.statistics import Sample

MIN_ROWS = 50
MIN_REPETITION = 1.3
"""A determinant must repeat at least this often on average, or the sample says nothing."""
MIN_DETERMINANTS = 5
_DECIDING = (TypeKind.TEXT, TypeKind.INTEGER, TypeKind.UUID)
_DECIDED = (TypeKind.TEXT,)


def dependency_candidates(table: Table, sample: Sample) -> list[tuple[str, tuple[str, ...]]]:
    """Return `(determinant, dependents)` pairs that every sampled row agrees with.

    Keys and references are no determinants of interest: what depends on a key is as it should be. Only text is taken
    as a dependent, since numbers and flags depend on many things by chance.
    """
    if len(sample.rows) < MIN_ROWS:
        return []
    keys = _key_columns(table)
    columns = [name for name in sample.columns if name not in keys and table.has_column(name)]
    groups: dict[str, list[str]] = defaultdict(list)
    for left in columns:
        if table.column(left).type.kind not in _DECIDING:
            continue
        values = sample.values(left)
        distinct = len(set(map(str, values)))
        if distinct < MIN_DETERMINANTS or not values or len(values) / distinct < MIN_REPETITION:
            continue
        for right in columns:
            if right != left and table.column(right).type.kind in _DECIDED and _decides(sample, left, right):
                groups[left].append(right)
    return _without_mutual(groups)


def _key_columns(table: Table) -> set[str]:
    keys = set(table.primary_key.columns) if table.primary_key and len(table.primary_key.columns) == 1 else set()
    keys.update(unique.columns[0] for unique in table.uniques if len(unique.columns) == 1)
    keys.update(index.column_names[0] for index in table.indexes if index.unique and len(index.column_names) == 1)
    return keys


def _decides(sample: Sample, left: str, right: str) -> bool:
    at_left, at_right = sample.columns.index(left), sample.columns.index(right)
    seen: dict[str, Cell] = {}
    rights: set[str] = set()
    for row in sample.rows:
        if row[at_left] is None or row[at_right] is None:
            continue
        rights.add(str(row[at_right]))
        if seen.setdefault(str(row[at_left]), row[at_right]) != row[at_right]:
            return False
    return len(rights) >= MIN_DETERMINANTS


def _without_mutual(groups: dict[str, list[str]]) -> list[tuple[str, tuple[str, ...]]]:
    """Drop the weaker side where two columns decide each other, and determinants that are themselves decided."""
    result: list[tuple[str, tuple[str, ...]]] = []
    taken: set[str] = set()
    for left, rights in sorted(groups.items(), key=lambda item: (-len(item[1]), _key_likeness(item[0]), item[0])):
        if left not in taken:
            kept: Sequence[str] = [right for right in rights if right not in taken]
            if kept:
                result.append((left, tuple(kept)))
                taken.update(kept)
    return result


def _key_likeness(name: str) -> int:
    return 0 if name.casefold().endswith(("code", "id", "no", "zip", "postcode", "sku")) else 1
