"""What a key space weighs, and samples of its groups."""

from __future__ import annotations

from collections.abc import Sequence

from dbmanager.adapters.facets import DependencyCount, LargestValue, OrphanCount, Unsupported
from dbmanager.adapters.redis.catalog import RedisCatalog, look_at
from dbmanager.adapters.redis.describe import sample_rows
from dbmanager.adapters.redis.session import Sessions
from dbmanager.model.commands import write_command
from dbmanager.model.keys import ANY
from dbmanager.model.queries import Row
from dbmanager.model.schema import Table
from dbmanager.model.statistics import ColumnProfile, IndexUsage, Sample, TableStatistics

_NO_JOIN = Unsupported("Redis has no joins and no declared references; keys are named by the application alone")


class RedisStatistics:
    """The `Statistics` facet: counts and memory by key group, from the catalog's bounded look."""

    def __init__(self, sessions: Sessions, catalog: RedisCatalog) -> None:
        self._sessions = sessions
        self._catalog = catalog

    async def tables(self, *, exact_up_to_rows: int = 0) -> tuple[TableStatistics, ...]:
        """Return keys and memory per group; exact counts where every key was seen, memory always an estimate."""
        model = await self._catalog.model()
        return tuple(
            TableStatistics(None, group.pattern, group.keys_estimated, model.share == 1.0, group.memory_bytes(), None)
            for group in sorted(model.groups, key=lambda g: g.pattern)
        )

    async def index_usage(self) -> tuple[IndexUsage, ...] | Unsupported:
        """Say that there are no indexes."""
        return Unsupported("Redis has no indexes: a key is found by its name")

    async def sample(self, table: Table, *, rows: int = 200) -> Sample:
        """Return rows of the group's sampled keys; a row per element, at most a few of each key.

        The column `key` holds only what the pattern leaves open (`42` for `user:42`).
        """
        model = await self._catalog.model()
        group = next((g for g in model.groups if g.pattern == table.name), None)
        keys = [facts.key for facts in group.sampled] if group else []
        found: list[Row] = []
        async with self._sessions.reading(timeout_seconds=60) as wire:
            for start in range(0, len(keys), 50):
                for facts in await look_at(wire, keys[start : start + 50]):
                    found += sample_rows(table, facts, model.patterns)
                if len(found) >= rows:
                    break
        return Sample(tuple(column.name for column in table.columns), tuple(found[:rows]))

    async def profile(
        self, table: Table, columns: Sequence[str], *, max_rows: int = 100_000
    ) -> tuple[ColumnProfile, ...]:
        """Return null ratio and distinct count per column over the sampled keys; never exact."""
        sample = await self.sample(table, rows=min(max_rows, 5_000))
        count = len(sample.rows)
        return tuple(
            ColumnProfile(
                name, count, 1 - len(values) / count if count else 0.0, len({repr(value) for value in values}), False
            )
            for name in columns
            for values in [sample.values(name)]
        )

    def count_query(self, table: Table) -> str:
        """Return the SCAN whose whole round counts the group's keys; for the group of all others, DBSIZE."""
        if table.name == ANY:
            return write_command(["DBSIZE"])
        return write_command(["SCAN", "0", "MATCH", table.name, "COUNT", "1000"])

    async def count_orphans(
        self, child: Table, column: str, parent: Table, parent_column: str
    ) -> OrphanCount | Unsupported:
        """Say that there are no references."""
        return _NO_JOIN

    async def count_dependency(self, table: Table, determinant: str, dependent: str) -> DependencyCount | Unsupported:
        """Say that rows can't be grouped."""
        return Unsupported("Redis can't group: only a walk through every key could count that")

    async def largest(self, table: Table, column: str) -> LargestValue | Unsupported:
        """Say that integers have no declared width."""
        return Unsupported("Redis declares no integer widths")
