"""Runs reads for comparison on MongoDB: small collections in a scratch database, digests of the real data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from bson import json_util
from bson.decimal128 import Decimal128

from dbmanager.adapters.facets.comparing import MOST_ROWS, BagRead
from dbmanager.adapters.facets.scratch import database_place, require_ours
from dbmanager.adapters.mongodb.commands import Aggregate, Count, Distinct, Find, Read
from dbmanager.adapters.mongodb.execute import run_write
from dbmanager.adapters.mongodb.gate import parse_read
from dbmanager.adapters.mongodb.query import MongoQuery, plain
from dbmanager.adapters.mongodb.session import Document, Session, Sessions
from dbmanager.adapters.mongodb.values import RELAXED, document_of
from dbmanager.adapters.sql.comparing import comparable, rounded
from dbmanager.errors import DbManagerError, ResourceExhausted
from dbmanager.model.documents import bagged, sort_key
from dbmanager.model.rewrites import Answer, Digest

MOST_READINGS = 3
"""Where there is no snapshot, the original is read before and after; so often, while it changes meanwhile."""


def comparable_document(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document in Extended JSON with equal numbers in one form, its own fields by name, those below as they stand."""
    return {name: _comparable(document[name]) for name in sorted(document)}


def _comparable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _comparable(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_comparable(inner) for inner in value]
    if isinstance(value, Decimal128):
        value = value.to_decimal()
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return int(value)
    found = comparable(value) if type(value).__name__ in ("float", "Decimal") else json_util.default(value, RELAXED)
    return found if not isinstance(found, str) else {"$number": found}


class MongoBench:
    """The `Bench` of a scratch database; collections are emptied again after each."""

    def __init__(self, sessions: Sessions, query: MongoQuery, timeout_seconds: float) -> None:
        self._sessions = sessions
        self._query = query
        self._timeout_seconds = timeout_seconds

    async def answers(self, load: Sequence[str], queries: Sequence[str]) -> tuple[Answer, ...] | str:
        """Write documents, ask each read, delete the documents."""
        inserts = [document_of(text) for text in load]
        try:
            for insert in inserts:
                await run_write(self._sessions, insert, self._timeout_seconds, None)
            return tuple([await self._asked(query) for query in queries])
        except DbManagerError as problem:
            return problem.message
        finally:
            for insert in inserts:
                await self._emptied(insert["insert"])

    async def _emptied(self, collection: str) -> None:
        command = {"delete": collection, "deletes": [{"q": {}, "limit": 0}]}
        await run_write(self._sessions, command, self._timeout_seconds, None)

    async def _asked(self, query: str) -> Answer:
        found = []
        try:
            documents = read_documents(self._sessions, self._query, parse_read(query), self._timeout_seconds)
            async with aclosing(documents):
                async for document in documents:
                    found.append((json.dumps(comparable_document(document), ensure_ascii=False),))
                    if len(found) >= MOST_ROWS:
                        break
        except DbManagerError as problem:
            return Answer((), (), problem.message)
        return Answer((), tuple(found))


async def read_documents(
    sessions: Sessions, query: MongoQuery, command: Read, seconds: float, session: Session | None = None
) -> AsyncGenerator[Document, None]:
    """Yield the documents of a gated read; a count is one of them, and so is each value of a distinct."""
    if isinstance(command, Count):
        yield {"count": (await sessions.command(plain(command), session=session, seconds=seconds))["n"]}
    elif isinstance(command, Distinct):
        for value in (await sessions.command(plain(command), session=session, seconds=seconds))["values"]:
            yield {command.key: value}
    else:
        async for document in query.each(plain(command), session=session, seconds=seconds):
            yield document


@dataclass(slots=True)
class _Digesting:
    """Takes the documents of one read; a bag's digest is the sum of those of its documents."""

    read: BagRead
    rows: int = 0
    bag: int = 0
    loose: int = 0
    _sequence: hashlib._Hash = field(default_factory=hashlib.sha256)

    def feed(self, document: Document) -> None:
        """Take a document."""
        found = bagged(comparable_document(document), self.read.bags)
        self.rows += 1
        self.bag = (self.bag + _number(found)) % 2**128
        self.loose = (self.loose + _number(_rounded(found))) % 2**128
        if self.read.fields:
            self._sequence.update(repr(sort_key(found, self.read.fields)).encode("utf-8", "surrogatepass"))

    def digest(self, *, is_complete: bool) -> Digest:
        """Return what was taken."""
        return Digest((), self.rows, self.bag, self.loose, self._sequence.hexdigest(), is_complete)


def _number(document: Any) -> int:
    return int.from_bytes(hashlib.blake2b(json.dumps(document).encode(), digest_size=16).digest())


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_rounded(inner) for inner in value]
    return rounded(value)


class MongoComparison:
    """The `Comparison` facet."""

    def __init__(self, sessions: Sessions, query: MongoQuery) -> None:
        self._sessions = sessions
        self._query = query

    @asynccontextmanager
    async def bench(self, *, timeout_seconds: float) -> AsyncIterator[MongoBench]:
        """Yield a bench.

        Raises: AccessDenied where the database does not bear the prefix of ours.
        """
        require_ours(database_place(self._sessions.database))
        yield MongoBench(self._sessions, self._query, timeout_seconds)

    async def digests(self, reads: Sequence[BagRead], *, most_rows: int) -> tuple[Digest, ...]:
        """Digest all of them in one snapshot where the server has transactions.

        Elsewhere the first is read again at the end, and all once more while it was changed meanwhile.

        Raises: ResourceExhausted when it was changed each time.
        """
        commands = [parse_read(read.request.statement) for read in reads]
        if (await self._sessions.facts()).has_transactions and all(isinstance(c, Find | Aggregate) for c in commands):
            async with self._sessions.transaction() as session:
                return tuple([await self._digest(*each, most_rows, session) for each in zip(reads, commands, strict=True)])  # fmt: skip
        for _ in range(MOST_READINGS):
            found = [await self._digest(*each, most_rows, None) for each in zip(reads, commands, strict=True)]
            if len(set(found)) == 1 or await self._digest(reads[0], commands[0], most_rows, None) == found[0]:
                return tuple(found)
        raise ResourceExhausted(
            "the data changed each time while both were read", object_name=self._sessions.name,
            hint="Ask again while less is written, or on a copy.",
        )  # fmt: skip

    async def _digest(self, read: BagRead, command: Read, most_rows: int, session: Session | None) -> Digest:
        digesting = _Digesting(read)
        seconds = read.request.limits.timeout_seconds
        documents = read_documents(self._sessions, self._query, command, seconds, session)
        async with aclosing(documents):
            async for document in documents:
                if digesting.rows >= most_rows:
                    return digesting.digest(is_complete=False)
                digesting.feed(document)
        return digesting.digest(is_complete=True)
