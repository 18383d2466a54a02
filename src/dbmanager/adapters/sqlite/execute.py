"""Writes on SQLite, for the change executor and scratch places only."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Awaitable, Callable, Sequence

import anyio.from_thread

from dbmanager.adapters.facets import CapturedRows, ExecutionResult, Statement
from dbmanager.adapters.sql.before_images import key_of, refuse_more
from dbmanager.adapters.sql.names import quote
from dbmanager.adapters.sqlite.session import Handle, Sessions
from dbmanager.adapters.sqlite.storage import captured, released
from dbmanager.errors import StatementFailed
from dbmanager.model.schema import Table

REBUILD = "PRAGMA foreign_keys = OFF"
"""Stands first among statements that build a table anew: references are off for them, and checked before they are kept."""
_JOURNAL = re.compile(r"\s*PRAGMA\s+journal_mode\s*=", re.IGNORECASE)


class SqliteExecute:
    """The `Execute` facet."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def execute(
        self, statements: Sequence[Statement], *, atomic: bool, lock_timeout_seconds: float, timeout_seconds: float
    ) -> ExecutionResult:
        """Run the statements, in one immediate transaction when `atomic`."""

        def rebuild(handle: Handle) -> ExecutionResult:
            return _rebuilt(handle, [statement.text for statement in statements[1:]])

        def work(handle: Handle) -> ExecutionResult:
            started, changed = time.perf_counter(), 0
            if atomic:
                handle.raw.execute("BEGIN IMMEDIATE")
            for statement in statements:
                changed += max(handle.raw.execute(statement.text, statement.parameters).rowcount, 0)
            if atomic:
                handle.raw.execute("COMMIT")
            return ExecutionResult(changed, time.perf_counter() - started)

        if any(_JOURNAL.match(statement.text) for statement in statements):
            self._sessions.close_readers()
        return await self._sessions.write(
            rebuild if statements[0].text == REBUILD else work,
            timeout_seconds=timeout_seconds,
            lock_seconds=lock_timeout_seconds,
        )

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
        """Keep the rows as they are, then change them, all in one immediate transaction."""

        def work(handle: Handle) -> ExecutionResult:
            started = time.perf_counter()
            handle.raw.execute("BEGIN IMMEDIATE")
            cursor = handle.raw.execute(capture)
            columns = tuple(item[0] for item in cursor.description)
            rows = tuple(tuple(captured(value) for value in row) for row in cursor.fetchmany(max_rows + 1))
            cursor.close()
            refuse_more(len(rows), max_rows)
            anyio.from_thread.run(_kept, keep, (columns, rows))
            changed = handle.raw.execute(statement.text, statement.parameters).rowcount
            handle.raw.execute("COMMIT")
            return ExecutionResult(changed, time.perf_counter() - started)

        return await self._sessions.write(work, timeout_seconds=timeout_seconds, lock_seconds=lock_timeout_seconds)

    async def restore_rows(self, table: Table, rows: CapturedRows) -> ExecutionResult:
        """Put rows back by primary key."""
        columns, values = rows
        sql = upsert(table, columns, key_of(table))

        def work(handle: Handle) -> ExecutionResult:
            started = time.perf_counter()
            handle.raw.execute("BEGIN IMMEDIATE")
            for row in values:
                handle.raw.execute(sql, [released(value) for value in row])
            handle.raw.execute("COMMIT")
            return ExecutionResult(len(values), time.perf_counter() - started)

        return await self._sessions.write(work, timeout_seconds=600, lock_seconds=5)

    async def count_changed(self, table: Table, rows: CapturedRows) -> int:
        """Compare the captured rows with those of the same key, one by one."""
        columns, values = rows
        key = key_of(table)
        names = ", ".join(quote(name) for name in columns)
        where = " AND ".join(f"{quote(name)} = ?" for name in key)
        sql = f"SELECT {names} FROM {quote(table.name)} WHERE {where}"  # noqa: S608 - quoted names only

        def work(handle: Handle) -> int:
            changed = 0
            for row in values:
                now = handle.raw.execute(sql, [released(row[columns.index(name)]) for name in key]).fetchone()
                changed += now is None or tuple(captured(value) for value in now) != tuple(row)
            return changed

        return await self._sessions.read(work, timeout_seconds=600)


def _rebuilt(handle: Handle, statements: Sequence[str]) -> ExecutionResult:
    """Run the statements in one transaction with references off; keep them only where no reference broke by them."""
    started = time.perf_counter()
    handle.raw.execute("PRAGMA foreign_keys = OFF")
    handle.raw.execute("PRAGMA legacy_alter_table = ON")  # else a rename would change those who refer to the table
    handle.raw.execute("BEGIN IMMEDIATE")
    broken, unreadable = _broken(handle), _unreadable(handle)
    for statement in statements:
        handle.raw.execute(statement)
    if worse := _broken(handle) - broken:
        raise StatementFailed(
            f"{len(worse)} references would point at nothing afterwards; nothing was changed",
            object_name=sorted(worse)[0][0],
        )
    if views := sorted(_unreadable(handle) - unreadable):
        raise StatementFailed(
            f"the view {views[0]} could not be read afterwards; nothing was changed", object_name=views[0],
            hint="Drop the view first, or keep what it reads.",
        )  # fmt: skip
    handle.raw.execute("COMMIT")
    handle.raw.execute("PRAGMA legacy_alter_table = OFF")
    handle.raw.execute("PRAGMA foreign_keys = ON")
    return ExecutionResult(0, time.perf_counter() - started)


def _unreadable(handle: Handle) -> set[str]:
    """Return the views that name what is not there."""
    found = set()
    for (name,) in handle.raw.execute("SELECT name FROM sqlite_schema WHERE type = 'view'").fetchall():
        try:
            handle.raw.execute(f"SELECT * FROM {quote(name)} LIMIT 0").close()  # noqa: S608 - a quoted name
        except sqlite3.OperationalError:
            found.add(str(name))
    return found


def _broken(handle: Handle) -> set[tuple[str, str, int]]:
    """Return the references that point at nothing: child table, parent table, number of the row."""
    return {(str(row[0]), str(row[2]), row[1] or 0) for row in handle.raw.execute("PRAGMA foreign_key_check")}


def upsert(table: Table, columns: Sequence[str], key: Sequence[str]) -> str:
    """Return INSERT ... ON CONFLICT over the key, replacing the other columns."""
    names = ", ".join(quote(name) for name in columns)
    marks = ", ".join("?" * len(columns))
    rest = [name for name in columns if name not in key]
    action = (
        "DO UPDATE SET " + ", ".join(f"{quote(name)} = excluded.{quote(name)}" for name in rest)
        if rest
        else "DO NOTHING"
    )
    conflict = f" ON CONFLICT ({', '.join(quote(name) for name in key)}) {action}" if key else ""
    return f"INSERT INTO {quote(table.name)} ({names}) VALUES ({marks}){conflict}"  # noqa: S608 - quoted names only


async def _kept(keep: Callable[[CapturedRows], Awaitable[None]], rows: CapturedRows) -> None:
    await keep(rows)
