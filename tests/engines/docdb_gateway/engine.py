"""Execution: which connection a command runs on, its time limit, and its answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import bson
from bson.raw_bson import RawBSONDocument

from tests.engines.docdb_gateway.commands import Statement, specification, statement
from tests.engines.docdb_gateway.errors import CommandError, translated, unpacked
from tests.engines.docdb_gateway.explain import explained
from tests.engines.docdb_gateway.pool import Connection, Pool
from tests.engines.docdb_gateway.wire import RAW, Request

MORE = "SELECT cursorpage, continuation FROM documentdb_api.cursor_get_more($1, $2, $3)"
Answer = bytes | dict[str, Any]


@dataclass(slots=True)
class Cursor:
    """Where a cursor goes on: the engine's own note, and the connection that holds it when the engine says so."""

    user: str
    continuation: bytes
    connection: Connection | None


class Engine:
    """Commands against DocumentDB; transactions and some cursors keep their connection."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._transactions: dict[bytes, tuple[str, Connection]] = {}
        self._cursors: dict[int, Cursor] = {}

    async def run(self, user: str, request: Request) -> Answer:
        """Return the engine's answer to a command.

        Raises:
            CommandError: the engine refused or failed.
        """
        name = request.command.lower()
        if name in ("committransaction", "aborttransaction"):
            return await self._finish(_session(request), commit=name == "committransaction")
        if name == "endsessions":
            return await self._end_sessions(request)
        if name == "killcursors":
            return await self._kill_cursors(user, request)
        if name == "getmore":
            return await self._get_more(user, request)
        todo = statement(request)
        async with self._connection(user, request) as (connection, in_transaction):
            rows = await _fetch(connection, request, todo.sql, todo.values, in_transaction)
            if todo.shape == "page":
                return self._first_page(user, rows[0], None if in_transaction else connection)
        return _answer(request, todo, rows[0][0] if rows else None)

    @asynccontextmanager
    async def _connection(self, user: str, request: Request) -> AsyncIterator[tuple[Connection, bool]]:
        """Yield the connection for a command, and whether it is in a transaction."""
        if request.document.get("autocommit") is not False:
            connection = await self._pool.take(user)
            try:
                yield connection, False
            except CommandError:
                self._pool.give(user, connection)
                raise
            except BaseException:
                self._pool.discard(connection)
                raise
            if not any(cursor.connection is connection for cursor in self._cursors.values()):
                self._pool.give(user, connection)
            return
        session = _session(request)
        if request.document.get("startTransaction"):
            await self._begin(user, session)
        if session not in self._transactions:
            raise _no_transaction()
        try:
            yield self._transactions[session][1], True
        except CommandError:
            await self._finish(session, commit=False)
            raise
        except BaseException:
            self._pool.discard(self._transactions.pop(session)[1])
            raise

    async def _begin(self, user: str, session: bytes) -> None:
        if session in self._transactions:
            await self._finish(session, commit=False)
        connection = await self._pool.take(user)
        await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        self._transactions[session] = (user, connection)

    async def _finish(self, session: bytes, *, commit: bool) -> Answer:
        if session not in self._transactions:
            raise _no_transaction()
        user, connection = self._transactions.pop(session)
        try:
            await connection.execute("COMMIT" if commit else "ROLLBACK")
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            self._pool.discard(connection)
            if isinstance(error, asyncpg.PostgresError):
                raise translated(error, timed=False, in_transaction=True) from error
            raise _no_transaction() from error
        self._pool.give(user, connection)
        return {"ok": 1.0}

    async def _end_sessions(self, request: Request) -> Answer:
        for session in request.document["endSessions"]:
            if bytes(session["id"]) in self._transactions:
                await self._finish(bytes(session["id"]), commit=False)
        return {"ok": 1.0}

    def _first_page(self, user: str, row: Mapping[str, Any], connection: Connection | None) -> Answer:
        page, id_ = row["cursorpage"], row["cursorid"]
        if id_ and row["continuation"] is not None:
            self._cursors[id_] = Cursor(user, row["continuation"], connection if row["persistconnection"] else None)
        return bytes(page)

    async def _get_more(self, user: str, request: Request) -> Answer:
        id_ = int(request.document["getMore"])
        cursor = self._cursors.get(id_)
        if cursor is None or cursor.user != user:
            raise CommandError(43, "CursorNotFound", f"cursor id {id_} not found")
        values = (request.database, specification(request.document), cursor.continuation)
        if cursor.connection is None:
            async with self._connection(user, request) as (connection, in_transaction):
                rows = await _fetch(connection, request, MORE, values, in_transaction)
        else:
            try:
                rows = await _fetch(cursor.connection, request, MORE, values, in_transaction=False)
            except BaseException:
                self._forget(id_, broken=True)
                raise
        if bson.decode(rows[0]["cursorpage"], RAW)["cursor"]["id"]:
            cursor.continuation = rows[0]["continuation"] or cursor.continuation
        else:
            self._forget(id_)
        return bytes(rows[0]["cursorpage"])

    async def _kill_cursors(self, user: str, request: Request) -> Answer:
        asked = [int(id_) for id_ in request.document["cursors"]]
        killed = [id_ for id_ in asked if id_ in self._cursors and self._cursors[id_].user == user]
        for id_ in killed:
            self._forget(id_, broken=True)
        unknown = [bson.Int64(id_) for id_ in asked if id_ not in killed]
        return {
            "cursorsKilled": [bson.Int64(id_) for id_ in killed], "cursorsNotFound": unknown,
            "cursorsAlive": [], "cursorsUnknown": [], "ok": 1.0,
        }  # fmt: skip

    def _forget(self, id_: int, *, broken: bool = False) -> None:
        """Drop a cursor; a connection that still holds its rest goes with it."""
        cursor = self._cursors.pop(id_)
        if cursor.connection is not None and broken:
            self._pool.discard(cursor.connection)
        elif cursor.connection is not None:
            self._pool.give(cursor.user, cursor.connection)


def _session(request: Request) -> bytes:
    return bytes(request.document["lsid"]["id"])


def _no_transaction() -> CommandError:
    message = "Given transaction number does not match any in-progress transactions"
    return CommandError(251, "NoSuchTransaction", message, ("TransientTransactionError",))


async def _fetch(
    connection: Connection, request: Request, sql: str, values: tuple[Any, ...], in_transaction: bool
) -> list[Any]:
    """Run SQL under the command's own time limit; the engine keeps the time."""
    limit = int(request.document.get("maxTimeMS", 0))
    try:
        if limit:
            await connection.execute(f"SET statement_timeout = {limit}")
        rows = await connection.fetch(sql, *values)
    except asyncpg.PostgresError as error:
        if limit and not in_transaction:
            await connection.execute("RESET statement_timeout")
        raise translated(error, timed=bool(limit), in_transaction=in_transaction) from error
    if limit:
        await connection.execute("RESET statement_timeout")
    return list(rows)


def _answer(request: Request, todo: Statement, value: Any) -> Answer:
    if todo.shape == "plan":
        return explained(value, analyzed=request.document.get("verbosity") != "queryPlanner")
    if todo.shape == "dropped":
        return _dropped(request, value)
    if todo.shape == "write":
        return _written(value)
    if todo.shape == "indexes":
        return _indexed(value)
    return bytes(value)


def _dropped(request: Request, existed: bool | None) -> Answer:
    if existed is False:
        raise CommandError(26, "NamespaceNotFound", "ns not found")
    target = request.document[request.command]
    return {"ns": f"{request.database}.{target}", "ok": 1.0} if isinstance(target, str) else {
        "dropped": request.database, "ok": 1.0,
    }  # fmt: skip


def _written(value: bytes) -> Answer:
    """Return a write's answer with MongoDB's codes in its errors."""
    if "writeErrors" not in RawBSONDocument(value):
        return bytes(value)
    document = dict(RawBSONDocument(value).items())
    document["writeErrors"] = [{**error, "code": unpacked(error["code"])[0]} for error in document["writeErrors"]]
    return document


def _indexed(value: bytes) -> Answer:
    """Return what the engine says of the indexes, without the shard that it says it of."""
    document = dict(bson.decode(value))
    inner = document.get("raw", {}).get("defaultShard", document)
    if not inner["ok"]:
        raise CommandError(*unpacked(inner["code"]), inner["errmsg"])
    return dict(inner)
