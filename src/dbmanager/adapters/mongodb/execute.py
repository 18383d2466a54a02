"""Writes on MongoDB, for the change executor and scratch places only."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from dbmanager.adapters.facets import CapturedRows, ExecutionResult, Statement
from dbmanager.adapters.mongodb.commands import Document
from dbmanager.adapters.mongodb.errors import of_code
from dbmanager.adapters.mongodb.query import MongoQuery
from dbmanager.adapters.mongodb.session import Session, Sessions
from dbmanager.adapters.mongodb.steps import OF_ADMIN
from dbmanager.adapters.mongodb.values import document_of, exact_text, text_of
from dbmanager.errors import LockTimeout, ResourceExhausted
from dbmanager.model.schema import Table

BATCH_ROWS = 500
COLUMNS = ("_id", "document")
_ROW_WRITES = ("insert", "update", "delete")


class MongoExecute:
    """The `Execute` facet."""

    def __init__(self, sessions: Sessions, query: MongoQuery) -> None:
        self._sessions = sessions
        self._query = query

    async def execute(
        self, statements: Sequence[Statement], *, atomic: bool, lock_timeout_seconds: float, timeout_seconds: float
    ) -> ExecutionResult:
        """Run the commands, in one transaction when `atomic` and all of them write documents.

        On a server that stands alone there are no transactions: each command is atomic document by document only.
        """
        self._sessions.require_write()
        started = time.perf_counter()
        documents = [document_of(statement.text) for statement in statements]
        if atomic and all(next(iter(document)) in _ROW_WRITES for document in documents):
            async with self._sessions.transaction() as session:
                changed = await self._each(documents, timeout_seconds, session)
        else:
            changed = await self._each(documents, timeout_seconds, None)
        return ExecutionResult(changed, time.perf_counter() - started)

    async def _each(self, documents: Iterable[Document], seconds: float, session: Session | None) -> int:
        changed = 0
        for document in documents:
            changed += max(await run_write(self._sessions, document, seconds, session), 0)
        return changed

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
        """Keep the documents as they are, then change them in the same transaction.

        A document that another client changes in between makes the transaction fail, and nothing is changed. A server
        without transactions is asked for the documents again before the change, which narrows the gap but leaves one.
        """
        self._sessions.require_write()
        started = time.perf_counter()
        find = document_of(capture)
        async with self._sessions.transaction() as session:
            rows = await self._captured(find, max_rows, session)
            await keep((COLUMNS, rows))
            if session is None and await self._captured(find, max_rows, None) != rows:
                raise LockTimeout(
                    "the documents changed while they were being kept",
                    object_name=self._sessions.name,
                    hint="Try again.",
                )
            changed = await run_write(self._sessions, document_of(statement.text), timeout_seconds, session)
        return ExecutionResult(changed, time.perf_counter() - started)

    async def _captured(self, find: Document, max_rows: int, session: Session | None) -> tuple[tuple[Any, ...], ...]:
        matched = self._query.each({**find, "limit": max_rows + 1}, session=session)
        rows = [(text_of(document["_id"]), exact_text(document)) async for document in matched]
        if len(rows) > max_rows:
            raise ResourceExhausted(
                f"the statement would change more than {max_rows} documents",
                hint="Split it into ranges of the _id; nothing was changed.",
            )
        return tuple(rows)

    async def restore_rows(self, table: Table, rows: CapturedRows) -> ExecutionResult:
        """Put documents back by `_id`, in one transaction where there are any."""
        self._sessions.require_write()
        started = time.perf_counter()
        async with self._sessions.transaction() as session:
            for batch in _batches(rows[1]):
                await replace(self._sessions, table.name, [document_of(str(row[1])) for row in batch], session)
        return ExecutionResult(len(rows[1]), time.perf_counter() - started)

    async def count_changed(self, table: Table, rows: CapturedRows) -> int:
        """Compare the captured documents with those of the same `_id` now, batch by batch."""
        changed = 0
        for batch in _batches(rows[1]):
            ids = [document_of(str(row[0])) for row in batch]
            now: dict[str, str] = {}
            async for document in self._query.each({"find": table.name, "filter": {"_id": {"$in": ids}}}):
                now[text_of(document["_id"])] = text_of(document)
            changed += sum(1 for row in batch if now.get(str(row[0])) != row[1])
        return changed


def _batches(rows: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (rows[start : start + BATCH_ROWS] for start in range(0, len(rows), BATCH_ROWS))


async def run_write(sessions: Sessions, document: Document, seconds: float, session: Session | None = None) -> int:
    """Run one command that writes; return how many documents it changed, -1 when the server does not tell.

    Raises: what the first failed document's error code stands for.
    """
    name = next(iter(document))
    database = "admin" if name in OF_ADMIN else None
    limit = seconds if name in _ROW_WRITES else None
    reply = await sessions.command(document, database=database, session=session, seconds=limit)
    failed = reply.get("writeErrors") or ()
    if failed:
        raise of_code(failed[0].get("code"), f"{sessions.name}: {document[name]}")
    if reply.get("writeConcernError"):
        raise of_code(reply["writeConcernError"].get("code"), sessions.name)
    return int(reply["nModified"] if "nModified" in reply else reply["n"]) if "n" in reply else -1


async def replace(
    sessions: Sessions, collection: str, documents: Sequence[Document], session: Session | None = None
) -> None:
    """Insert documents, or put them in the place of those with the same `_id`."""
    updates = [{"q": {"_id": document["_id"]}, "u": document, "upsert": True} for document in documents]
    if updates:
        await run_write(sessions, {"update": collection, "updates": updates, "ordered": True}, 600, session)
