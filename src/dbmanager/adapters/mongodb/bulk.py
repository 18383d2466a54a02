"""Moves whole documents in and out, by `_id`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from dbmanager.adapters.facets import Chunk
from dbmanager.adapters.mongodb.execute import BATCH_ROWS, replace, run_write
from dbmanager.adapters.mongodb.query import MongoQuery
from dbmanager.adapters.mongodb.session import OWN_SECONDS, Document, Sessions
from dbmanager.adapters.mongodb.values import document_of, exact_text, text_of
from dbmanager.errors import UnsupportedCapability
from dbmanager.model.queries import Row
from dbmanager.model.schema import Column, DataType, Table, TypeKind

MAX_MESSAGE_BYTES = 12_000_000
_COLUMNS = (
    Column("_id", DataType(TypeKind.TEXT, "Extended JSON"), nullable=False),
    Column("document", DataType(TypeKind.JSON, "Extended JSON"), nullable=False),
)


class MongoBulk:
    """The `Bulk` facet. A row is an `_id` and its document, both as canonical Extended JSON, fields in their order."""

    def __init__(self, sessions: Sessions, query: MongoQuery) -> None:
        self._sessions = sessions
        self._query = query

    def columns(self, table: Table) -> tuple[Column, ...]:
        """Return `_id` and `document`: collections have no columns of their own."""
        return _COLUMNS

    async def count(self, table: Table) -> int:
        """Return the exact number of documents."""
        pipeline = [{"$match": {}}, {"$group": {"_id": None, "n": {"$sum": 1}}}]
        async for row in self._query.each({"aggregate": table.name, "pipeline": pipeline}):
            return int(row["n"])
        return 0

    async def empty(self, table: Table) -> None:
        """Delete every document."""
        self._sessions.require_write()
        await run_write(self._sessions, {"delete": table.name, "deletes": [{"q": {}, "limit": 0}]}, OWN_SECONDS)

    async def read_chunk(
        self, table: Table, columns: Sequence[str], key: Sequence[str], after: Row | None, rows: int
    ) -> Chunk:
        """Return the next documents in the order of `_id`, whatever types it has.

        `$gt` compares within one type only, so the comparison is an expression, whose order is the sort's own.
        """
        if tuple(key) != ("_id",):
            raise UnsupportedCapability("documents are told apart by _id alone", object_name=table.name)
        found: list[Document] = []
        if after is not None:
            last = document_of(str(after[0]))
            near = {"_id": {"$gt": last}}
            found = await self._next(table.name, near, rows)
            if len(found) < rows:
                beyond = {"$expr": {"$and": [{"$gt": ["$_id", {"$literal": last}]}]}}
                found = await self._next(table.name, beyond, rows)
        else:
            found = await self._next(table.name, {}, rows)
        data = tuple(_row(document, columns) for document in found)
        return Chunk(tuple(columns), data, (text_of(found[-1]["_id"]),) if found else None)

    async def read_keys(
        self, table: Table, columns: Sequence[str], key: Sequence[str], keys: Sequence[Row]
    ) -> tuple[Row, ...]:
        """Look the documents up by `_id`."""
        wanted = {"_id": {"$in": [document_of(str(one[0])) for one in keys]}}
        return tuple([_row(one, columns) async for one in self._query.each({"find": table.name, "filter": wanted})])

    async def _next(self, collection: str, condition: Document, rows: int) -> list[Document]:
        command = {"find": collection, "filter": condition, "sort": {"_id": 1}, "limit": int(rows)}
        return [document async for document in self._query.each(command)]

    async def scan(
        self, table: Table, columns: Sequence[str], *, batch_rows: int = 5_000
    ) -> AsyncIterator[tuple[Row, ...]]:
        """Yield every document; from one snapshot where the server has transactions."""
        batch: list[Row] = []
        async with self._sessions.transaction() as session:
            async for document in self._query.each({"find": table.name}, session=session):
                batch.append(_row(document, columns))
                if len(batch) >= batch_rows:
                    yield tuple(batch)
                    batch = []
        if batch:
            yield tuple(batch)

    async def write_chunk(self, table: Table, columns: Sequence[str], key: Sequence[str], rows: Sequence[Row]) -> int:
        """Insert the documents, or put them in the place of those with the same `_id`."""
        self._sessions.require_write()
        at = list(columns).index("document")
        async with self._sessions.transaction() as session:
            for batch in _messages([str(row[at]) for row in rows]):
                await replace(self._sessions, table.name, [document_of(text) for text in batch], session)
        return len(rows)


def _row(document: Document, columns: Sequence[str]) -> Row:
    return tuple(text_of(document["_id"]) if name == "_id" else exact_text(document) for name in columns)


def _messages(texts: Sequence[str]) -> list[list[str]]:
    """Cut into batches that fit one message."""
    found: list[list[str]] = [[]]
    size = 0
    for text in texts:
        if found[-1] and (len(found[-1]) >= BATCH_ROWS or size + len(text) > MAX_MESSAGE_BYTES):
            found.append([])
            size = 0
        found[-1].append(text)
        size += len(text)
    return found
