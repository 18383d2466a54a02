"""How large a B-tree will be, from the planner's statistics.

Hypopg knows nothing of deduplication and overstates up to seven times (1.3.1). Here pages are filled as the server fills
them: an entry is a header, aligned keys and a line pointer; equal keys share a posting list of six bytes a row, where the
types allow it. Source: PostgreSQL 15, src/backend/access/nbtree/nbtsort.c and nbtdedup.c, README of the same folder.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from dbmanager.adapters.postgresql.catalog import PACKAGE
from dbmanager.adapters.sql.blocks import blocks
from dbmanager.adapters.sql.names import quote
from dbmanager.model.schema import Index, Table

PAGE_BYTES = 8192
_PAGE_HEADER, _SPECIAL, _LINE_POINTER, _TUPLE_HEADER, _ROW_ADDRESS = 24, 16, 4, 8, 6
_ROUNDING = 3.5
"""What rounding up to eight bytes adds on average to an entry whose length varies."""
_LEFT_FREE = PAGE_BYTES * 10 // 100
"""Of a leaf page: the default fill factor is 90."""
_LONGEST_POSTING = PAGE_BYTES * 10 // 100 // 8 * 8 - _LINE_POINTER
_UNKNOWN_WIDTH = 16
_SAMPLE_ROWS = 30_000
_FEW_ROWS = 60
_JOINT_ROWS = 3_000
_UNKNOWN_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """One column as `ANALYZE` saw it; `distinct_ratio` is of the rows when negative, a count otherwise."""

    width: int | None
    distinct_values: float | None
    null_ratio: float | None
    alignment: int
    fixed: int
    deduplicated: bool
    is_steady: bool
    """Whether its values are about equally long, so that rounding up is the same for nearly all."""

    def distinct(self, rows: float) -> float:
        """Return how many different values there are."""
        if self.distinct_values is None:
            return max(1.0, rows * _UNKNOWN_SHARE)
        return max(1.0, self.distinct_values if self.distinct_values > 0 else -self.distinct_values * rows)


@dataclass(frozen=True, slots=True)
class SizeFacts:
    """What is known of one table.

    `drawn` holds digests of values by column, always of the same sampled rows, where that was looked at.
    """

    rows: float
    pages: float = 1.0
    columns: dict[str, ColumnFacts] = field(default_factory=dict)
    drawn: dict[str, list[int]] = field(default_factory=dict)
    joint: dict[tuple[str, ...], float] = field(default_factory=dict)

    def distinct(self, names: Sequence[str]) -> float:
        """Return how many different combinations of values there are.

        Of a sample where one was drawn (Haas and Stokes 1998, `Duj1`, as PostgreSQL's ANALYZE has it); otherwise as if
        the columns did not depend on each other.
        """
        key = tuple(sorted(names))
        if key not in self.joint:
            self.joint[key] = self._distinct(key)
        return self.joint[key]

    def _distinct(self, names: Sequence[str]) -> float:
        ones = [self.columns.get(name) for name in names]
        product = math.prod(one.distinct(self.rows) if one else self.rows * _UNKNOWN_SHARE for one in ones)
        if len(names) < 2 or any(name not in self.drawn for name in names):
            return min(self.rows, product)
        counts = Counter(zip(*(self.drawn[name] for name in names), strict=True))
        rows, once = counts.total(), sum(1 for count in counts.values() if count == 1)
        if not rows:
            return min(self.rows, product)
        joint = rows * len(counts) / (rows - once + once * rows / max(self.rows, rows))
        least = max(one.distinct(self.rows) if one else 1.0 for one in ones)
        return max(1.0, least, min(self.rows, product, joint))


async def size_facts(raw: asyncpg.Connection[Any], tables: Sequence[Table]) -> dict[tuple[str | None, str], SizeFacts]:
    """Return the facts of these tables; one statement, reads the catalog."""
    wanted = list({(table.schema, table.name) for table in tables})
    rows = await raw.fetch(
        blocks(PACKAGE)["index_size_facts"].sql, [schema for schema, _ in wanted], [name for _, name in wanted]
    )
    found: dict[tuple[str | None, str], SizeFacts] = {}
    for row in rows:
        facts = found.setdefault((row["schema"], row["name"]), SizeFacts(row["rows"], row["pages"]))
        facts.columns[row["column"]] = ColumnFacts(
            row["width"],
            row["distinct_values"],
            row["null_ratio"],
            row["alignment"],
            row["fixed"],
            row["deduplicated"],
            row["steady"],
        )
    return found


@dataclass(frozen=True, slots=True)
class Size:
    """A B-tree as it would be built: its bytes, and its levels above the leaves."""

    size_bytes: int
    height: int


def index_size(facts: SizeFacts, index: Index, share: float = 1.0) -> Size:
    """Return the size of a freshly built B-tree over a share of a table's rows."""
    rows = facts.rows * share
    if rows < 1:
        return Size(PAGE_BYTES, 0)
    keys = [facts.columns.get(key.name) for key in index.keys]
    columns = [*keys, *(facts.columns.get(name) for name in index.include)]
    payload, is_steady = _payload(columns), all(one is not None and one.is_steady for one in columns)
    entry = (_aligned(_TUPLE_HEADER + payload) if is_steady else _TUPLE_HEADER + payload + _ROUNDING) + _LINE_POINTER
    distinct = min(rows, facts.distinct([key.name for key in index.keys]))
    deduplicated = is_deduplicated(facts, index)
    room = PAGE_BYTES - _PAGE_HEADER - _SPECIAL - _LEFT_FREE
    if deduplicated and distinct < rows:
        entries, entry = _posting(rows, distinct, payload)
        pages = leaves = math.ceil(entries * entry / room)
    else:
        pages = leaves = math.ceil(rows / max(1.0, room // entry if is_steady else room / entry - 0.5))
    pivot = _aligned(_TUPLE_HEADER + _payload(keys)) + _LINE_POINTER
    fanout = max(2.0, (PAGE_BYTES - _PAGE_HEADER - _SPECIAL) * 0.7 / pivot)
    height = 0
    while leaves > 1:
        leaves = math.ceil(leaves / fanout)
        pages, height = pages + leaves, height + 1
    return Size((pages + 1) * PAGE_BYTES, height)


def _posting(rows: float, distinct: float, payload: float) -> tuple[float, float]:
    """Return how many posting lists there are and how long one is on average."""
    head = _aligned(_TUPLE_HEADER + payload)
    most = max(1, int((_LONGEST_POSTING - head) // _ROW_ADDRESS))
    each = rows / distinct
    if each <= _FEW_ROWS:
        return distinct, head + _LINE_POINTER + _expected_addresses(each)
    lists = math.ceil(each / most)
    return distinct * lists, head + _aligned(each / lists * _ROW_ADDRESS) + _LINE_POINTER


def _expected_addresses(each: float) -> float:
    """Return the bytes of row addresses of one key that has `each` rows on average, as if rows fell to keys by chance.

    A single row needs no list. Short lists lose much to alignment, so their lengths are looked at one by one.
    """
    mean = each
    for _ in range(30):  # keys without rows are not there: the mean of those that are is `each`
        mean = each * (1 - math.exp(-mean))
    chance, expected = mean * math.exp(-mean), 0.0
    for count in range(2, int(each * 3) + 20):
        chance *= mean / count
        expected += chance * _aligned(count * _ROW_ADDRESS)
    return expected / max(1e-9, 1 - math.exp(-mean))


def _payload(columns: Sequence[ColumnFacts | None]) -> float:
    """Return the bytes of the values with their alignment; short texts and numerics are not aligned.

    Behind values whose length varies a fixed one is aligned by half its alignment on average.
    """
    offset, is_even = 0.0, True
    for column in columns:
        if column is None:
            offset += _UNKNOWN_WIDTH
            continue
        width = column.width if column.width is not None else _UNKNOWN_WIDTH
        if column.fixed > 0:
            offset = (
                math.ceil(offset / column.alignment) * column.alignment if is_even else offset + column.alignment / 2
            )
        is_even = is_even and column.fixed > 0
        offset += width * (1 - (column.null_ratio or 0.0))
    return offset


def _aligned(size: float) -> int:
    return math.ceil(size / 8) * 8


def is_deduplicated(facts: SizeFacts, index: Index) -> bool:
    """Whether equal keys of an index share posting lists."""
    keys = [facts.columns.get(key.name) for key in index.keys]
    return not index.include and all(one is not None and one.deduplicated for one in keys)


def depends_on_joint_values(facts: SizeFacts, index: Index) -> bool:
    """Whether an index's size follows from how often values of several columns meet."""
    return len(index.keys) > 1 and is_deduplicated(facts, index)


async def drawn(
    raw: asyncpg.Connection[Any], facts: SizeFacts, table: Table, columns: Sequence[str]
) -> dict[str, list[int]]:
    """Return digests of the values of columns in sampled rows, the same rows at every call; reads some pages.

    Few rows are taken of each page: neighbours are often alike, and would be taken for all.
    """
    percent = min(100.0, 100.0 * _JOINT_ROWS / facts.pages)
    wanted = max(1.0, _JOINT_ROWS / facts.pages)
    every = max(1, int(facts.rows / facts.pages / wanted))
    digests = ", ".join(f"hashtext({quote(name)}::text)" for name in columns)
    rows = await raw.fetch(
        f"SELECT {digests} FROM {quote(table.schema, table.name)} TABLESAMPLE SYSTEM ({percent}) REPEATABLE (7) "  # noqa: S608
        f"WHERE (ctid::text::point)[1]::int % {every} = 0"
    )
    return {name: [row[position] for row in rows] for position, name in enumerate(columns)}


async def expression_facts(
    raw: asyncpg.Connection[Any], facts: SizeFacts, table: Table, expression: str
) -> ColumnFacts:
    """Return the facts of an expression over a table's columns, of a sample of its pages."""
    percent = min(100.0, 100.0 * _JOINT_ROWS / max(facts.rows, 1.0))
    row = await raw.fetchrow(
        f"SELECT count(*) AS rows, count(x) AS known, count(DISTINCT x::text) AS values, avg(pg_column_size(x)) AS width "  # noqa: S608
        f"FROM (SELECT {expression} AS x FROM {quote(table.schema, table.name)} TABLESAMPLE SYSTEM ({percent})) AS s"
    )
    rows, values = row["rows"] or 1, float(row["values"] or 1)
    many = values > rows * _UNKNOWN_SHARE
    width = None if row["width"] is None else math.ceil(row["width"])
    return ColumnFacts(width, -values / rows if many else values, 1 - row["known"] / rows, 1, -1, True, False)


async def share_of(raw: asyncpg.Connection[Any], facts: SizeFacts, table: Table, condition: str) -> float:
    """Return the share of a table's rows that fulfil a condition, of a sample of its pages; 1 where none was drawn."""
    percent = min(100.0, 100.0 * _SAMPLE_ROWS / max(facts.rows, 1.0))
    rows, hits = await raw.fetchrow(
        f"SELECT count(*), count(*) FILTER (WHERE {condition}) FROM {quote(table.schema, table.name)} "  # noqa: S608
        f"TABLESAMPLE SYSTEM ({percent})"
    )
    return (hits + 1) / (rows + 1) if rows else 1.0
