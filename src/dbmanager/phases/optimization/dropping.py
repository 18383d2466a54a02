"""Drops tried before they are proposed: the workload's plans without an index beside those with it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field

from dbmanager.adapters.facets import Adapter, Planner
from dbmanager.analyzers.indexing.usage import column_uses
from dbmanager.errors import DbManagerError
from dbmanager.model.schema import DatabaseSchema, ForeignKey, Index, Table
from dbmanager.services.index_trials import IndexTrials, Trial
from dbmanager.services.scratch import Budget

WORSE = 1.05
"""A query's cost without the index to that with it; what is above is told and the index stays."""
SECONDS = 60.0
BUDGET = Budget(rows=400_000, bytes=200_000_000, seconds=180.0)
SAMPLE_ROWS = 20_000
Pair = tuple[Table, Index]


@dataclass(frozen=True, slots=True)
class Worse:
    """What dropping an index would do to one query (by number, from 1), by the planner."""

    number: int
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Drop:
    """An index that may not be needed, and what came of trying.

    Attributes:
        why: what makes it look needless.
        how: how it was tried, or why it was not.
        is_proposed: whether it may go; `worse` or `how` say why not.
    """

    table: Table
    index: Index
    why: str
    how: str
    is_proposed: bool
    worse: tuple[Worse, ...] = ()


@dataclass(slots=True)
class DropTrial:
    """Tries drops for one workload.

    Attributes:
        statements: by number (from 0), those that the engine can plan.
        read_now: by number, the indexes that each plan reads today.
        advised: indexes to be made by the same change: plans may use them instead.
    """

    adapter: Adapter
    schema: DatabaseSchema
    statements: Mapping[int, str]
    read_now: Mapping[int, Set[str]]
    advised: Sequence[Pair] = ()
    found: list[Drop] = field(default_factory=list)
    is_done: bool = False

    def wanted(self) -> list[tuple[Table, Index, str]]:
        """Return the indexes that look needless, with why: what no plan reads, and what another one can stand for."""
        used = {name for names in self.read_now.values() for name in names}
        found = []
        for table in self.schema.base_tables():
            covers = [*table.indexes, *(index for made, index in self.advised if made is table)]
            for index in table.indexes:
                if index.unique or index.backs_constraint:
                    continue
                twin = next((one for one in covers if one is not index and covered(index, one)), None)
                if index.name not in used:
                    found.append((table, index, "no query's plan reads it"))
                elif twin is not None:
                    found.append((table, index, f"{twin.name} begins with its keys"))
        return found

    async def by(self, planner: Planner) -> None:
        """Try with a planner that can leave indexes out."""
        await self._try(planner, f"tried: plans without it by {planner.method}")

    async def on_copy(self, trials: IndexTrials | None, why_not: str) -> None:
        """Try on a scratch copy; where there can't be one, rules decide, and the reason is told."""
        wanted = self.wanted()
        tables = {(table.schema, table.name): table for table, *_ in wanted}
        read = self._read()
        tables = {key: table for key, table in tables.items() if read is None or key in read}
        if not tables:
            return self._by_rule("no query of the workload reads its table") if wanted else None
        for key, table in (read or {}).items():
            tables.setdefault(key, table)
        if trials is None:
            return self._by_rule(why_not)
        try:
            async with trials.copied(self.schema, list(tables.values()), BUDGET, SAMPLE_ROWS) as (copy, how):
                await self._try(Trial(copy, how), f"tried on {how}", set(tables))
        except DbManagerError as refused:
            self.found.clear()
            self._by_rule(f"{why_not}, and on a copy: {refused.sentence()}")
        return None

    def _read(self) -> dict[tuple[str | None, str], Table] | None:
        """Return the tables that the statements read; None where one of them is not understood, or reads a view."""
        found: dict[tuple[str | None, str], Table] = {}
        for statement in self.statements.values():
            uses = column_uses(statement, self.adapter.dialect, self.schema)
            if not uses or not all(use.table.is_base for use in uses):
                return None
            found |= {(use.table.schema, use.table.name): use.table for use in uses}
        return found

    async def _try(self, planner: Planner, how: str, there: Set[tuple[str | None, str]] | None = None) -> None:
        """Leave out one after the other; what was found needless stays out while the next are tried."""
        ends, self.is_done = time.monotonic() + SECONDS, True
        before = await self._costs(planner, self.statements, [])
        gone: list[Pair] = []
        for table, index, why in self.wanted():
            held = self._held(table, index, gone)
            if held is not None:
                self.found.append(Drop(table, index, why, held, False))
                continue
            if there is not None and (table.schema, table.name) not in there:
                self.found.append(Drop(table, index, why, _rule("no query of the workload reads its table"), True))
                continue
            if time.monotonic() > ends:
                self.found.append(Drop(table, index, why, "not tried: the time for trying is used up", False))
                continue
            self.found.append(await self._judged(planner, before, gone, (table, index, why), how))
            if self.found[-1].is_proposed:
                gone.append((table, index))

    async def _judged(
        self, planner: Planner, before: Mapping[int, float], gone: Sequence[Pair], one: tuple[Table, Index, str], how: str
    ) -> Drop:  # fmt: skip
        table, index, why = one
        untried = [n + 1 for n, names in self.read_now.items() if index.name in names and n not in before]
        if untried:
            told = f"not tried: query {', '.join(map(str, untried))} reads it and can't be planned there"
            return Drop(table, index, why, told, False)
        try:
            after = await self._costs(planner, {n: self.statements[n] for n in before}, [*gone, (table, index)])
        except DbManagerError as refused:
            return Drop(table, index, why, f"not tried: {refused.sentence()}", False)
        if len(after) < len(before):
            return Drop(table, index, why, "not tried: some queries can't be planned without it", False)
        worse = tuple(Worse(n + 1, before[n], after[n]) for n in before if after[n] > before[n] * WORSE)
        return Drop(table, index, why, how, not worse, worse)

    async def _costs(
        self, planner: Planner, statements: Mapping[int, str], without: Sequence[Pair]
    ) -> dict[int, float]:
        """Return costs by number; what can't be planned is left out."""
        found = {}
        for number, statement in statements.items():
            try:
                found[number] = (await planner.plan(statement, self.advised, without)).cost
            except DbManagerError:
                continue
        return found

    def _by_rule(self, why_not: str) -> None:
        """Propose what no plan reads; that another index can stand for one is not enough without trying."""
        used = {name for names in self.read_now.values() for name in names}
        gone: list[Pair] = []
        for table, index, why in self.wanted():
            held = self._held(table, index, gone)
            may_go = held is None and index.name not in used
            self.found.append(Drop(table, index, why, held or _rule(why_not), may_go))
            gone += [(table, index)] * may_go

    def _held(self, table: Table, index: Index, gone: Sequence[Pair]) -> str | None:
        """Return why an index must stay whatever plans say: it alone supports a reference, once those are gone."""
        names = {one.name for owner, one in gone if owner is table} | {index.name}
        left = [one.column_names for one in table.indexes if one.name not in names and one.where is None and one.valid]
        left += [table.primary_key.columns] if table.primary_key else []
        for key in _supported(table, index):
            if not any(set(columns[: len(key.columns)]) == set(key.columns) for columns in left):
                return f"kept: it alone supports the reference to {key.referred_table}"
        return None


def covered(index: Index, wide: Index) -> bool:
    """Whether another index begins with all keys of this one, and holds what it holds."""
    return (
        wide.valid
        and (wide.method, wide.where) == (index.method, index.where)
        and wide.keys[: len(index.keys)] == index.keys
        and set(index.include) <= {key.name for key in wide.keys} | set(wide.include)
    )


def needless_beside(table: Table, index: Index) -> tuple[str, ...]:
    """Return the existing indexes whose keys begin a new one that holds all that they hold: they can go after it is made."""
    return tuple(
        known.name
        for known in table.indexes
        if not known.unique and not known.backs_constraint and covered(known, index)
    )


def _supported(table: Table, index: Index) -> Iterator[ForeignKey]:
    if index.where is None:
        for key in table.foreign_keys:
            if set(index.column_names[: len(key.columns)]) == set(key.columns):
                yield key


def _rule(why: str) -> str:
    return f"by rule only: {why}"
