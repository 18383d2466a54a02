"""Whether plans with hypothetical indexes are those of the indexes when they are made: tables in order, with their access."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dbmanager.adapters.facets import Adapter, Planner
from dbmanager.model.queries import PlanNode, QueryRequest
from dbmanager.model.schema import Index, Table

Path = list[tuple[str, str | None, str]]


@dataclass(frozen=True, slots=True)
class Agreement:
    """By query number: where the planner, asked with indexes that are not there, says otherwise than with them made."""

    others: tuple[int, ...]
    of: int


def path(roots: Iterable[PlanNode]) -> Path:
    """Return the tables of a plan in order, each with its index and kind of access."""
    return [(node.table, node.index, node.access) for root in roots for node in root.walk() if node.table is not None]


async def promised_paths(
    planner: Planner, queries: Mapping[int, str], indexes: Sequence[tuple[Table, Index]]
) -> dict[int, Path]:
    """Return the path of each query with these indexes, by the what-if."""
    return {number: path((await planner.plan(sql, indexes)).plan.roots) for number, sql in queries.items()}


async def agreement(adapter: Adapter, queries: Mapping[int, str], promised: Mapping[int, Path]) -> Agreement:
    """Compare with the plans of the database that has the indexes."""
    real = {number: path((await adapter.query.explain(QueryRequest(sql))).roots) for number, sql in queries.items()}
    return Agreement(tuple(number for number in queries if real[number] != promised[number]), len(queries))
