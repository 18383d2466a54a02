"""Reads on Redis: gated, inside a read-only script, measured before, bounded, stoppable between commands."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dbmanager.adapters.redis.bounds import bounded
from dbmanager.adapters.redis.gate import FACTS, CommandTable, check_read
from dbmanager.adapters.redis.session import OWN_SECONDS, Sessions, Wire
from dbmanager.adapters.redis.shapes import Shaped, shape
from dbmanager.adapters.sql.bounds import BoundedRows
from dbmanager.errors import InvalidStatement, UnsupportedCapability
from dbmanager.model.commands import parse_command, to_text
from dbmanager.model.keys import FIELD, VALUE, field_column
from dbmanager.model.queries import QueryPlan, QueryRequest, QueryResult, ResultColumn, Row, Scalar

if TYPE_CHECKING:
    from dbmanager.adapters.redis.catalog import RedisCatalog

_EXACT = frozenset((b"BITFIELD_RO",))
"""Answers 64-bit integers that a script would round; the server allows it nothing but GET."""
UNLISTED = f"{VALUE} (fields the catalog does not list)"


class RedisQuery:
    """The `Query` facet."""

    def __init__(self, sessions: Sessions, catalog: RedisCatalog) -> None:
        self._sessions = sessions
        self._catalog = catalog
        self._table: CommandTable | None = None

    async def check(self, sql: str) -> None:
        """Pass one command that only reads."""
        check_read(await self.table(), parse_command(sql))

    async def table(self) -> CommandTable:
        """Return the server's command table, read once."""
        if self._table is None:
            self._table = CommandTable(await self._sessions.commands())
        return self._table

    async def run(self, request: QueryRequest) -> QueryResult:
        """Return a page of rows."""
        if request.parameters:
            raise InvalidStatement("a command takes no parameters", hint="Write the values into the list of arguments.")
        arguments = parse_command(request.statement)
        check_read(await self.table(), arguments)
        return await self._run_ungated(request, arguments)

    async def _run_ungated(self, request: QueryRequest, arguments: Sequence[bytes]) -> QueryResult:
        table, rows = await self.table(), BoundedRows(request)
        name, keys = table.named(arguments), table.keys(arguments)
        confines = (await self._sessions.server()).confines
        async with self._sessions.reading(timeout_seconds=request.limits.timeout_seconds) as wire:
            rows.started = time.perf_counter()
            ours = await bounded(wire, arguments, keys, request)
            plain = name in FACTS or arguments[0].upper() in _EXACT or not confines
            reply = await (wire.call(*ours.arguments) if plain else wire.confined(ours.arguments))
        shaped = shape(arguments, reply)
        self._notice(arguments, keys, shaped)
        rows.feed(shaped.rows[ours.skip :])
        return rows.result(ResultColumn(column) for column in self._columns(keys, shaped))

    def _notice(self, arguments: Sequence[bytes], keys: Sequence[bytes], shaped: Shaped) -> None:
        """Have the catalog read anew when a key turns up that fits no known group."""
        found = [to_text(key) for key in keys]
        if shaped.columns[-1] == "key":
            found += [str(row[-1]) for row in shaped.rows if row[-1] is not None]
        self._catalog.notice(found)

    def _columns(self, keys: Sequence[bytes], shaped: Shaped) -> tuple[str, ...]:
        """Rename the values of fields that the catalog does not know, so that nobody takes them for known ones."""
        if shaped.columns[-2:] != (FIELD, VALUE) or len(keys) != 1:
            return shaped.columns
        known = self._catalog.known_columns(to_text(keys[0]))
        fields = [row[-2] for row in shaped.rows if row[-2] is not None]
        if known is None or VALUE in known or all(field_column(str(field)) in known for field in fields):
            return shaped.columns
        return (*shaped.columns[:-1], UNLISTED)

    async def explain(self, request: QueryRequest, *, analyze: bool = False) -> QueryPlan:
        """Say that there is no plan to show.

        Raises: UnsupportedCapability.
        """
        await self.check(request.statement)
        raise UnsupportedCapability(
            "Redis has no query planner: a command always does what its documentation says",
            object_name=self._sessions.name,
            hint="Look at the complexity in COMMAND DOCS, and at the size of its keys by MEMORY USAGE.",
        )

    async def fetch(self, sql: str, parameters: tuple[Scalar, ...] = ()) -> list[Row]:
        """Return all rows of one of our own commands."""
        arguments = (*parse_command(sql), *(str(value).encode() for value in parameters))
        async with self._sessions.reading(timeout_seconds=OWN_SECONDS) as wire:
            return [tuple(row) for row in shape(arguments, await self._read(wire, arguments)).rows]

    async def _read(self, wire: Wire, arguments: Sequence[bytes]) -> Any:
        return await wire.call(*arguments)
