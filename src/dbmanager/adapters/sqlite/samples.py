"""Statistics of indexes that do not exist, from one bounded sample of each table."""

from __future__ import annotations

import math
import sqlite3
from collections import Counter
from collections.abc import Sequence, Set
from typing import Any

from dbmanager.adapters.sql.names import quote
from dbmanager.adapters.sqlite.session import Handle
from dbmanager.model.queries import Row
from dbmanager.model.schema import Index, Table

PLACES = 5_000
"""From so many places of a table two rows are taken."""
ENTRY_OVERHEAD_BYTES = 4
"""Its place in the page, its length, and the length of the record's header."""
ROW_OVERHEAD_BYTES = 8
MEASURED_VALUES = 2_000
PAGE_HEADER_BYTES, CHILD_BYTES = 8, 4
_INDEX_KEYS = "SELECT name FROM pragma_index_xinfo(?, 'main') WHERE key = 1 ORDER BY seqno"
_IS_PARTIAL = "SELECT partial FROM pragma_index_list(?, 'main') WHERE name = ?"
_ROW_KEY = "SELECT name, type FROM pragma_table_info(?, 'main') WHERE pk > 0"


class Samples:
    """What was drawn so far; each column, expression and condition of a table is drawn once."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._drawn: dict[tuple[str, str], list[Any]] = {}
        self._widths: dict[tuple[str, str], float] = {}
        self._chosen: dict[str, list[int] | None] = {}
        self._next: dict[str, set[int]] = {}
        self._each: dict[tuple[str, frozenset[str | None], str | None], int] = {}
        self._counted: dict[str, dict[frozenset[str | None], float]] = {}

    def counted(self, handle: Handle, analysed: Sequence[tuple[str, str | None, str]]) -> None:
        """Take what ANALYZE counted over all rows; a sample knows it less well."""
        for table, index, stat in analysed:
            row_keys = {frozenset[str | None]((quote(key),)): 1.0 for key in _row_key(handle, table)}
            known = self._counted.setdefault(table, row_keys)
            keys = _index_keys(handle, index)
            if index is None or not all(keys) or handle.raw.execute(_IS_PARTIAL, (table, index)).fetchone() != (0,):
                continue
            figures = [float(word) for word in stat.split()[1:] if word.isdigit()]
            for width, figure in enumerate(figures[: len(keys)], 1):
                known[frozenset(keys[:width])] = figure

    def existing(self, handle: Handle) -> list[tuple[str, str | None, str]]:
        """Return rows for `sqlite_stat1` of every real table and index of a file that was never analysed."""
        found: list[tuple[str, str | None, str]] = []
        pairs = handle.raw.execute(
            "SELECT t.name, l.name FROM pragma_table_list AS t LEFT JOIN pragma_index_list(t.name, 'main') AS l "
            "WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        ).fetchall()
        for table, index in pairs:
            keys = _index_keys(handle, index)
            if index is None or not all(keys):
                found.append((table, None, str(self._count(handle, table))))
            else:
                found.append((table, index, self._stat(handle, table, keys, None)))
        return found

    def stat(self, handle: Handle, table: Table, index: Index) -> str:
        """Return the `sqlite_stat1` text of an index as it would be: rows, then rows of one value of each prefix."""
        return self._stat(handle, table.name, _keys(index), index.where)

    def size(self, handle: Handle, table: Table, index: Index) -> int:
        """Return the bytes of an index as it would be right after it was made, when its pages are full.

        Source: "B-tree Pages" and "Record Format" of the file format's description.
        """
        rows = self._count(handle, table.name) * self._share(handle, table.name, index.where)
        keys = _keys(index)
        each = sum(self._width(handle, table.name, key) for key in [*keys, *self._row_names(handle, table, keys)])
        each += ENTRY_OVERHEAD_BYTES
        page = handle.raw.execute("PRAGMA page_size").fetchone()[0]
        usable = page - PAGE_HEADER_BYTES - min(each, page / 4) / 2  # the last entry seldom fits
        leaves = max(1, math.ceil(rows * each / usable))
        above = math.ceil(leaves * (each + CHILD_BYTES) / usable) if leaves > 1 else 0
        return int(page * (leaves + above))

    def _row_names(self, handle: Handle, table: Table, keys: Sequence[str]) -> list[str]:
        """Return what an entry tells its row by: the rowid, or the key's columns that it does not hold anyway."""
        if self._rows(handle, table.name) is not None:
            return ["rowid"]
        columns = table.primary_key.columns if table.primary_key else ()
        return [name for name in map(quote, columns) if name not in keys]

    def table_bytes(self, handle: Handle, table: Table) -> int:
        """Return the bytes of a table's rows."""
        each = sum(self._width(handle, table.name, quote(column.name)) for column in table.columns)
        return int((each + ROW_OVERHEAD_BYTES) * self._count(handle, table.name))

    def _count(self, handle: Handle, table: str) -> int:
        if table not in self._counts:
            query = f"SELECT count(*) FROM {quote(table)}"  # noqa: S608 - quoted
            self._counts[table] = handle.raw.execute(query).fetchone()[0]
        return self._counts[table]

    def _share(self, handle: Handle, table: str, where: str | None) -> float:
        if where is None:
            return 1.0
        hits = self._values(handle, table, f"({where}) IS TRUE")
        return float((sum(hits) + 1) / (len(hits) + 1))

    def _width(self, handle: Handle, table: str, key: str) -> float:
        if (table, key) not in self._widths:
            values = self._values(handle, table, key)
            values = values[:: max(1, len(values) // MEASURED_VALUES)]
            self._widths[(table, key)] = sum(map(_bytes, values)) / len(values) if values else 8.0
        return self._widths[(table, key)]

    def _stat(self, handle: Handle, table: str, keys: Sequence[str | None], where: str | None) -> str:
        rows = self._count(handle, table)
        columns = [self._values(handle, table, key) for key in keys if key]
        if not columns or not columns[0]:
            return "0" + " 1" * len(keys)
        hits = self._values(handle, table, f"({where}) IS TRUE") if where is not None else [1] * len(columns[0])
        inside = max(1, round(rows * self._share(handle, table, where)))
        parts: list[int] = []
        for width in range(1, len(columns) + 1):
            asked = (table, frozenset(keys[:width]), where)
            if asked not in self._each:
                drawn = [
                    row if hit else None for row, hit in zip(zip(*columns[:width], strict=True), hits, strict=True)
                ]
                self._each[asked] = rows_each(inside, distinct_values(drawn, self._next[table], inside))
            each = min((self._each[asked], *parts[-1:]))
            parts.append(each if where is not None else self._known(table, keys[:width], each))
        return f"{inside} {' '.join(map(str, parts))}"

    def _known(self, table: str, keys: Sequence[str | None], sampled: int) -> int:
        """Return the rows of one value of these columns: what was counted of just these, and never more than of some."""
        counted = self._counted.get(table, {})
        held = frozenset(keys)
        if held in counted:
            return int(counted[held])
        return int(min([sampled, *(rows for some, rows in counted.items() if some < held)]))

    def _values(self, handle: Handle, table: str, expression: str) -> list[Any]:
        """Return one expression's values at even steps through the table, always of the same rows."""
        if (table, expression) not in self._drawn:
            self._drawn[(table, expression)] = self._draw(handle, table, expression)
        return self._drawn[(table, expression)]

    def _draw(self, handle: Handle, table: str, expression: str) -> list[Any]:
        rows = self._rows(handle, table)
        chosen = f"LIMIT {2 * PLACES}" if rows is None else f"WHERE rowid IN ({', '.join(map(str, rows))})"
        return [row[0] for row in handle.raw.execute(f"SELECT {expression} FROM {quote(table)} {chosen}")]  # noqa: S608

    def _rows(self, handle: Handle, table: str) -> list[int] | None:
        """Return the rowids that are sampled: at even steps a row and the next, so that rows that stand together show.

        None where a table has no rowids: its first rows are the sample.
        """
        if table not in self._chosen:
            self._chosen[table], self._next[table] = _places(handle, table)
        return self._chosen[table]


def _places(handle: Handle, table: str) -> tuple[list[int] | None, set[int]]:
    """Return sorted rowids and the positions of those that the next one follows at once in the table."""
    pairs = range(1, 2 * PLACES)
    if handle.raw.execute("SELECT wr FROM pragma_table_list WHERE name = ?", (table,)).fetchone()[0]:
        return None, set(pairs)
    source = quote(table)
    try:
        first, last = (
            handle.raw.execute(f"SELECT {which}(rowid) FROM {source}").fetchone()[0] or 0  # noqa: S608 - quoted
            for which in ("min", "max")
        )
    except sqlite3.OperationalError:  # a virtual table without rowids
        return None, set(pairs)
    found: dict[int, int] = {}
    for place in range(first, last + 1, max(1, (last - first) // PLACES)):
        near = handle.raw.execute(f"SELECT rowid FROM {source} WHERE rowid >= ? ORDER BY rowid LIMIT 2", (place,))  # noqa: S608
        rows = [row[0] for row in near]
        if rows:
            found[rows[0]] = rows[-1]
    chosen = sorted({*found, *found.values()})
    return chosen, {at for at, row in enumerate(chosen[1:], 1) if found.get(chosen[at - 1]) == row}


def _keys(index: Index) -> list[str]:
    """Return the keys as SQL; SQLite holds further columns as keys."""
    keys = [key.name if key.is_expression else quote(key.name) for key in index.keys]
    return [*keys, *map(quote, index.include)]


def distinct_values(sampled: Sequence[Row | None], followers: Set[int], rows: int) -> float:
    """Return how many values so many rows hold, by a sample of them; None is a row that does not count.

    Source: Haas and Stokes 1998, the estimator "Duj1", which PostgreSQL's ANALYZE uses. It knows nothing of rows that stand
    together: there are never more values than runs of equal rows, and those show in rows that follow one another.
    """
    kept = [row for row in sampled if row is not None]
    if not kept:
        return 1.0
    counts = Counter(kept)
    if len(kept) >= rows:
        return float(len(counts))
    once = sum(1 for count in counts.values() if count == 1)
    drawn = len(kept)
    distinct = drawn * len(counts) / (drawn - once + once * drawn / rows)
    pairs = [(sampled[at - 1], sampled[at]) for at in followers if at < len(sampled)]
    known = [(one, other) for one, other in pairs if one is not None and other is not None]
    turns = sum(one != other for one, other in known)
    runs = rows * (turns + 1) / (len(known) + 1)
    return max(float(len(counts)), min(distinct, runs, float(rows)))


def rows_each(rows: int, distinct: float) -> int:
    """Return rows of one value as ANALYZE writes them: rounded up, but hardly more than one is one (`statGet`)."""
    each = math.ceil(rows / distinct)
    return 1 if each == 2 and rows * 10 <= distinct * 11 else max(1, each)


def _index_keys(handle: Handle, index: str | None) -> list[str | None]:
    """Return the quoted key columns of an index; None for an expression."""
    return [row[0] and quote(row[0]) for row in handle.raw.execute(_INDEX_KEYS, (index,))]


def _row_key(handle: Handle, table: str) -> list[str]:
    """Return the column that is the rowid, if one is."""
    found = handle.raw.execute(_ROW_KEY, (table,)).fetchall()
    return [found[0][0]] if len(found) == 1 and found[0][1].upper() == "INTEGER" else []


def _bytes(value: Any) -> int:
    """Return the bytes of a value as SQLite stores it, its header included."""
    if value is None:
        return 1
    if isinstance(value, int):
        return 1 + next((size for size in (0, 1, 2, 3, 4, 6) if abs(value) < 1 << max(1, 8 * size - 1)), 8)
    if isinstance(value, float):
        return 9
    return 1 + len(value.encode() if isinstance(value, str) else value)
