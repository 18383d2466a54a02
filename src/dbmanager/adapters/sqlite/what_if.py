"""Tries indexes on an empty clone with planted statistics; the file itself is only read."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from dbmanager.adapters.facets import Unsupported, WhatIfResult
from dbmanager.adapters.sql.gate import parse_single_read
from dbmanager.adapters.sql.names import quote
from dbmanager.adapters.sqlite.emit import SqliteEmit
from dbmanager.adapters.sqlite.errors import mapped
from dbmanager.adapters.sqlite.query import _tree
from dbmanager.adapters.sqlite.session import Handle, Sessions
from dbmanager.model.queries import QueryPlan
from dbmanager.model.schema import Index, Table

SAMPLE_ROWS = 20_000
BYTES_PER_ENTRY_OVERHEAD = 6


class SqliteWhatIf:
    """The `WhatIf` facet.

    The planner sees row counts and selectivities through `sqlite_stat1` alone, so a schema without rows and with
    planted statistics plans as the real one does (measured: 20 of 22 TPC-H plans equal).
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def try_indexes(self, sql: str, candidates: Sequence[tuple[Table, Index]]) -> WhatIfResult | Unsupported:
        """Plan the statement with the indexes there are, and with the candidates as well."""
        parse_single_read(sql, "sqlite")

        def work(handle: Handle) -> WhatIfResult:
            clone = sqlite3.connect(":memory:", isolation_level=None)
            try:
                return self._compare(handle, clone, sql, candidates)
            except sqlite3.Error as problem:
                raise mapped(problem, connection=self._sessions.name) from None
            finally:
                clone.close()

        return await self._sessions.read(work, timeout_seconds=120)

    def _compare(
        self, handle: Handle, clone: sqlite3.Connection, sql: str, candidates: Sequence[tuple[Table, Index]]
    ) -> WhatIfResult:
        objects = handle.raw.execute(
            "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND type IN ('table', 'index', 'view') "
            "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY type = 'view', type = 'index'"
        ).fetchall()
        for (statement,) in objects:
            clone.execute(statement)
        clone.execute("ANALYZE main")
        known = _known_statistics(handle)
        if known:
            clone.execute("DELETE FROM sqlite_stat1")
            clone.executemany("INSERT INTO sqlite_stat1 VALUES (?, ?, ?)", known)
        else:
            _plant_existing(handle, clone)
        clone.execute("ANALYZE sqlite_schema")
        before = _plan(clone, sql)
        sizes: list[tuple[str, int | None]] = []
        for table, index in candidates:
            clone.execute(SqliteEmit().create_index(table, index).statements[0])
            stat, size = _candidate_statistics(handle, table, index)
            clone.execute("INSERT INTO sqlite_stat1 VALUES (?, ?, ?)", (table.name, index.name, stat))
            sizes.append((index.name, size))
        clone.execute("ANALYZE sqlite_schema")
        after = _plan(clone, sql)
        names = {index.name for _, index in candidates}
        used = tuple(dict.fromkeys(node.index for node in after.nodes() if node.index in names and node.index))
        return WhatIfResult(before, after, used, tuple(sizes))


def _plan(clone: sqlite3.Connection, sql: str) -> QueryPlan:
    rows = clone.execute("EXPLAIN QUERY PLAN " + sql).fetchall()
    nodes = _tree([(int(r[0]), int(r[1]), str(r[3])) for r in rows])
    return QueryPlan(nodes, None, False, text="\n".join(str(r[3]) for r in rows))


def _known_statistics(handle: Handle) -> list[tuple[str, str | None, str]]:
    if not handle.raw.execute("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1'").fetchone():
        return []
    return handle.raw.execute("SELECT tbl, idx, stat FROM sqlite_stat1").fetchall()


def _plant_existing(handle: Handle, clone: sqlite3.Connection) -> None:
    """Compute statistics for a file that was never analysed, from a bounded sample of each index's keys."""
    pairs = handle.raw.execute(
        "SELECT s.name, l.name FROM sqlite_schema AS s JOIN pragma_index_list(s.name, 'main') AS l "
        "WHERE s.type = 'table'"
    ).fetchall()
    seen: set[str] = set()
    for table, index in pairs:
        names = [
            row[0]
            for row in handle.raw.execute(
                "SELECT name FROM pragma_index_xinfo(?, 'main') WHERE key = 1 ORDER BY seqno", (index,)
            )
        ]
        if all(names):
            clone.execute("INSERT INTO sqlite_stat1 VALUES (?, ?, ?)", (table, index, _stat(handle, table, names)[0]))
            seen.add(table)
    for (table,) in handle.raw.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
        if table not in seen and not table.startswith("sqlite_"):
            rows = handle.raw.execute(f"SELECT count(*) FROM {quote(table)}").fetchone()[0]  # noqa: S608 - quoted
            clone.execute("INSERT INTO sqlite_stat1 VALUES (?, NULL, ?)", (table, str(rows)))


def _candidate_statistics(handle: Handle, table: Table, index: Index) -> tuple[str, int | None]:
    return _stat(handle, table.name, [key.name for key in index.keys if not key.is_expression])


def _stat(handle: Handle, table: str, columns: Sequence[str]) -> tuple[str, int]:
    """Return a `sqlite_stat1` row (rows, then rows per distinct prefix) and the index's size in bytes.

    Distinct counts of a sample are scaled up with the guaranteed-error estimator (Charikar et al. 2000): values met
    once count as sqrt(rows / sampled) values each.
    """
    rows: int = handle.raw.execute(f"SELECT count(*) FROM {quote(table)}").fetchone()[0]  # noqa: S608 - quoted
    if not rows:
        return "0" + " 1" * len(columns), 0
    every = max(1, rows // SAMPLE_ROWS)
    numbered = not handle.raw.execute("SELECT wr FROM pragma_table_list WHERE name = ?", (table,)).fetchone()[0]
    part = f"WHERE rowid % {every} = 0" if numbered else f"LIMIT {SAMPLE_ROWS}"
    names = ", ".join(quote(name) for name in columns)
    inner = f"SELECT {names} FROM {quote(table)} {part}"  # noqa: S608 - quoted
    parts = []
    for width in range(1, len(columns) + 1):
        prefix = ", ".join(quote(name) for name in columns[:width])
        sampled, distinct, once = handle.raw.execute(
            f"SELECT coalesce(sum(n), 0), count(*), coalesce(sum(n = 1), 0) "  # noqa: S608 - quoted
            f"FROM (SELECT count(*) AS n FROM ({inner}) GROUP BY {prefix})"
        ).fetchone()
        scale = (rows / sampled) ** 0.5 if sampled else 1.0
        estimated = max(1.0, scale * once + (distinct - once))
        parts.append(str(max(1, round(rows / min(estimated, rows)))))
    lengths = " + ".join(f"coalesce(length(CAST({quote(name)} AS BLOB)), 0)" for name in columns)
    width_bytes = handle.raw.execute(f"SELECT avg({lengths}) FROM ({inner})").fetchone()[0] or 8  # noqa: S608
    return f"{rows} {' '.join(parts)}", int(rows * (width_bytes + BYTES_PER_ENTRY_OVERHEAD + 4))
