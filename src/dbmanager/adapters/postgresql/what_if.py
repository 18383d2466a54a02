"""Plans statements with indexes that do not exist, through hypopg, where the database has it; nothing is built.

Hypopg (1.3.1) gives its indexes no height, so that the planner leaves out what descending them costs: 50 operators a
level (PostgreSQL 15, `btcostestimate` in selfuncs.c), for every row of a nested loop. That is added here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from dbmanager.adapters.facets import Planned, Planner, Unsupported
from dbmanager.adapters.postgresql.emit import PostgresEmit
from dbmanager.adapters.postgresql.errors import mapped
from dbmanager.adapters.postgresql.generic import explained_facts
from dbmanager.adapters.postgresql.index_sizes import (
    Size,
    SizeFacts,
    depends_on_joint_values,
    drawn,
    expression_facts,
    index_size,
    share_of,
    size_facts,
)
from dbmanager.adapters.postgresql.query import PostgresQuery, plan_node
from dbmanager.adapters.postgresql.session import Sessions
from dbmanager.adapters.postgresql.special_indexes import TRIGRAMS
from dbmanager.adapters.postgresql.turned import turned
from dbmanager.adapters.sql.names import quote
from dbmanager.model.queries import QueryPlan
from dbmanager.model.schema import Index, Table

_CREATE = (
    "SELECT i.indexrelid, i.indexname::text FROM unnest($1::text[]) WITH ORDINALITY AS u (statement, n), "
    "LATERAL hypopg_create_index(u.statement) AS i ORDER BY u.n"
)
_PAGE_CPU_MULTIPLIER = 50.0
_WEIGHS = 0.01
_USUAL_HEIGHT = 2
_EXTENSION = (
    "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = $1), "
    "EXISTS (SELECT FROM pg_available_extensions WHERE name = $1)"
)
_DROP = "SELECT count(hypopg_drop_index(i)) FROM unnest($1::oid[]) AS i"


class PostgresWhatIf:
    """The `WhatIf` facet."""

    def __init__(self, sessions: Sessions, query: PostgresQuery) -> None:
        self._sessions = sessions
        self._query = query

    @asynccontextmanager
    async def planner(self) -> AsyncIterator[Planner | Unsupported]:
        """Yield a planner on one session, whose hypothetical indexes nobody else sees and which ends with it."""
        async with self._sessions.reading(timeout_seconds=60, lock_seconds=5, confined=True) as raw:
            if not await raw.fetchval("SELECT count(*) FROM pg_extension WHERE extname = 'hypopg'"):
                yield Unsupported("the extension hypopg is not created in this database")
                return
            planner = HypotheticalPlanner(self._sessions.name, raw, self._query)
            try:
                yield planner
            finally:
                if not raw.is_closed():
                    await planner.reset()

    async def prerequisite(self, index: Index) -> str | None:
        """Return which extension the index's operator class is of, where that is not created in this database."""
        if not any(key.name.endswith(TRIGRAMS) for key in index.keys):
            return None
        async with self._sessions.reading(timeout_seconds=30, lock_seconds=5, confined=False) as raw:
            created, available = await raw.fetchrow(_EXTENSION, "pg_trgm")
        if created:
            return None
        if available:
            return "the extension pg_trgm is available here and not created: CREATE EXTENSION pg_trgm first"
        return "the extension pg_trgm is not installed on this server: its contrib package, or the provider, brings it"


class HypotheticalPlanner:
    """The `Planner` of PostgreSQL; costs are the planner's own, and those of descents."""

    method = "hypothetical indexes on the engine's planner"
    is_comparable = True
    is_ready = True

    def __init__(self, name: str, raw: asyncpg.Connection[Any], query: PostgresQuery) -> None:
        self._name = name
        self._raw = raw
        self._query = query
        self._live: dict[str, tuple[int, str]] = {}
        self._checked: set[str] = set()
        self._impossible: set[str] = set()
        self._facts: dict[tuple[str | None, str], SizeFacts] = {}
        self._shares: dict[tuple[str | None, str, str | None], float] = {}
        self._sizes: dict[str, Size] = {}
        self._operator_cost: float | None = None
        self._hidden: set[tuple[str | None, str]] = set()

    async def reset(self) -> None:
        """Forget what was made and hidden."""
        await self._raw.execute("SELECT hypopg_reset()")
        await self._hide(set())

    async def lacking(self) -> Unsupported | None:
        """Return why real indexes can't be hidden: hypopg has learnt that with 1.4."""
        if await self._raw.fetchval("SELECT to_regprocedure('hypopg_hide_index(oid)')") is None:
            return Unsupported("the database's hypopg can't hide an index (1.4 can)")
        return None

    async def plan(
        self,
        statement: str,
        indexes: Sequence[tuple[Table, Index]],
        without: Sequence[tuple[Table, Index]] = (),
    ) -> Planned:
        """Plan a gated read as if just these indexes existed beside the real ones, and some of those not.

        Where the missing cost of descents weighs, the plan without nested loops is looked at as well.
        """
        if statement not in self._checked:
            await self._query.check(statement)
            await self._plannable(statement)
            self._checked.add(statement)
        await self._offer(indexes)
        await self._hide({(table.schema, index.name) for table, index in without})
        special = next((table.name for table, index in indexes if _is_special(index)), None)
        if special is not None:
            statement = turned(statement, special) or statement
        planned, missing = await self._explained(statement)
        if missing > planned.cost * _WEIGHS:
            await self._raw.execute("SET LOCAL enable_nestloop = off")
            try:
                other, _ = await self._explained(statement)
            finally:
                await self._raw.execute("SET LOCAL enable_nestloop = on")
            planned = min(planned, other, key=lambda one: one.cost)
        return planned

    async def sizes(self, indexes: Sequence[tuple[Table, Index]]) -> tuple[int | None, ...]:
        """Return the bytes of each index as it would be built, by the planner's statistics."""
        new = [table for table, _ in indexes if (table.schema, table.name) not in self._facts]
        self._facts |= await size_facts(self._raw, new) if new else {}
        await self._draw_expressions(indexes)
        await self._draw_jointly(indexes)
        for table, index in indexes:
            where = (table.schema, table.name, index.where)
            facts = self._facts.get(where[:2])
            if index.where is not None and facts is not None and where not in self._shares:
                self._shares[where] = await share_of(self._raw, facts, table, index.where)
        return tuple(self._size(table, index) for table, index in indexes)

    async def _draw_expressions(self, indexes: Sequence[tuple[Table, Index]]) -> None:
        for table, index in indexes:
            facts = self._facts.get((table.schema, table.name))
            for key in index.keys:
                if facts is None or not key.is_expression or key.name in facts.columns:
                    continue
                try:
                    async with self._tried():
                        facts.columns[key.name] = await expression_facts(self._raw, facts, table, key.name)
                except asyncpg.PostgresError:  # it fails on some rows, as its index would
                    self._impossible.add(index.name)

    async def _draw_jointly(self, indexes: Sequence[tuple[Table, Index]]) -> None:
        """Look at how the keys of indexes go together, in one sample of each table."""
        wanted: dict[tuple[str | None, str], tuple[Table, set[str]]] = {}
        for table, index in indexes:
            where = (table.schema, table.name)
            if where in self._facts and depends_on_joint_values(self._facts[where], index):
                wanted.setdefault(where, (table, set()))[1].update(key.name for key in index.keys)
        for where, (table, columns) in wanted.items():
            new = sorted(columns - self._facts[where].drawn.keys())
            if new:
                self._facts[where].drawn.update(await drawn(self._raw, self._facts[where], table, new))

    def _size(self, table: Table, index: Index) -> int | None:
        facts = self._facts.get((table.schema, table.name))
        if facts is None:
            return None
        self._sizes[index.name] = index_size(
            facts, index, self._shares.get((table.schema, table.name, index.where), 1.0)
        )
        return self._sizes[index.name].size_bytes

    async def _explained(self, statement: str) -> tuple[Planned, float]:
        """Return the plan with its corrected cost, and what the correction added."""
        facts = await explained_facts(self._raw, statement)
        made = {name: own for own, (_, name) in self._live.items()}
        plan = QueryPlan((plan_node(facts["Plan"]),), facts["Plan"]["Total Cost"], False)
        used = tuple(dict.fromkeys(made[node.index] for node in plan.nodes() if node.index in made and node.index))
        if self._operator_cost is None:
            self._operator_cost = float(await self._raw.fetchval("SELECT current_setting('cpu_operator_cost')"))
        levels = {name: self._height(own) + 1 for name, own in made.items()}
        missing = descents(facts["Plan"], levels) * _PAGE_CPU_MULTIPLIER * self._operator_cost
        return Planned(plan, facts["Plan"]["Total Cost"] + missing, used), missing

    def _height(self, name: str) -> int:
        size = self._sizes.get(name)
        return size.height if size is not None else _USUAL_HEIGHT

    async def _offer(self, indexes: Sequence[tuple[Table, Index]]) -> None:
        wanted = {index.name: (table, index) for table, index in indexes}
        gone = [name for name in self._live if name not in wanted]
        if gone:
            await self._raw.fetchval(_DROP, [self._live.pop(name)[0] for name in gone])
        new = [name for name in wanted if name not in self._live and name not in self._impossible]
        if not new:
            return
        try:
            await self._create({name: wanted[name] for name in new})
        except asyncpg.PostgresError:
            for name in new:
                try:
                    await self._create({name: wanted[name]})
                except asyncpg.PostgresError:  # a function that may change, a type without an order
                    self._impossible.add(name)

    async def _hide(self, wanted: set[tuple[str | None, str]]) -> None:
        if wanted == self._hidden:
            return
        await self._raw.execute("SELECT hypopg_unhide_all_indexes()")
        self._hidden = set()
        for schema, name in sorted(wanted, key=str):
            await self._raw.fetchval("SELECT hypopg_hide_index(to_regclass($1)::oid)", quote(schema, name))
            self._hidden.add((schema, name))

    async def _create(self, wanted: Mapping[str, tuple[Table, Index]]) -> None:
        statements = [PostgresEmit().create_index(*pair).statements[0] for pair in wanted.values()]
        async with self._tried():
            made = await self._raw.fetch(_CREATE, statements)
        for name, row in zip(wanted, made, strict=True):
            self._live[name] = (row["indexrelid"], row["indexname"])

    @asynccontextmanager
    async def _tried(self) -> AsyncIterator[None]:
        """Let the session be as before when what is tried fails."""
        await self._raw.execute("SAVEPOINT dbmanager_tried")
        try:
            yield
        except asyncpg.PostgresError:
            await self._raw.execute("ROLLBACK TO SAVEPOINT dbmanager_tried")
            raise
        await self._raw.execute("RELEASE SAVEPOINT dbmanager_tried")

    async def _plannable(self, statement: str) -> None:
        """Find out whether a statement can be planned, and leave the session as it was.

        Raises: what the server says of it.
        """
        try:
            async with self._tried():
                await explained_facts(self._raw, statement)
        except asyncpg.PostgresError as problem:
            raise mapped(problem, connection=self._name) from None


def _is_special(index: Index) -> bool:
    return index.where is not None or any(key.is_expression for key in index.keys)


def descents(node: Mapping[str, Any], levels: Mapping[str, int], loops: float = 1.0) -> float:
    """Return how many levels of the named indexes a plan walks down in all, by the planner's row counts."""
    walked = loops * levels.get(node.get("Index Name", ""), 0)
    children = node.get("Plans", ())
    outer = next((child for child in children if child.get("Parent Relationship") == "Outer"), None)
    for child in children:
        times = loops
        if child.get("Parent Relationship") == "SubPlan":
            times *= max(1.0, node["Plan Rows"])
        elif child.get("Parent Relationship") == "Inner" and node["Node Type"] == "Nested Loop" and outer is not None:
            times *= _rescans(node, outer, child)
        walked += descents(child, levels, times)
    return walked


def _rescans(loop: Mapping[str, Any], outer: Mapping[str, Any], inner: Mapping[str, Any]) -> float:
    """Return how often the inner side runs: for each outer row, or, remembered, as often as its cost was counted."""
    rows = max(1.0, float(outer["Plan Rows"]))
    if inner["Node Type"] == "Materialize":
        return 1.0
    if inner["Node Type"] != "Memoize":
        return rows
    spent = float(loop["Total Cost"]) - float(outer["Total Cost"])
    return min(rows, max(1.0, spent / max(float(inner["Total Cost"]), 0.01)))
