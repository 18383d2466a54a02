"""Reads collections, views, validators and indexes, and infers fields from bounded samples."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import anyio
import bson

from dbmanager.adapters.mongodb.errors import NoSuchCollection
from dbmanager.adapters.mongodb.fields import infer
from dbmanager.adapters.mongodb.query import MongoQuery
from dbmanager.adapters.mongodb.session import EXACT, OWN_SECONDS, RAW, Document, Sessions
from dbmanager.adapters.mongodb.values import short_text, text_of
from dbmanager.adapters.sql.building import without_collection
from dbmanager.errors import PermissionDenied, QueryTimeout, StatementFailed, UnsupportedCapability
from dbmanager.model.schema import (
    CheckConstraint,
    Column,
    DatabaseSchema,
    DataType,
    Index,
    IndexKey,
    PrimaryKey,
    Table,
    TableKind,
    TypeKind,
)
from dbmanager.model.statistics import ServerInfo

SAMPLE_DOCUMENTS = 500
COUNTED_DOCUMENTS = 100_000
SAMPLE_BYTES = 4_000_000
SAMPLE_SECONDS = 3.0
ALL_SAMPLES_SECONDS = 60.0
AT_ONCE = 3
_NOT_OF_AN_INDEX = ("v", "ns", "storageEngine", "textIndexVersion", "2dsphereIndexVersion", "background")
_READERS = ("read", "readAnyDatabase", "clusterMonitor", "backup")
_STRONG = ("root", "__system", "dbOwner", "userAdmin", "userAdminAnyDatabase", "dbAdminAnyDatabase")


@dataclass(frozen=True, slots=True)
class CollectionFacts:
    """One entry of `listCollections` and its `listIndexes`."""

    name: str
    type: str
    options: Document
    indexes: tuple[Document, ...]


class MongoCatalog:
    """The `Catalog` facet."""

    def __init__(self, sessions: Sessions, query: MongoQuery) -> None:
        self._sessions = sessions
        self._query = query
        self._known: DatabaseSchema | None = None

    async def server_info(self) -> ServerInfo:
        """Return version and user, with a warning for every role that an application's user should not have."""
        facts = await self._sessions.facts()
        status = (await self._sessions.command({"connectionStatus": 1}, database="admin"))["authInfo"]
        users = [str(user["user"]) for user in status.get("authenticatedUsers", ())]
        roles = [f"{role['role']}@{role['db']}" for role in status.get("authenticatedUserRoles", ())]
        strong = [role for role in roles if role.partition("@")[0] in _STRONG]
        size = None
        with contextlib.suppress(PermissionDenied):
            size = int((await self._sessions.command({"dbStats": 1})).get("totalSize", 0))
        warnings = [] if users else ["nobody is logged in: the server lets everybody do everything"]
        warnings += [f"the user has the role {role}: use a lesser one" for role in strong]
        reads_only = self._sessions.settings.access == "read_only"
        writers = [role for role in roles if role.partition("@")[0] not in _READERS]
        if reads_only and writers:
            warnings.append(
                f"the user may write ({', '.join(writers)}) and MongoDB has no read-only session: the gate alone keeps "
                "reads from writing; use a user with the role read"
            )
        return ServerInfo(
            engine="mongodb", version=facts.version, version_number=facts.version_number,
            database=self._sessions.database, role=users[0] if users else None, is_superuser=not users or bool(strong),
            read_only=reads_only, size_bytes=size, privileges=tuple(roles),
            warnings=tuple(warnings),
            capabilities=(
                *(["transactions"] if facts.has_transactions else []),
                *(["replica_set"] if facts.is_replica_set else []),
                *(name for name in ("mongodump", "mongorestore") if shutil.which(name)),
            ),
        )  # fmt: skip

    async def fingerprint(self) -> str:
        """Return a digest over every collection's options and indexes; fields, being inferred, are not of it."""
        return _digest(await self.collections())

    async def read_schema(self) -> DatabaseSchema:
        """Return the model; the same object while the fingerprint stands.

        Per collection one command for its indexes, one for its size, and a sample of at most 500 documents; all samples
        end after a minute, and later collections have but the fields that their validator declares.
        """
        found = await self.collections()
        digest = _digest(found)
        if self._known is not None and self._known.fingerprint == digest:
            return self._known
        tables = await self._tables(found)
        version = (await self._sessions.facts()).version
        major = ".".join(version.split(".")[:2])
        self._known = DatabaseSchema("mongodb", major, tables, digest)
        return self._known

    async def collections(self) -> list[CollectionFacts]:
        """Return every collection and view with its indexes, by name."""
        listed = self._query.each({"listCollections": 1})
        entries = [entry async for entry in listed if not entry["name"].startswith("system.")]
        found: dict[str, CollectionFacts] = {}

        async def one(entry: Document) -> None:
            is_stored = entry.get("type", "collection") == "collection"
            indexes = tuple([spec async for spec in self.indexes(entry["name"])]) if is_stored else ()
            found[entry["name"]] = CollectionFacts(
                entry["name"], entry.get("type", "collection"), entry.get("options") or {}, indexes
            )

        await in_parallel(entries, one)
        return [found[name] for name in sorted(found)]

    async def indexes(self, collection: str) -> AsyncIterator[Document]:
        """Yield the indexes of a collection as they would be made again; nothing when it has just been dropped."""
        try:
            async for spec in self._query.each({"listIndexes": collection}):
                yield {name: value for name, value in spec.items() if name not in _NOT_OF_AN_INDEX}
        except NoSuchCollection:
            return

    async def documents(self, collection: str, *, count: int = SAMPLE_DOCUMENTS, stored: bool = True) -> list[Document]:
        """Return sampled documents within bounds of number, bytes and time; empty where they can't be read."""
        sampled = {"aggregate": collection, "pipeline": [{"$sample": {"size": count}}]}
        first = {"find": collection, "limit": count}
        for command in (sampled, first) if stored else (first,):
            try:
                return await self._some(command)
            except (QueryTimeout, StatementFailed, UnsupportedCapability):
                continue
        return []

    async def having(self, collection: str, path: str) -> list[Document]:
        """Return a few documents that have a field; none when they are not found in time."""
        try:
            return await self._some({"find": collection, "filter": {path: {"$exists": True}}, "limit": 20})
        except (QueryTimeout, StatementFailed, UnsupportedCapability):
            return []

    async def _some(self, command: Document) -> list[Document]:
        found, size = [], 0
        cursor = self._query.each(command, batch=100, seconds=SAMPLE_SECONDS, codec=RAW)
        async for document in cursor:
            raw: bytes = document.raw  # type: ignore[attr-defined] # a RawBSONDocument
            found.append(bson.decode(raw, EXACT))
            size += len(raw)
            if size > SAMPLE_BYTES:
                break
        return found

    async def _tables(self, collections: list[CollectionFacts]) -> tuple[Table, ...]:
        deadline = time.monotonic() + ALL_SAMPLES_SECONDS
        found: dict[str, Table] = {}

        async def one(facts: CollectionFacts) -> None:
            stored, rows = facts.type != "view", None
            documents: list[Document] = []
            try:
                if time.monotonic() < deadline:
                    documents = await self.documents(facts.name, stored=stored)
                if stored:
                    rows = await self._estimate(facts.name, sampled=len(documents))
            except PermissionDenied:
                documents = []
            with without_collection():
                found[facts.name] = _table(facts, infer(documents, facts.options.get("validator")), rows)

        await in_parallel(collections, one)
        return tuple(found[facts.name] for facts in collections)

    async def _estimate(self, collection: str, *, sampled: int) -> int | None:
        """Return the server's estimate; where a sample holds more, it is stale, and documents are counted up to a bound."""
        try:
            told = await self._sessions.command({"collStats": collection}, seconds=OWN_SECONDS)
        except (StatementFailed, UnsupportedCapability, NoSuchCollection):
            return None
        rows = int(told.get("count", 0))
        return rows if rows >= sampled else max(sampled, await self._counted(collection))

    async def _counted(self, collection: str) -> int:
        pipeline = [{"$limit": COUNTED_DOCUMENTS}, {"$count": "n"}]
        try:
            counted = await self._some({"aggregate": collection, "pipeline": pipeline})
        except (QueryTimeout, StatementFailed, UnsupportedCapability):
            return 0
        return int(counted[0]["n"]) if counted else 0


async def in_parallel(items: list[Any], work: Any) -> None:
    """Do the work for every item, as many at once as there are connections to share."""
    waiting = iter(items)

    async def worker() -> None:
        for item in waiting:
            await work(item)

    try:
        async with anyio.create_task_group() as group:
            for _ in range(AT_ONCE):
                group.start_soon(worker)
    except BaseExceptionGroup as several:
        raise several.exceptions[0] from None


def _digest(collections: list[CollectionFacts]) -> str:
    state: list[list[object]] = []
    for found in collections:
        indexes = sorted(found.indexes, key=lambda spec: str(spec["name"]))
        state.append([found.name, found.type, found.options, indexes])
    return "mongodb:" + hashlib.sha256(text_of(state).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _table(facts: CollectionFacts, columns: tuple[Column, ...], rows: int | None) -> Table:
    options = facts.options
    is_view = facts.type == "view"
    document = DataType(TypeKind.JSON, "object")
    return Table(
        name=facts.name,
        schema=None,
        columns=columns or (Column("_id", document, nullable=False),),
        kind=TableKind.VIEW if is_view else TableKind.TABLE,
        primary_key=None if is_view else PrimaryKey(("_id",)),
        checks=_checks(options),
        indexes=tuple(index_of(spec) for spec in facts.indexes),
        row_estimate=rows,
        definition=text_of(options) if options else None,
        options=tuple(
            f"{name}={value if isinstance(value, str) else short_text(value)}"
            for name, value in options.items()
            if name not in ("validator", "viewOn", "pipeline")
        ),
    )


def _checks(options: Mapping[str, Any]) -> tuple[CheckConstraint, ...]:
    if not options.get("validator"):
        return ()
    is_strict = options.get("validationLevel") != "off" and options.get("validationAction", "error") == "error"
    return (CheckConstraint(short_text(options["validator"]), "validator", validated=is_strict),)


def index_of(spec: Mapping[str, Any]) -> Index:
    """Return an index from its specification."""
    keys = spec["key"]
    methods = [value for value in keys.values() if isinstance(value, str)]
    named: list[tuple[str, Any]] = list(keys.items())
    if "_fts" in keys:
        named = [(name, 1) for name in spec.get("weights", {})] + [
            (name, value) for name, value in keys.items() if name not in ("_fts", "_ftsx")
        ]
    partial = spec.get("partialFilterExpression")
    return Index(
        name=spec["name"],
        keys=tuple(IndexKey(name, is_expression="$**" in name, descending=value == -1) for name, value in named),
        unique=bool(spec.get("unique")) or spec["name"] == "_id_",
        method=methods[0] if methods else "btree",
        where=short_text(partial) if partial else None,
        backs_constraint=spec["name"] == "_id_",
        definition=text_of(dict(spec)),
    )
