"""Writes on MySQL, for the change executor and scratch places only."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from pymysql.constants import FIELD_TYPE

from dbmanager.adapters.facets import CapturedRows, ExecutionResult, Statement
from dbmanager.adapters.mysql.query import bound
from dbmanager.adapters.mysql.session import OWN_SECONDS, Sessions
from dbmanager.adapters.mysql.storage import captured, keyed, readable, released, upsert
from dbmanager.adapters.mysql.tables import name_of
from dbmanager.adapters.mysql.wire import Wire
from dbmanager.adapters.sql.before_images import key_of, refuse_more
from dbmanager.errors import ConstraintViolated
from dbmanager.model.queries import Row
from dbmanager.model.schema import Table

BATCH_ROWS = 500
ROW_LOCK = " FOR UPDATE"


class MysqlExecute:
    """The `Execute` facet."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def execute(
        self, statements: Sequence[Statement], *, atomic: bool, lock_timeout_seconds: float, timeout_seconds: float
    ) -> ExecutionResult:
        """Run the statements, in one transaction when `atomic`; the server commits before and after every DDL all the same."""
        started, changed = time.perf_counter(), 0
        async with self._sessions.writing(timeout_seconds=timeout_seconds, lock_seconds=lock_timeout_seconds) as raw:
            if atomic:
                await raw.run("START TRANSACTION")
            for statement in statements:
                changed += await raw.run(await bound(raw, statement.text, statement.parameters))
            if atomic:
                await raw.run("COMMIT")
        return ExecutionResult(changed, time.perf_counter() - started)

    async def capture_and_execute(
        self,
        capture: str,
        statement: Statement,
        keep: Callable[[CapturedRows], Awaitable[None]],
        *,
        max_rows: int,
        lock_timeout_seconds: float,
        timeout_seconds: float,
    ) -> ExecutionResult:
        """Lock and keep the rows as they are, then change them, all in one transaction."""
        started = time.perf_counter()
        async with self._sessions.writing(timeout_seconds=timeout_seconds, lock_seconds=lock_timeout_seconds) as raw:
            await raw.run("START TRANSACTION")
            columns, rows = await self._captured(raw, capture, max_rows)
            await keep((columns, rows))
            changed = await raw.run(await bound(raw, statement.text, statement.parameters))
            await raw.run("COMMIT")
        return ExecutionResult(changed, time.perf_counter() - started)

    async def _captured(self, raw: Wire, capture: str, max_rows: int) -> tuple[tuple[str, ...], tuple[Row, ...]]:
        """Return the rows to the bit; with FLOAT columns they are read once more, exactly, while they are locked."""
        await raw.run(f"SET SESSION sql_select_limit = {max_rows + 1}")
        found = await raw.fetch(capture)
        fields = raw._result.fields
        refuse_more(len(found), max_rows)
        columns = tuple(str(field.name) for field in fields)
        floats = {field.name for field in fields if field.type_code == FIELD_TYPE.FLOAT}
        if floats and found:
            exact = ", ".join(f"{name_of(n)} * 1e0" if n in floats else name_of(n) for n in columns)
            found = await raw.fetch(f"SELECT {exact} FROM ({capture.removesuffix(ROW_LOCK)}) AS captured")  # noqa: S608
        await raw.run("SET SESSION sql_select_limit = DEFAULT")
        return columns, tuple(tuple(captured(value) for value in row) for row in found)

    async def restore_rows(self, table: Table, rows: CapturedRows) -> ExecutionResult:
        """Put rows back by primary key; generated columns make themselves anew."""
        started = time.perf_counter()
        columns, values = _stored(table, rows)
        async with self._sessions.writing(timeout_seconds=OWN_SECONDS, lock_seconds=5, exact=True) as raw:
            await raw.run("START TRANSACTION")
            await write_rows(raw, table, columns, key_of(table), values, released)
            await raw.run("COMMIT")
        return ExecutionResult(len(values), time.perf_counter() - started)

    async def count_changed(self, table: Table, rows: CapturedRows) -> int:
        """Compare the captured rows with those of the same key, batch by batch."""
        columns, values = rows
        key = key_of(table)
        positions = [columns.index(name) for name in key]
        names = ", ".join(readable(table.column(name)) for name in columns)
        changed = 0
        async with self._sessions.reading(timeout_seconds=OWN_SECONDS, lock_seconds=5) as raw:
            for start in range(0, len(values), BATCH_ROWS):
                batch = values[start : start + BATCH_ROWS]
                where = keyed(raw, table, key, [tuple(row[p] for p in positions) for row in batch], released)
                sql = f"SELECT {names} FROM {name_of(table.name)} WHERE {where}"  # noqa: S608 - quoted names, escaped values
                now = [tuple(captured(value) for value in row) for row in await raw.fetch(sql)]
                there: dict[Any, Row] = {tuple(row[p] for p in positions): row for row in now}
                changed += sum(there.get(tuple(row[p] for p in positions)) != tuple(row) for row in batch)
        return changed


async def write_rows(
    raw: Wire,
    table: Table,
    columns: Sequence[str],
    key: Sequence[str],
    rows: Sequence[Row],
    convert: Callable[..., object],
) -> None:
    """Insert or replace rows by key within the caller's transaction.

    Raises: ConstraintViolated when a row would collide with another row's unique value: MySQL would overwrite that one.
    """
    await upsert(raw, table, columns, key, rows, convert)
    if not key or not any(set(unique.columns) != set(key) for unique in table.uniques):
        return
    positions = [list(columns).index(name) for name in key]
    for start in range(0, len(rows), BATCH_ROWS):
        keys = [tuple(row[p] for p in positions) for row in rows[start : start + BATCH_ROWS]]
        where = keyed(raw, table, key, keys, convert)
        found = (await raw.fetch(f"SELECT COUNT(*) FROM {name_of(table.name)} WHERE {where}"))[0][0]  # noqa: S608
        if int(found) < len(set(map(str, keys))):
            raise ConstraintViolated(
                "a unique constraint would be broken",
                object_name=table.name,
                hint="Look at the constraint and the rows.",
            )


def _stored(table: Table, rows: CapturedRows) -> CapturedRows:
    columns, values = rows
    kept = [n for n, name in enumerate(columns) if table.column(name).generated is None]
    return tuple(columns[n] for n in kept), tuple(tuple(row[n] for n in kept) for row in values)
