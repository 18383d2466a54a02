"""Candidate indexes: equality and join columns first, then one range or the sort order."""

from __future__ import annotations

from collections.abc import Iterable

from dbmanager.analyzers.indexing.usage import ColumnUse
from dbmanager.analyzers.schema_lint.structure import has_key_index, proposed_index
from dbmanager.model.schema import Index, Table

MAX_KEY_COLUMNS = 3


def candidates(uses: Iterable[ColumnUse]) -> list[tuple[Table, Index]]:
    """Return distinct candidates that no existing key or index already serves, narrow ones first."""
    found: dict[tuple[str | None, str, tuple[str, ...]], tuple[Table, Index]] = {}
    for use in uses:
        for columns in _column_lists(use):
            key = (use.table.schema, use.table.name, columns)
            if key not in found and not _served(use.table, columns):
                found[key] = (use.table, proposed_index(use.table, columns))
    return sorted(found.values(), key=lambda pair: (len(pair[1].keys), pair[1].name))


def _column_lists(use: ColumnUse) -> list[tuple[str, ...]]:
    lists: list[list[str]] = []
    selective = [*use.equal, *(name for name in use.joined if name not in use.equal)]
    tails = [[], use.ranged[:1], use.ordered]
    for head in (use.equal, selective, *([name] for name in use.joined)):
        for tail in tails:
            columns = [*head, *(name for name in tail if name not in head)][:MAX_KEY_COLUMNS]
            if columns:
                lists.append(columns)
    return list(dict.fromkeys(tuple(columns) for columns in lists))


def _served(table: Table, columns: tuple[str, ...]) -> bool:
    """Whether what exists serves the columns already: an index that starts with them, or a key inside their head."""
    keys = [table.primary_key.columns] if table.primary_key else []
    keys += [unique.columns for unique in table.uniques]
    keys += [index.column_names for index in table.indexes if index.unique and index.where is None]
    if any(key and set(key) <= set(columns[: len(key)]) for key in keys):
        return True
    starts = any(i.valid and i.where is None and i.column_names[: len(columns)] == columns for i in table.indexes)
    return starts or (len(columns) == 1 and has_key_index(table, columns))
