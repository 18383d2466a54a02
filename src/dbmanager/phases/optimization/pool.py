"""The candidates of a workload: which there are, which query each may serve, how large each is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from dbmanager.adapters.facets import Planner
from dbmanager.analyzers.indexing.candidates import candidates, merged, widened
from dbmanager.analyzers.indexing.usage import ColumnUse, column_uses
from dbmanager.analyzers.schema_lint.structure import SMALL_TABLE_ROWS
from dbmanager.model.indexing import IndexMeans, rough_index_bytes
from dbmanager.model.schema import DatabaseSchema, Index, Table

ENTRY_COST = 1.0
"""Planner units of putting one row into one index: one page read in order (PostgreSQL's `seq_page_cost`)."""


@dataclass(slots=True)
class Pool:
    """Candidates by number; grows while the search merges.

    Attributes:
        rows_written: by table (schema, name), rows inserted, changed and deleted while the workload ran.
        cost_per_row: what one written row costs in one index, in the unit of the search.
    """

    planner: Planner
    schema: DatabaseSchema
    rows_written: Mapping[tuple[str | None, str], float]
    cost_per_row: float
    found: list[tuple[Table, Index]] = field(default_factory=list)
    uses: list[list[ColumnUse]] = field(default_factory=list)
    relevant: list[tuple[int, ...]] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    writes: list[float] = field(default_factory=list)
    tables: list[int] = field(default_factory=list)
    wide: list[int] = field(default_factory=list)
    _numbers: dict[str, int] = field(default_factory=dict)
    _keys: dict[tuple[str | None, str, str], int] = field(default_factory=dict)
    _table_numbers: dict[tuple[str | None, str], int] = field(default_factory=dict)

    async def fill(self, statements: Sequence[str], dialect: str, means: IndexMeans) -> None:
        """Find the candidates of every statement, and those that serve several at once."""
        new: list[tuple[Table, Index]] = []
        for statement in statements:
            uses = column_uses(statement, dialect, self.schema)
            own = [pair for pair in candidates(uses, means) if is_large(pair[0])]
            self.uses.append(uses)
            self.relevant.append(tuple(dict.fromkeys(self._number(pair, new) for pair in own)))
        for pair in widened(list(new)):
            if (pair[0].schema, pair[0].name, pair[1].name) in self._keys:
                continue
            number = self._number(pair, new)
            self.wide.append(number)
            for query, known in enumerate(self.relevant):
                if any(_holds(pair, new[one]) for one in known if one not in self.wide):
                    self.relevant[query] = (*known, number)
        await self._measure(new)

    async def merge(self, first: int, second: int) -> int | None:
        """Return the candidate that serves what two serve, made when it is not there; None where they differ."""
        (table, one), (other_table, other) = self.found[first], self.found[second]
        if table is not other_table:
            return None
        made = merged(table, one, other)
        if made is None:
            return None
        known = self._keys.get((table.schema, table.name, made.name))
        if known is not None:
            return known
        new: list[tuple[Table, Index]] = []
        number = self._number((table, made), new)
        await self._measure(new)
        return number

    def number_of(self, name: str) -> int:
        """Return the number of a candidate by its index's name."""
        return self._numbers[name]

    def _number(self, pair: tuple[Table, Index], new: list[tuple[Table, Index]]) -> int:
        table, index = pair
        key = (table.schema, table.name, index.name)
        known = self._keys.get(key)
        if known is None:
            if index.name in self._numbers:  # of a table of this name in another schema
                index = replace(index, name=f"{index.name[:54]}_{len(self._keys):08x}")
            known = self._keys[key] = self._numbers[index.name] = len(self.found) + len(new)
            new.append((table, index))
        return known

    async def _measure(self, new: Sequence[tuple[Table, Index]]) -> None:
        told = await self.planner.sizes(new)
        for (table, index), size in zip(new, told, strict=True):
            where = (table.schema, table.name)
            self.found.append((table, index))
            self.sizes.append(rough_index_bytes(table, index) if size is None else size)
            self.writes.append(self.rows_written.get(where, 0.0) * self.cost_per_row)
            self.tables.append(self._table_numbers.setdefault(where, len(self._table_numbers)))


def is_large(table: Table) -> bool:
    """Whether indexes on a table can matter; one whose rows nobody counted may be large."""
    return table.row_estimate is None or table.row_estimate >= SMALL_TABLE_ROWS


def _holds(wide: tuple[Table, Index], narrow: tuple[Table, Index]) -> bool:
    (table, index), (other_table, other) = wide, narrow
    return (
        table is other_table
        and index.keys == other.keys
        and index.where == other.where
        and set(other.include) <= set(index.include)
    )
