"""Statistics of indexes that do not exist, from one bounded sample of each table."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from typing import Any

from dbmanager.adapters.sql.names import quote
from dbmanager.adapters.sqlite.session import Handle
from dbmanager.model.schema import Index, Table

SAMPLE_ROWS = 10_000
BYTES_PER_ENTRY_OVERHEAD = 6
_LEFT_FREE_RATIO = 1.02
_STEPS = (
    "WITH RECURSIVE step (at) AS (VALUES (:first) UNION ALL SELECT at + :step FROM step WHERE at + :step <= :last) "
    "SELECT at FROM step"
)
_FIRST = "SELECT coalesce(min(rowid), 0), coalesce(max(rowid), 0) FROM "


class Samples:
    """What was drawn so far; each column, expression and condition of a table is drawn once."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._drawn: dict[tuple[str, str], list[Any]] = {}
        self._widths: dict[tuple[str, str], float] = {}

    def existing(self, handle: Handle) -> list[tuple[str, str | None, str]]:
        """Return rows for `sqlite_stat1` of every real table and index of a file that was never analysed."""
        found: list[tuple[str, str | None, str]] = []
        pairs = handle.raw.execute(
            "SELECT t.name, l.name FROM pragma_table_list AS t LEFT JOIN pragma_index_list(t.name, 'main') AS l "
            "WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        ).fetchall()
        for table, index in pairs:
            keys = [
                row[0] and quote(row[0])
                for row in handle.raw.execute(
                    "SELECT name FROM pragma_index_xinfo(?, 'main') WHERE key = 1 ORDER BY seqno", (index,)
                )
            ]
            if index is None or not all(keys):
                found.append((table, None, str(self._count(handle, table))))
            else:
                found.append((table, index, self._stat(handle, table, keys, None)))
        return found

    def stat(self, handle: Handle, table: Table, index: Index) -> str:
        """Return the `sqlite_stat1` text of an index as it would be: rows, then rows of one value of each prefix."""
        return self._stat(handle, table.name, _keys(index), index.where)

    def size(self, handle: Handle, table: Table, index: Index) -> int:
        """Return the bytes of an index as it would be."""
        rows = self._count(handle, table.name) * self._share(handle, table.name, index.where)
        each = sum(self._width(handle, table.name, key) for key in _keys(index)) + BYTES_PER_ENTRY_OVERHEAD + 4
        return int(rows * each * _LEFT_FREE_RATIO)

    def table_bytes(self, handle: Handle, table: Table) -> int:
        """Return the bytes of a table's rows."""
        each = sum(self._width(handle, table.name, quote(column.name)) for column in table.columns)
        return int((each + BYTES_PER_ENTRY_OVERHEAD) * self._count(handle, table.name))

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
            values = self._values(handle, table, key)[:2_000]
            self._widths[(table, key)] = sum(map(_bytes, values)) / len(values) if values else 8.0
        return self._widths[(table, key)]

    def _stat(self, handle: Handle, table: str, keys: Sequence[str], where: str | None) -> str:
        """Distinct counts of a sample are scaled up with the guaranteed-error estimator (Charikar et al. 2000).

        Values met once count as sqrt(rows / sampled) values each.
        """
        rows = self._count(handle, table)
        columns = [self._values(handle, table, key) for key in keys]
        if not columns or not columns[0]:
            return "0" + " 1" * len(keys)
        kept = list(zip(*columns, strict=True))
        if where is not None:
            hits = self._values(handle, table, f"({where}) IS TRUE")
            kept = [row for row, hit in zip(kept, hits, strict=True) if hit]
        inside = max(1, round(rows * self._share(handle, table, where)))
        parts = []
        for width in range(1, len(keys) + 1):
            counts = Counter(row[:width] for row in kept)
            once = sum(1 for count in counts.values() if count == 1)
            scale = (inside / len(kept)) ** 0.5 if kept else 1.0
            distinct = min(float(inside), max(1.0, scale * once + len(counts) - once))
            parts.append(str(max(1, round(inside / distinct))))
            if distinct >= inside:
                parts += ["1"] * (len(keys) - width)
                break
        return f"{inside} {' '.join(parts)}"

    def _values(self, handle: Handle, table: str, expression: str) -> list[Any]:
        """Return one expression's values at even steps through the table, always of the same rows."""
        if (table, expression) not in self._drawn:
            self._drawn[(table, expression)] = self._draw(handle, table, expression)
        return self._drawn[(table, expression)]

    def _draw(self, handle: Handle, table: str, expression: str) -> list[Any]:
        numbered = not handle.raw.execute("SELECT wr FROM pragma_table_list WHERE name = ?", (table,)).fetchone()[0]
        if not numbered:
            query = f"SELECT {expression} FROM {quote(table)} LIMIT {SAMPLE_ROWS}"  # noqa: S608 - quoted
            return [row[0] for row in handle.raw.execute(query)]
        try:
            first, last = handle.raw.execute(_FIRST + quote(table)).fetchone()
        except sqlite3.OperationalError:  # a virtual table without rowids
            return []
        step = max(1, (last - first) // SAMPLE_ROWS)
        query = f"SELECT {expression} FROM {quote(table)} WHERE rowid IN ({_STEPS})"  # noqa: S608 - quoted
        drawn = handle.raw.execute(query, {"first": first, "step": step, "last": last})
        return [row[0] for row in drawn]


def _keys(index: Index) -> list[str]:
    """Return the keys as SQL; SQLite holds further columns as keys."""
    keys = [key.name if key.is_expression else quote(key.name) for key in index.keys]
    return [*keys, *map(quote, index.include)]


def _bytes(value: Any) -> int:
    """Return the bytes of a value as SQLite stores it, its header included."""
    if value is None:
        return 1
    if isinstance(value, int):
        return 1 + next((size for size in (0, 1, 2, 3, 4, 6) if abs(value) < 1 << max(1, 8 * size - 1)), 8)
    if isinstance(value, float):
        return 9
    return 1 + len(value.encode() if isinstance(value, str) else value)
