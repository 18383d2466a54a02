"""PostgreSQL's own word on what each output is computed from: the plan's expressions, every name resolved."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import asyncpg

from dbmanager.adapters.facets import Unsupported
from dbmanager.adapters.postgresql.query import PostgresQuery
from dbmanager.adapters.postgresql.session import OWN_SECONDS, Sessions
from dbmanager.model.lineage import BaseColumn, EngineReading
from dbmanager.model.queries import Scalar

_NAME = r'(?:"(?:[^"]|"")+"|[^\W\d][\w$]*)'
_REFERENCE = re.compile(rf"({_NAME})\.({_NAME}|\*)")
_STRINGS = re.compile(r"E?'(?:[^']|'')*'")
_UNRESOLVED = re.compile(r"\$\d+|SubPlan|InitPlan|\bCTE\b")
_APPENDED = ("Append", "Merge Append", "SetOp", "Recursive Union")
_PASSED = (
    "Aggregate",
    "Group",
    "Limit",
    "Sort",
    "Incremental Sort",
    "Gather",
    "Gather Merge",
    "Unique",
    "Materialize",
    "Memoize",
    "LockRows",
)
Plan = dict[str, Any]


class PostgresProvenance:
    """The `Provenance` facet: EXPLAIN (VERBOSE), which plans the statement and runs nothing of it.

    Outputs that the plan passes through a subquery, a CTE or a parameter are not followed: the engine names them by
    position, and what is not sure is not said.
    """

    def __init__(self, sessions: Sessions, query: PostgresQuery) -> None:
        self._sessions = sessions
        self._query = query

    async def reading(self, statement: str, parameters: Sequence[Scalar] = ()) -> EngineReading | Unsupported:
        """Return the columns that each output is computed from."""
        if parameters:
            return Unsupported("a statement with parameters is planned with their values, and its outputs fold away")
        await self._query.check(statement)
        sql = "EXPLAIN (VERBOSE, COSTS OFF, FORMAT JSON) " + statement.strip().rstrip(";")
        async with self._sessions.reading(timeout_seconds=OWN_SECONDS, lock_seconds=5, confined=True) as raw:
            plan = json.loads(await raw.fetchval(sql))[0]["Plan"]
            columns = await _columns(raw, {(s, t) for s, t in _relations(plan)})
        try:
            return EngineReading(outputs=tuple(_outputs(plan, columns)))
        except _NotSure as unsure:
            return Unsupported(str(unsure))


class _NotSure(Exception):
    """An output is not named in a way that can be followed."""


async def _columns(
    raw: asyncpg.Connection[Any], relations: set[tuple[str, str]]
) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return the columns of relations, for whole-row references."""
    rows = await raw.fetch(
        "SELECT n.nspname AS schema, c.relname AS relation, array_agg(a.attname::text ORDER BY a.attnum) AS columns "
        "FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relname = ANY ($1::text[]) GROUP BY 1, 2",
        [name for _, name in relations],
    )
    return {(row["schema"], row["relation"]): tuple(row["columns"]) for row in rows}


def _nodes(plan: Plan) -> Iterator[Plan]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)


def _relations(plan: Plan) -> Iterator[tuple[str, str]]:
    for node in _nodes(plan):
        if "Relation Name" in node:
            yield node["Schema"], node["Relation Name"]


def _outputs(plan: Plan, columns: dict[tuple[str, str], tuple[str, ...]]) -> list[frozenset[BaseColumn]]:
    kind, children = plan["Node Type"], plan.get("Plans", ())
    if kind in _APPENDED:
        parts = [_outputs(child, columns) for child in children]
        if not parts or len({len(part) for part in parts}) != 1:
            raise _NotSure("the branches of a set operation differ in their outputs")
        return [frozenset().union(*found) for found in zip(*parts, strict=True)]
    below = [child for child in children if child.get("Parent Relationship") == "Outer"]
    if kind in _PASSED and len(below) == 1 and below[0].get("Output") == plan.get("Output"):
        return _outputs(below[0], columns)
    if "Output" not in plan:
        raise _NotSure(f"{kind} does not tell its outputs")
    if any(node["Node Type"] in _APPENDED for node in _nodes(plan)):
        raise _NotSure("an output is computed from a set operation, whose branches it does not name")
    return [_expression(text, plan, columns) for text in plan["Output"]]


def _expression(text: str, plan: Plan, columns: dict[tuple[str, str], tuple[str, ...]]) -> frozenset[BaseColumn]:
    plain = _STRINGS.sub("''", text)
    if _UNRESOLVED.search(plain):
        raise _NotSure("an output is the value of a subplan")
    found: set[BaseColumn] = set()
    for alias, column in _REFERENCE.findall(plain):
        found |= _base(_unquoted(alias), _unquoted(column), plan, columns)
    return frozenset(found)


def _base(alias: str, column: str, plan: Plan, columns: dict[tuple[str, str], tuple[str, ...]]) -> set[BaseColumn]:
    """Return the stored columns behind `alias.column`; functions that return rows are computed from their arguments."""
    nodes = [node for node in _nodes(plan) if node.get("Alias") == alias]
    if not nodes:
        if any(node.get("Function Name") == column for node in _nodes(plan)):
            return set()
        raise _NotSure(f"{alias} is no relation of the plan")
    found: set[BaseColumn] = set()
    for node in nodes:
        if "Relation Name" in node:
            place = (node["Schema"], node["Relation Name"])
            names = columns.get(place, ()) if column == "*" else (column,)
            found |= {BaseColumn(*place, name) for name in names}
        elif "Function Call" in node:
            found |= _expression(node["Function Call"], plan, columns)
        else:
            raise _NotSure(f"{alias} is a {node['Node Type']}")
    return found


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
