"""Reads for a model: bounded by the connection's limits, then through the masking exit."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dbmanager.adapters.facets import Adapter
from dbmanager.errors import DbManagerError, InvalidStatement, ResourceExhausted
from dbmanager.model.queries import QueryLimits, QueryPlan, QueryRequest, Scalar
from dbmanager.services.audit import AuditLog
from dbmanager.services.connections import Connections
from dbmanager.services.policy.groups import is_restricted
from dbmanager.services.policy.masking import MaskedResult, Masker
from dbmanager.services.policy.plans import without_values
from dbmanager.services.policy.tokens import TOKEN

MAX_GUESSES, GUESS_SECONDS = 200, 3_600.0


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a result that may leave, and the cursor of the next (None at the end)."""

    masked: MaskedResult
    cursor: str | None


class Reader:
    """Runs and explains a model's queries on a named connection."""

    def __init__(self, connections: Connections, masker: Masker, audit: Callable[[], AuditLog]) -> None:
        self._connections = connections
        self._masker = masker
        self._audit = audit
        self._unmasked: set[str] = set()
        self._guesses: deque[float] = deque()

    async def query(
        self,
        connection: str,
        statement: str,
        parameters: tuple[Scalar, ...] = (),
        *,
        max_rows: int | None = None,
        cursor: str | None = None,
    ) -> Page:
        """Return a page of rows, classified values masked.

        A connection whose masking is switched off leaves an audit entry at the first read of a process.

        Raises: what `Query.run` raises; InvalidStatement when the cursor belongs to another statement;
        AuditUnavailable when an unmasked read can't be recorded.
        """
        adapter = await self._connections.adapter(connection)
        settings = self._connections.settings(connection)
        if not settings.masking and connection not in self._unmasked:
            await self._audit().record("read_unmasked", connection, "done", {"by": "configuration"})
            self._unmasked.add(connection)
        offset = _offset(cursor, statement, parameters) if cursor else 0
        filled, values, has_tokens = self._filled(adapter, statement, parameters)
        request = QueryRequest(filled, values, self.limits(connection, max_rows), offset)
        try:
            result = await adapter.query.run(request)
        except InvalidStatement as wrong:
            await _spell(adapter, statement, wrong)
            raise
        if settings.masking:
            schema = await adapter.catalog.read_schema()
            masked = await self._masker.mask(connection, adapter, schema, filled, result, filled=has_tokens)
            if masked.restricted:
                await self._note_guess(connection, statement, masked.restricted)
        else:
            masked = MaskedResult(result, {})
        following = None if result.next_offset is None else _cursor(result.next_offset, statement, parameters)
        return Page(masked, following)

    async def explain(
        self, connection: str, statement: str, parameters: tuple[Scalar, ...] = (), *, analyze: bool = False
    ) -> QueryPlan:
        """Return the plan; `analyze` runs the statement within the same bounds."""
        adapter = await self._connections.adapter(connection)
        if any(isinstance(one, str) and TOKEN.fullmatch(one) for one in parameters):
            raise InvalidStatement(
                "a token can't be explained: plans repeat their parameters", hint="Explain with a made-up value."
            )
        request = QueryRequest(statement, parameters, self.limits(connection, None))
        try:
            plan = await adapter.query.explain(request, analyze=analyze)
        except InvalidStatement as wrong:
            await _spell(adapter, statement, wrong)
            raise
        if not self._connections.settings(connection).masking:
            return plan
        schema = await adapter.catalog.read_schema()
        restricted = await self._masker.restricted(connection, adapter, schema, statement)
        if restricted and analyze:
            await self._note_guess(connection, statement, restricted)
        return without_values(plan, (statement, *map(str, parameters)), counts=not restricted)

    async def compares_restricted(self, connection: str, statements: Sequence[str]) -> bool:
        """Whether statements whose answers are to be compared touch restricted columns; then that is recorded.

        That two answers are equal tells something of every column that they come from, like a condition on it.

        Raises: ResourceExhausted when that was asked too often within an hour.
        """
        from dbmanager.analyzers.lineage.languages import touched_by

        if not self._connections.settings(connection).masking:
            return False
        adapter = await self._connections.adapter(connection)
        schema = await adapter.catalog.read_schema()
        found: set[str] = set()
        for statement in statements:
            touched = touched_by(statement, adapter.dialect, schema)
            if touched is None:
                found.add("untraced")
                continue
            kinds = await self._masker.columns_in_clear(connection, adapter, schema, touched)
            found |= {f"{column.table}.{column.column}" for column, kind in kinds.items() if is_restricted(kind)}
        if found:
            await self._note_guess(connection, "\n".join(statements), tuple(sorted(found)))
        return bool(found)

    async def note_measured(self, connection: str, statements: Sequence[str]) -> None:
        """Record which of the statements to be measured choose rows by restricted columns: work and time tell of each.

        Raises: ResourceExhausted when there were too many within an hour.
        """
        if not self._connections.settings(connection).masking:
            return
        adapter = await self._connections.adapter(connection)
        schema = await adapter.catalog.read_schema()
        for statement in statements:
            restricted = await self._masker.restricted(connection, adapter, schema, statement)
            if restricted:
                await self._note_guess(connection, statement, restricted)

    async def _note_guess(self, connection: str, statement: str, columns: tuple[str, ...]) -> None:
        """Record that restricted columns chose rows; so many in an hour are refused, since each may tell one bit.

        Raises: ResourceExhausted.
        """
        now = time.monotonic()
        while self._guesses and now - self._guesses[0] > GUESS_SECONDS:
            self._guesses.popleft()
        if len(self._guesses) >= MAX_GUESSES:
            raise ResourceExhausted(
                f"more than {MAX_GUESSES} queries in an hour chose rows by restricted columns ({', '.join(columns)})",
                object_name=connection, hint="Choose rows by other columns, or ask to see these with propose_change.",
            )  # fmt: skip
        self._guesses.append(now)
        digest = hashlib.sha256(statement.encode()).hexdigest()[:16]
        await self._audit().record(
            "restricted_filter", connection, "done", {"columns": list(columns), "statement": digest}
        )

    def _filled(
        self, adapter: Adapter, statement: str, parameters: tuple[Scalar, ...]
    ) -> tuple[str, tuple[Scalar, ...], bool]:
        """Return statement and parameters with the values that tokens stand for, and whether there were any."""
        tokens = self._masker.tokens
        values, in_parameters = tokens.resolved(parameters)
        filled, in_command = tokens.resolved_command(statement) if adapter.dialect == "mongodb" else (statement, False)
        return filled, values, in_parameters or in_command

    def limits(self, connection: str, max_rows: int | None) -> QueryLimits:
        """Return the connection's bounds, narrowed to `max_rows` when that is less."""
        limits = self._connections.settings(connection).limits
        return QueryLimits(
            max_rows=min(max_rows or limits.max_rows, limits.max_rows),
            max_bytes=limits.max_bytes,
            max_cell_bytes=limits.max_cell_bytes,
            timeout_seconds=limits.timeout_seconds,
            lock_timeout_seconds=limits.lock_timeout_seconds,
        )


async def _spell(adapter: Adapter, statement: str, wrong: InvalidStatement) -> None:
    """Add to an error which names of the database are near those of the statement that it does not have."""
    from dbmanager.analyzers.spelling import corrections

    try:
        near = corrections(await adapter.catalog.read_schema(), statement, adapter.dialect)
    except DbManagerError:
        return
    if near:
        meant = ", ".join(f"{right!r} for {given!r}" for given, right in near)
        wrong.hint = f"{wrong.hint or ''} Did you mean {meant}?".strip()


def _digest(statement: str, parameters: tuple[Scalar, ...]) -> str:
    return hashlib.sha256(json.dumps([statement, list(parameters)]).encode()).hexdigest()[:16]


def _cursor(offset: int, statement: str, parameters: tuple[Scalar, ...]) -> str:
    return base64.urlsafe_b64encode(json.dumps([offset, _digest(statement, parameters)]).encode()).decode()


def _offset(cursor: str, statement: str, parameters: tuple[Scalar, ...]) -> int:
    try:
        offset, digest = json.loads(base64.urlsafe_b64decode(cursor.encode()))
    except ValueError:
        raise InvalidStatement(
            "the cursor is not one of this server's", hint="Pass it exactly as it was given."
        ) from None
    if digest != _digest(statement, parameters) or not isinstance(offset, int) or offset < 0:
        raise InvalidStatement(
            "the cursor belongs to another statement", hint="Repeat the statement and parameters of the first page."
        )
    return offset
