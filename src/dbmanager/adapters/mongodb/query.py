"""Reads on MongoDB: gated, bounded batch by batch, stopped by closing their socket."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import anyio

from dbmanager.adapters.mongodb.commands import Aggregate, Count, Distinct, Find, Read, parse
from dbmanager.adapters.mongodb.errors import NoSuchCollection
from dbmanager.adapters.mongodb.explain import query_plan
from dbmanager.adapters.mongodb.gate import parse_read
from dbmanager.adapters.mongodb.rows import DocumentRows
from dbmanager.adapters.mongodb.session import OWN_SECONDS, Document, Session, Sessions
from dbmanager.adapters.mongodb.values import cell
from dbmanager.errors import DbManagerError, InvalidStatement, QueryTimeout
from dbmanager.model.queries import QueryPlan, QueryRequest, QueryResult, Row, Scalar

OWN_BATCH = 1_000
GRACE_SECONDS = 0.5
"""How much later than the server's own limit a read is given up here."""
COMMENT = "dbmanager"


class MongoQuery:
    """The `Query` facet."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def check(self, sql: str) -> None:
        """Pass a find, aggregate, count or distinct that holds nothing but what reads."""
        parse_read(sql)

    async def run(self, request: QueryRequest) -> QueryResult:
        """Return a page of documents as rows; the columns are the fields met, `_id` first."""
        command = parse_read(request.statement)
        _no_parameters(request.parameters)
        rows = DocumentRows(request)
        async with self._limited(request):
            if isinstance(command, Count):
                rows.feed([{"count": await self._counted(command, request)}])
            elif isinstance(command, Distinct):
                await self._distinct(command, request, rows)
            else:
                await self._page(command, request, rows)
        return rows.result()

    async def explain(self, request: QueryRequest, *, analyze: bool = False) -> QueryPlan:
        """Return the plan that the server chose; with `analyze` also what really happened."""
        command = parse_read(request.statement)
        _no_parameters(request.parameters)
        sent = _sent(command, request, None)
        for name in ("batchSize", "comment"):
            sent.pop(name, None)
        verbosity = "executionStats" if analyze else "queryPlanner"
        async with self._limited(request):
            reply = await self._sessions.command(
                {"explain": sent, "verbosity": verbosity}, seconds=request.limits.timeout_seconds
            )
        return query_plan(reply, analyzed=analyze)

    async def fetch(self, sql: str, parameters: tuple[Scalar, ...] = ()) -> list[Row]:
        """Return all rows of one of our own commands.

        `listCollections` and `listIndexes` give one row: how many of the names given as parameters there are.
        """
        document = parse(sql)
        name = next(iter(document))
        if name in ("listCollections", "listIndexes"):
            try:
                found = {entry["name"] async for entry in self.each(document)}
            except NoSuchCollection:
                found = set()
            return [(len(found & set(parameters)) if parameters else len(found),)]
        if name == "count":
            return [(int((await self._sessions.command(document, seconds=OWN_SECONDS))["n"]),)]
        if name == "distinct":
            return [(cell(v),) for v in (await self._sessions.command(document, seconds=OWN_SECONDS))["values"]]
        return [tuple(cell(value) for value in entry.values()) async for entry in self.each(document)]

    async def each(
        self,
        command: Mapping[str, Any],
        *,
        session: Session | None = None,
        batch: int = OWN_BATCH,
        seconds: float = OWN_SECONDS,
        **options: Any,
    ) -> AsyncIterator[Document]:
        """Yield every document of one of our own commands with a cursor; the cursor is closed at the end."""
        name = next(iter(command))
        sent = dict(command)
        if name == "find":
            sent["batchSize"] = batch
        else:
            sent["cursor"] = {"batchSize": batch}
        async with self._in_session(session) as own:
            batches = self._batches(sent, own, lambda: batch, seconds, options)
            try:
                async for documents in batches:
                    for document in documents:
                        yield document
            finally:
                with anyio.CancelScope(shield=True):
                    await cast(Any, batches).aclose()

    @asynccontextmanager
    async def _in_session(self, given: Session | None) -> AsyncIterator[Session]:
        if given is not None:
            yield given
            return
        async with self._sessions.session() as session:
            yield session

    async def _batches(
        self, sent: Document, session: Session, wanted: Any, seconds: float | None, options: Mapping[str, Any]
    ) -> AsyncIterator[Sequence[Document]]:
        """Yield batch after batch; a cursor that is left before its end is killed."""
        command = self._sessions.command
        reply = await command(sent, session=session, seconds=seconds, **options)
        cursor = reply["cursor"]
        id_, collection = int(cursor["id"]), str(cursor["ns"]).partition(".")[2]
        try:
            yield cursor["firstBatch"]
            while id_:
                more = {"getMore": cursor["id"], "collection": collection, "batchSize": wanted()}
                reply = await command(more, session=session, **options)
                id_ = int(reply["cursor"]["id"])
                yield reply["cursor"]["nextBatch"]
        finally:
            if id_:
                await self._kill(collection, cursor["id"], session)

    async def _kill(self, collection: str, id_: Any, session: Session) -> None:
        with anyio.CancelScope(shield=True), anyio.move_on_after(1):
            try:
                await self._sessions.command({"killCursors": collection, "cursors": [id_]}, session=session)
            except DbManagerError:
                return  # it went with its connection

    @asynccontextmanager
    async def _limited(self, request: QueryRequest) -> AsyncIterator[None]:
        """Give up a little after the server should have: a cursor's later batches have no limit of their own."""
        seconds = request.limits.timeout_seconds
        try:
            with anyio.fail_after(seconds + GRACE_SECONDS):
                yield
        except TimeoutError:
            raise QueryTimeout(
                "the statement was stopped at its time limit", object_name=self._sessions.name,
                hint="Narrow it, or explain it.",
            ) from None  # fmt: skip

    async def _page(self, command: Find | Aggregate, request: QueryRequest, rows: DocumentRows) -> None:
        sent = _sent(command, request, rows.wanted())
        deadline = request.limits.timeout_seconds
        async with self._sessions.session() as session:
            batches = self._batches(sent, session, rows.wanted, deadline, {})
            try:
                async for documents in batches:
                    if not rows.feed(documents):
                        break
            finally:
                with anyio.CancelScope(shield=True):
                    await cast(Any, batches).aclose()

    async def _counted(self, command: Count, request: QueryRequest) -> int:
        sent = {**plain(command), "comment": COMMENT}
        reply = await self._sessions.command(sent, seconds=request.limits.timeout_seconds)
        return int(reply["n"])

    async def _distinct(self, command: Distinct, request: QueryRequest, rows: DocumentRows) -> None:
        """Group by a field of the top level, which is bounded; deeper ones the server lists as a whole."""
        if "." not in command.key:
            await self._page(_as_group(command), request, rows)
            return
        started = time.perf_counter()
        sent = {**plain(command), "comment": COMMENT}
        reply = await self._sessions.command(sent, seconds=request.limits.timeout_seconds)
        rows.feed({command.key: value} for value in reply["values"][request.offset :])
        rows.started = started


def _no_parameters(parameters: tuple[Scalar, ...]) -> None:
    if parameters:
        raise InvalidStatement("MongoDB has no placeholders", hint="Write the values into the command.")


def plain(command: Read) -> Document:
    """Return the command's document without what stands at its default."""
    found = command.model_dump(exclude_defaults=True)
    first = next(iter(type(command).model_fields))
    return {first: found.pop(first), **found}


def _sent(command: Read, request: QueryRequest, batch: int | None) -> Document:
    """Return what is sent: one row more than fits is asked for, the page's offset skipped by the server."""
    sent = {**plain(command), "comment": COMMENT}
    most = request.limits.max_rows + 1
    if isinstance(command, Find):
        left = command.limit - request.offset if command.limit else most
        if left <= 0:
            return {**sent, "filter": {"$expr": False}, "limit": 1}
        sent["skip"] = command.skip + request.offset
        sent["limit"] = min(left, most)
        return {**sent, "batchSize": batch} if batch else sent
    if isinstance(command, Aggregate):
        skip = [{"$skip": request.offset}] if request.offset else []
        sent["pipeline"] = [*command.pipeline, *skip, {"$limit": most}]
        sent["cursor"] = {"batchSize": batch} if batch else {}
    return sent


def _as_group(command: Distinct) -> Aggregate:
    """Return a distinct as a group: the elements of arrays, else the value; a missing field gives none."""
    value = "$" + command.key
    alone = {"$cond": [{"$eq": [{"$type": value}, "missing"]}, [], [value]]}
    return Aggregate(
        aggregate=command.distinct,
        pipeline=[
            *([{"$match": command.query}] if command.query else []),
            {"$project": {"_id": 0, "v": {"$cond": [{"$isArray": [value]}, value, alone]}}},
            {"$unwind": "$v"},
            {"$group": {"_id": "$v"}},
            {"$sort": {"_id": 1}},
            {"$project": {"_id": 0, command.key: "$_id"}},
        ],
        collation=command.collation,
    )
