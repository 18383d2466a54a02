"""Reads on MySQL: gated, read-only, streamed, bounded, killed when given up."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from dbmanager.adapters.facets import Metered
from dbmanager.adapters.mysql.bodies import RoutineFacts
from dbmanager.adapters.mysql.gate import check_read
from dbmanager.adapters.mysql.plans import plan_cost, plan_facts, plan_roots
from dbmanager.adapters.mysql.session import OWN_SECONDS, Sessions
from dbmanager.adapters.mysql.text import read, without_database
from dbmanager.adapters.mysql.wire import DriverError, Wire
from dbmanager.adapters.sql.bounds import BoundedRows
from dbmanager.adapters.sql.values import canonical
from dbmanager.errors import InvalidStatement, UnsupportedCapability
from dbmanager.model.queries import QueryPlan, QueryRequest, QueryResult, ResultColumn, Row, Scalar

_ROUTINES = (
    "SELECT ROUTINE_NAME, SQL_DATA_ACCESS, ROUTINE_DEFINITION FROM information_schema.ROUTINES "
    "WHERE ROUTINE_SCHEMA = DATABASE() AND ROUTINE_TYPE = 'FUNCTION' AND LOWER(ROUTINE_NAME) IN ({})"
)
_VIEW = (
    "SELECT TABLE_NAME, 'VIEW', NULLIF(VIEW_DEFINITION, ''), DATABASE() FROM information_schema.VIEWS "
    "WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = {}"
)
"""One name at a time: only then MariaDB opens that view alone, instead of every table of the database."""
_NATIVE = "SELECT name, 'NATIVE', NULL FROM mysql.func WHERE LOWER(name) IN ({})"
_SPLIT = re.compile(r"""('(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`(?:[^`]|``)+`|\?)""", re.DOTALL)
LAST_COST = "SHOW SESSION STATUS LIKE 'Last_query_cost'"
_READ_DENIED = (1142, 1143, 1044, 1146)


class MysqlQuery:
    """The `Query` facet."""

    work_unit = "rows asked of the storage engine"

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def check(self, sql: str) -> None:
        """Pass a plain read that calls nothing with effects."""
        await self.checked(sql)

    async def checked(self, sql: str) -> str:
        """Return a statement that only reads, as it is run; refuse any other."""
        return await check_read(sql, self._reached)

    async def _reached(self, functions: Sequence[str], tables: Sequence[str]) -> tuple[RoutineFacts, ...]:
        """Look the names up anew each time: a function or view may have been replaced since."""
        found: list[RoutineFacts] = []
        async with self._sessions.reading(timeout_seconds=OWN_SECONDS, lock_seconds=5) as raw:
            if functions:
                listed = ", ".join(raw.literal_of(name) for name in functions)
                rows = [*await raw.fetch(_ROUTINES.format(listed))]
                try:
                    rows += await raw.fetch(_NATIVE.format(listed))
                except DriverError as problem:
                    if problem.args[0] not in _READ_DENIED:
                        raise
                found += [RoutineFacts(*row) for row in rows]
            if tables:
                views = " UNION ALL ".join(_VIEW.format(raw.literal_of(name)) for name in tables)
                found += [
                    RoutineFacts(name, kind, without_database(body, own) if body else None)
                    for name, kind, body, own in await raw.fetch(views)
                ]
        return tuple(found)

    async def run(self, request: QueryRequest) -> QueryResult:
        """Return a page of rows."""
        return await self._run_ungated(request, await self.checked(request.statement))

    async def _run_ungated(self, request: QueryRequest, statement: str | None = None) -> QueryResult:
        """Run without the gate: what is left is the engine's own read-only session. For tests of that layer."""
        limits = request.limits
        rows = BoundedRows(request)
        async with (
            self._sessions.bounded(limits.timeout_seconds),
            self._sessions.reading(
                timeout_seconds=limits.timeout_seconds,
                lock_seconds=limits.lock_timeout_seconds,
                most_rows=request.offset + limits.max_rows + 1,
            ) as raw,
        ):
            sql = await bound(raw, statement or request.statement, request.parameters)
            columns = [ResultColumn(name, kind) for name, kind in await raw.begin_stream(sql)]
            skipped = 0
            while (row := await raw.next_row()) is not None:
                if skipped < request.offset:
                    skipped += 1
                elif not rows.feed((row,)):
                    await self._drained(raw)
                    break
        return rows.result(columns)

    async def _drained(self, raw: Wire) -> None:
        """Take the few rows that are left, so that the connection can be kept; many are left to be killed."""
        for _ in range(3):
            if await raw.next_row() is None:
                return

    async def explain(self, request: QueryRequest, *, analyze: bool = False) -> QueryPlan:
        """Return the plan; with `analyze` also what really happened."""
        statement = (await self.checked(request.statement)).strip().rstrip(";")
        limits = request.limits
        facts = await self._sessions.facts()
        how = "EXPLAIN FORMAT=JSON "
        if analyze and "explain_json_format_version" in facts.has:
            how = "EXPLAIN ANALYZE FORMAT=JSON "
        elif analyze and "max_statement_time" in facts.has:
            how = "ANALYZE FORMAT=JSON "
        elif analyze:
            raise UnsupportedCapability(
                f"version {facts.version} tells what really happened in no form that can be read; ask for the plan alone",
                object_name=self._sessions.name,
            )
        async with (
            self._sessions.bounded(limits.timeout_seconds),
            self._sessions.reading(
                timeout_seconds=limits.timeout_seconds, lock_seconds=limits.lock_timeout_seconds
            ) as raw,
        ):
            sql = how + with_literals(raw, statement, request.parameters)
            found = plan_facts(str((await raw.fetch(sql))[0][0]))
            roots = plan_roots(found)
            cost = plan_cost(found, roots)
            if cost is None:  # older MariaDB tells it beside the plan, 0 where it made none
                cost = float((await raw.fetch(LAST_COST))[0][1]) or None
        total = found.get("query_block", {}).get("r_total_time_ms")
        top = roots[0].time_ms if analyze and roots else None
        return QueryPlan(roots, cost, analyze, execution_ms=total if total is not None else top)

    async def metered(self, request: QueryRequest) -> Metered:
        """Run a read to its end and return what it cost."""
        from dbmanager.adapters.mysql.metering import metered

        request = replace(request, statement=await self.checked(request.statement))
        return await metered(self._sessions, request)

    async def fetch(self, sql: str, parameters: tuple[Scalar, ...] = ()) -> list[Row]:
        """Return all rows of one of our own statements."""
        async with self._sessions.reading(timeout_seconds=OWN_SECONDS, lock_seconds=5) as raw:
            found = await raw.fetch(await bound(raw, sql, parameters))
        return [tuple(canonical(value) for value in row) for row in found]


async def bound(raw: Wire, sql: str, parameters: Sequence[Scalar]) -> str:
    """Prepare a statement with placeholders on the server, and return what executes it with the values bound."""
    if not parameters:
        return sql
    await raw.run(f"PREPARE dbmanager FROM {raw.literal_of(sql)}")
    names = [f"@dbmanager{number}" for number in range(len(parameters))]
    pairs = (f"{name} = {raw.literal_of(value)}" for name, value in zip(names, parameters, strict=True))
    await raw.run("SET " + ", ".join(pairs))
    return "EXECUTE dbmanager USING " + ", ".join(names)


def with_literals(raw: Wire, sql: str, parameters: Sequence[Scalar]) -> str:
    """Put values in place of the placeholders outside strings and names: EXPLAIN can't be prepared everywhere.

    Raises: InvalidStatement when their numbers differ.
    """
    plain, _ = read(sql)
    pieces, values = [], list(parameters)
    for piece in _SPLIT.split(plain):
        if piece == "?":
            if not values:
                raise InvalidStatement("there are more placeholders than parameters", hint="Pass one per ?.")
            piece = raw.literal_of(values.pop(0))
        pieces.append(piece)
    if values:
        raise InvalidStatement("there are more parameters than placeholders", hint="Pass one per ?.")
    return "".join(pieces)
